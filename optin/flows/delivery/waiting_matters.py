"""Matters that wait for an action of staff, as sentences that name nobody (W12).

The sentences are those of the operator: in English, each with its cure. A matter is known by a mark, so that
the same one is told once, and again after a day if it still waits.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from optin.consent.status_transitions import ID_BYTES, RequestId
from optin.errors import OptinError
from optin.flows.context_with_kinds import SiteContext
from optin.flows.deletion_clock import read_clock
from optin.flows.delivery.mail_order import MailKind
from optin.flows.unreadable_rows import BROKEN
from optin.store.backup_facts import backup_moments
from optin.store.breaches import breach_rows, open_breach
from optin.store.database_interface import Tx
from optin.store.installation_facts import last_examination
from optin.store.mail_outbox import count_dead
from optin.store.reported_matters import (
    abandoned_messages,
    late_messages,
    lock_reported_matters,
    reported_matters,
    stopped_webhooks,
    store_reported_matters,
)
from optin.store.rights_requests import open_request_rows, open_row
from optin.store.staff_notices import add_notice

AGAIN_AFTER = timedelta(days=1)
LATE_AFTER = timedelta(hours=1)
DUE_SOON = timedelta(days=7)
LAST_DAY_HOURS = 24
RETURNED_MAIL = "returned-mail"  # a check of the doctor
_TOLD = ("failed", "warning")  # verdicts of the doctor


@dataclass(frozen=True)
class WaitingMatter:
    """One matter. `name`: what it is, without counts; `sentence`: for staff, with the cure.

    `key`: of the sentence that the desk has for it in each language, with its number; empty: it has none.
    """

    name: str
    sentence: str
    key: str = ""
    count: int = 0
    told_once: bool = False  # else again after a day, while it waits

    @property
    def mark(self) -> RequestId:
        """The mark that a notice holds in place of a request."""
        return RequestId(hashlib.sha256(b"waiting\0" + self.name.encode()).digest()[:ID_BYTES])


def waiting_matters(
    tx: Tx, context: SiteContext, now: datetime, without: Collection[str] = ()
) -> tuple[WaitingMatter, ...]:
    """Return all matters that wait for staff now; none of them names a person. See `matters_of_kinds`."""
    return (
        *_of_optin(tx, context, now),
        *_late(tx, now),
        *_breaches(tx, context, now),
        *_requests_of_people(tx, context, now),
        *matters_of_kinds(tx, context, now, without),
    )


def matters_to_tell(tx: Tx, context: SiteContext, now: datetime) -> tuple[WaitingMatter, ...]:
    """Return what staff is told of: what waits, and what changed in the set-up."""
    return (*waiting_matters(tx, context, now), *_of_examination(tx, context))


def unread_returns(tx: Tx, context: SiteContext) -> Iterator[WaitingMatter]:
    """Yield a matter where the server's doctor last found that nobody reads mails that come back (O6).

    Staff is mailed about it as a finding of the doctor.
    """
    try:
        kept = json.loads(last_examination(tx, context.vault) or "{}")
        found = {it["name"]: it for it in kept.get("findings", ())}.get(RETURNED_MAIL, {})
        if found.get("verdict") in _TOLD:
            yield WaitingMatter(RETURNED_MAIL, f"{found['seen']} {found['cure']}", RETURNED_MAIL)
    except (ValueError, KeyError, TypeError, AttributeError):  # of another version
        return


def _of_examination(tx: Tx, context: SiteContext) -> Iterator[WaitingMatter]:
    """Yield a matter for each finding of the server's doctor, and for each that is gone; told once (O3)."""
    try:
        kept = json.loads(last_examination(tx, context.vault) or "{}")
        for it in kept.get("findings", ()):
            if it["verdict"] in _TOLD:
                name = f"doctor {it['name']} {it['verdict']} {it['mark']}"
                sentence = f"optin doctor, {it['verdict']}: {it['seen']} Cure: {it['cure']}"
                yield WaitingMatter(name, " ".join(sentence.split()), told_once=True)
        for it in kept.get("gone", ()):
            if it["verdict"] in _TOLD:
                name = f"doctor {it['name']} is well {kept['at']}"
                yield WaitingMatter(name, f"optin doctor, well again: {it['what']}.", told_once=True)
    except (ValueError, KeyError, TypeError, AttributeError):  # of another version
        return


