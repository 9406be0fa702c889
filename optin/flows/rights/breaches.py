"""Write down breaches of personal data, and what was done about them (GDPR 33, 34). Nothing is overwritten.

The steps of the law, as far as they are judged here: the authority is told within 72 hours of the discovery,
or later with the reasons (33(1)); it need not be told if a risk is unlikely, which is a reason to record; the
people are told where the risk is high (34), or a reason says why not.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from optin.consent.breach import Breach, Closing, Notification
from optin.consent.event_content import rfc3339
from optin.consent.plain_text import plain_text
from optin.errors import RequestRefused
from optin.flows.context import Context
from optin.flows.unreadable_rows import BROKEN, error_name_of
from optin.proof.canonical_json import Json
from optin.rules.deadlines import DeadlineName, deadline_on
from optin.store.breaches import (
    StoredBreach,
    add_breach,
    add_closing,
    add_correction,
    add_notification,
    breach_rows,
    find_breach,
    open_breach,
)
from optin.store.database_interface import Tx


@dataclass(frozen=True)
class FoundBreach:
    """A breach as staff discovered it. `people`: how many it affects; None: not known yet."""

    discovered: datetime
    what: str = field(repr=False)
    who: str
    people: int | None = None
    effects: str = field(default="", repr=False)
    measures: str = field(default="", repr=False)


@dataclass(frozen=True)
class BreachCorrection:
    """A correction of a breach's facts, and its reason; None leaves a fact as it is."""

    why: str = field(repr=False)
    who: str
    discovered: datetime | None = None
    people: int | None = None
    what: str | None = field(default=None, repr=False)
    effects: str | None = field(default=None, repr=False)
    measures: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class BreachEnd:
    """The closing of a breach; for each duty that was not fulfilled it gives the reason."""

    who: str
    people_told: date | None = None
    why_people_not_told: str = field(default="", repr=False)
    why_not_notified: str = field(default="", repr=False)


@dataclass(frozen=True)
class ListedBreach:
    """A breach in a list; None: its rows cannot be read, `problem` says why."""

    number: int
    breach: Breach | None
    problem: str = ""


def note_breach(tx: Tx, context: Context, found: FoundBreach, now: datetime) -> Breach:
    """Record a breach; return it with its number and deadline. Raises RequestRefused."""
    due = _due(found.discovered, now)
    breach = Breach(
        number=0,
        recorded=now,
        discovered=found.discovered,
        due=due,
        people=_people(found.people),
        what=_said(found.what, "--what"),
        effects=plain_text(found.effects),
        measures=plain_text(found.measures),
        who=_said(found.who, "--who"),
    )
    return _open(tx, context, add_breach(tx, context.vault, breach, now)).breach


def note_notification(
    tx: Tx, context: Context, number: int, notification: Notification, now: datetime
) -> Breach:
    """Record that the authority was notified; information may follow in phases (33(4)).

    Raises RequestRefused, also for a first notification after the deadline without the reasons (33(1)).
    """
    stored = _open(tx, context, number)
    known = stored.breach
    if notification.at > now:
        msg = f"{rfc3339(notification.at)} has not come yet. Nothing was stored."
        raise RequestRefused(msg)
    if notification.at < known.discovered:
        msg = f"The breach was discovered only at {rfc3339(known.discovered)}. Nothing was stored."
        raise RequestRefused(msg)
    if not known.notifications and notification.at > known.due and not plain_text(notification.why_late):
        msg = f"The deadline was {rfc3339(known.due)}; give the reasons with --why-late (GDPR 33(1))."
        raise RequestRefused(msg)
    clean = Notification(
        notification.at,
        _said(notification.authority, "--authority"),
        plain_text(notification.reference),
        plain_text(notification.why_late),
        _said(notification.who, "--who"),
    )
    add_notification(tx, context.vault, stored, clean, now)
    return _open(tx, context, number).breach


