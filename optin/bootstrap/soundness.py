"""Is this set-up fit to face the public? `serve` asks; what is weak is refused with its cure."""

from __future__ import annotations

from optin.errors import SetupRefused
from optin.keys import KeyRing
from optin.settings import Settings


def check_settings(settings: Settings) -> None:
    """Refuse a set-up that would leak links or lose mail. Raises SetupRefused."""
    if not settings.secure:
        msg = (
            f"The base address {settings.base_url} is not https, so links and answers could be read"
            ' on their way; set base_url = "https://…" in optin.toml or OPTIN_BASE_URL.'
        )
        raise SetupRefused(msg)
    if settings.mail.startswith("file:"):
        msg = (
            "Mail would be written to a folder and reach nobody; set OPTIN_MAIL to"
            " smtp://user:password@host:587 or smtps://…"
        )
        raise SetupRefused(msg)


def check_use(keys_use: str) -> None:
    """Refuse the keys that `optin dev` made. Raises SetupRefused."""
    if keys_use != KeyRing.__dataclass_fields__["use"].default:
        msg = (
            "These keys and this database were made by `optin dev`, for trying out; move var/ away"
            " and start again, so that serve makes keys of its own."
        )
        raise SetupRefused(msg)
