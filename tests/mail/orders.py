"""Orders as the store would give them."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

from optin.consent.email_and_telephone import EmailAddress
from optin.consent.form_version import FormDigest
from optin.flows.delivery.mail_order import GivenConsent, MailKind, MailOrder
from optin.mail.compose_mails import Composer
from optin.mail.kind_mail_hooks import MailSender
from optin.theme.look import Look
from optin.theme.theme import Theme
from tests.installed import KINDS
from tests.world import DECLARATION, NOON

NUMBERS = itertools.count(1)
SENDER = MailSender("Voorbeeld & Dochter", "tips@example.com", "antwoord@example.com")


def composer() -> Composer:
    return Composer(Theme(Look()), SENDER, "https://optin.example.com", DECLARATION.controller, KINDS.mails)


def confirmation(recipient: str = "alice@example.com", **changes: Any) -> MailOrder:
    number = next(NUMBERS)
    order = MailOrder(
        number=number,
        claim=b"claim",
        message_id=f"<{number:032x}@example.com>",
        kind=MailKind.CONFIRMATION,
        recipient=EmailAddress(recipient),
        form=DECLARATION,
        form_version=FormDigest("d" * 64),
        requested_at=NOON,
        questions=DECLARATION.questions,
        confirm_token="tok.en",
        code="1234 5678",
        expires_at=NOON,
    )
    return replace(order, **changes)


def delivery(recipient: str = "alice@example.com", **changes: Any) -> MailOrder:
    receipts = tuple(GivenConsent(question, NOON) for question in DECLARATION.questions)
    order = confirmation(
        recipient,
        kind=MailKind.DELIVERY,
        confirmed_at=NOON,
        receipts=receipts,
        download_token="down.load",
        unsubscribe_token="un.sub",
        first_name="Alice",
    )
    return replace(order, **changes)
