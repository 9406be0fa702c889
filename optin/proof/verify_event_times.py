"""Check the times in a bundle: they increase, or an event says that the clock went back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from optin.consent.event_content import Event, rfc3339
from optin.consent.status_transitions import EventKind
from optin.consent.wrong_clock import CLOCKS_DIFFER, ClockSetBack, explained, set_back_over

Named = tuple[str, dict[str, object]]  # an event's name and what it says, in the order of the log


def is_set_back(body: Mapping[str, object]) -> bool:
    """Return whether an event says that the clock went back; it belongs to no request."""
    return body.get("kind") == EventKind.CLOCK_SET_BACK


def moment_of(body: dict[str, object]) -> datetime:
    """Return the time of an event. Raises KeyError, TypeError or ValueError when optin did not write it."""
    if not is_set_back(body):
        return Event.read(body).at
    datetime.fromisoformat(str(body["was"]))
    return datetime.fromisoformat(str(body["at"]))


def check_times(events: Sequence[Named], say: Callable[..., None]) -> None:
    """Report back-dated events, and events whose clock was ahead."""
    noted = _set_backs(events)
    latest: datetime | None = None
    for place, (name, body) in enumerate(events):
        at = moment_of(body)
        if is_set_back(body):
            latest = at
            continue
        late = latest is not None and at < latest - CLOCKS_DIFFER
        if latest is not None and late and not explained(place, at, latest, noted):
            say(f"an event of {rfc3339(at)} is back-dated: a later one precedes it", held=False)
        latest = at if latest is None else max(latest, at)
        back = set_back_over(place, at, noted)
        if back is not None:
            said = f"event {name} says {rfc3339(at)}, by a clock that was ahead"
            say(f"{said}: it was put back, to {rfc3339(back.at)}")


def latest_moment(events: Sequence[Named]) -> datetime | None:
    """Return the latest time of the events, except those of a fast clock."""
    noted = _set_backs(events)
    moments = (
        moment_of(body) if (back := set_back_over(place, moment_of(body), noted)) is None else back.at
        for place, (_, body) in enumerate(events)
    )
    return max(moments, default=None)


def _set_backs(events: Sequence[Named]) -> list[ClockSetBack]:
    return [
        ClockSetBack(place, moment_of(body), datetime.fromisoformat(str(body["was"])))
        for place, (_, body) in enumerate(events)
        if is_set_back(body)
    ]