def correct_breach(
    tx: Tx, context: Context, number: int, correction: BreachCorrection, now: datetime
) -> Breach:
    """Record a correction of a breach; the replaced values stay in the log, and are shown with it.

    Another moment of discovery moves the deadline. Raises RequestRefused.
    """
    stored = _open(tx, context, number)
    facts: dict[str, Json] = {"who": _said(correction.who, "--who")}
    if correction.discovered is not None:
        due = _due(correction.discovered, now)
        facts |= {"discovered": rfc3339(correction.discovered), "due": rfc3339(due)}
    if correction.people is not None:
        facts["people"] = _people(correction.people)
    new = {"what": correction.what, "effects": correction.effects, "measures": correction.measures}
    texts: dict[str, Json] = {name: plain_text(text) for name, text in new.items() if text is not None}
    if texts.get("what") == "":
        _said("", "--what")
    if not texts and len(facts) == 1:
        msg = "Say what is corrected: --discovered, --people, --what, --effects or --measures."
        raise RequestRefused(msg)
    texts["why"] = _said(correction.why, "--why")
    add_correction(tx, context.vault, stored, facts, texts, now)
    return _open(tx, context, number).breach


def close_breach(tx: Tx, context: Context, number: int, end: BreachEnd, now: datetime) -> Breach:
    """Close a breach. Raises RequestRefused when a duty has neither been fulfilled nor a reason."""
    stored = _open(tx, context, number)
    known = stored.breach
    if known.closing is not None:
        day = f"{known.closing.at:%Y-%m-%d}"
        msg = f"Breach {number} was closed on {day}; put it right with: optin breaches correct"
        raise RequestRefused(msg)
    if not known.notifications and not plain_text(end.why_not_notified):
        msg = (
            f"The authority was not told of breach {number}. Say why not with --not-notified, such as that a"
            " risk for people is unlikely (GDPR 33(1)); or record the notification: optin breaches notified"
        )
        raise RequestRefused(msg)
    if known.notifications and plain_text(end.why_not_notified):
        msg = f"The authority was told of breach {number}; leave out --not-notified."
        raise RequestRefused(msg)
    if (end.people_told is None) == (not plain_text(end.why_people_not_told)):
        msg = "Say either when the people were told, --people-told, or why not, --people-not-told (GDPR 34)."
        raise RequestRefused(msg)
    today = now.astimezone(context.policy.zone).date()
    first = known.discovered.astimezone(context.policy.zone).date()
    if end.people_told is not None and not first <= end.people_told <= today:
        msg = f"People can have been told from {first} to {today} only. Nothing was stored."
        raise RequestRefused(msg)
    closing = Closing(
        now,
        end.people_told,
        plain_text(end.why_people_not_told),
        plain_text(end.why_not_notified),
        _said(end.who, "--who"),
    )
    add_closing(tx, context.vault, stored, closing, now)
    return _open(tx, context, number).breach


def list_breaches(tx: Tx, context: Context) -> list[ListedBreach]:
    """Return every breach by its number; changes nothing."""
    found: list[ListedBreach] = []
    for number, rows in breach_rows(tx).items():
        try:
            found.append(ListedBreach(number, open_breach(context.vault, number, rows).breach))
        except BROKEN as problem:
            found.append(ListedBreach(number, None, error_name_of(problem)))
    return found


def _due(discovered: datetime, now: datetime) -> datetime:
    """Return the deadline of the notification. Raises RequestRefused for a moment that cannot be."""
    if discovered > now:
        msg = f"{rfc3339(discovered)} has not come yet. Nothing was stored."
        raise RequestRefused(msg)
    deadline = deadline_on(DeadlineName.BREACH_AUTHORITY, discovered.date())
    if deadline is None:
        msg = f"On {discovered:%Y-%m-%d} the GDPR did not apply yet. Nothing was stored."
        raise RequestRefused(msg)
    return discovered + timedelta(hours=deadline.hours)


def _open(tx: Tx, context: Context, number: int) -> StoredBreach:
    stored = find_breach(tx, context.vault, number)
    if stored is None:
        msg = f"There is no breach {number}; see: optin breaches"
        raise RequestRefused(msg)
    for fault in stored.faults():
        msg = f"Breach {number} {fault}: somebody changed the database. Run: optin audit"
        raise RequestRefused(msg)
    return stored


def _people(count: int | None) -> int | None:
    if count is not None and count < 0:
        msg = "--people is a number of people, 0 or more."
        raise RequestRefused(msg)
    return count


def _said(text: str, option: str) -> str:
    said = plain_text(text)
    if not said:
        msg = f"{option} is empty; it is recorded with the breach."
        raise RequestRefused(msg)
    return said
