"""A webinar at the desk: seats, waiting list, and its mails. Who came, nobody notes; so no page says it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from optin.kinds.api import DeskPart
from optin.kinds.api.desk import DeskFact, DeskTable, MagnetReport, Mood, Phrase, Shown, WaitingMagnet
from optin.kinds.api.flows import Context
from optin.kinds.api.store import Tx
from optin.kinds.webinar.assign_seats import webinar_of, webinars_of
from optin.kinds.webinar.details import Webinar
from optin.kinds.webinar.mail_schedule import REMINDERS
from optin.kinds.webinar.stored_seats import (
    GIVEN_UP,
    SEATED,
    WAITING,
    count_told,
    peek_occasion,
    seats_by_state,
)
from optin.kinds.webinar.sweep_rules import outdated_plans


def report(tx: Tx, context: Context, magnet: str, now: datetime) -> MagnetReport | None:
    """Return the seats of a webinar, and which of its mails are sent when."""
    webinar = webinar_of(context.policy, magnet)
    if webinar is None:
        return None
    counts = _counts(tx, context, webinar)
    is_outdated = bool(_outdated(tx, context, magnet, webinar))
    answer, mood = _answer(webinar, counts, now)
    if is_outdated:
        answer, mood = _said("outdated"), Mood.DUE
    facts = tuple(_facts(webinar, counts))
    return MagnetReport(answer, mood, facts, (_mails(tx, context, webinar, now),))


def _said(key: str, /, **values: str | int | datetime) -> Phrase:
    return Phrase(f"desk.webinar.{key}", values)


def _names(context: Context, webinar: Webinar) -> list[str]:
    """Return every address of a webinar: a seat stays under that by which it was taken."""
    return [name for name, it in webinars_of(context.policy).items() if it is webinar]


def _counts(tx: Tx, context: Context, webinar: Webinar) -> dict[str, int]:
    found = dict.fromkeys((SEATED, WAITING, GIVEN_UP), 0)
    for name in _names(context, webinar):
        for state, count in seats_by_state(tx, name).items():
            found[state] += count
    return found


def _answer(webinar: Webinar, counts: dict[str, int], now: datetime) -> tuple[Phrase, Mood]:
    if webinar.cancelled:
        return _said("cancelled", count=counts[SEATED]), Mood.WRONG
    if webinar.ends_at <= now:
        return _said("over", moment=webinar.starts_at, count=counts[SEATED]), Mood.PLAIN
    if not webinar.capacity:
        return _said("seats", moment=webinar.starts_at, count=counts[SEATED]), Mood.PLAIN
    free = max(0, webinar.capacity - counts[SEATED])
    if not free:
        return _said("full", moment=webinar.starts_at, count=counts[WAITING]), Mood.GOOD
    return _said("free", moment=webinar.starts_at, count=free), Mood.PLAIN


def _facts(webinar: Webinar, counts: dict[str, int]) -> Iterator[DeskFact]:
    yield DeskFact(_said("starts"), webinar.starts_at)
    yield DeskFact(_said("ends"), webinar.ends_at)
    yield DeskFact(_said("host"), webinar.host)
    yield DeskFact(_said("taken"), counts[SEATED])
    yield DeskFact(_said("capacity"), webinar.capacity or _said("capacity.open"))
    yield DeskFact(_said("waiting"), counts[WAITING])
    yield DeskFact(_said("given-up"), counts[GIVEN_UP])


def _mails(tx: Tx, context: Context, webinar: Webinar, now: datetime) -> DeskTable:
    """Return its mails: when a reminder leaves, and how many were told a change or the recording."""
    rows: list[tuple[Shown, ...]] = []
    for kind, before in REMINDERS.items():
        due = webinar.starts_at - before
        rows.append((_said(f"mail.{kind.value}"), due, _said("mail.left" if due <= now else "mail.to-come")))
    planned = [it for name in _names(context, webinar) if (it := peek_occasion(tx, name)) is not None]
    sequence = max((it.sequence for it in planned), default=0)
    told = [count_told(tx, name, sequence) for name in _names(context, webinar)]
    if sequence:
        rows.append((_said("mail.change", number=sequence), "", sum(it for it, _ in told)))
    if webinar.replay:
        rows.append((_said("mail.recording"), webinar.ends_at, sum(it for _, it in told)))
    columns = (_said("mails.which"), _said("mails.when"), _said("mails.state"))
    return DeskTable(_said("mails"), columns, tuple(rows))


def _outdated(tx: Tx, context: Context, magnet: str, webinar: Webinar) -> list[str]:
    return outdated_plans(tx, dict.fromkeys({magnet, *_names(context, webinar)}, webinar))


def waits(tx: Tx, context: Context, _now: datetime) -> Sequence[WaitingMagnet]:
    """Return the webinars whose change nobody is told, since a server runs on with an earlier plan."""
    known = webinars_of(context.policy)
    return [
        WaitingMagnet(magnet, _said("waits.outdated", magnet=magnet)) for magnet in outdated_plans(tx, known)
    ]


DESK = DeskPart(report=report, waits=waits)
