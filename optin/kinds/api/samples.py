"""For samples of views, to test templates on."""

from optin.theme.samples import (
    AT,
    FETCH,
    HOST,
    SEE,
    URL,
    WITHDRAW,
    declaration,
    delivery,
    kind_mail,
    landing,
    personal_page,
)

__all__ = [
    "AT",
    "FETCH",
    "HOST",
    "SEE",
    "URL",
    "WITHDRAW",
    "declaration",
    "delivery",
    "kind_mail",
    "landing",
    "personal_page",
]
