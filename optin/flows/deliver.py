"""Delivery of mail: claim what is due, say what it is to tell, record what became of it (D1, P2).

A claimed mail is composed from the store at this moment, so a link's age starts when its mail leaves.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from optin.consent.address import EmailAddress
from optin.consent.code import spaced
from optin.consent.event import Circumstances
from optin.consent.links import LinkKind
from optin.consent.purpose import RetentionPeriod
from optin.consent.record import Status
from optin.flows.backoff import wait_before
from optin.flows.broken_rows import BROKEN, name_of
from optin.flows.clock import CLOCK_JUMP, read_clock
from optin.flows.entering import participation
from optin.flows.handouts import keep_handout
from optin.flows.mail_limits import Asker, next_day, take_of_day
from optin.flows.opened import OpenedRequest, kept_address, latest_request, open_request
from optin.flows.orders import ASKER, MailKind, MailOrder, NoticeOrder, Order, Receipt, Settled, Verdict
from optin.flows.policy import PER_DAY, RequestPolicy
from optin.flows.receipt import NotSigned, proof_of_receipt
from optin.flows.webinars import MAILS, attendance, due_of, has_use
from optin.proof.commitment import commit
from optin.store.dossier import is_known
from optin.store.events import add_events
from optin.store.outbox import (
    Letter,
    Standing,
    claim,
    has_twin,
    keep_mail,
    open_notice,
    postpone,
    put_back,
    settle,
    standing,
    withdraw_letter,
)
from optin.store.requests import load_request, open_link
from optin.store.rights import holds_of
from optin.store.subjects import consents_of, find_subject
from optin.store.transaction import Tx
from optin.store.vault import Vault

LEASE = timedelta(minutes=5)  # more than twice what a mail in hand may take, waiting and sending
FIRST_WAIT_SECONDS = 30
LONGEST_WAIT_SECONDS = 6 * 3600
MOMENT = timedelta(milliseconds=250)  # until the log has taken in what was just confirmed
GIVE_UP_AFTER = timedelta(days=7)
OUTDATED_WAIT = timedelta(minutes=1)


def claim_orders(
    tx: Tx,
    vault: Vault,
    policy: RequestPolicy,
    most: int,
    now: datetime,
    *,
    suspect: bool,
    receipts_wait: timedelta | None = MOMENT,
    holder: bytes | None = None,
) -> list[Order]:
    """Claim up to `most` due mails. `suspect`: those with which couriers died, to be tried alone.

    A receipt over which no checkpoint is signed yet waits so long (`receipts_wait`); None: raises NotSigned.

    A mail that has nothing to say any more (its request is gone, or already confirmed) is dropped. Mails with
    which couriers died time and again are given up beforehand (`give_up_killers`). One whose rows cannot be
    read waits as after a failed try.
    """
    orders: list[Order] = []
    for letter in claim(tx, most, LEASE, now, suspect=suspect, holder=holder):
        try:
            order = _order(tx, vault, policy, letter, now)
        except NotSigned:
            if receipts_wait is None:
                raise
            put_back(tx, letter.number, now + receipts_wait)
            continue
        except NotDue as early:
            put_back(tx, letter.number, early.until)
            continue
        except BROKEN as problem:
            _set_aside(tx, vault, letter, name_of(problem), policy.clock_jump, now)
            continue
        if order is None and letter.kind in MAILS and _doubts(tx, vault, policy.clock_jump, now):
            put_back(tx, letter.number, now + OUTDATED_WAIT)  # by the right clock it may still be of use
        elif order is None:
            withdraw_letter(tx, letter.number)
        else:
            orders.append(order)
    return orders


def _doubts(tx: Tx, vault: Vault, jump: RetentionPeriod, now: datetime) -> bool:
    return read_clock(tx, vault, jump, now).doubted


def settle_order(
    tx: Tx,
    vault: Vault,
    order: Order,
    verdict: Verdict,
    reply: str,
    message: bytes,
    now: datetime,
    jump: RetentionPeriod = CLOCK_JUMP,
) -> Settled:
    """Record what became of a mail; LOST when another courier has it by now, or it is gone.

    Sent: an event commits to the very bytes, and they are kept sealed (P2). Refused: never again.
    Later: again after 30 s · 2ⁿ up to 6 h with jitter, for a week, longer while the clock is doubted (O7).
    """
    stand = standing(tx, order.number, order.claim)
    if stand is None:
        return Settled.LOST
    young = now < stand.queued_at + GIVE_UP_AFTER
    if verdict is Verdict.LATER and (young or _doubts(tx, vault, jump, now)):
        postpone(tx, order.number, reply, _next_try(stand, now))
        return Settled.WAITING
    settled = Settled.SENT if verdict is Verdict.SENT else Settled.DEAD
    if order.kind is MailKind.ERASED:
        withdraw_letter(tx, order.number)  # the last mail is forgotten as well
        return settled
    settle(tx, order.number, settled.value, reply, now)
    if verdict is Verdict.SENT and isinstance(order, MailOrder) and order.circumstances is not None:
        _keep_sent(tx, vault, stand, order.circumstances, order.salt, message, now)
    return settled


def settle_taken(tx: Tx, vault: Vault, number: int, fence: bytes, message: bytes, now: datetime) -> bool:
    """Record that a mail was sent whose courier died before it could; False when that is known otherwise.

    The event is made of the request and of the very bytes, as the courier would have made it; its moment is
    the one of the record, for an event stands after those before it. When it left is in the mail itself.
    """
    stand = standing(tx, number, fence)
    if stand is None:
        return False
    if stand.kind == MailKind.ERASED:
        withdraw_letter(tx, number)
        return True
    settle(tx, number, Settled.SENT.value, "250", now)
    stored = None if stand.kind == MailKind.PERSONAL else load_request(tx, stand.request)
    if stored is not None:
        opened = open_request(tx, vault, stored)
        _keep_sent(tx, vault, stand, opened.circumstances, opened.sealed.salt, message, now)
    return True


def _keep_sent(
    tx: Tx,
    vault: Vault,
    stand: Standing,
    circumstances: Circumstances,
    salt: bytes,
    message: bytes,
    now: datetime,
) -> None:
    keep_mail(tx, vault, stand.message_id, stand.request, message, now)
    mailed = circumstances.mailed(now, stand.kind, stand.message_id, commit(salt, message))
    add_events(tx, vault, stand.request, [mailed])


def _set_aside(
    tx: Tx, vault: Vault, letter: Letter, reply: str, jump: RetentionPeriod, now: datetime
) -> None:
    """Let a mail that cannot be read wait, for a week by a clock that is not doubted; then it is dead."""
    stand = standing(tx, letter.number, letter.claim)
    old = stand is None or now >= stand.queued_at + GIVE_UP_AFTER
    if stand is None or (old and not _doubts(tx, vault, jump, now)):
        settle(tx, letter.number, Settled.DEAD.value, reply, now)
    else:
        postpone(tx, letter.number, reply, _next_try(stand, now))


def _next_try(stand: Standing, now: datetime) -> datetime:
    return now + wait_before(stand.attempts, FIRST_WAIT_SECONDS, 2, LONGEST_WAIT_SECONDS)


def _order(tx: Tx, vault: Vault, policy: RequestPolicy, letter: Letter, now: datetime) -> Order | None:
    if letter.kind in {MailKind.PERSONAL, MailKind.ERASED}:
        return _notice(tx, vault, policy, letter, now)
    stored = load_request(tx, letter.request)
    if stored is None:
        return None
    opened = open_request(tx, vault, stored)
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
    return fill(tx, vault, policy, opened, order, now)


def _kind(letter: Letter, opened: OpenedRequest) -> MailKind:
    """Return which mail it is: a confirmation of what no form asked has words of its own."""
    kind = MailKind(letter.kind)
    return MailKind.RENEWAL if kind is MailKind.CONFIRMATION and opened.declared.through else kind


def _notice(tx: Tx, vault: Vault, policy: RequestPolicy, letter: Letter, now: datetime) -> NoticeOrder | None:
    """Return a mail that belongs to no request; None when the address is not known (R1)."""
    if letter.sealed is None:
        return None
    told = open_notice(vault, letter.message_id, letter.sealed)
    email = EmailAddress(told["email"])
    index = vault.index(email)
    kind = MailKind(letter.kind)
    order = NoticeOrder(
        number=letter.number,
        claim=letter.claim,
        message_id=letter.message_id,
        kind=kind,
        recipient=email,
        lang=told["lang"],
        holds=tuple(hold for hold in holds_of(tx, vault, index) if hold.until > now),
    )
    if kind is MailKind.ERASED:
        return order
    if not is_known(tx, index):
        return None
    if told.get(ASKER) != Asker.READER and not _may_link(tx, vault, policy, now):
        raise NotDue(next_day(now))
    latest = latest_request(tx, vault, index)
    return replace(
        order,
        recipient=kept_address(tx, vault, index, latest) or email,  # never another spelling of it
        lang=order.lang if latest is None else latest.declaration.lang,
        token=vault.links.sign(LinkKind.PERSONAL, index, now),
        expires_at=policy.personal.after(now),
    )


def _may_link(tx: Tx, vault: Vault, policy: RequestPolicy, now: datetime) -> bool:
    """Count a link that somebody asked for by typing an address; half of a day's mails may be such links."""
    if take_of_day(tx, vault, "links", 1, policy.mails_per_day // 2, now):
        return True
    policy.limited(PER_DAY)
    return False


def _confirmation(
    tx: Tx,
    vault: Vault,
    policy: RequestPolicy,
    opened: OpenedRequest,
    order: MailOrder,
    now: datetime,
) -> MailOrder | None:
    stored = opened.stored
    if stored.confirmed_at is not None:
        return None
    # the page where a code is typed does not wait for a mail that is late
    late = now > stored.created_at + policy.page_of_code(stored.created_at) / 2
    until = policy.link.after(now)
    open_link(tx, stored.id, link_until=until, erase_at=max(policy.keep.after(now), until))
    keep_handout(tx, opened.declaration, policy.download.after(until))
    ends_at: datetime | None = None
    if order.kind is MailKind.RENEWAL and stored.subject is None:
        ends_at = _ends_at(tx, stored.email_index, opened)
    return replace(
        order,
        ends_at=ends_at,
        confirm_token=vault.links.sign(LinkKind.CONFIRM, stored.id, now),
        code="" if late else spaced(opened.sealed.code),
        to_call=opened.number,
        expires_at=until,
    )


def _ends_at(tx: Tx, email_index: bytes, opened: OpenedRequest) -> datetime | None:
    """Return when the consent that is asked again ends; None where it does not hold now."""
    subject = find_subject(tx, email_index)
    asked = {(question.purpose, question.channel) for question in opened.asked}
    live = [
        consent.expires_at
        for consent in (consents_of(tx, subject) if subject is not None else ())
        if consent.record.status is Status.GIVEN and (consent.purpose, consent.channel) in asked
    ]
    return min(live, default=None)


class NotDue(Exception):
    """A reminder of something that was put off: it is due later."""

    def __init__(self, until: datetime) -> None:
        super().__init__("not due")
        self.until = until


def _webinar(
    tx: Tx,
    vault: Vault,
    policy: RequestPolicy,
    opened: OpenedRequest,
    order: MailOrder,
    now: datetime,
) -> MailOrder | None:
    told = attendance(tx, opened, policy, now)
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
        place_token=vault.links.sign(LinkKind.PLACE, opened.stored.id, now),
        confirmed_at=opened.stored.confirmed_at,
    )


