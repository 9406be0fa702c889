"""The log of breaches: 72 hours to tell the authority, reasons for what is not done, nothing overwritten."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from optin.consent.breach import Breach, Notification
from optin.errors import RequestRefused
from optin.flows.delivery.waiting_matters import waiting_matters
from optin.flows.rights.breaches import (
    BreachCorrection,
    BreachEnd,
    FoundBreach,
    close_breach,
    correct_breach,
    list_breaches,
    note_breach,
    note_notification,
)
from tests.flows.test_deletion_grounds import findings, forge
from tests.world import NOON, World

STOLEN = "a laptop with a list of addresses was stolen"
RARE = "the disk is encrypted; a risk is unlikely"


def find(world: World, ago: timedelta = timedelta(0), people: int | None = None) -> Breach:
    found = FoundBreach(world.now - ago, STOLEN, "Rita", people)
    return world.run(note_breach, found=found, now=world.now)


def notify(world: World, number: int, at: datetime | None = None, why_late: str = "") -> Breach:
    told = Notification(at or world.now, "AP", "z-77", why_late, "Rita")
    return world.run(note_notification, number=number, notification=told, now=world.now)


def correct(world: World, number: int, correction: BreachCorrection) -> Breach:
    return world.run(correct_breach, number=number, correction=correction, now=world.now)


def close(world: World, number: int, end: BreachEnd) -> Breach:
    return world.run(close_breach, number=number, end=end, now=world.now)


def matters(world: World) -> dict[str, str]:
    return {it.name: it.sentence for it in world.view(waiting_matters, now=world.now)}


def test_the_authority_has_72_hours(world: World) -> None:
    """L9: from the discovery, whatever day it is; staff are told anew on the last day and when it is over."""
    breach = find(world, timedelta(hours=2))
    assert (breach.number, breach.due, breach.hours_left(world.now)) == (1, NOON + timedelta(hours=70), 70)
    assert "within 70 hours" in matters(world)["breach 1 open"]
    world.wait(timedelta(hours=50))
    assert list(matters(world)) == ["breach 1 last day"]
    world.wait(timedelta(hours=20))
    assert "within 0 hours" in matters(world)["breach 1 last day"]
    world.wait(timedelta(seconds=1))
    assert "is over since 1 hours" in matters(world)["breach 1 late"]
    assert not any(STOLEN in it for it in matters(world).values())
    with pytest.raises(RequestRefused, match="--why-late"):
        notify(world, 1)
    told = notify(world, 1, why_late="the mail server was down")
    assert told.notified_late
    assert matters(world) == {}
    world.check_evidence()


def test_a_notification_in_time_needs_no_reason(world: World) -> None:
    """L9: a moment before the deadline, written down later; more information may follow (33(4))."""
    find(world)
    world.wait(timedelta(hours=100))
    first = NOON + timedelta(hours=72)
    assert not notify(world, 1, first).notified_late
    assert [it.at for it in notify(world, 1).notifications] == [first, world.now]
    for wrong in (world.now + timedelta(seconds=1), NOON - timedelta(seconds=1)):
        with pytest.raises(RequestRefused, match="Nothing was stored"):
            notify(world, 1, wrong)
    world.check_evidence()


def test_what_is_not_done_needs_its_reason(world: World) -> None:
    """L9: no notification because a risk is unlikely; people who were told, or why they were not."""
    find(world)
    today = world.now.date()
    with pytest.raises(RequestRefused, match="Say why not with --not-notified"):
        close(world, 1, BreachEnd("Rita", why_people_not_told="no risk"))
    for end in (
        BreachEnd("Rita", why_not_notified=RARE),
        BreachEnd("Rita", today, "no risk", why_not_notified=RARE),
    ):
        with pytest.raises(RequestRefused, match="either when the people were told"):
            close(world, 1, end)
    for day in (today - timedelta(days=1), today + timedelta(days=1)):
        with pytest.raises(RequestRefused, match="only"):
            close(world, 1, BreachEnd("Rita", day, why_not_notified=RARE))
    closed = close(world, 1, BreachEnd("Rita", why_people_not_told="no risk", why_not_notified=RARE))
    assert closed.closing is not None
    assert closed.closing.why_not_notified == RARE
    assert matters(world) == {}
    with pytest.raises(RequestRefused, match="was closed on"):
        close(world, 1, BreachEnd("Rita", why_people_not_told="no risk", why_not_notified=RARE))
    find(world)
    notify(world, 2)
    with pytest.raises(RequestRefused, match="leave out --not-notified"):
        close(world, 2, BreachEnd("Rita", today, why_not_notified=RARE))
    assert close(world, 2, BreachEnd("Rita", today)).closing is not None
    world.check_evidence()


def test_a_correction_is_a_new_entry(world: World) -> None:
    """L9, P3: what it replaced is shown; another discovery moves the deadline, for all to see."""
    find(world, people=10)
    earlier = world.now - timedelta(hours=60)
    correct(world, 1, BreachCorrection("found by the night shift", "Rita", earlier))
    breach = correct(world, 1, BreachCorrection("counted", "Hugo", people=12_000, measures="keys revoked"))
    assert (breach.discovered, breach.due) == (earlier, earlier + timedelta(hours=72))
    assert (breach.people, breach.measures, breach.what) == (12_000, "keys revoked", STOLEN)
    assert [(it.why, it.before) for it in breach.corrections] == [
        ("found by the night shift", {"discovered": "2026-11-23T12:00:00.123Z"}),
        ("counted", {"measures": "", "people": "10"}),
    ]
    assert world.count("breach_entry") == 3
    world.check_evidence()


@pytest.mark.parametrize(
    "correction",
    [
        BreachCorrection("why", "Rita"),
        BreachCorrection(" ", "Rita", people=1),
        BreachCorrection("why", "Rita", what=" "),
        BreachCorrection("why", "Rita", NOON + timedelta(hours=1)),
        BreachCorrection("why", "Rita", datetime(2018, 5, 24, tzinfo=UTC)),
        BreachCorrection("why", "Rita", people=-1),
        BreachCorrection("why", " ", people=1),
    ],
)
def test_a_correction_that_cannot_be_is_refused(world: World, correction: BreachCorrection) -> None:
    """L9: and leaves no entry."""
    find(world)
    with pytest.raises(RequestRefused):
        correct(world, 1, correction)
    assert world.count("breach_entry") == 1


@pytest.mark.parametrize(
    "found",
    [
        FoundBreach(NOON + timedelta(minutes=1), STOLEN, "Rita"),
        FoundBreach(datetime(2018, 5, 24, tzinfo=UTC), STOLEN, "Rita"),
        FoundBreach(NOON, " ", "Rita"),
        FoundBreach(NOON, STOLEN, " "),
        FoundBreach(NOON, STOLEN, "Rita", -1),
    ],
)
def test_a_breach_that_cannot_be_is_refused(world: World, found: FoundBreach) -> None:
    """L9: a moment to come or before the law, no text, no name, fewer people than none."""
    with pytest.raises(RequestRefused):
        world.run(note_breach, found=found, now=world.now)
    assert (world.count("breach_entry"), world.count("event")) == (0, 0)
    with pytest.raises(RequestRefused, match="There is no breach 1"):
        notify(world, 1)


@pytest.mark.parametrize(
    ("statement", "finding"),
    [
        ("DELETE FROM breach_entry WHERE breach = 1 AND id > 1", "lacks what event"),
        ("DELETE FROM breach_entry WHERE breach = 2", "is gone from the log of breaches"),
        ("UPDATE breach_entry SET breach = 1", "has an entry of another breach"),
        ("UPDATE breach_entry SET breach = 3 - breach", "has an entry of another breach"),
        ("UPDATE breach_entry SET sealed = :other WHERE breach = 1", "breach 1 cannot be read"),
    ],
)
def test_an_entry_that_is_changed_or_gone_is_found(world: World, statement: str, finding: str) -> None:
    """P4, L9: by an audit, although the database itself refuses to change one."""
    find(world)
    notify(world, 1)
    find(world)
    values = {"other": b"other bytes"} if ":other" in statement else {}
    with pytest.raises(Exception, match="append-only"):
        world.do(lambda tx: tx.run(statement, **values))
    forge(world, statement, **values)
    assert any(finding in it for it in findings(world)), findings(world)


def test_a_breach_that_cannot_be_read_is_told_all_the_same(world: World) -> None:
    """L9, W12: staff are told, the list says so, and nothing is added to it."""
    find(world)
    notify(world, 1)
    forge(world, "UPDATE breach_entry SET breach = 2 WHERE id = 2")
    with pytest.raises(RequestRefused, match="Run: optin audit"):
        notify(world, 2)
    forge(world, "UPDATE breach_entry SET sealed = :other", other=b"other bytes")
    assert list(matters(world)) == ["breach 1 unreadable", "breach 2 unreadable"]
    assert [it.problem for it in world.view(list_breaches)] == ["unreadable: KeysUnusable"] * 2


def test_events_of_a_breach_hold_numbers_alone(world: World) -> None:
    """P1, L9: not a word of what happened, nor who wrote it down."""
    find(world, people=7)
    notify(world, 1)
    close(world, 1, BreachEnd("Rita", date(2026, 11, 23)))
    rows = world.store.read(lambda tx: tx.all("SELECT body FROM event"))
    text = " ".join(str(row[0]) for row in rows)
    assert not any(word in text for word in (STOLEN, "laptop", "Rita", "AP", "z-77"))
    assert '"people":7' in text
