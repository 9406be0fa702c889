"""Histories of consents: events in the order of the log, and the status that follows from them. Pure.

Rules for the next editor:
1. This is the one place that gathers events by consent, and that tells whether a box was asked and confirmed
   once. Where a consent stands follows by the table in `record`.
2. Whoever reads the events, from a store or from a bundle, has authenticated them. Nothing here does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, NamedTuple, Self

from optin.consent.event_content import Event
from optin.consent.purpose import ConsentKey
from optin.consent.status_transitions import (
    ConsentRecord,
    EventKind,
    RequestId,
    StatusEvent,
    TransitionRefused,
    record_from_events,
)

_ONCE = frozenset({EventKind.REQUESTED, EventKind.CONFIRMED})
_PLAIN = (EventKind.REQUESTED, EventKind.CONFIRMED)
_AFTER_PLAIN = record_from_events(
    StatusEvent(kind, datetime.min.replace(tzinfo=UTC)) for kind in _PLAIN
).status
_Step = tuple[EventKind, RequestId, str | None]  # what happened once to one box of one request


class LoggedEvent(NamedTuple):
    """One event of the log: parsed, and with all its fields."""

    event: Event
    body: Mapping[str, Any]
    number: int = 0  # in the order of the log

    @classmethod
    def read(cls, body: dict[str, Any], number: int) -> Self:
        """Read an event. Raises KeyError, TypeError or ValueError when optin did not write it."""
        return cls(Event.read(body), body, number)


class ConsentHistory(NamedTuple):
    """The events of one consent of one person, oldest first."""

    key: ConsentKey
    events: tuple[Event, ...]
    asked_at: Mapping[RequestId, datetime]  # by every request of the person

    @property
    def record(self) -> ConsentRecord:
        """The consent's status. Raises TransitionRefused when the events contradict each other."""
        kinds = tuple(event.kind for event in self.events)
        if kinds == _PLAIN:  # as nearly every consent: asked, confirmed, and nothing since
            last = self.events[-1]
            return ConsentRecord(_AFTER_PLAIN, last.at, last.request, begun_at=last.at)
        return record_from_events(
            StatusEvent(event.kind, event.at, event.request, self.asked_at.get(event.request))
            for event in self.events
        )

    @property
    def confirmations(self) -> list[Event]:
        """The confirmations."""
        return [event for event in self.events if event.kind is EventKind.CONFIRMED]

    @property
    def withdrawn_at(self) -> frozenset[datetime]:
        """The moments of withdrawal."""
        return frozenset(event.at for event in self.events if event.kind is EventKind.WITHDRAWN)


@dataclass(frozen=True)
class History:
    """All events of a person, or of one request, oldest first."""

    logged: Sequence[LoggedEvent]

    def __iter__(self) -> Iterator[LoggedEvent]:
        return iter(self.logged)

    def of(self, *kinds: EventKind) -> list[Event]:
        """Return the events of these kinds, in their order."""
        return [it.event for it in self.logged if it.event.kind in kinds]

    @cached_property
    def consents(self) -> dict[ConsentKey, ConsentHistory]:
        """The history of each consent, by key, in the order of the keys."""
        events: dict[ConsentKey, list[Event]] = {}
        asked_at: dict[RequestId, datetime] = {}
        for event, _, _ in self.logged:  # an audit does this for millions
            key = event.key
            if key is not None:
                events.setdefault(key, []).append(event)
            if event.kind is EventKind.REQUESTED:
                asked_at[event.request] = event.at
        return {key: ConsentHistory(key, tuple(of_it), asked_at) for key, of_it in sorted(events.items())}

    def consent(self, key: ConsentKey) -> ConsentHistory:
        """Return the history of one consent, if any."""
        return self.consents.get(key) or ConsentHistory(key, (), {})

    @cached_property
    def _steps(self) -> dict[_Step, list[LoggedEvent]]:
        steps: dict[_Step, list[LoggedEvent]] = {}
        for it in self.logged:
            if it.event.kind in _ONCE:
                steps.setdefault((it.event.kind, it.event.request, it.event.purpose), []).append(it)
        return steps

    @property
    def repeated(self) -> list[Event]:
        """The boxes that one request asked, or confirmed, more than once."""
        kinds = [it.event.kind for it in self.logged]
        if len(set(kinds)) == len(kinds):  # as of nearly every request
            return []
        return [it.event for steps in self._steps.values() for it in steps[1:]]

    def once(self, kind: EventKind, request: RequestId, key: ConsentKey) -> LoggedEvent:
        """Return how one request asked for, or confirmed, a consent. Raises TransitionRefused unless once."""
        found = self._steps.get((kind, request, key.purpose), [])
        if len(found) != 1 or found[0].event.key != key:
            msg = f"{key} was {kind} {len(found)} times by one request"
            raise TransitionRefused(msg)
        return found[0]

    @property
    def unanswered(self) -> set[RequestId]:
        """The requests that were never confirmed."""
        confirmed = {event.request for event in self.of(EventKind.CONFIRMED)}
        return {it.event.request for it in self.logged} - confirmed