def _delivery(
    tx: Tx,
    vault: Vault,
    policy: RequestPolicy,
    opened: OpenedRequest,
    order: MailOrder,
    now: datetime,
) -> MailOrder | None:
    stored = opened.stored
    if stored.subject is None or stored.confirmed_at is None:
        return None
    live = {
        consent.purpose: consent.expires_at
        for consent in consents_of(tx, stored.subject)
        if consent.record.status is Status.GIVEN
    }
    hands_out = not opened.declared.through
    download = ""
    if order.form.file and hands_out:
        download = vault.links.sign(LinkKind.DOWNLOAD, stored.id, now)
        keep_handout(tx, order.form, policy.download.after(now))
    unsubscribe = vault.links.sign(LinkKind.UNSUBSCRIBE, stored.id, now)
    withdraw_at = f"{policy.base_url}/unsubscribe/{unsubscribe}"
    return replace(
        order,
        expires_at=policy.download.after(now) if download else None,
        confirmed_at=stored.confirmed_at,
        receipts=tuple(
            Receipt(question, live[question.purpose])
            for question in order.questions
            if question.purpose in live
        ),
        download_token=download,
        hands_out=hands_out,
        unsubscribe_token=unsubscribe,
        part=participation(tx, stored.id, opened.declaration),
        attachments=proof_of_receipt(tx, opened, withdraw_at, policy.base_url, now),
        first_name=opened.declared.fields.get("first_name", ""),
        webinar=None if opened.declared.through else attendance(tx, opened, policy, now),
        place_token=vault.links.sign(LinkKind.PLACE, stored.id, now),
    )
