"""Composing mails: one function for each kind. Same order, same moment, same bytes: they are evidence."""

from __future__ import annotations

import binascii
import hashlib
import re
from dataclasses import dataclass
from datetime import datetime
from email.header import Header
from email.message import Message
from email.policy import SMTPUTF8, compat32
from email.utils import formataddr, format_datetime

from optin.flows.orders import MailKind, MailOrder
from optin.theme.theme import MailText, Theme
from optin.theme.views import ConfirmationMail, DeliveryMail, Granted

VERSION_CHARACTERS = 16  # of a privacy statement's digest in its address
_NAME = re.compile(r"[^\W\d_]+(?:[ '’-][^\W\d_]+){0,4}")
MAX_NAME_CHARACTERS = 40
PLAIN = compat32.clone(linesep="\r\n")  # an order of magnitude quicker than the policies that parse headers


@dataclass(frozen=True)
class Mailbox:
    """Who the mails come from."""

    name: str
    address: str
    reply_to: str = ""


class Composer:
    """Turns an order into the bytes that are sent."""

    def __init__(self, theme: Theme, sender: Mailbox, base_url: str) -> None:
        """Speak for `sender`; every link begins with `base_url`."""
        self._theme = theme
        self._sender = sender
        self._base = base_url

    def compose(self, order: MailOrder, now: datetime) -> bytes:
        """Return the mail. Raises ValueError when its order is incomplete."""
        match order.kind:
            case MailKind.CONFIRMATION:
                return self._message(order, self._confirmation(order), now)
            case MailKind.DELIVERY:
                return self._message(order, self._delivery(order), now, self._unsubscribe(order))

    def _confirmation(self, order: MailOrder) -> MailText:
        """Ask for the confirmation; advertise nothing, echo nothing (D5)."""
        if order.expires_at is None:
            raise ValueError(order.kind)
        return self._theme.mail(
            ConfirmationMail(
                lang=order.form.lang,
                controller=order.form.controller,
                title=order.form.title,
                kind=order.form.kind,
                page_url=self._page(order),
                requested_at=order.requested_at,
                questions=order.questions,
                confirm_url=f"{self._base}/confirm/{order.confirm_token}",
                code=order.code,
                expires_at=order.expires_at,
                privacy_url=self._privacy(order),
            )
        )

    def _delivery(self, order: MailOrder) -> MailText:
        """Hand over the magnet, and the receipt of what was given."""
        if order.confirmed_at is None:
            raise ValueError(order.kind)
        token = order.download_token
        return self._theme.mail(
            DeliveryMail(
                lang=order.form.lang,
                controller=order.form.controller,
                title=order.form.title,
                kind=order.form.kind,
                page_url=self._page(order),
                requested_at=order.requested_at,
                confirmed_at=order.confirmed_at,
                granted=tuple(Granted(given.question, given.until) for given in order.receipts),
                download_url=f"{self._base}/download/{token}" if token else None,
                download_until=order.expires_at,
                unsubscribe_url=self._unsubscribe(order),
                privacy_url=self._privacy(order),
                form_version=order.form_version,
                first_name=greeting_name(order.first_name),
            )
        )

    def _message(self, order: MailOrder, words: MailText, now: datetime, unsubscribe: str = "") -> bytes:
        raw = not order.recipient.isascii()  # such a mailbox can be written in UTF-8 only (RFC 6532)
        message = Message(policy=SMTPUTF8 if raw else PLAIN)
        headers = {
            "From": formataddr((_line(self._sender.name), self._sender.address)),
            "To": order.recipient,
            "Reply-To": self._sender.reply_to,
            "Subject": _line(words.subject),
            "Date": format_datetime(now),
            "Message-ID": order.message_id,
            "Auto-Submitted": "auto-generated",
            "Content-Language": order.form.lang,
        }
        if unsubscribe:  # never before the confirmation: there is nothing to withdraw then (RFC 8058)
            headers["List-Unsubscribe"] = f"<{unsubscribe}>"
            headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        headers["MIME-Version"] = "1.0"
        boundary = hashlib.sha256(order.message_id.encode()).hexdigest()[:40]
        headers["Content-Type"] = f'multipart/alternative; boundary="{boundary}"'
        for name, value in headers.items():
            if value:
                message[name] = value if raw or value.isascii() else Header(value, "utf-8").encode()
        message.attach(_part("plain", words.text))
        message.attach(_part("html", words.html))
        return message.as_bytes()

    def _page(self, order: MailOrder) -> str:
        return f"{self._base}/{order.form.magnet}"

    def _privacy(self, order: MailOrder) -> str:
        return f"{self._base}/privacy/{order.form.privacy[:VERSION_CHARACTERS]}"

    def _unsubscribe(self, order: MailOrder) -> str:
        return f"{self._base}/unsubscribe/{order.unsubscribe_token}"


def _part(kind: str, text: str) -> Message:
    part = Message(policy=PLAIN)
    part["Content-Type"] = f'text/{kind}; charset="utf-8"'
    part["Content-Transfer-Encoding"] = "quoted-printable"
    part.set_payload(binascii.b2a_qp(text.encode(), istext=True).decode("ascii"))
    return part


def greeting_name(text: str) -> str:
    """Return a first name to greet by; empty when it does not look like a name (PEERS 15)."""
    text = text.strip()
    return text if len(text) <= MAX_NAME_CHARACTERS and _NAME.fullmatch(text) else ""


def _line(text: str) -> str:
    """Return a header's text on one line, whatever is in it."""
    return " ".join(text.split())
