"""For sample pages and mails: to test a site's templates, and for the gallery."""

from optin.theme.samples import (
    AFTER,
    AT,
    NEXT,
    PERSONAL,
    Sample,
    SampleLinks,
    SampleMail,
    confirmed,
    delivery,
    kind_mail,
    landing,
    other,
    personal_page,
)

__all__ = [
    "AFTER",
    "AT",
    "NEXT",
    "PERSONAL",
    "Sample",
    "SampleLinks",
    "SampleMail",
    "confirmed",
    "delivery",
    "kind_mail",
    "landing",
    "other",
    "personal_page",
]
