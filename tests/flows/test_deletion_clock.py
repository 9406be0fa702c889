"""Clocks that jump: nothing is deleted by them, nothing waits for years because of them (O7)."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

import pytest

from optin.consent.email_and_telephone import parse_email
from optin.consent.retention_period import RetentionPeriod
from optin.consent.signed_links import SKEW, LinkKind
from optin.consent.status_transitions import EventKind, Status
from optin.consent.wrong_clock import FOLLOWED, ClockReading
from optin.errors import ClockDoubted, KeysUnusable, LinkExpired
from optin.flows.deletion_clock import read_clock
from optin.flows.delivery.mail_order import MailKind, Verdict
from optin.flows.retention import sweep_daily_limit
from optin.flows.retention.clock_correction import accept_clock, check_clock_at_start, note_set_back
from optin.flows.retention.sweep_daily_limit import share_of
from optin.flows.rights.erase import BY_PERSON, erase_person
from optin.flows.rights.personal_link import ask_for_link
from optin.jobs.clock_watch import ClockWatch
from optin.jobs.sweep_runner import sweep
from optin.kinds.prize_draw.draw_winners import draw_winners, fix_entries
from optin.services import steady_clock as clock_module
from optin.services.event_log_signer import sign_log
from optin.services.installation import Installation
from optin.services.open_installation import see_clock
from optin.services.steady_clock import SteadyClock
from optin.settings.site import Sweep
from optin.store.database_interface import to_ms
from optin.store.latest_known_time import (
    MARK,
    SweepDay,
    clock_events,
    known_moment,
    newest_event,
    store_clock_mark,
)
from optin.store.officer_actions import actions_of
from tests.installed import KINDS
from tests.kinds.prize_draw.test_draw_flows import PROMISE, SLUG
from tests.stranger import past_triggers
from tests.world import NOON, TIPS, World

DAY, YEAR = timedelta(days=1), timedelta(days=365)


def jump(world: World, by: timedelta) -> None:
    """Let the clock jump, and nobody knows whether it is right."""
    world.__dict__["now"] = world.now + by


def known(world: World) -> datetime | None:
    return world.store.read(known_moment, vault=world.vault)


def is_doubted(world: World) -> bool:
    return world.view(read_clock, now=world.now).doubted


def told(world: World) -> list[str]:
    return [body["kind"] for _, body in world.store.read(clock_events, vault=world.vault)]


def people(world: World, count: int) -> None:
    for number in range(count):
        world.join(f"p{number}@example.com")


def index_of(world: World, email: str) -> bytes:
    return world.vault.index(parse_email(email))


@pytest.mark.parametrize("years", [10, -10])
def test_a_clock_that_jumped_deletes_nothing_and_says_so_once(
    world: World, years: int, caplog: pytest.LogCaptureFixture
) -> None:
    """O7: ahead or behind; whoever confirmed stays, whoever did not too, mails, and what others were told."""
    people(world, 3)
    world.sign_up("bob@example.com", TIPS)
    world.send()
    world.wait(timedelta(hours=2))
    jump(world, years * YEAR)
    before = {table: world.count(table) for table in ("subject", "request", "outbox", "mail", "consent")}
    installation = world.installation()
    for _ in range(3):
        with pytest.raises(ClockDoubted):
            sweep(installation)
    assert before == {table: world.count(table) for table in before}
    said = [record for record in caplog.records if "--accept-clock" in record.getMessage()]
    assert len(said) == 1
    assert told(world).count(EventKind.CLOCK_DOUBTED) == 1
    world.tampered = years < 0  # the test goes back unsaid


def test_an_officers_word_lets_the_sweep_go_on(world: World) -> None:
    """O7, R9: it is an event, and who said it and why is kept."""
    people(world, 3)
    world.wait(timedelta(hours=2))
    jump(world, 3 * YEAR)
    installation = world.installation()
    with pytest.raises(ClockDoubted):
        sweep(installation)
    world.run(
        accept_clock,
        who="olga",
        why="the server stood in a box",
        now=world.now,
    )
    assert sweep(installation)["magnets"] == 3
    assert told(world) == [EventKind.CLOCK_DOUBTED, EventKind.CLOCK_ACCEPTED]
    [action] = world.store.read(actions_of, vault=world.vault, email_index=b"")
    assert (action.kind, action.who, action.why) == ("accept-clock", "olga", "the server stood in a box")


def test_a_clock_that_nobody_doubts_needs_no_word(world: World) -> None:
    """O7: then nothing is recorded."""
    people(world, 1)
    accept = partial(accept_clock, context=world.context, who="olga", why="to be sure")
    assert not world.do(accept, now=world.now).doubted
    assert told(world) == []


def test_what_a_store_without_a_mark_knows_is_its_newest_event(world: World) -> None:
    """O7: as one of an earlier version; a day later is well, more is doubted."""
    assert known(world) is None
    people(world, 1)
    newest = known(world)
    assert newest is not None
    assert timedelta() <= world.now - newest < timedelta(seconds=5)
    jump(world, DAY - timedelta(minutes=1))
    assert not is_doubted(world)
    jump(world, timedelta(minutes=2))
    assert is_doubted(world)


def test_events_of_a_doubted_clock_make_it_no_better(world: World) -> None:
    """O7: people sign up meanwhile; also where somebody takes the mark away."""
    people(world, 2)
    world.do(store_clock_mark, vault=world.vault, moment=world.now)
    jump(world, 10 * YEAR)
    with pytest.raises(ClockDoubted):
        sweep(world.installation())
    world.join("late@example.com", TIPS)
    assert is_doubted(world)
    world.do(lambda tx: tx.run("DELETE FROM installation WHERE name = :name", name=MARK))
    assert is_doubted(world)
    with pytest.raises(ClockDoubted):
        sweep(world.installation())
    assert world.count("subject") == 3


def test_a_moment_in_a_checkpoints_row_is_no_clock(world: World) -> None:
    """O7: without the mark, whoever writes to the database cannot say that ten years went by."""
    people(world, 2)
    world.do(store_clock_mark, vault=world.vault, moment=world.now)
    sign_log(world.store, world.vault, None, world.now)
    jump(world, 10 * YEAR)
    world.do(lambda tx: tx.run("DELETE FROM installation WHERE name = :name", name=MARK))
    past_triggers(world.store, "UPDATE checkpoint SET at = :at", at=to_ms(world.now))
    assert is_doubted(world)


def test_the_mark_cannot_be_written_without_the_keys(world: World) -> None:
    """O7: a value of one's own does not open, and then nothing is deleted."""
    people(world, 2)
    world.do(store_clock_mark, vault=world.vault, moment=world.now)
    world.do(lambda tx: tx.run("UPDATE installation SET value = :v WHERE name = :n", v=b"\0" * 60, n=MARK))
    jump(world, 10 * YEAR)
    with pytest.raises(KeysUnusable):
        sweep(world.installation())
    assert world.count("subject") == 2


