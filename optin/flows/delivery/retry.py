"""Sending again what was given up: whatever of it still says something that is so (D1)."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from optin.flows.consents.opened_request import OpenedRequest, open_request
from optin.flows.context import Context
from optin.flows.delivery.mail_order import MailKind, is_known_kind
from optin.flows.draw_entry import participation
from optin.flows.policy import RequestPolicy
from optin.flows.webinar_seats import MAILS, attendance, has_use
from optin.store.outbox import DeadLetter, dead_letters, has_successor, requeue
from optin.store.requests import is_over, keep_longer, load_request
from optin.store.transaction import Tx

STEP = 40  # mails in one transaction, beside live traffic


class Left(StrEnum):
    """Why a mail that was given up is not sent again."""

    FORGOTTEN = "a link to a personal page: whoever still wants it asks for a new one"
    EXPIRED = "the request has expired, or is gone"
    CONFIRMED = "confirmed meanwhile"
    FOLLOWED = "a later mail of the same kind was sent, or waits"
    UNKNOWN = "of a kind that is not known here: install again what queued it"
    NOTHING = "has nothing to say any more"


@dataclass
class Retried:
    """How many mails are sent again, by kind; how many are not, by reason. `last`: the last one looked at."""

    again: Counter[str] = field(default_factory=Counter)
    left: Counter[Left] = field(default_factory=Counter)
    last: int = 0

    def add(self, other: Retried) -> None:
        """Add what a further step did."""
        self.again += other.again
        self.left += other.left
        self.last = other.last


def retry_dead(tx: Tx, context: Context, after: int, now: datetime, *, dry_run: bool = False) -> Retried:
    """Put mails that were given up back, beginning after number `after`: one step.

    A confirmation gets a new link when it leaves, so its request is kept long enough for it.
    """
    done = Retried(last=after)
    for letter in dead_letters(tx, after, STEP):
        done.last = letter.number
        reason = _reason(tx, context, letter, now)
        if reason is not None:
            done.left[reason] += 1
            continue
        if not dry_run:
            requeue(tx, letter.number, now)
            if letter.kind == MailKind.CONFIRMATION:
                keep_longer(
                    tx, letter.request, max(context.policy.keep.after(now), context.policy.link.after(now))
                )
        done.again[letter.kind] += 1
    return done


def _reason(tx: Tx, context: Context, letter: DeadLetter, now: datetime) -> Left | None:
    """Return why a mail is not sent again; None when it is."""
    if letter.kind == MailKind.PERSONAL:  # what it was about was forgotten when it was given up
        return Left.FORGOTTEN
    if not is_known_kind(letter.kind):
        return Left.UNKNOWN
    stored = load_request(tx, letter.request)
    if stored is None or is_over(tx, letter.request, now):
        return Left.EXPIRED
    if has_successor(tx, letter):
        return Left.FOLLOWED
    if letter.kind == MailKind.CONFIRMATION:
        return None if stored.confirmed_at is None else Left.CONFIRMED
    opened = open_request(tx, context.vault, stored)
    return None if _says_something(tx, context.policy, letter, opened, now) else Left.NOTHING


def _says_something(
    tx: Tx, policy: RequestPolicy, letter: DeadLetter, opened: OpenedRequest, now: datetime
) -> bool:
    kind = MailKind(letter.kind)
    if opened.stored.subject is None:
        return False
    if kind is MailKind.DRAWN:
        return participation(tx, opened.stored.id, opened.declaration) is not None
    if kind in MAILS:
        told = attendance(tx, opened, policy, now)
        return told is not None and has_use(kind, told, now)
    return True
