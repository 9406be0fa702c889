"""Compose mails: one function for each kind. Same order, same time, same bytes: mails are evidence.

The module is long because every mail that optin sends is composed here.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import textwrap
from dataclasses import replace
from datetime import datetime
from email.header import Header
from email.utils import format_datetime, formataddr
from functools import partial

from optin.consent.email_and_telephone import as_mailed
from optin.consent.form_version import FormDeclaration
from optin.consent.kind_part_lookup import PartsByKind
from optin.consent.purpose import Controller
from optin.flows.delivery.mail_order import (
    BasisOrder,
    LetterOrder,
    MailKind,
    MailOrder,
    NoticeLine,
    NoticeOrder,
    Order,
    StaffDigest,
    StaffOrder,
)
from optin.flows.evidence.receipt import Attachment
from optin.mail.kind_mail_hooks import MailPart, MailSender
from optin.proof.receipt_files import PROOF_FILE
from optin.theme.mail_views import (
    BasisMail,
    ConfirmationMail,
    DeliveryMail,
    ErasedMail,
    KindMail,
    LetterMail,
    PersonalMail,
    ProofReadme,
    RenewalMail,
    RequestFacts,
    SignInMail,
    StaffMail,
)
from optin.theme.theme import MailText, Theme
from optin.theme.views import LegalHoldView

HEADER_CHARACTERS = 78  # of a line, where words allow it (RFC 5322, section 2.1.1)
MAX_HEADER_OCTETS = 998  # of a line, in any case
VERSION_CHARACTERS = 16  # of a privacy statement's digest in its address
_NAME = re.compile(r"[^\W\d_]+(?:[ '’-][^\W\d_]+){0,4}")
MAX_NAME_CHARACTERS = 40


class Composer:
    """Turns an order into the bytes of a mail."""

    def __init__(
        self,
        theme: Theme,
        sender: MailSender,
        base_url: str,
        controller: Controller,
        kinds: PartsByKind[MailPart],
    ) -> None:
        """Compose in the name of `sender` of `controller`; every link begins with `base_url`."""
        self._kinds = kinds
        self._controller = controller
        self._theme = theme
        self._sender = sender
        self._base = base_url

    def compose(self, order: Order, now: datetime) -> bytes:
        """Return the mail. Raises ValueError when its order is incomplete."""
        if isinstance(order, NoticeOrder):
            return self._message(order, self._notice(order), order.lang, now)
        if isinstance(order, StaffOrder):
            return self._message(order, self._staff(order), order.lang, now)
        if isinstance(order, BasisOrder):
            return self._message(order, self._basis(order), order.lang, now)
        if isinstance(order, LetterOrder):
            return self._message(order, self._letter(order), order.form.lang, now, self._unsubscribe(order))
        if not isinstance(order, MailOrder):
            raise TypeError(order.kind)
        lang = order.form.lang
        match order.kind:
            case MailKind.CONFIRMATION:
                return self._message(order, self._confirmation(order), lang, now)
            case MailKind.RENEWAL:
                return self._message(order, self._renewal(order), lang, now)
            case MailKind.DELIVERY:
                words, unsubscribe = self._delivery(order), self._unsubscribe(order)
                return self._message(self._attached(order, now), words, lang, now, unsubscribe)
        return self._message(self._attached(order, now), self._of_kind(order), lang, now)

    def _attached(self, order: MailOrder, now: datetime) -> MailOrder:
        """Return an order with the attachments of its kind."""
        sender = replace(self._sender, name=_line(self._sender.name))
        words = partial(self._theme.text, order.form.lang)
        own = self._kinds[order.form.kind].attach(order, sender, words, now)
        return replace(order, attachments=(*own, *self._proof(order)))

    def _proof(self, order: MailOrder) -> tuple[Attachment, ...]:
        """Return the proof of a receipt as one file (P5), where the site attaches it."""
        if not order.proof or order.confirmed_at is None:
            return ()
        readme = ProofReadme.of(order.form, order.requested_at, order.confirmed_at, self._base)
        return (Attachment(PROOF_FILE, "application/zip", self._theme.proof(readme, order.proof)),)

    def _of_kind(self, order: MailOrder) -> MailText:
        """Compose a mail of a kind of magnets. It is no advertisement, so it has no unsubscribe link."""
        template = self._kinds[order.form.kind].templates.get(order.kind)
        if template is None:
            raise ValueError(order.kind)
        return self._theme.mail(
            KindMail(
                **self._facts(order),
                name=order.kind,
                template=template,
                personal_url=f"{self._base}/me",
                own=order.own,
            )
        )

    def _notice(self, order: NoticeOrder) -> MailText:
        """Compose the mail with a personal link, the one that confirms an erasure, or a sign-in."""
        privacy = f"{self._base}/privacy"
        if order.kind == MailKind.ERASED:
            held = tuple(
                LegalHoldView(hold.why, hold.until, tuple(hold.values.items())) for hold in order.holds
            )
            about = (order.lang, self._controller, self._base, held, privacy)
            return self._theme.mail(ErasedMail(*about, order.required))
        if order.expires_at is None:
            raise ValueError(order.kind)
        if order.kind == MailKind.SIGN_IN:
            url = f"{self._base}/desk/sign-in/{order.token}"
            return self._theme.mail(
                SignInMail(order.lang, self._controller, self._base, url, order.expires_at, privacy)
            )
        url = f"{self._base}/me/{order.token}"
        return self._theme.mail(
            PersonalMail(order.lang, self._controller, self._base, url, order.expires_at, privacy)
        )

    def _staff(self, order: StaffOrder) -> MailText:
        """Compose the mail that tells staff of confirmed requests, or their test mail (W12)."""
        privacy = f"{self._base}/privacy"
        digest = None if order.digest is None else _with_names_alone(order.digest)
        return self._theme.mail(StaffMail(order.lang, self._controller, self._base, digest, privacy))

    def _basis(self, order: BasisOrder) -> MailText:
        """Compose the mail to somebody whom staff put on file (L4). It is no advertisement."""
        privacy = f"{self._base}/privacy"
        return self._theme.mail(BasisMail(order.lang, self._controller, self._base, order.notice, privacy))

    def _letter(self, order: LetterOrder) -> MailText:
        """Compose a letter of a purpose, with the link that stops it (W13)."""
        form = order.form
        return self._theme.mail(
            LetterMail(
                lang=form.lang,
                controller=self._controller,
                title=form.title,
                base_url=self._base,
                privacy_url=self._privacy_url(form),
                letter=order.letter,
                question=order.question,
                given_at=order.given_at,
                unsubscribe_url=self._unsubscribe(order),
            )
        )

    def _renewal(self, order: MailOrder) -> MailText:
        """Compose the request to renew a consent: it ends soon, or the person wants it back."""
        if order.expires_at is None:
            raise ValueError(order.kind)
        return self._theme.mail(
            RenewalMail(
                **self._facts(order),
                questions=order.questions,
                ends_at=order.ends_at,
                attested=order.attested,
                confirm_url=f"{self._base}/confirm/{order.confirm_token}",
                expires_at=order.expires_at,
                number=order.to_call,
            )
        )

    def _confirmation(self, order: MailOrder) -> MailText:
        """Compose the confirmation mail: no advertisement, and no typed text except a number to call (D5)."""
        if order.expires_at is None:
            raise ValueError(order.kind)
        return self._theme.mail(
            ConfirmationMail(
                **self._facts(order),
                questions=order.questions,
                confirm_url=f"{self._base}/confirm/{order.confirm_token}",
                code=order.code,
                expires_at=order.expires_at,
                number=order.to_call,
            )
        )

    def _delivery(self, order: MailOrder) -> MailText:
        """Compose the delivery of the magnet, with the receipt for the consents."""
        if order.confirmed_at is None:
            raise ValueError(order.kind)
        token = order.download_token
        return self._theme.mail(
            DeliveryMail(
                **self._facts(order, _below(order.form)),
                confirmed_at=order.confirmed_at,
                granted=order.receipts,
                download_url=f"{self._base}/download/{token}" if token else None,
                download_until=order.expires_at,
                unsubscribe_url=self._unsubscribe(order),
                proof_attached=bool(order.proof),
                first_name=greeting_name(order.first_name),
                personal_url=f"{self._base}/me",
                hands_out=order.hands_out,
                cover=order.cover,
                next_step=order.next_step,
                own=order.own,
            )
        )

    def _message(
        self, order: Order, words: MailText, lang: str, now: datetime, unsubscribe: str = ""
    ) -> bytes:
        attached = order.attachments if isinstance(order, MailOrder) else ()
        recipient = as_mailed(order.recipient)
        raw = not recipient.isascii()  # such a mailbox can be written in UTF-8 only (RFC 6532)
        boundary = hashlib.sha256(order.message_id.encode()).hexdigest()[:40]
        headers = {
            "From": formataddr((_line(self._sender.name), self._sender.address)),
            "To": recipient,
            "Reply-To": self._sender.reply_to,
            "Subject": _line(words.subject),
            "Date": format_datetime(now),
            "Message-ID": order.message_id,
            "Auto-Submitted": "auto-generated",
            "Content-Language": lang,
            # never before the confirmation: there is nothing to withdraw then (RFC 8058)
            "List-Unsubscribe": f"<{unsubscribe}>" if unsubscribe else "",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click" if unsubscribe else "",
            "MIME-Version": "1.0",
            "Content-Type": f'multipart/{"mixed" if attached else "alternative"}; boundary="{boundary}"',
        }
        header = _folded if raw else _ascii
        lines = [f"{name}: {header(name, value)}" for name, value in headers.items() if value]
        inner = f"{boundary}-words" if attached else boundary
        if attached:
            lines += ["", f"--{boundary}", f'Content-Type: multipart/alternative; boundary="{inner}"']
        lines += ["", f"--{inner}", _part("plain", words.text), f"--{inner}"]
        lines += [_part("html", words.html), f"--{inner}--"]
        for file in attached:
            lines += [f"--{boundary}", _file(file)]
        lines += [f"--{boundary}--", ""] if attached else [""]
        return "\n".join(lines).replace("\r\n", "\n").replace("\n", "\r\n").encode()

    def _facts(self, order: MailOrder, below: str = "") -> RequestFacts:
        """Return the facts of a request for every mail about it. `below`: the rest of its page's address."""
        form = order.form
        return {
            "lang": form.lang,
            "controller": form.controller,
            "title": form.title,
            "kind": form.kind,
            "page_url": f"{self._base}/{form.magnet}{below}",
            "requested_at": order.requested_at,
            "privacy_url": self._privacy_url(form),
            "base_url": self._base,
        }

    def _privacy_url(self, form: FormDeclaration) -> str:
        return f"{self._base}/privacy/{form.privacy[:VERSION_CHARACTERS]}"

    def _unsubscribe(self, order: MailOrder | LetterOrder) -> str:
        return f"{self._base}/unsubscribe/{order.unsubscribe_token}"


