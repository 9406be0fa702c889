"""The history of a person's consents: gathered by consent, each derived alone, asked and confirmed once."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optin.consent.channel import Channel
from optin.consent.consent_history import History, LoggedEvent
from optin.consent.event_content import rfc3339
from optin.consent.purpose import ConsentKey
from optin.consent.status_transitions import (
    TRANSITIONS,
    EventKind,
    RequestId,
    Status,
    StatusEvent,
    TransitionRefused,
    record_from_events,
)
from tests.world import CALL, NOON, TIPS, TIPS_BY_EMAIL

FIRST, SECOND = RequestId(b"1" * 16), RequestId(b"2" * 16)
TIPS_KEY, CALL_KEY = TIPS_BY_EMAIL, ConsentKey(CALL, Channel.PHONE)
CHANGING = sorted({kind for row in TRANSITIONS.values() for kind in row})
ASKED, YES, NO = EventKind.REQUESTED, EventKind.CONFIRMED, EventKind.WITHDRAWN


def logged(place: int, kind: EventKind, request: RequestId, key: ConsentKey | None) -> LoggedEvent:
    """Return an event as it is read from the log, a minute after the one before it."""
    about = {
        "purpose": None if key is None else key.purpose,
        "channel": None if key is None else key.channel.value,
    }
    body = {
        "kind": kind.value,
        "at": rfc3339(NOON + timedelta(minutes=place)),
        "request": request.hex(),
        "form": "f",
        "words": "w",
        "declaration": "d",
        **about,
    }
    return LoggedEvent.read(body, place)


def history(*steps: tuple[EventKind, RequestId, ConsentKey | None]) -> History:
    return History([logged(place, *step) for place, step in enumerate(steps)])


@given(
    st.lists(
        st.tuples(
            st.sampled_from(CHANGING), st.sampled_from([FIRST, SECOND]), st.sampled_from([TIPS_KEY, CALL_KEY])
        ),
        max_size=10,
    )
)
def test_each_consent_follows_from_its_own_events(
    steps: list[tuple[EventKind, RequestId, ConsentKey]],
) -> None:
    """P1: what happened to one consent changes no other, and a broken one breaks no other."""
    found = history(*steps)
    for key in (TIPS_KEY, CALL_KEY):
        own = [it.event for it in found if it.event.key == key]
        asked = {it.event.request: it.event.at for it in found if it.event.kind is ASKED}
        happened = [StatusEvent(it.kind, it.at, it.request, asked.get(it.request)) for it in own]
        assert (key in found.consents) == bool(own)
        assert list(found.consent(key).events) == own
        try:
            expected = record_from_events(happened)
        except TransitionRefused:
            with pytest.raises(TransitionRefused):
                found.consent(key).record  # noqa: B018 - raises
        else:
            assert found.consent(key).record == expected
    assert all(one < other for one, other in pairwise(found.consents))


def test_a_history_tells_who_asked_and_confirmed_and_what_became_of_it() -> None:
    """P1, D4: asked, confirmed and withdrawn by one request; asked anew by another."""
    found = history(
        (ASKED, FIRST, TIPS_KEY),
        (ASKED, FIRST, CALL_KEY),
        (YES, FIRST, TIPS_KEY),
        (YES, FIRST, CALL_KEY),
        (NO, FIRST, TIPS_KEY),
        (ASKED, SECOND, TIPS_KEY),
    )
    tips, call = found.consent(TIPS_KEY), found.consent(CALL_KEY)
    assert (tips.record.status, call.record.status) == (Status.WITHDRAWN, Status.GIVEN)
    assert tips.record.withdrawn_at == NOON + timedelta(minutes=4)
    assert [event.at for event in tips.confirmations] == [NOON + timedelta(minutes=2)]
    assert found.unanswered == {SECOND}
    assert found.repeated == []
    assert found.once(YES, FIRST, TIPS_KEY).number == 2


def test_a_box_is_asked_and_confirmed_once() -> None:
    """P1: never twice by one request, not by another channel either; nor not at all."""
    sound = [(ASKED, FIRST, TIPS_KEY), (YES, FIRST, TIPS_KEY)]
    for again in (
        (ASKED, FIRST, TIPS_KEY),
        (YES, FIRST, TIPS_KEY),
        (YES, FIRST, ConsentKey(TIPS, Channel.PHONE)),
    ):
        found = history(*sound, again)
        assert [(event.kind, event.at) for event in found.repeated] == [
            (again[0], NOON + timedelta(minutes=2))
        ]
        with pytest.raises(TransitionRefused):
            found.once(again[0], FIRST, TIPS_KEY)
    anew = history(*sound, (ASKED, SECOND, TIPS_KEY), (YES, SECOND, TIPS_KEY), (ASKED, SECOND, None))
    assert anew.repeated == []
    assert anew.once(YES, SECOND, TIPS_KEY).number == 3
    with pytest.raises(TransitionRefused):
        history(*sound).once(YES, SECOND, TIPS_KEY)
    with pytest.raises(TransitionRefused):
        history((ASKED, FIRST, CALL_KEY), (YES, FIRST, ConsentKey(TIPS, Channel.PHONE))).once(
            YES, FIRST, TIPS_KEY
        )


@pytest.mark.parametrize(
    "change", [{"channel": "a fax"}, {"channel": None}, {"kind": None}, {"kind": "dreamt"}, {"request": "xx"}]
)
def test_an_event_that_is_none_of_ours_is_not_read(change: dict[str, str | None]) -> None:
    """P1: what names no channel, or is no kind at all, decides nothing."""
    body = dict(logged(0, ASKED, FIRST, TIPS_KEY).body)
    with pytest.raises((KeyError, ValueError)):
        LoggedEvent.read({**body, **change}, 0)


def test_an_event_of_an_unknown_kind_is_about_no_consent() -> None:
    """P1: a kind of magnet that is not installed any more notes things of requests alone."""
    body = {**logged(2, YES, FIRST, None).body, "kind": "dreamt"}
    asked = [logged(0, ASKED, FIRST, TIPS_KEY), logged(1, YES, FIRST, TIPS_KEY)]
    found = History([*asked, LoggedEvent.read(body, 2)])
    assert found.logged[2].event.kind is EventKind.NOTED
    assert found.consent(TIPS_KEY).events == tuple(it.event for it in asked)
    assert found.repeated == []
