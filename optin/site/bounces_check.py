"""Check where mails come back to: `[bounces]` in `optin.toml` (O6)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from optin.consent.email_and_telephone import parse_email
from optin.consent.return_address import MOST_NAME_CHARACTERS, SEPARATOR
from optin.server_addresses import is_on_this_machine, parse_listening
from optin.settings.bounces import IMAP_PASSWORD, BouncesTable, BounceWebhook, bounce_secret_variable
from optin.site.law_lint import Objection
from optin.site.secret_check import objections_to_secret
from optin.site.toml_and_markdown_reader import Path_

CODE = "bounces"
_NAME = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_TOPIC = re.compile(r"arn:aws[a-z-]{0,20}:sns:[a-z0-9-]{4,30}:\d{12}:[\w.-]{1,256}")


def objections_to_bounces(root: Path, bounces: BouncesTable) -> Iterator[tuple[Path_, Objection]]:
    """Check the mailbox to which mails come back, and the webhooks of providers."""
    yield from _to_address(bounces)
    yield from _to_lmtp(bounces)
    if bounces.imap is not None:
        for objection in objections_to_secret(root, "password", bounces.imap.password, IMAP_PASSWORD, CODE):
            yield ("bounces", "imap", "password") if bounces.imap.password else ("bounces", "imap"), objection
    for name, webhook in bounces.webhooks.items():
        yield from _to_webhook(root, name, webhook)


def _to_webhook(root: Path, name: str, webhook: BounceWebhook) -> Iterator[tuple[Path_, Objection]]:
    where: Path_ = ("bounces", "webhooks", name)
    if _NAME.fullmatch(name) is None:
        yield (
            where,
            Objection(CODE, f"{name!r} cannot stand in an address.", "Take small letters, as in ses."),
        )
    if webhook.has_secret:
        usual = bounce_secret_variable(name)
        for objection in objections_to_secret(root, "secret", webhook.secret, usual, CODE):
            yield (*where, "secret" if webhook.secret else "provider"), objection
    elif webhook.provider == "ses" and _TOPIC.fullmatch(webhook.topic) is None:
        message = "Messages of SES count for one topic only, and there is no ARN of a topic of SNS."
        cure = 'Write topic = "arn:aws:sns:REGION:ACCOUNT:NAME".'
        yield (*where, "topic" if webhook.topic else "provider"), Objection(CODE, message, cure)
    elif webhook.provider == "sendgrid" and not webhook.key:
        message = "Messages of SendGrid are verified by its public key, and there is none."
        cure = "Switch on the signed event webhook there, and write its verification key as key."
        yield (*where, "provider"), Objection(CODE, message, cure)


def _to_lmtp(bounces: BouncesTable) -> Iterator[tuple[Path_, Objection]]:
    """Check where the server listens: on this machine, unless that is allowed."""
    where: Path_ = ("bounces", "lmtp")
    if not bounces.lmtp:
        return
    if not bounces.address:
        message = "Nothing comes by LMTP while mails have no address to come back to."
        yield where, Objection(CODE, message, 'Write address = "bounces@YOUR-DOMAIN" under [bounces].')
    if "/" in bounces.lmtp:
        return
    try:
        host, _ = parse_listening(bounces.lmtp)
    except ValueError:
        message = f"{bounces.lmtp!r} is neither an address with a port nor the path of a socket."
        yield where, Objection(CODE, message, 'Write lmtp = "127.0.0.1:2424".')
        return
    if not is_on_this_machine(host) and not bounces.lmtp_anywhere:
        message = f"Other machines reach {bounces.lmtp}, and whoever connects may hand over messages."
        cure = "Listen on 127.0.0.1, or set lmtp_anywhere = true if a firewall guards that port."
        yield where, Objection(CODE, message, cure)


def _to_address(bounces: BouncesTable) -> Iterator[tuple[Path_, Objection]]:
    """Check the mailbox: its name needs room for a token (RFC 5321)."""
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
