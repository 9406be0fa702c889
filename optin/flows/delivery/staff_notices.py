"""Tell staff of confirmed requests: queue a notice, claim what is due, count it when it leaves (W12).

Each receiver gets one message a minute at most; what happens meanwhile is counted in the next. A message
holds counts and names of magnets, and identifies nobody, unless the site says why its mails name
people with a consent. Whoever withdrew or was erased before it leaves is neither counted nor named;
whoever is on the company's do-not-contact list is not named.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from optin.consent.form_version import FormDigest
from optin.consent.status_transitions import RequestId
from optin.flows.context import Context
from optin.flows.context_with_kinds import SiteContext
from optin.flows.delivery.backoff import wait_before
from optin.flows.delivery.mail_order import MailKind, NamedPerson, NoticeLine, StaffDigest
from optin.flows.delivery.waiting_matters import matters_to_tell
from optin.flows.objections.find_objections import find_objection
from optin.flows.records.contact_details import current_contact
from optin.flows.records.event_history import live_consents
from optin.store.database_interface import Tx
from optin.store.mail_outbox import NoticeMail, enqueue_notice
from optin.store.staff_notices import (
    ClaimedReceiver,
    add_notice,
    claim_notices,
    claim_receiver,
    count_claimed,
    forget_claimed,
    forget_mailed,
    forget_old,
    has_waiting_mail,
    holds_claim,
    mail_name_of,
    marks_of_claimed,
    people_of_claimed,
    release_receiver,
)
from optin.store.stored_forms import form_by_digest

PAUSE = timedelta(minutes=1)  # between two messages to one receiver
LEASE = timedelta(minutes=2)  # more than a message and its two transactions may take
FIRST_WAIT_SECONDS = 60
LONGEST_WAIT_SECONDS = 3600
GIVE_UP_AFTER = timedelta(days=1)
MOST_NAMED = 50  # people in one mail; the others are counted
CLAIM = "claim"  # in what a queued mail is about


@dataclass(frozen=True)
class OutgoingNotice:
    """The notices of one receiver, ready to be told through a chat service."""

    claimed: ClaimedReceiver
    digest: StaffDigest


@dataclass(frozen=True)
class NoticeResult:
    """Result of a message to a receiver. `dropped`: notices that are a day old and are given up."""

    sent: bool
    dropped: int = 0


def queue_notices(
    tx: Tx, receivers: Mapping[str, Collection[str]], magnet: str, request: RequestId, now: datetime
) -> None:
    """Queue a notice of a confirmed request for each receiver who is told of the magnet.

    `receivers`: the magnets that each is told of, by their addresses; none named: all of them.
    """
    for receiver, magnets in receivers.items():
        if not magnets or magnet in magnets:
            add_notice(tx, receiver, request, now)


def queue_staff_mail(tx: Tx, context: Context, receiver: str, to: Mapping[str, str], now: datetime) -> bool:
    """Queue a mail about the notices that wait, unless an earlier one to the receiver still waits.

    `to`: the e-mail address and the language. What the mail says is counted when it leaves.
    """
    if has_waiting_mail(tx, receiver, MailKind.STAFF):
        return False
    claimed = claim_receiver(tx, receiver, LEASE, now)
    if claimed is None:
        return False
    forget_mailed(tx, receiver)
    waiting = claim_notices(tx, claimed)
    if waiting:
        content = {**to, CLAIM: claimed.claim.hex()}
        notice = NoticeMail(MailKind.STAFF, mail_name_of(receiver), content)
        enqueue_notice(tx, context.vault, notice, context.policy.mail_domain, now)
    release_receiver(tx, receiver, 0, now + PAUSE if waiting else now)
    return waiting > 0


def claim_staff_notices(tx: Tx, context: SiteContext, receiver: str, now: datetime) -> OutgoingNotice | None:
    """Claim a receiver's notices for a chat service; None when there is nothing to tell now."""
    claimed = claim_receiver(tx, receiver, LEASE, now)
    if claimed is None:
        return None
    claim_notices(tx, claimed)
    digest = digest_of(tx, context, claimed.claim, now)
    if digest is None:
        forget_claimed(tx, claimed.claim)
        release_receiver(tx, receiver, 0, now)
        return None
    return OutgoingNotice(claimed, digest)


def record_notice_result(
    tx: Tx, claimed: ClaimedReceiver, now: datetime, *, sent: bool, clock_doubted: bool = False
) -> NoticeResult:
    """Record the result of a message to a receiver; it is tried again after 1, 2 … 60 minutes, for a day.

    By a clock that is doubted nothing is given up (O7).
    """
    if not holds_claim(tx, claimed):
        return NoticeResult(sent)
    if sent:
        forget_claimed(tx, claimed.claim)
        release_receiver(tx, claimed.receiver, 0, now + PAUSE)
        return NoticeResult(sent=True)
    dropped = 0 if clock_doubted else forget_old(tx, claimed.receiver, now - GIVE_UP_AFTER)
    wait = wait_before(claimed.attempts, FIRST_WAIT_SECONDS, 2, LONGEST_WAIT_SECONDS)
    release_receiver(tx, claimed.receiver, claimed.attempts + 1, now + wait)
    return NoticeResult(sent=False, dropped=dropped)


def digest_of(tx: Tx, context: SiteContext, claim: bytes, now: datetime, why: str = "") -> StaffDigest | None:
    """Return the message for claimed notices; None when nobody is left to count, and nothing waits.

    `why`: people with a consent are named for this reason; empty: nobody is.
    """
    counted = count_claimed(tx, claim, now)
    named = _named(tx, context, claim, now) if why else {}
    by_magnet: dict[str, NoticeLine] = {}
    for it in counted:
        form = form_by_digest(tx, FormDigest(it.form))
        if form is None:
            continue
        declared = form.version.declaration
        before = by_magnet.get(declared.magnet)
        by_magnet[declared.magnet] = NoticeLine(
            title=declared.title,
            url=f"{context.policy.base_url}/{declared.magnet}",
            confirmed=it.confirmed + (before.confirmed if before else 0),
            with_consent=it.with_consent + (before.with_consent if before else 0),
            people=(*(before.people if before else ()), *named.get(it.form, ())),
        )
    since = [it.since for it in counted]
    marks = marks_of_claimed(tx, claim)
    found = matters_to_tell(tx, context, now) if marks else ()
    matters = [it for it in found if it.mark in marks]
    since += [marks[it.mark] for it in matters]
    if not by_magnet and not matters:
        return None
    lines = sorted(by_magnet.values(), key=lambda line: (-line.confirmed, line.title))
    return StaffDigest(tuple(lines), min(since), tuple(it.sentence for it in matters), why if named else "")


def _named(tx: Tx, context: Context, claim: bytes, now: datetime) -> dict[str, list[NamedPerson]]:
    """Return the people to name, by form version: those whose events say that a consent stands now."""
    found: dict[str, list[NamedPerson]] = {}
    for form, subject in people_of_claimed(tx, claim, MOST_NAMED, now):
        ends = live_consents(tx, context.vault, subject)
        contact = current_contact(tx, context.vault, subject)
        purposes = sorted(
            {
                str(key.purpose)
                for key, until in ends.items()
                if until > now and find_objection(tx, context.vault, contact.values, key.channel, now) is None
            }
        )
        if purposes and contact.email:
            first_name = contact.values.get("first_name", "")
            found.setdefault(form, []).append(NamedPerson(contact.email, first_name, tuple(purposes)))
    return found
