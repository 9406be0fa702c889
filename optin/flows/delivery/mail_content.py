"""What a queued mail says, by its kind: decided anew each time it is about to be sent."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from optin.consent.address import EmailAddress
from optin.consent.confirmation_code import spaced
from optin.consent.links import LinkKind
from optin.flows.consents.opened_request import OpenedRequest, kept_address, latest_request, open_request
from optin.flows.context import Context
from optin.flows.delivery.mail_limits import Asker, next_day, take_of_day
from optin.flows.delivery.mail_order import (
    ASKER,
    MailKind,
    MailOrder,
    NoticeOrder,
    Order,
    Receipt,
    is_known_kind,
)
from optin.flows.delivery.promised_file import keep_handout
from optin.flows.delivery.receipt import proof_of_receipt
from optin.flows.draw_entry import participation
from optin.flows.evidence.event_history import live_consents
from optin.flows.policy import PER_DAY
from optin.flows.webinar_seats import MAILS, attendance, due_of, has_use
from optin.store.outbox import Letter, has_twin, open_notice
from optin.store.person_records import is_known
from optin.store.requests import load_request, open_link
from optin.store.rights import holds_of
from optin.store.subjects import find_subject
from optin.store.transaction import Tx
from optin.store.vault import Vault

OUTDATED_WAIT = timedelta(minutes=1)  # of a mail whose plan this process does not know yet


class UnknownMailKind(Exception):
    """A mail of a kind that this program does not know: what queued it is not installed any more."""


def order_for(tx: Tx, context: Context, letter: Letter, now: datetime) -> Order | None:
    """Return what is to be sent for a letter; None: it has no use any more.

    Raises NotDue, NotSigned, UnknownMailKind.
    """
    if not is_known_kind(letter.kind):
        raise UnknownMailKind
    if letter.kind in {MailKind.PERSONAL, MailKind.ERASED}:
        return _notice(tx, context, letter, now)
    stored = load_request(tx, letter.request)
    if stored is None:
        return None
    opened = open_request(tx, context.vault, stored)
    order = MailOrder(
        number=letter.number,
        claim=letter.claim,
        message_id=letter.message_id,
        kind=_kind(letter, opened),
        recipient=EmailAddress(opened.declared.email),
        form=opened.declaration,
        form_version=opened.form.version.digest,
        requested_at=stored.created_at,
        questions=opened.asked,
        circumstances=opened.circumstances,
        salt=opened.sealed.salt,
    )
    if order.kind is MailKind.DRAWN:
        part = participation(tx, stored.id, opened.declaration)
        return None if part is None else replace(order, part=part)
    fill = _delivery if order.kind is MailKind.DELIVERY else _confirmation
    if order.kind in MAILS:
        fill = _webinar
    return fill(tx, context, opened, order, now)


def _kind(letter: Letter, opened: OpenedRequest) -> MailKind:
    """Return which mail it is: a confirmation of what no form asked has words of its own."""
    kind = MailKind(letter.kind)
    return MailKind.RENEWAL if kind is MailKind.CONFIRMATION and opened.declared.through else kind


def _notice(tx: Tx, context: Context, letter: Letter, now: datetime) -> NoticeOrder | None:
    """Return a mail that belongs to no request; None when the address is not known (R1)."""
    if letter.sealed is None:
        return None
    told = open_notice(context.vault, letter.message_id, letter.sealed)
    email = EmailAddress(told["email"])
    index = context.vault.index(email)
    kind = MailKind(letter.kind)
    order = NoticeOrder(
        number=letter.number,
        claim=letter.claim,
        message_id=letter.message_id,
        kind=kind,
        recipient=email,
        lang=told["lang"],
        holds=tuple(hold for hold in holds_of(tx, context.vault, index) if hold.until > now),
    )
    if kind is MailKind.ERASED:
        return order
    if not is_known(tx, index):
        return None
    if told.get(ASKER) != Asker.READER and not _may_link(tx, context, now):
        raise NotDue(next_day(now))
    latest = latest_request(tx, context.vault, index)
    return replace(
        order,
        recipient=kept_address(tx, context.vault, index, latest) or email,  # never another spelling of it
        lang=order.lang if latest is None else latest.declaration.lang,
        token=context.vault.links.sign(LinkKind.PERSONAL, index, now),
        expires_at=context.policy.personal.after(now),
    )


def _may_link(tx: Tx, context: Context, now: datetime) -> bool:
    """Count a link that somebody asked for by typing an address; half of a day's mails may be such links."""
    if take_of_day(tx, context.vault, "links", 1, context.policy.mails_per_day // 2, now):
        return True
    context.policy.limited(PER_DAY)
    return False


def _confirmation(
    tx: Tx,
    context: Context,
    opened: OpenedRequest,
    order: MailOrder,
    now: datetime,
) -> MailOrder | None:
    stored = opened.stored
    if stored.confirmed_at is not None:
        return None
    # the page where a code is typed does not wait for a mail that is late
    late = now > stored.created_at + context.policy.page_of_code(stored.created_at) / 2
    until = context.policy.link.after(now)
    open_link(tx, stored.id, link_until=until, erase_at=max(context.policy.keep.after(now), until))
    keep_handout(tx, opened.declaration, context.policy.download.after(until))
    ends_at: datetime | None = None
    if order.kind is MailKind.RENEWAL and stored.subject is None:
        ends_at = _ends_at(tx, context.vault, stored.email_index, opened)
    return replace(
        order,
        ends_at=ends_at,
        confirm_token=context.vault.links.sign(LinkKind.CONFIRM, stored.id, now),
        code="" if late else spaced(opened.sealed.code),
        to_call=opened.number,
        expires_at=until,
    )


def _ends_at(tx: Tx, vault: Vault, email_index: bytes, opened: OpenedRequest) -> datetime | None:
    """Return when the consent that is asked again ends; None where it does not hold now."""
    subject = find_subject(tx, email_index)
    live = {} if subject is None else live_consents(tx, vault, subject)
    ends = (live.get(question.key) for question in opened.asked)
    return min((end for end in ends if end is not None), default=None)


class NotDue(Exception):
    """A reminder of something that was put off: it is due later."""

    def __init__(self, until: datetime) -> None:
        super().__init__("not due")
        self.until = until


def _webinar(
    tx: Tx,
    context: Context,
    opened: OpenedRequest,
    order: MailOrder,
    now: datetime,
) -> MailOrder | None:
    told = attendance(tx, opened, context.policy, now)
    if told is not None and told.outdated:
        raise NotDue(now + OUTDATED_WAIT)  # whoever knows the plan says it
    if told is None or not has_use(order.kind, told, now):
        return None
    due = due_of(order.kind, told.webinar)
    if due is not None and now < due:
        if has_twin(tx, order.number, opened.stored.id, order.kind):
            return None  # it was in hand while the time moved
        raise NotDue(due)
    return replace(
        order,
        webinar=told,
        place_token=context.vault.links.sign(LinkKind.PLACE, opened.stored.id, now),
        confirmed_at=opened.stored.confirmed_at,
    )


def _delivery(
    tx: Tx,
    context: Context,
    opened: OpenedRequest,
    order: MailOrder,
    now: datetime,
) -> MailOrder | None:
    stored = opened.stored
    if stored.subject is None or stored.confirmed_at is None:
        return None
    live = live_consents(tx, context.vault, stored.subject)
    hands_out = not opened.declared.through
    download = ""
    if order.form.file and hands_out:
        download = context.vault.links.sign(LinkKind.DOWNLOAD, stored.id, now)
        keep_handout(tx, order.form, context.policy.download.after(now))
    unsubscribe = context.vault.links.sign(LinkKind.UNSUBSCRIBE, stored.id, now)
    withdraw_at = f"{context.policy.base_url}/unsubscribe/{unsubscribe}"
    return replace(
        order,
        expires_at=context.policy.download.after(now) if download else None,
        confirmed_at=stored.confirmed_at,
        receipts=tuple(
            Receipt(question, live[question.key]) for question in order.questions if question.key in live
        ),
        download_token=download,
        hands_out=hands_out,
        unsubscribe_token=unsubscribe,
        part=participation(tx, stored.id, opened.declaration),
        attachments=proof_of_receipt(tx, opened, withdraw_at, context.policy.base_url, now),
        first_name=opened.declared.fields.get("first_name", ""),
        webinar=None if opened.declared.through else attendance(tx, opened, context.policy, now),
        place_token=context.vault.links.sign(LinkKind.PLACE, stored.id, now),
    )
