"""Content of a queued mail, by its kind: decided again before each attempt to send it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from optin.bases.attested import THROUGH
from optin.consent.channel import MAILBOX
from optin.consent.confirmation_code import spaced_code
from optin.consent.email_and_telephone import EmailAddress
from optin.consent.signed_links import LinkKind
from optin.errors import KindFailed, OptinError
from optin.flows.bases.must_not_be_asked import must_not_be_asked
from optin.flows.bases.record_basis import required_documents
from optin.flows.context import Context
from optin.flows.context_with_kinds import SiteContext
from optin.flows.delivery.basis_notice import order_of_basis
from optin.flows.delivery.letters import LetterEarly, order_of_letter
from optin.flows.delivery.mail_limits import MailRequester, next_day, take_site_mails
from optin.flows.delivery.mail_order import (
    REQUESTED_BY,
    GivenConsent,
    MailKind,
    MailOrder,
    NoticeOrder,
    Order,
    StaffOrder,
)
from optin.flows.delivery.person_status import person_status_of
from optin.flows.delivery.promised_file import keep_promised_file
from optin.flows.delivery.sign_in_mail import order_of_sign_in
from optin.flows.delivery.staff_notices import CLAIM, digest_of
from optin.flows.evidence.receipt import proof_of_request
from optin.flows.evidence.withdrawals_in_journal import EndingsOf, no_journal_endings
from optin.flows.kind_flow_hooks import QueuedMail, SendLater
from optin.flows.records.decrypted_request import (
    OpenedRequest,
    known_address,
    known_language,
    latest_request,
    open_request,
)
from optin.flows.records.event_history import live_consents
from optin.flows.request_policy import PER_DAY
from optin.store.data_subjects import find_subject
from optin.store.database_interface import Tx, savepoint
from optin.store.encryption import Vault
from optin.store.legal_holds import holds_of
from optin.store.mail_outbox import OutboxMail, open_notice
from optin.store.person_records import is_known
from optin.store.requests import load_request, open_link
from optin.store.staff_notices import mail_name_of

DOUBT_WAIT = timedelta(minutes=1)  # of a mail that may be of use again when the clock is right


def is_known_mail(name: str, context: SiteContext) -> bool:
    """Return whether optin or an installed kind of magnets sends mails of that name."""
    return name in {*MailKind} or name in context.mails_of_kinds


class UnknownMailKind(Exception):
    """A mail of an unknown kind: the package that queued it is no longer installed."""


def order_for(
    tx: Tx,
    context: SiteContext,
    letter: OutboxMail,
    now: datetime,
    endings_of: EndingsOf = no_journal_endings,
) -> Order | None:
    """Return the mail to send for an outbox entry; None when it has no use any more.

    `endings_of`: what is remembered outside the database, for a letter.
    Raises NotDue, NotSigned, UnknownMailKind, KindFailed; and what `endings_of` raises.
    """
    if not is_known_mail(letter.kind, context):
        raise UnknownMailKind
    if letter.kind in _WITHOUT_REQUEST:
        return _WITHOUT_REQUEST[letter.kind](tx, context, letter, now)
    if letter.kind == MailKind.LETTER:
        try:
            return order_of_letter(tx, context, letter, now, endings_of)
        except LetterEarly:
            raise NotDue(now + DOUBT_WAIT) from None
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
        event_builder=opened.event_builder,
        salt=opened.sealed.salt,
    )
    match order.kind:
        case MailKind.DELIVERY:
            return _delivery(tx, context, opened, order, now)
        case MailKind.CONFIRMATION | MailKind.RENEWAL:
            return _confirmation(tx, context, opened, order, now)
    facts = kind_mail_facts(tx, context, opened, QueuedMail(letter.number, letter.kind), now)
    if isinstance(facts, SendLater):
        raise NotDue(facts.until)
    return None if facts is None else replace(order, own=facts, confirmed_at=stored.confirmed_at)


def _kind(letter: OutboxMail, opened: OpenedRequest) -> str:
    """Return the mail's kind: the confirmation of a request made without a form has its own words."""
    if letter.kind not in {*MailKind}:
        return letter.kind
    kind = MailKind(letter.kind)
    return MailKind.RENEWAL if kind is MailKind.CONFIRMATION and opened.declared.through else kind


