"""Deliver mail: claim due mails, decide their content, record the result (D1, P2).

A claimed mail is composed from the store at this moment, so a link's age starts when its mail leaves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from optin.consent.event_content import EventBuilder
from optin.consent.held_basis import BasisEntryId
from optin.errors import JournalUnusable, KindFailed, LogDiverged
from optin.flows.bases.record_notice import BY_MAIL, record_notice
from optin.flows.context import Context
from optin.flows.context_with_kinds import SiteContext
from optin.flows.deletion_clock import read_clock
from optin.flows.delivery.backoff import wait_before
from optin.flows.delivery.mail_content import DOUBT_WAIT, NotDue, UnknownMailKind, order_for
from optin.flows.delivery.mail_order import (
    BasisOrder,
    LetterOrder,
    MailKind,
    MailOrder,
    MailState,
    Order,
    StaffOrder,
    Verdict,
)
from optin.flows.evidence.receipt import NotSigned
from optin.flows.evidence.withdrawals_in_journal import EndingsOf, no_journal_endings
from optin.flows.records.decrypted_request import open_request
from optin.flows.unreadable_rows import BROKEN, error_name_of
from optin.proof.commitment import commit
from optin.store.database_interface import Tx
from optin.store.encryption import Vault
from optin.store.events import add_events
from optin.store.letters import record_sent_letter
from optin.store.mail_outbox import (
    MailTries,
    OutboxMail,
    Urgency,
    claim,
    keep_mail,
    postpone,
    put_back,
    remove_mail,
    settle,
    tries_of,
)
from optin.store.requests import load_request
from optin.store.sending_claims import ClaimBatch
from optin.store.staff_notices import forget_claimed
from optin.store.unreachable_addresses import unreachable_since

LEASE = timedelta(minutes=5)  # more than twice what a mail in hand may take, waiting and sending
FIRST_WAIT_SECONDS = 30
LONGEST_WAIT_SECONDS = 6 * 3600
MOMENT = timedelta(milliseconds=250)  # until the log has taken in what was just confirmed
GIVE_UP_AFTER = timedelta(days=7)
MAX_KIND_CHARACTERS = 60
MEMORY_WAIT = timedelta(minutes=1)  # of a letter, while nobody can say who withdrew
UNREACHABLE = "unreachable"  # the note of a mail that is not sent, because others came back
# somebody at the mailbox may have asked for these just now, and what they read lifts it; or they go to staff
SENT_ANYWAY = frozenset({MailKind.CONFIRMATION, MailKind.PERSONAL, MailKind.SIGN_IN, MailKind.STAFF})


@dataclass(frozen=True)
class MailInputs:
    """What the content of mails depends on besides the store.

    A receipt over which no checkpoint is signed yet waits so long (`receipts_wait`); None: raises NotSigned.
    `endings_of`: what is remembered outside the database; while it cannot be read, letters wait.
    """

    receipts_wait: timedelta | None = MOMENT
    endings_of: EndingsOf = no_journal_endings


def claim_orders(
    tx: Tx,
    context: SiteContext,
    batch: ClaimBatch,
    now: datetime,
    *,
    suspect: bool,
    composing: MailInputs = MailInputs(),
) -> list[Order]:
    """Claim a batch of due mails. `suspect`: mails with which couriers died, to be tried alone.

    A mail that has no use any more (its request is gone, or already confirmed) is removed. A mail with which
    several couriers died is given up beforehand (`give_up_crashing_mails`). A mail whose rows cannot be read
    waits as after a failed try. A mail of an unknown kind is given up at once; the reason names its kind.
    One for a mailbox that mails came back from is given up as well, unless it was asked for just now (O6).
    Raises NotSigned.
    """
    claimed = claim(tx, batch, LEASE, now, suspect=suspect)
    orders = (_order(tx, context, letter, composing, now) for letter in claimed)
    return [order for order in orders if order is not None]


def hold_back(tx: Tx, held: Sequence[tuple[Order, datetime]]) -> None:
    """Put claimed mails back, each until its moment; no attempt is counted."""
    for order, until in held:
        if tries_of(tx, order.number, order.claim) is not None:
            put_back(tx, order.number, until)


def _order(
    tx: Tx, context: SiteContext, letter: OutboxMail, composing: MailInputs, now: datetime
) -> Order | None:
    """Return the mail to send; None for one that waits, was given up, or was removed."""
    try:
        order = order_for(tx, context, letter, now, composing.endings_of)
    except NotSigned:
        if composing.receipts_wait is None:
            raise
        put_back(tx, letter.number, now + composing.receipts_wait)
    except NotDue as early:
        put_back(tx, letter.number, early.until)
    except (LogDiverged, JournalUnusable):
        put_back(tx, letter.number, now + MEMORY_WAIT)
    except UnknownMailKind:
        settle(tx, letter.number, MailState.DEAD.value, _unknown_kind(letter.kind), now)
    except KindFailed as problem:
        _set_aside(tx, context, letter, str(problem), now)
    except BROKEN as problem:
        _set_aside(tx, context, letter, error_name_of(problem), now)
    else:
        if order is None:
            _let_go(tx, context, letter, now)
            return None
        found = _unless_unreachable(tx, context, order, now)
        return None if found is None else replace(found, asked=letter.urgency is Urgency.ASKED)
    return None


def _unless_unreachable(tx: Tx, context: Context, order: Order, now: datetime) -> Order | None:
    """Return a mail that may be sent; give up one for a mailbox that mails came back from."""
    if order.kind in SENT_ANYWAY or not unreachable_since(tx, context.vault.index(order.recipient)):
        return order
    settle(tx, order.number, MailState.DEAD.value, UNREACHABLE, now)
    return None


def _let_go(tx: Tx, context: SiteContext, letter: OutboxMail, now: datetime) -> None:
    """Remove a mail that has no use; by the right clock one of a kind of magnets may still be of use."""
    if letter.kind not in {*MailKind} and read_clock(tx, context, now).doubted:
        put_back(tx, letter.number, now + DOUBT_WAIT)
    else:
        remove_mail(tx, letter.number)


def _unknown_kind(name: str) -> str:
    """Return the note stored about a mail whose kind is not known here."""
    return f"unknown kind of mail: {name[:MAX_KIND_CHARACTERS]}"


@dataclass(frozen=True)
class Attempt:
    """Result of one attempt to send a mail."""

    verdict: Verdict
    reply: str  # a code, never words of the server: they may name people (S4)
    message: bytes = b""  # the very bytes that were sent


def record_result(tx: Tx, context: Context, order: Order, attempt: Attempt, now: datetime) -> MailState:
    """Record the result of an attempt; LOST when another courier has claimed the mail, or it is gone.

    Sent: an event commits to the very bytes, and they are kept sealed (P2). Refused: never again.
    Later: again after 30 s · 2ⁿ up to 6 h with jitter, for a week, longer while the clock is doubted (O7).
    """
    stand = tries_of(tx, order.number, order.claim)
    if stand is None:
        return MailState.LOST
    young = now < stand.queued_at + GIVE_UP_AFTER
    if attempt.verdict is Verdict.LATER and (young or read_clock(tx, context, now).doubted):
        postpone(tx, order.number, attempt.reply, _next_try(stand, now))
        return MailState.WAITING
    settled = MailState.SENT if attempt.verdict is Verdict.SENT else MailState.DEAD
    if order.kind is MailKind.ERASED:
        remove_mail(tx, order.number)  # the last mail is forgotten as well
        return settled
    if isinstance(order, LetterOrder) and settled is MailState.SENT:
        _note_letter(tx, order.number, stand.message_id, now)
        return settled
    settle(tx, order.number, settled.value, attempt.reply, now)
    if isinstance(order, BasisOrder) and settled is MailState.SENT:
        record_notice(tx, context.vault, order.entry, BY_MAIL, stand.message_id, now)
    if isinstance(order, StaffOrder):
        forget_claimed(tx, order.batch)
        return settled
    sent = attempt.verdict is Verdict.SENT
    if sent and isinstance(order, MailOrder) and order.event_builder is not None:
        keep_mail(tx, context.vault, stand.message_id, stand.request, attempt.message, now)
        _note_sent(tx, context.vault, stand, order.event_builder, commit(order.salt, attempt.message), now)
    return settled


def record_crashed_send(
    tx: Tx, context: Context, number: int, fence: bytes, message: bytes, now: datetime
) -> bool:
    """Record a mail sent by a courier that died before it could record it; False when already recorded.

    The event is made of the request and of the very bytes, as the courier would have made it; its moment is
    the one of the record, for an event stands after those before it. When it left is in the mail itself.
    """
    stand = tries_of(tx, number, fence)
    if stand is None:
        return False
    if stand.kind == MailKind.ERASED:
        remove_mail(tx, number)
        return True
    if stand.kind == MailKind.LETTER:
        _note_letter(tx, number, stand.message_id, now)
        return True
    settle(tx, number, MailState.SENT.value, "250", now)
    if stand.kind == MailKind.BASIS:
        record_notice(tx, context.vault, BasisEntryId(stand.request), BY_MAIL, stand.message_id, now)
        return True
    stored = None if stand.kind in _ABOUT_NO_REQUEST else load_request(tx, stand.request)
    if stored is not None:
        opened = open_request(tx, context.vault, stored)
        keep_mail(tx, context.vault, stand.message_id, stand.request, message, now)
        _note_sent(tx, context.vault, stand, opened.event_builder, commit(opened.sealed.salt, message), now)
    return True


_ABOUT_NO_REQUEST = frozenset({MailKind.PERSONAL, MailKind.STAFF, MailKind.SIGN_IN})


def _note_letter(tx: Tx, number: int, message_id: str, now: datetime) -> None:
    """Record a sent letter beside its consent, and in the sums; the outbox needs it no more."""
    record_sent_letter(tx, message_id, now)
    remove_mail(tx, number)


def _note_sent(
    tx: Tx, vault: Vault, stand: MailTries, event_builder: EventBuilder, commitment: str, now: datetime
) -> None:
    mailed = event_builder.mailed(now, stand.kind, stand.message_id, commitment)
    add_events(tx, vault, stand.request, [mailed])


def _set_aside(tx: Tx, context: Context, letter: OutboxMail, reply: str, now: datetime) -> None:
    """Postpone a mail that cannot be read; give it up after a week, unless the clock is doubted."""
    stand = tries_of(tx, letter.number, letter.claim)
    old = stand is None or now >= stand.queued_at + GIVE_UP_AFTER
    if stand is None or (old and not read_clock(tx, context, now).doubted):
        settle(tx, letter.number, MailState.DEAD.value, reply, now)
    else:
        postpone(tx, letter.number, reply, _next_try(stand, now))


def _next_try(stand: MailTries, now: datetime) -> datetime:
    return now + wait_before(stand.attempts, FIRST_WAIT_SECONDS, 2, LONGEST_WAIT_SECONDS)
