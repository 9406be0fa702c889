"""Check where mails come back to: `[bounces]` in `optin.toml` (O6)."""

from __future__ import annotations

from collections.abc import Iterator

from optin.consent.email_and_telephone import parse_email
from optin.consent.return_address import MOST_NAME_CHARACTERS, SEPARATOR
from optin.settings.bounces import BouncesTable
from optin.site.law_lint import Objection
from optin.site.toml_and_markdown_reader import Path_


def objections_to_bounces(bounces: BouncesTable) -> Iterator[tuple[Path_, Objection]]:
    """Check the mailbox to which mails come back: its name needs room for a token (RFC 5321)."""
    where: Path_ = ("bounces", "address")
    address = bounces.address
    if not address:
        return
    name, _, domain = address.rpartition("@")
    try:
        parse_email(address)
    except ValueError:
        yield where, Objection("email", f"{address!r} is not an e-mail address.", "Write name@domain.")
        return
    if len(name) > MOST_NAME_CHARACTERS or not address.isascii() or SEPARATOR in name:
        message = f"{name!r} has no room for the token of each mail, which stands behind a plus sign."
        cure = f"Take a name of at most {MOST_NAME_CHARACTERS} plain letters, as in bounces@{domain}."
        yield where, Objection("bounces", message, cure)