def _notice(tx: Tx, context: Context, letter: OutboxMail, now: datetime) -> NoticeOrder | None:
    """Return a mail that belongs to no request; None when the address is unknown (R1)."""
    if letter.sealed is None:
        return None
    content = open_notice(context.vault, letter.message_id, letter.sealed)
    email = EmailAddress(content["email"])
    index = context.vault.index(email)
    kind = MailKind(letter.kind)
    order = NoticeOrder(
        number=letter.number,
        claim=letter.claim,
        message_id=letter.message_id,
        kind=kind,
        recipient=email,
        lang=content["lang"],
        holds=tuple(hold for hold in holds_of(tx, context.vault, index) if hold.until > now),
        required=required_documents(tx, context, index, now),
    )
    if kind is MailKind.ERASED:
        return order
    if not is_known(tx, index):
        return None
    if content.get(REQUESTED_BY) != MailRequester.READER and not _may_link(tx, context, now):
        raise NotDue(next_day(now))
    latest = latest_request(tx, context.vault, index)
    return replace(
        order,
        recipient=known_address(tx, context.vault, index, latest) or email,  # never another spelling of it
        lang=known_language(tx, context.vault, index, latest) or order.lang,
        token=context.vault.links.sign(LinkKind.PERSONAL, index, now),
        expires_at=context.policy.personal.link.after(now),
    )


def _staff(tx: Tx, context: SiteContext, letter: OutboxMail, now: datetime) -> StaffOrder | None:
    """Return a mail that tells staff of confirmed requests; None when nobody is left to count (W12)."""
    if letter.sealed is None:
        return None
    content = open_notice(context.vault, letter.message_id, letter.sealed)
    batch = bytes.fromhex(content[CLAIM])
    named = context.policy.notify_named  # as it is set now, not when the mail was queued
    why = next((why for name, why in named.items() if mail_name_of(name) == letter.request), "")
    digest = digest_of(tx, context, batch, now, why)
    if digest is None:
        return None
    return StaffOrder(
        number=letter.number,
        claim=letter.claim,
        message_id=letter.message_id,
        kind=MailKind.STAFF,
        recipient=EmailAddress(content["email"]),
        lang=content["lang"],
        digest=digest,
        batch=batch,
    )


_WITHOUT_REQUEST: Mapping[str, Callable[[Tx, SiteContext, OutboxMail, datetime], Order | None]] = {
    MailKind.PERSONAL: _notice,
    MailKind.ERASED: _notice,
    MailKind.STAFF: _staff,
    MailKind.BASIS: order_of_basis,
    MailKind.SIGN_IN: order_of_sign_in,
}


