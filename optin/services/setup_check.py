"""Check the set-up before `serve` and `dev`: refuse weak settings with their cure."""

from __future__ import annotations

from collections.abc import Iterable

from optin.errors import SetupRefused
from optin.keys import UNUSED
from optin.settings.installation import Settings
from optin.site.findings import Finding

SERVE, DEV = "serve", "dev"
_EXAMPLES = {"placeholder", "example", "privacy-example"}  # codes of findings: what optin wrote is left


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


def check_placeholders(findings: Iterable[Finding]) -> None:
    """Refuse a site whose controller, file, text or statement is still the example. Raises SetupRefused."""
    places = [f"{it.path}:{it.line}" for it in findings if it.code in _EXAMPLES]
    if places:
        msg = (
            f"Something is still the example that optin wrote ({', '.join(places)}); people have a right to"
            " know who asks, and to get what they asked for. Replace it with your own."
        )
        raise SetupRefused(msg)


def check_use(keys_use: str, server: str) -> None:
    """Refuse the keys of the other server: those of `dev` for `serve`, and the reverse. Raises SetupRefused.

    `optin dev` writes every mail to a folder: whoever reads it there could confirm for anybody (P8).
    """
    if keys_use == UNUSED:
        return  # whichever server comes first takes them
    if server == SERVE and keys_use != SERVE:
        msg = (
            "These keys and this database were made by `optin dev`, for trying out; move var/ away"
            " and start again, so that serve makes keys of its own."
        )
        raise SetupRefused(msg)
    if server == DEV and keys_use != DEV:
        msg = (
            "These keys and this database are not made by `optin dev`: it would write mail that people wait"
            " for to a folder. Try out in a copy of the site without its var/, and without OPTIN_KEYS and"
            " OPTIN_STORE. Nothing was changed."
        )
        raise SetupRefused(msg)