def _of_optin(tx: Tx, context: SiteContext, now: datetime) -> Iterator[WaitingMatter]:
    look = read_clock(tx, context, now)
    if look.doubted:
        yield WaitingMatter("clock", look.sentence, "clock")
    backups = backup_moments(tx)
    if backups.failed is not None:
        sentence = f"A backup failed, and is tried again each hour. {backups.failure}".strip()
        yield WaitingMatter("backup", sentence)
    # a mail to staff that was given up cannot be told by another
    dead = sum(count for kind, count in count_dead(tx).items() if kind != MailKind.STAFF)
    if dead:
        yield WaitingMatter(
            "mails", f"Mails that were given up: {dead}. See: optin mail retry --dry-run", "mails", dead
        )
    stopped = stopped_webhooks(tx)
    for processor in stopped:
        sentence = f"The webhook of {processor} answered 410; nothing is sent to it until its url changes."
        yield WaitingMatter(f"stopped {processor}", sentence)
    for it in abandoned_messages(tx):
        if it.processor in stopped:  # that says it all
            continue
        how = "refused for good" if it.refused else "did not take in time"
        sentence = f"Messages that {it.processor} {how}: {it.count}. Inform it yourself; see: optin exports"
        yield WaitingMatter(f"{how} {it.processor}", sentence)


def _late(tx: Tx, now: datetime) -> Iterator[WaitingMatter]:
    """Yield a matter for each processor that accepts no messages: a token may be wrong, or a server down."""
    for processor, count in late_messages(tx, now - LATE_AFTER).items():
        sentence = (
            f"Messages that have waited for {processor} for over an hour: {count}. The server's log says why;"
            " see: optin exports"
        )
        yield WaitingMatter(f"late {processor}", sentence)


def _breaches(tx: Tx, context: SiteContext, now: datetime) -> Iterator[WaitingMatter]:
    """Yield a matter for each breach to tell the authority of; another one on the last day, and after it."""
    for number, rows in breach_rows(tx).items():
        try:
            breach = open_breach(context.vault, number, rows).breach
        except BROKEN:
            yield WaitingMatter(
                f"breach {number} unreadable", f"Breach {number} cannot be read. Run: optin audit"
            )
            continue
        if not breach.waits_for_notification:
            continue
        left, cure = breach.hours_left(now), f"See: optin breaches notified {number}"
        if left < 0:
            sentence = (
                f"Breach {number}: the time to tell the authority is over since {-left} hours (GDPR 33(1))."
            )
            yield WaitingMatter(f"breach {number} late", f"{sentence} {cure}", "breach-late", number)
        else:
            stage = "last day" if left < LAST_DAY_HOURS else "open"
            sentence = f"Breach {number}: the authority must be told within {left} hours (GDPR 33(1))."
            yield WaitingMatter(f"breach {number} {stage}", f"{sentence} {cure}", "breach-open", number)


def _requests_of_people(tx: Tx, context: SiteContext, now: datetime) -> Iterator[WaitingMatter]:
    """Yield a matter for requests past their last day, for those due soon, and for what cannot be read."""
    today = now.astimezone(context.policy.zone).date()
    left: list[int] = []
    unreadable = 0
    for row in open_request_rows(tx):
        try:
            left.append(open_row(context.vault, row).request.days_left(today))
        except BROKEN:
            unreadable += 1
    overdue, soon = sum(it < 0 for it in left), sum(0 <= it <= DUE_SOON.days for it in left)
    if overdue:
        sentence = (
            f"Requests of people past their last day (GDPR 12(3)): {overdue}. See: optin requests --open"
        )
        yield WaitingMatter("requests overdue", sentence, "requests-overdue", overdue)
    if soon:
        sentence = f"Requests of people due within {DUE_SOON.days} days: {soon}. See: optin requests --open"
        yield WaitingMatter("requests due", sentence, "requests-due", soon)
    if unreadable:
        sentence = f"Requests of people that cannot be read: {unreadable}. Run: optin audit"
        yield WaitingMatter("requests unreadable", sentence)


def matters_of_kinds(
    tx: Tx, context: SiteContext, now: datetime, without: Collection[str] = ()
) -> Iterator[WaitingMatter]:
    """Yield what kinds of magnets have to say of theirs. `without`: kinds that say it elsewhere."""
    for name, part in context.kinds.items():
        if name in without:
            continue
        try:
            said = tuple(part.warnings(tx, context, now))
        except OptinError:
            raise
        except Exception as problem:  # noqa: BLE001 - it is another's program, and may raise anything
            said = (f"The kind {name} cannot report what waits for you: {type(problem).__name__}",)
        yield from (WaitingMatter(sentence, sentence) for sentence in said)


def queue_waiting_notices(tx: Tx, context: SiteContext, receiver: str, now: datetime) -> int:
    """Queue a notice of each matter that was not reported to the receiver within a day; return how many."""
    lock_reported_matters(tx, receiver)
    reported = reported_matters(tx, receiver)
    found = {it.mark.hex(): it for it in matters_to_tell(tx, context, now)}
    # a moment ahead of the clock is one of a clock that was wrong
    fresh = {
        mark: at
        for mark, at in reported.items()
        if mark in found and at <= now and (found[mark].told_once or now < at + AGAIN_AFTER)
    }
    new = [it for mark, it in found.items() if mark not in fresh]
    for matter in new:
        add_notice(tx, receiver, matter.mark, now)
    if new or fresh.keys() != reported.keys():
        store_reported_matters(tx, receiver, {**fresh, **{it.mark.hex(): now for it in new}})
    return len(new)