def _may_link(tx: Tx, context: Context, now: datetime) -> bool:
    """Count a link requested by typing an address; these may use half of a day's mails."""
    if take_site_mails(tx, context.vault, "links", 1, context.policy.limits.mails_per_day // 2, now):
        return True
    context.policy.limited(PER_DAY)
    return False


def _confirmation(
    tx: Tx, context: Context, opened: OpenedRequest, order: MailOrder, now: datetime
) -> MailOrder | None:
    stored = opened.stored
    if stored.confirmed_at is not None or _may_not_ask(tx, context.vault, opened):
        return None
    # the page where a code is typed does not wait for a mail that is late
    late = now > stored.created_at + context.policy.page_of_code(stored.created_at) / 2
    until = context.policy.unconfirmed.link.after(now)
    open_link(tx, stored.id, link_until=until, erase_at=context.policy.erase_at(now))
    keep_promised_file(tx, opened.declaration, context.policy.promised_until(now))
    ends_at: datetime | None = None
    if order.kind == MailKind.RENEWAL and stored.subject is None:
        ends_at = _ends_at(tx, context.vault, stored.email_index, opened)
    return replace(
        order,
        ends_at=ends_at,
        attested=opened.declared.through == THROUGH,
        confirm_token=context.vault.links.sign(LinkKind.CONFIRM, stored.id, now),
        code="" if late else spaced_code(opened.sealed.code),
        to_call=opened.number,
        expires_at=until,
    )


def _may_not_ask(tx: Tx, vault: Vault, opened: OpenedRequest) -> bool:
    """Return whether staff asked for it, and the person withdrew or objected before the mail left."""
    if opened.declared.through != THROUGH:
        return False
    addresses = {MAILBOX.field: opened.declared.email, **opened.declared.fields}
    return any(must_not_be_asked(tx, vault, addresses, question.key) for question in opened.asked)


def _ends_at(tx: Tx, vault: Vault, email_index: bytes, opened: OpenedRequest) -> datetime | None:
    """Return when the consent to be renewed ends; None when it does not hold now."""
    subject = find_subject(tx, email_index)
    live = {} if subject is None else live_consents(tx, vault, subject)
    ends = (live.get(question.key) for question in opened.asked)
    return min((end for end in ends if end is not None), default=None)


class NotDue(Exception):
    """A reminder that was postponed: it is due later."""

    def __init__(self, until: datetime) -> None:
        super().__init__("not due")
        self.until = until


def kind_mail_facts(
    tx: Tx, context: SiteContext, opened: OpenedRequest, mail: QueuedMail, now: datetime
) -> Any | SendLater | None:
    """Return the content of a mail of the magnet's kind: its facts, Later, or None when it has no use.

    Raises UnknownMailKind, KindFailed.
    """
    kind = opened.declaration.kind
    part = context.kinds[kind]
    if mail.name not in part.mails:
        raise UnknownMailKind
    try:
        with savepoint(tx):
            return part.fill_mail(tx, context, opened, mail, now)
    except OptinError:
        raise
    except Exception as problem:  # noqa: BLE001 - it is another's program, and may raise anything
        raise KindFailed(kind, type(problem).__name__) from None


def _delivery(
    tx: Tx, context: SiteContext, opened: OpenedRequest, order: MailOrder, now: datetime
) -> MailOrder | None:
    stored = opened.stored
    if stored.subject is None or stored.confirmed_at is None:
        return None
    live = live_consents(tx, context.vault, stored.subject)
    hands_out = not opened.declared.through
    download = ""
    if order.form.file and hands_out:
        download = context.vault.links.sign(LinkKind.DOWNLOAD, stored.id, now)
        keep_promised_file(tx, order.form, context.policy.download.link.after(now))
    stands = person_status_of(tx, context, opened, now) if hands_out else None
    unsubscribe = context.vault.links.sign(LinkKind.UNSUBSCRIBE, stored.id, now)
    withdraw_at = f"{context.policy.base_url}/unsubscribe/{unsubscribe}"
    return replace(
        order,
        expires_at=context.policy.download.link.after(now) if download else None,
        confirmed_at=stored.confirmed_at,
        receipts=tuple(
            GivenConsent(question, live[question.key]) for question in order.questions if question.key in live
        ),
        download_token=download,
        hands_out=hands_out,
        cover=context.policy.covers.get(order.form.magnet) if hands_out else None,
        next_step=context.policy.next_steps.get(order.form.magnet) if hands_out else None,
        unsubscribe_token=unsubscribe,
        proof=proof_of_request(tx, opened, withdraw_at, context.policy.base_url, now)
        if context.policy.receipt.attached
        else {},
        first_name=opened.declared.fields.get("first_name", ""),
        own=None if stands is None else stands.own,
    )