def _below(form: FormDeclaration) -> str:
    """Return the path of a form below its magnet: a form of one outcome is on that outcome's page."""
    outcome = form.detail.get("outcome")
    return f"/result/{outcome}" if outcome else ""


def _ascii(name: str, value: str) -> str:
    """Return a header's value encoded for a mail (RFC 2047)."""
    return _folded(name, value) if value.isascii() else _encoded(name, value)


def _encoded(name: str, value: str) -> str:
    return Header(value, "utf-8", header_name=name).encode()


def _folded(name: str, value: str) -> str:
    """Return a header's value folded into short lines; a longer word is encoded (RFC 2047)."""
    before = f"{name}: "
    lines = textwrap.wrap(
        value,
        HEADER_CHARACTERS,
        initial_indent=before,
        subsequent_indent=" ",
        break_long_words=False,
        break_on_hyphens=False,
    )
    if any(len(line.encode()) > MAX_HEADER_OCTETS for line in lines):
        return _encoded(name, value)
    return "\n".join(lines).removeprefix(before)


def _part(kind: str, text: str) -> str:
    """Return one body with its headers (RFC 2045)."""
    return (
        f'Content-Type: text/{kind}; charset="utf-8"\nContent-Transfer-Encoding: quoted-printable\n\n'
        + binascii.b2a_qp(text.encode(), istext=True).decode("ascii")
    )