def says_doubt(installation: Installation) -> bool:
    return installation.clock_doubted


async def rounds(watch: ClockWatch, count: int = 1) -> None:
    for _ in range(count):
        await watch.mark()


class Machine:
    """A machine whose clock is set, while it runs on."""

    def __init__(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        self.world, self.runs = world, timedelta()
        monkeypatch.setattr(clock_module, "utc_now", lambda: world.now)
        monkeypatch.setattr(clock_module, "running_seconds", self._running)

    def _running(self) -> float:
        return self.runs.total_seconds()

    def run(self, period: timedelta) -> None:
        self.runs += period
        jump(self.world, period)


def test_a_quiet_week_is_no_jump(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """O7: the server marks each minute that its clock runs evenly; the sweep goes on."""
    machine, watch = Machine(world, monkeypatch), ClockWatch(world.installation())
    people(world, 1)
    for _ in range(14):
        asyncio.run(rounds(watch))
        machine.run(timedelta(hours=12))
    assert not is_doubted(world)
    assert "magnets" in sweep(world.installation())


def test_a_machine_that_slept_knows_what_time_it_is(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """O7: so does a server whose database was away for days; nobody set its clock meanwhile."""
    machine, installation = Machine(world, monkeypatch), world.installation()
    people(world, 1)
    watch = ClockWatch(installation)
    asyncio.run(rounds(watch))
    machine.run(timedelta(days=5))
    asyncio.run(watch.look())
    asyncio.run(rounds(watch))
    assert not says_doubt(installation)
    assert not is_doubted(world)
    assert told(world) == []


def test_jumps_below_the_limit_do_not_add_up(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """O7: nobody walks a running server through the years in steps of twenty hours."""
    machine, watch = Machine(world, monkeypatch), ClockWatch(world.installation())
    people(world, 1)
    start = world.now
    for _ in range(20):
        asyncio.run(rounds(watch, 2))
        jump(world, timedelta(hours=20))
        machine.run(timedelta(minutes=1))
    assert is_doubted(world)
    moved = known(world)
    assert moved is not None
    assert moved - start <= DAY + timedelta(hours=1)


def test_the_server_trusts_the_clock_again_when_it_is_corrected(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """O7: by itself when the clock is right again; by an officer's word when it was right all along."""
    machine, installation = Machine(world, monkeypatch), world.installation()
    people(world, 1)
    watch = ClockWatch(installation)
    asyncio.run(rounds(watch))
    jump(world, YEAR)
    asyncio.run(rounds(watch))
    assert says_doubt(installation)
    jump(world, -YEAR)
    machine.run(timedelta(minutes=1))
    asyncio.run(rounds(watch))
    assert not says_doubt(installation)
    assert "trusted again" in caplog.text
    jump(world, YEAR)
    asyncio.run(rounds(watch))
    assert told(world) == [EventKind.CLOCK_DOUBTED] * 2
    accept = partial(accept_clock, context=world.context, who="olga", why="asleep")
    world.do(accept, now=world.now)
    for _ in range(3):
        asyncio.run(rounds(watch))
        machine.run(timedelta(hours=20))
    assert not is_doubted(world)


def test_a_clock_stands_rather_than_goes_back_by_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    """O7: each moment is later than the one before; what goes back further is followed, and said."""
    now, said = [NOON], list[str]()
    monkeypatch.setattr(clock_module, "utc_now", lambda: now[0])
    clock = SteadyClock(lambda _was, _now: said.append("back"))
    first = clock()
    now[0] = NOON - timedelta(minutes=3)
    second, third = clock(), clock()
    assert first < second < third < NOON + timedelta(seconds=1)
    clock.learn(NOON + timedelta(minutes=9))  # another process is ahead
    assert clock() > NOON + timedelta(minutes=9)
    assert said == []
    now[0] = NOON - FOLLOWED - timedelta(minutes=1)
    assert clock() == now[0]
    assert said == ["back"]
    clock()
    assert said == ["back"]


def test_a_share_of_the_people_goes_in_a_day(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """O7: not in a step or a process; the rest waits and is told once. Unconfirmed requests do not count."""
    monkeypatch.setattr(sweep_daily_limit, "LEAST", 4)
    people(world, 7)
    for number in range(6):
        world.sign_up(f"bob{number}@example.com", TIPS)
    world.wait(3 * YEAR)
    first, second = sweep(world.installation()), sweep(world.installation())
    assert (first["magnets"], first["unconfirmed"]) == (4, 6)
    assert (second["magnets"], world.count("subject")) == (0, 3)
    assert caplog.text.count("--beyond-share") == 1
    assert "3 more people" in caplog.text
    world.wait(DAY)
    assert sweep(world.installation())["magnets"] == 3
    assert caplog.text.count("--beyond-share") == 1


def test_an_officers_word_goes_beyond_the_share(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """O7."""
    monkeypatch.setattr(sweep_daily_limit, "LEAST", 1)
    people(world, 5)
    world.wait(3 * YEAR)
    assert sweep(world.installation(), beyond=True)["magnets"] == 5
    assert sweep(world.installation())["magnets"] == 0


def test_consents_that_expire_count_as_well(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """O7: a consent that is marked as over cannot be brought back."""
    monkeypatch.setattr(sweep_daily_limit, "LEAST", 2)
    for number in range(3):
        world.join(f"p{number}@example.com", TIPS)
    world.wait(3 * YEAR)
    assert sweep(world.installation())["expired"] == 2
    statuses = [world.status(f"p{number}@example.com", TIPS) for number in range(3)]
    assert sorted(str(it) for it in statuses) == ["expired", "expired", "given"]


def test_what_people_ask_for_never_waits(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """O7, R3, R5: a withdrawal and an erasure are done by a doubted clock, and beyond any share."""
    monkeypatch.setattr(sweep_daily_limit, "LEAST", 0)
    request = world.join("carol@example.com", TIPS)
    world.join("alice@example.com", TIPS)
    world.do(store_clock_mark, vault=world.vault, moment=world.now)
    jump(world, 10 * YEAR)
    assert world.withdraw(request).questions
    index = index_of(world, "alice@example.com")
    assert world.do(lambda tx: erase_person(tx, world.context, index, BY_PERSON, world.now))
    assert world.count("subject") == 1


def test_a_share_is_a_tenth_and_a_hundred_at_least(world: World) -> None:
    """O7."""
    day = SweepDay("2026-11-29", people=2_000)
    assert share_of(day, world.policy) == 200
    assert share_of(replace(day, people=50), world.policy) == 100
    assert share_of(day, replace(world.policy, sweep=Sweep(share=25))) == 500


@pytest.mark.parametrize("kind", [*LinkKind])
def test_a_link_works_that_another_clock_signed_a_moment_ahead(world: World, kind: LinkKind) -> None:
    """O7, D4: two machines agree to the second at best."""
    links, hour = world.vault.links, timedelta(hours=1)
    for ahead in (timedelta(seconds=2), SKEW - timedelta(seconds=1)):
        token = links.sign(kind, b"it", world.now + ahead)
        assert links.read(kind, token, world.now, hour) == b"it"
    token = links.sign(kind, b"it", world.now + SKEW + timedelta(seconds=2))
    with pytest.raises(LinkExpired) as expired:
        links.read(kind, token, world.now, hour)
    assert expired.value.payload == b"it"
    assert links.read(kind, token, world.now, None) == b"it"  # one that never expires


def correct(world: World, by: timedelta) -> None:
    """Put the clock back, as a running server notices it."""
    was = world.now
    jump(world, -by)
    note = partial(note_set_back, context=world.context, was=was, now=world.now)
    assert world.do(note)


def test_a_mail_that_a_wrong_clock_put_off_is_due_when_the_clock_is_right(world: World) -> None:
    """O7, D1: queued, tried and put off, or in the hand of a courier that died, a year ahead."""
    ahead = YEAR
    jump(world, ahead)
    world.sign_up("put-off@example.com", TIPS)
    [order] = world.claim()
    world.settle(order, Verdict.LATER)
    world.sign_up("in-hand@example.com", TIPS)
    world.claim()
    world.sign_up("queued@example.com", TIPS)
    correct(world, ahead)
    orders = world.claim()
    assert {order.recipient for order in orders} == {"put-off@example.com", "queued@example.com"}
    for order in orders:
        world.settle(order, Verdict.SENT)
    jump(world, timedelta(minutes=6))
    assert [order.recipient for order in world.claim()] == ["in-hand@example.com"]


def test_a_server_lets_go_what_waits_for_no_reason_at_its_start(world: World) -> None:
    """O7, D1: also where no event tells that the clock was ahead."""
    world.sign_up("bob@example.com", TIPS)
    [order] = world.claim()
    jump(world, 2 * DAY)
    world.settle(order, Verdict.LATER)
    jump(world, -2 * DAY)
    assert world.claim() == []
    world.run(check_clock_at_start, now=world.now)
    assert [it.recipient for it in world.claim()] == ["bob@example.com"]


def test_no_mail_is_given_up_by_a_clock_that_is_doubted(world: World) -> None:
    """O7, D1: a week that never was."""
    world.sign_up("bob@example.com", TIPS)
    world.do(store_clock_mark, vault=world.vault, moment=world.now)
    jump(world, 30 * DAY)
    [order] = world.claim()
    assert world.settle(order, Verdict.LATER)
    assert world.do(lambda tx: tx.one("SELECT state FROM outbox")) == ("queued",)


def test_no_entries_of_a_draw_are_fixed_by_a_clock_that_is_doubted(world: World) -> None:
    """O7, M2: nor drawn; it is done once."""
    people(world, 1)
    world.do(store_clock_mark, vault=world.vault, moment=PROMISE.closes - 10 * DAY)
    fix = partial(fix_entries, context=world.context, magnet=SLUG, promise=PROMISE)
    with pytest.raises(ClockDoubted):
        world.do(fix, now=PROMISE.closes + timedelta(minutes=2))
    world.do(store_clock_mark, vault=world.vault, moment=PROMISE.closes)
    world.do(fix, now=PROMISE.closes + timedelta(minutes=2))
    with pytest.raises(ClockDoubted):
        world.do(
            lambda tx: draw_winners(tx, world.context, SLUG, "912,34 18477,10", PROMISE.seed_at + 30 * DAY)
        )


def test_limits_and_twins_forget_what_a_clock_ahead_counted(world: World) -> None:
    """O7, D8: mails of a day to come are not of today, nor is a form that was sent then a double click."""
    jump(world, YEAR)
    for _ in range(world.policy.limits.per_address_per_day):
        world.sign_up("bob@example.com", TIPS)
        jump(world, timedelta(minutes=6))
    world.send()
    world.do(lambda tx: ask_for_link(tx, world.context, parse_email("bob@example.com"), "nl", world.now))
    correct(world, YEAR)
    world.send()
    jump(world, DAY + timedelta(minutes=1))
    world.sign_up("bob@example.com", TIPS)
    assert [order.kind for order in world.claim()] == [MailKind.CONFIRMATION]


def test_an_unconfirmed_request_of_a_clock_ahead_goes_in_time(world: World) -> None:
    """O7, D6: seven days from now, not in ten years; and its code is worth no more by then."""
    jump(world, 10 * YEAR)
    world.sign_up("bob@example.com", TIPS)
    world.send()
    correct(world, 10 * YEAR)
    world.wait(timedelta(days=8))
    assert sweep(world.installation())["unconfirmed"] == 1


def test_who_withdrew_by_a_clock_ahead_can_ask_anew(world: World) -> None:
    """O7, R3: the order of the log says what came first. What was asked before stays withdrawn."""
    ahead = YEAR
    request = world.join("carol@example.com", TIPS)
    old = world.sign_up("carol@example.com", TIPS, first_name="C")
    jump(world, ahead)
    assert world.withdraw(request).questions
    correct(world, ahead)
    world.wait(timedelta(minutes=1))
    assert world.confirm(old).granted == ()
    assert world.status("carol@example.com", TIPS) is Status.WITHDRAWN
    world.wait(timedelta(minutes=6))
    world.join("carol@example.com", TIPS)
    assert world.status("carol@example.com", TIPS) is Status.GIVEN


def test_a_start_with_a_wrong_clock_is_noted(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """O7: a server that starts in the past, and one in the future."""
    people(world, 1)
    monkeypatch.setattr(clock_module, "utc_now", lambda: world.now)
    jump(world, -2 * YEAR)
    installation = Installation(world.store, world.vault, world.policy, KINDS)
    see_clock(installation, serving=True)
    assert installation.clock_doubted
    assert told(world) == [EventKind.CLOCK_SET_BACK, EventKind.CLOCK_DOUBTED]
    jump(world, 2 * YEAR)
    installation = Installation(world.store, world.vault, world.policy, KINDS)
    see_clock(installation, serving=True)
    assert not installation.clock_doubted


def test_an_event_that_optin_did_not_write_sets_no_clock(world: World) -> None:
    """O7: whoever only writes to the database cannot have the clock doubted, or trusted, by it."""
    people(world, 1)
    body = '{"at":"2099-01-01T00:00:00.000Z","kind":"restored","size":1,"version":1}'
    world.do(
        lambda tx: tx.run(
            "INSERT INTO event(body, leaf, mac) SELECT :body, leaf, leaf FROM event WHERE id = 1", body=body
        )
    )
    assert world.store.read(newest_event, vault=world.vault) == known(world)
    world.tampered = True


def test_a_clock_behind_its_mark_is_told_apart_from_one_ahead() -> None:
    """O7: a clock that was ahead and is right again was not switched off."""
    day = RetentionPeriod.parse("1 day")
    behind = ClockReading(NOON, NOON + timedelta(days=3), day)
    ahead = ClockReading(NOON, NOON - timedelta(days=3), day)
    assert behind.doubted
    assert ahead.doubted
    assert "because it was ahead before" in behind.sentence
    assert "because no server ran for that long" in ahead.sentence
