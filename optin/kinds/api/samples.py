"""For sample pages and mails: to test a site's templates, and for the gallery."""

from optin.theme.samples import (
    AFTER,
    AT,
    PERSONAL,
    Sample,
    SampleLinks,
    SampleMail,
    confirmed,
    delivery,
    kind_mail,
    landing,
    personal_page,
)

__all__ = [
    "AFTER",
    "AT",
    "PERSONAL",
    "Sample",
    "SampleLinks",
    "SampleMail",
    "confirmed",
    "delivery",
    "kind_mail",
    "landing",
    "personal_page",
]