def _file(file: Attachment) -> str:
    """Return an attachment with its headers; its bytes arrive unchanged (RFC 2183)."""
    packed = base64.encodebytes(file.data).decode("ascii")
    # without it a reader takes text for US-ASCII (RFC 2046), and a checkpoint has a dash in it
    charset = "; charset=utf-8" if file.content_type.startswith("text/") else ""
    return (
        f"Content-Type: {file.content_type}{charset}\nContent-Transfer-Encoding: base64\n"
        f'Content-Disposition: attachment; filename="{file.name}"\n\n{packed}'
    )


def _with_names_alone(digest: StaffDigest) -> StaffDigest:
    """Return a digest without first names that do not look like one: anybody can type anything."""

    def named(line: NoticeLine) -> NoticeLine:
        return replace(
            line,
            people=tuple(replace(it, first_name=greeting_name(it.first_name)) for it in line.people),
        )

    return replace(digest, lines=tuple(map(named, digest.lines)))


def greeting_name(text: str) -> str:
    """Return a first name for the greeting; empty when the value does not look like a name (PEERS 15)."""
    text = text.strip()
    return text if len(text) <= MAX_NAME_CHARACTERS and _NAME.fullmatch(text) else ""


def _line(text: str) -> str:
    """Return a header's text without line breaks."""
    return " ".join(text.split())
