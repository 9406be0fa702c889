"""Send abandoned mails again, where their content still holds (D1)."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from optin.consent.held_basis import BasisEntryId
from optin.errors import KindFailed, RequestRefused
from optin.flows.context_with_kinds import SiteContext
from optin.flows.delivery.deliver_mails import MAX_KIND_CHARACTERS, SENT_ANYWAY, UNREACHABLE
from optin.flows.delivery.mail_content import UnknownMailKind, is_known_mail, kind_mail_facts
from optin.flows.delivery.mail_order import MailKind
from optin.flows.kind_flow_hooks import QueuedMail
from optin.flows.records.decrypted_request import open_request
from optin.store.database_interface import Tx
from optin.store.held_bases import load_entry
from optin.store.mail_outbox import (
    DeadLetter,
    count_dead,
    dead_letters,
    dead_letters_to,
    has_successor,
    hurry,
    requeue,
)
from optin.store.requests import Request, is_over, keep_longer, load_request
from optin.store.unreachable_addresses import unreachable_since

STEP = 40  # mails in one transaction, beside live traffic


class SkipReason(StrEnum):
    """Why an abandoned mail is not sent again."""

    STAFF = "a notice to staff: what it counted was forgotten; later ones count what came since"
    FORGOTTEN = "a link to a personal page: the person can request a new one"
    EXPIRED = "the request has expired, or is gone"
    CONFIRMED = "confirmed meanwhile"
    FOLLOWED = "a later mail of the same kind was sent, or waits"
    UNKNOWN = "of an unknown kind: install the package again that queued it"
    FAILED = "its kind of magnet cannot provide its content"
    NOTHING = "has no use any more"
    UNREACHABLE = "mails to its address came back: once the person confirms something again, it can be sent"


@dataclass
class RetryCounts:
    """Numbers of mails that are sent again, by kind, and of those that are not, by reason.

    `hurried`: how many waited for another try, and are due now. `last`: the last one looked at.
    """

    again: Counter[str] = field(default_factory=Counter)
    skipped: Counter[SkipReason] = field(default_factory=Counter)
    unknown: Counter[str] = field(default_factory=Counter)  # names of the mails that are not known here
    hurried: int = 0
    last: int = 0

    def add(self, other: RetryCounts) -> None:
        """Add the numbers of another step."""
        self.again += other.again
        self.skipped += other.skipped
        self.unknown += other.unknown
        self.hurried += other.hurried
        self.last = other.last


def retry_dead(
    tx: Tx, context: SiteContext, after: int, now: datetime, *, dry_run: bool = False
) -> RetryCounts:
    """Queue abandoned mails again, from number `after` on: one step.

    The last step, that finds none, makes mails due that wait for another try. A confirmation gets a new link
    when it leaves, so its request is kept long enough for it.
    """
    done = RetryCounts(last=after)
    for letter in dead_letters(tx, after, STEP):
        done.last = letter.number
        reason = _reason(tx, context, letter, now)
        if reason is not None:
            done.skipped[reason] += 1
            if reason is SkipReason.UNKNOWN:
                done.unknown[letter.kind] += 1
            continue
        if not dry_run:
            _again(tx, context, letter, now)
        done.again[letter.kind] += 1
    if done.last == after and not dry_run:
        done.hurried = hurry(tx, now)
    return done


@dataclass(frozen=True)
class GivenUpMail:
    """A mail that was given up. `skip`: why it is not sent again; None: it can be."""

    letter: DeadLetter
    skip: SkipReason | None


def given_up_mails(
    tx: Tx, context: SiteContext, now: datetime, most: int, after: int = 0
) -> list[GivenUpMail]:
    """Return mails that were given up, the oldest first, from number `after` on; changes nothing."""
    return [GivenUpMail(it, _reason(tx, context, it, now)) for it in dead_letters(tx, after, most)]


def retry_one(tx: Tx, context: SiteContext, number: int, now: datetime) -> str:
    """Queue one abandoned mail again; return its kind. Raises RequestRefused."""
    found = [it for it in dead_letters(tx, number - 1, 1) if it.number == number]
    reason = _reason(tx, context, found[0], now) if found else None
    if not found or reason is not None:
        why = "it is not given up any more" if reason is None else reason.value
        msg = f"This mail is not sent again: {why}."
        raise RequestRefused(msg)
    _again(tx, context, found[0], now)
    return found[0].kind


def retry_unreachable(tx: Tx, context: SiteContext, email_index: bytes, now: datetime) -> int:
    """Queue what was given up for a mailbox that counted as unreachable, and still holds; return how many."""
    letters = dead_letters_to(tx, email_index, UNREACHABLE)
    found = [it for it in letters if _reason(tx, context, it, now) is None]
    for letter in found:
        _again(tx, context, letter, now)
    return len(found)


def _again(tx: Tx, context: SiteContext, letter: DeadLetter, now: datetime) -> None:
    requeue(tx, letter.number, now)
    if letter.kind == MailKind.CONFIRMATION:
        keep_longer(tx, letter.request, context.policy.erase_at(now))


def warn_of_unknown(tx: Tx, context: SiteContext) -> list[str]:
    """Return, in sentences, the abandoned mails of kinds that are no longer installed."""
    return [
        f"{count} mails {name[:MAX_KIND_CHARACTERS]!a} were given up, since what queued them is not"
        " installed: install its package again and run optin mail retry, within 30 days"
        for name, count in sorted(count_dead(tx).items())
        if not is_known_mail(name, context)
    ]


def _reason(tx: Tx, context: SiteContext, letter: DeadLetter, now: datetime) -> SkipReason | None:
    """Return why a mail is not sent again; None when it is."""
    always = {
        MailKind.PERSONAL: SkipReason.FORGOTTEN,  # what it was about was forgotten when it was given up
        MailKind.SIGN_IN: SkipReason.FORGOTTEN,  # its link is too old by then
        MailKind.STAFF: SkipReason.STAFF,
    }
    if letter.kind in {*always}:
        return always[MailKind(letter.kind)]
    if letter.kind == MailKind.BASIS:
        return _basis_reason(tx, context, letter, now)
    if not is_known_mail(letter.kind, context):
        return SkipReason.UNKNOWN
    return _request_reason(tx, context, letter, load_request(tx, letter.request), now)


def _request_reason(
    tx: Tx, context: SiteContext, letter: DeadLetter, stored: Request | None, now: datetime
) -> SkipReason | None:
    """Return why a mail about a request is not sent again; None when it is."""
    if stored is not None and letter.kind not in SENT_ANYWAY and unreachable_since(tx, stored.email_index):
        return SkipReason.UNREACHABLE
    if letter.kind == MailKind.LETTER:
        return None  # whether it still may leave is decided when it is composed
    if stored is None or is_over(tx, letter.request, now):
        return SkipReason.EXPIRED
    if has_successor(tx, letter):
        return SkipReason.FOLLOWED
    if letter.kind == MailKind.CONFIRMATION:
        return None if stored.confirmed_at is None else SkipReason.CONFIRMED
    if stored.subject is None:
        return SkipReason.NOTHING
    if letter.kind in {*MailKind}:
        return None
    return _own_reason(tx, context, letter, stored, now)


def _basis_reason(tx: Tx, context: SiteContext, letter: DeadLetter, now: datetime) -> SkipReason | None:
    """Return why a mail about an entry of the register of bases is not sent again; None when it is."""
    entry = load_entry(tx, context.vault, BasisEntryId(letter.request))
    if entry is None or not entry.lasts(now):
        return SkipReason.NOTHING
    return SkipReason.FOLLOWED if has_successor(tx, letter) else None


def _own_reason(
    tx: Tx, context: SiteContext, letter: DeadLetter, stored: Request, now: datetime
) -> SkipReason | None:
    """Return why a mail of the magnet's kind is not sent again; None when it is."""
    opened, mail = open_request(tx, context.vault, stored), QueuedMail(letter.number, letter.kind)
    try:
        facts = kind_mail_facts(tx, context, opened, mail, now)
    except UnknownMailKind:
        return SkipReason.UNKNOWN
    except KindFailed:
        return SkipReason.FAILED
    return SkipReason.NOTHING if facts is None else None
