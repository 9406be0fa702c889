"""For samples of views, to test templates on and to show in the gallery."""

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
