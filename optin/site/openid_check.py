"""Check `[desk.openid]` in `optin.toml`: the provider that signs staff in (K1). No name is looked up."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from optin.settings.site import OPENID_SECRET, SiteSettings
from optin.site.law_lint import Objection
from optin.site.secret_check import objections_to_secret
from optin.site.toml_and_markdown_reader import Path_
from optin.site.webhook_address_check import objections_to_webhook

CODE = "openid"
DISCOVERY = "/.well-known/openid-configuration"
_WHERE: Path_ = ("desk", "openid")


def objections_to_openid(root: Path, settings: SiteSettings) -> Iterator[tuple[Path_, Objection]]:
    """Check the address of the provider and where its secret stands."""
    openid = settings.desk.openid
    if openid is None:
        return
    for objection in _to_issuer(openid.issuer, settings):
        yield (*_WHERE, "issuer"), objection
    for objection in objections_to_secret(root, "secret", openid.secret, OPENID_SECRET, CODE):
        yield (*_WHERE, "secret") if openid.secret else _WHERE, objection


def _to_issuer(issuer: str, settings: SiteSettings) -> Iterator[Objection]:
    if issuer.rstrip("/").endswith(DISCOVERY):
        message = "The issuer is the provider's own address, not that of its description."
        yield Objection(CODE, message, f"Write it without {DISCOVERY}.")
    elif issuer.startswith("http://"):
        message = "The issuer uses http: whoever is on the way could sign in as anybody."
        yield Objection(CODE, message, "Write https://…")
    elif any(objections_to_webhook(issuer, (settings.base_url, settings.pages_url))):
        message = "The issuer is no https address with a public name, or it is this site itself."
        yield Objection(
            CODE, message, "Write it as the provider names itself, like https://login.example.com."
        )
    elif "?" in issuer or "#" in issuer:
        message = "The issuer is more than an address: nothing may follow its path."
        yield Objection(CODE, message, "Write it like https://login.example.com.")
