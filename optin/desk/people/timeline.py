"""What happened to one person, in one list, the newest first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from optin.flows.staff.person_file import PersonFile
from optin.flows.staff.trail import ActKind

MOST_LINES = 60  # on the person's page; the evidence holds all
_TOLD_ELSEWHERE = frozenset(
    {"mailed", "accessed", "asked"}
)  # mails, looks and questions have lines of their own
_ACT_OF = {
    "show": ActKind.LOOKED_AT_PERSON,
    "withdraw": ActKind.WITHDREW,
    "hold": ActKind.HELD_DATA,
    "object": ActKind.OBJECTED_FOR,
    "erase": ActKind.ERASED_PERSON,
    "correct": ActKind.CORRECTED_PERSON,
}


@dataclass(frozen=True)
class TimelineLine:
    """One line. `key`: its sentence; `purpose`: of a consent; `who`: of the staff; `more`: what goes with it.

    `tone`: "good", "wrong" or nothing.
    """

    at: datetime
    key: str
    purpose: str = ""
    who: str = field(default="", repr=False)
    more: str = field(default="", repr=False)
    tone: str = ""
    whole_day: bool = False


def timeline(person: PersonFile) -> list[TimelineLine]:
    """Return everything that happened, the newest first."""
    parts = (_of_log, _of_processors, _of_bases, _of_requests, _of_staff)
    return sorted((line for part in parts for line in part(person)), key=lambda it: it.at, reverse=True)


def _of_log(person: PersonFile) -> Iterator[TimelineLine]:
    tones = {"confirmed": "good", "withdrawn": "wrong", "revoked": "wrong", "expired": "wrong"}
    for event in person.data.events:
        if event.kind not in _TOLD_ELSEWHERE:
            tone = tones.get(event.kind, "")
            yield TimelineLine(event.at, f"event.{event.kind}", event.purpose, more=event.told_by, tone=tone)
    for asked in person.data.requests:
        yield TimelineLine(asked.requested_at, "signed-up", more=asked.title)
    for mail in person.mails:
        yield TimelineLine(mail.sent_at, "mail", more=mail.subject)


def _of_processors(person: PersonFile) -> Iterator[TimelineLine]:
    for export in person.data.exports:
        key = "export-line" if export.number else "webhook-line"
        yield TimelineLine(export.at, key, export.purpose, more=export.processor)
    for refusal in person.data.refusals:
        yield TimelineLine(refusal.at, "refusal", refusal.purpose, more=refusal.processor)
    for question in person.data.questions:
        key = "question.yes" if question.may else "question.no"
        yield TimelineLine(question.at, key, question.purpose, more=question.asker)


def _of_bases(person: PersonFile) -> Iterator[TimelineLine]:
    for basis in person.data.bases:
        yield TimelineLine(basis.recorded_at, "basis-line", more=basis.about)
    for objection in person.data.objections:
        yield TimelineLine(objection.since, f"objection.{objection.by}", tone="wrong", more=objection.why)


def _of_requests(person: PersonFile) -> Iterator[TimelineLine]:
    for request in person.requests:
        number = f"{request.number}"
        yield TimelineLine(_noon(request.arrived), "request-line", more=number, whole_day=True)
        if request.answer is not None:
            yield TimelineLine(_noon(request.answer.on), "answered", more=number, whole_day=True)


def _of_staff(person: PersonFile) -> Iterator[TimelineLine]:
    by_staff = {(act.kind, act.at) for act in person.acts}
    for act in person.acts:
        yield TimelineLine(act.at, f"act.{act.kind}", who=act.name, more=act.why)
    for done in person.data.handled:
        if (_ACT_OF.get(done.what), done.at) not in by_staff:  # recorded by a command, or on the own page
            yield TimelineLine(done.at, f"did.{done.what}", more=done.why)


def _noon(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
