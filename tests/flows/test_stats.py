"""What is counted by week is what happened, whatever happened."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import cast
from xml.etree import ElementTree as ET

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from optin.consent.compare_variants import wilson_interval
from optin.consent.email_and_telephone import parse_email
from optin.consent.form_version import Slug
from optin.consent.purpose import PurposeId
from optin.consent.served_forms import ServedForms
from optin.consent.status_transitions import EventKind, RequestId
from optin.errors import RequestRefused
from optin.export.statistics_json import as_json, schema
from optin.export.weekly_chart import MOST_WEEKS, as_svg
from optin.flows.reports.statistics import ErasedEvents, Rate, Statistics, StatisticsCount
from optin.flows.rights.erase import BY_PERSON, erase_person
from optin.store import events_to_count as counting
from optin.store.database_interface import Operation, P, Row, T, Tx, Value
from optin.store.weekly_event_sums import DOWNLOADED, add_to_weekly_sums
from tests.world import CALL, DECLARATION, TIPS, World, form_version

SVG = "{http://www.w3.org/2000/svg}"


def count(world: World, since: date | None = None, magnet: str | None = None) -> Statistics:
    return StatisticsCount(world.store.read, world.policy, world.now, since, magnet).run()


def lines(statistics: Statistics) -> list[tuple[str, str, str, int, int]]:
    return [(it.week, it.magnet, it.version, it.requests, it.confirmed) for it in statistics.weeks]


def consents(statistics: Statistics) -> dict[tuple[str, str, str, str], tuple[int, int, int]]:
    return {
        (week.week, week.version, it.purpose, it.channel): (it.asked, it.confirmed, it.withdrawn)
        for week in statistics.weeks
        for it in week.consents
    }


def erase(world: World, email: str) -> None:
    index = world.vault.index(parse_email(email))
    world.do(erase_person, context=world.context, email_index=index, reason=BY_PERSON, now=world.now)


def blank_events(world: World) -> int:
    row = world.store.read(lambda tx: tx.one("SELECT COUNT(*) FROM event WHERE body IS NULL"))
    return 0 if row is None else int(row[0])


def sound(statistics: Statistics) -> ET.Element:
    """Hold both files against what they promise; return the chart."""
    validator = Draft202012Validator(schema(), format_checker=FormatChecker())
    Draft202012Validator.check_schema(schema())
    validator.validate(json.loads(as_json(statistics)))
    root = ET.fromstring(as_svg(statistics))  # noqa: S314 - our own
    assert root.get("role") == "img"
    assert root.get("aria-labelledby") == "stats-title stats-desc"
    assert [root[0].get("id"), root[1].get("id")] == ["stats-title", "stats-desc"]
    for element in root.iter():
        assert element.tag.removeprefix(SVG) in {
            "svg", "title", "desc", "style", "rect", "text", "line", "g",
        }  # fmt: skip
        assert not any("href" in name or name.startswith("on") for name in element.attrib)
        for number in ("x", "y", "width", "height"):
            assert float(element.get(number, "0")) >= 0
    assert b"url(" not in as_svg(statistics)
    assert b"@import" not in as_svg(statistics)
    return root


def test_a_site_that_nobody_visited_has_no_numbers(world: World) -> None:
    """O4: nothing, said as such in each format."""
    counted = count(world)
    assert (counted.weeks, counted.rates, counted.blank) == ((), (), ErasedEvents(0, 0))
    assert any("may still be confirmed" in note for note in counted.notes)
    assert not any("blank" in note for note in counted.notes)
    assert "Nobody has sent a form" in "".join(sound(counted).itertext())


def test_requests_and_consents_are_counted_by_week_and_version(world: World) -> None:
    """O4: a form without a tick is a request as well; a box is counted for itself."""
    world.join("alice@example.com", TIPS, CALL, phone="+31201234567")
    world.sign_up("bob@example.com", CALL, phone="+31201234568")
    world.join("none@example.com")
    world.serve(form_version("v2"))
    carol = world.join("carol@example.com", TIPS)
    world.wait(timedelta(days=7))
    world.withdraw(carol)
    counted = count(world)
    assert lines(counted) == [
        ("2026-W48", "koud-bellen", "v1", 3, 2),
        ("2026-W48", "koud-bellen", "v2", 1, 1),
        ("2026-W49", "koud-bellen", "v2", 0, 0),
    ]
    assert consents(counted) == {
        ("2026-W48", "v1", "tips-email", "email"): (1, 1, 0),
        ("2026-W48", "v1", "follow-up-phone", "phone"): (2, 1, 0),
        ("2026-W48", "v2", "tips-email", "email"): (1, 1, 0),
        ("2026-W49", "v2", "tips-email", "email"): (0, 0, 1),
    }
    sound(counted)


def test_a_week_goes_on_over_the_turn_of_the_year(world: World) -> None:
    """O4: week 53 holds the first days of January, in UTC; the next week is the first of the year."""
    for moment in (
        datetime(2026, 12, 28, 0, 0, tzinfo=UTC),
        datetime(2027, 1, 3, 23, 59, 59, 999_000, tzinfo=UTC),
        datetime(2027, 1, 4, 0, 0, tzinfo=UTC),
    ):
        world.now = moment
        world.sign_up("bob@example.com", TIPS)
    counted = count(world)
    assert [(it.week, it.monday, it.requests) for it in counted.weeks] == [
        ("2026-W53", date(2026, 12, 28), 2),
        ("2027-W01", date(2027, 1, 4), 1),
    ]
    assert lines(count(world, since=date(2027, 1, 4))) == [("2027-W01", "koud-bellen", "v1", 1, 0)]
    assert count(world, since=date(2027, 1, 3)).weeks == counted.weeks, "a week is never half"


def test_a_confirmation_counts_in_its_own_week(world: World) -> None:
    """O4: asked on Sunday, confirmed on Monday; the share is of those asked, whenever they confirmed."""
    world.now = datetime(2026, 11, 29, 23, 0, tzinfo=UTC)
    request = world.sign_up("alice@example.com", TIPS)
    world.wait(timedelta(hours=2))
    world.confirm(request)
    counted = count(world)
    assert lines(counted) == [
        ("2026-W48", "koud-bellen", "v1", 1, 0),
        ("2026-W49", "koud-bellen", "v1", 0, 1),
    ]
    (rate,) = counted.rates
    assert (rate.asked, rate.confirmed, rate.share) == (1, 1, 1.0)
    (later,) = count(world, since=date(2026, 11, 30)).rates
    assert (later.asked, later.confirmed, later.share, later.low, later.high) == (0, 0, None, 0.0, 1.0)


def test_requests_that_were_erased_stay_in_the_sums(world: World) -> None:
    """O4: else only the confirmed would be left of old weeks, and every page would look perfect."""
    for number in range(4):
        world.join(f"early{number}@example.com", TIPS)
        world.sign_up(f"never{number}@example.com", TIPS)
    world.wait(timedelta(days=8))
    world.join("alice@example.com", TIPS)
    world.sign_up("bob@example.com", TIPS)
    swept = world.sweep_step("unconfirmed")
    assert swept == 4
    counted = count(world)
    assert lines(counted) == [
        ("2026-W48", "koud-bellen", "v1", 8, 4),
        ("2026-W49", "koud-bellen", "v1", 2, 1),
    ]
    assert [(it.asked, it.confirmed) for it in counted.rates] == [(10, 5)]
    assert counted.blank == ErasedEvents(unconfirmed=4, erased=0)
    assert any("4 of requests that nobody confirmed" in note for note in counted.notes)
    sound(counted)


def test_downloads_are_counted_by_week_and_version(world: World) -> None:
    """O4: sums alone, which add up whoever adds to them, and name nobody."""
    world.join("alice@example.com", TIPS)
    monday = date(2026, 11, 23)
    for _ in range(2):
        world.do(add_to_weekly_sums, counts={(monday, world.form.digest, DOWNLOADED): 3})
    world.do(add_to_weekly_sums, counts={(date(2026, 11, 30), world.form.digest, DOWNLOADED): 1})
    counted = count(world)
    assert [(it.week, it.requests, it.downloads) for it in counted.weeks] == [
        ("2026-W48", 1, 6),
        ("2026-W49", 0, 1),
    ]
    assert [it.downloads for it in count(world, since=date(2026, 11, 30)).weeks] == [1]
    sound(counted)


def test_of_whoever_was_erased_only_the_number_is_left(world: World) -> None:
    """O4, R5: the events are blank, the consents in no number; that a form was sent stays a sum."""
    world.join("alice@example.com", TIPS)
    world.withdraw(world.join("carol@example.com", TIPS, CALL, phone="+31201234567"))
    erase(world, "carol@example.com")
    counted = count(world)
    assert lines(counted) == [("2026-W48", "koud-bellen", "v1", 2, 2)]
    assert set(consents(counted)) == {("2026-W48", "v1", "tips-email", "email")}
    blank = blank_events(world)
    assert blank > 0
    assert counted.blank == ErasedEvents(unconfirmed=0, erased=blank)
    assert any(f"{blank} of people who were erased" in note for note in counted.notes)


def test_what_was_asked_by_mail_is_a_consent_and_no_form(world: World) -> None:
    """O4: asking once more, before a consent ends, counts for the consent alone."""
    world.policy = replace(
        world.policy, ask_again={TIPS: world.policy.unconfirmed.keep}, offers=ServedForms([world.form])
    )
    world.join("alice@example.com", TIPS)
    world.wait(timedelta(days=725))
    assert world.sweep_step("ending") == 1
    counted = count(world)
    assert lines(counted)[1][3:] == (0, 0)
    assert list(consents(counted).values()) == [(1, 1, 0), (1, 0, 0)]


def test_one_magnet_is_counted_for_itself(world: World) -> None:
    """O4: another's requests are not in it; one that never was is refused in a sentence."""
    world.join("alice@example.com", TIPS)
    world.serve(form_version("other", replace(DECLARATION, magnet=Slug("other"))))
    world.join("bob@example.com", TIPS)
    assert lines(count(world, magnet="other")) == [("2026-W48", "other", "v1", 1, 1)]
    assert "other" in as_svg(count(world, magnet="other")).decode()
    assert [line[1] for line in lines(count(world))] == ["koud-bellen", "other"]
    with pytest.raises(RequestRefused, match="nothing-like-it"):
        count(world, magnet="nothing-like-it")


def test_nothing_sealed_is_read(world: World) -> None:
    """O4, S3: counting goes without any key, and without the columns that need one."""
    world.join("alice@example.com", TIPS)
    asked: list[str] = []

    class Watched:
        def __init__(self, tx: Tx) -> None:
            self.tx = tx

        def all(self, sql: str, **values: Value) -> list[Row]:
            asked.append(sql)
            return self.tx.all(sql, **values)

    def read(operation: Operation[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        return world.store.read(lambda tx: operation(cast("Tx", Watched(tx)), *args, **kwargs))

    StatisticsCount(read, world.policy, world.now).run()
    assert asked
    assert not any(word in sql for sql in asked for word in ("sealed", "email_index", "subject", "page"))
    few = (
        "form_version",
        "FROM tally",
        "FROM source_sum",
        "FROM letter_sum",
        "FROM bounce_sum",
    )  # of pages, or weeks
    assert all("LIMIT" in sql or "<= :last" in sql or any(it in sql for it in few) for sql in asked)


def test_events_that_were_tampered_with_end_in_a_note(world: World) -> None:
    """O4, S5: what cannot be read is no traceback, and sends to the audit."""
    world.join("alice@example.com", TIPS)
    request = world.sign_up("bob@example.com", TIPS)
    world.tampered = True
    insert = "INSERT INTO event(request_id, body, leaf) VALUES (:id, :body, :leaf)"
    world.do(lambda tx: tx.run(insert, id=request, body='{"kind":"confirmed"}', leaf=b""))
    world.do(lambda tx: tx.run(insert, id=None, body='{"kind":"erased"', leaf=b""))
    counted = count(world)
    assert lines(counted) == [("2026-W48", "koud-bellen", "v1", 1, 1)]
    assert any("2 requests or erasures cannot be read" in note for note in counted.notes)


@dataclass
class History:
    """What a random site lived through, and a ledger of it that is kept by hand."""

    world: World
    random: Random
    ledger: list[Line] = field(default_factory=list)
    gone: set[RequestId] = field(default_factory=set)
    pending: dict[RequestId, Asked] = field(default_factory=dict)
    given: dict[RequestId, Asked] = field(default_factory=dict)
    version: int = 1

    def live(self) -> None:
        self.world.wait(timedelta(hours=self.random.randint(1, 20)))
        deeds = [self.ask] * 10 + [self.confirm] * 5 + [self.withdraw, self.erase, self.sweep, self.edit]
        self.random.choice(deeds)()

    def note(self, asked: Asked, what: EventKind) -> None:
        for purpose in asked.purposes or (None,):
            self.ledger.append(Line(asked, what, purpose, self.world.now))

    def forget(self, gone: set[RequestId]) -> None:
        self.gone |= gone
        self.pending = {request: it for request, it in self.pending.items() if request not in gone}

    def taken(self, among: dict[RequestId, Asked]) -> Asked | None:
        return among.pop(self.random.choice(list(among))) if among else None

    def ask(self) -> None:
        purposes = tuple(it for it in (TIPS, CALL) if self.random.random() < 0.6)
        phone = {"phone": "+31201234567"} if CALL in purposes else {}
        email = f"p{self.random.getrandbits(64)}@example.com"
        request = self.world.sign_up(email, *purposes, **phone)
        asked = Asked(request, email, f"v{self.version}", purposes, self.world.now)
        self.pending[request] = asked
        self.note(asked, EventKind.REQUESTED)

    def confirm(self) -> None:
        if asked := self.taken(self.pending):
            self.world.confirm(asked.request)
            self.given[asked.request] = asked
            self.note(asked, EventKind.CONFIRMED)

    def withdraw(self) -> None:
        asked = self.taken(self.given)
        if asked is not None and asked.purposes:
            self.world.withdraw(asked.request)
            self.note(asked, EventKind.WITHDRAWN)

    def erase(self) -> None:
        if asked := self.taken(self.given):
            erase(self.world, asked.email)
            self.forget({asked.request})

    def sweep(self) -> None:
        self.world.sweep_step("unconfirmed")
        self.forget({request for request, it in self.pending.items() if not self.young(it)})

    def edit(self) -> None:
        self.version += 1
        self.world.serve(form_version(f"page {self.version}"))

    def young(self, asked: Asked) -> bool:
        return self.world.policy.unconfirmed.keep.after(asked.at) > self.world.now


@dataclass(frozen=True)
class Asked:
    request: RequestId
    email: str
    version: str
    purposes: tuple[PurposeId, ...]
    at: datetime


@dataclass(frozen=True)
class Line:
    asked: Asked
    what: EventKind
    purpose: PurposeId | None
    at: datetime

    @property
    def place(self) -> tuple[str, str]:
        return self.at.strftime("%G-W%V"), self.asked.version


@pytest.mark.parametrize("seed", range(4))
def test_the_numbers_are_those_of_a_count_by_hand(
    world: World, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """O4: over random histories, page by page, wherever a page ends."""
    random = Random(seed)
    monkeypatch.setattr(counting, "PAGE_REQUESTS", random.randint(1, 5))
    monkeypatch.setattr(counting, "PAGE_ERASURES", random.randint(1, 3))
    world.now = datetime(2026, 12, 20, 12, tzinfo=UTC)
    history = History(world, random)
    for _ in range(70):
        history.live()
    for since, monday in ((None, date.min), (date(2026, 12, 30), date(2026, 12, 28))):
        counted = count(world, since=since)
        seen = [line for line in history.ledger if line.at.date() >= monday]
        assert {
            (it.week, it.version, kind): number
            for it in counted.weeks
            for kind, number in ((EventKind.REQUESTED, it.requests), (EventKind.CONFIRMED, it.confirmed))
            if number
        } == Counter(
            (*place, what)
            for place, what, _ in {(line.place, line.what, line.asked.request) for line in seen}
            if what != EventKind.WITHDRAWN
        )
        kinds = (EventKind.REQUESTED, EventKind.CONFIRMED, EventKind.WITHDRAWN)
        assert {
            (week, version, purpose, kind): number
            for (week, version, purpose, _), numbers in consents(counted).items()
            for kind, number in zip(kinds, numbers, strict=True)
            if number
        } == Counter(
            (*line.place, line.purpose, line.what)
            for line in seen
            if line.purpose and line.asked.request not in history.gone
        )
        asked = {line.asked for line in seen if line.what == EventKind.REQUESTED}
        yes = {line.asked for line in history.ledger if line.what == EventKind.CONFIRMED}
        assert {it.version: (it.asked, it.confirmed) for it in counted.rates if it.asked} == {
            version: (
                sum(it.version == version for it in asked),
                sum(it.version == version for it in asked & yes),
            )
            for version in {it.version for it in asked}
        }
        assert counted.blank.unconfirmed + counted.blank.erased == blank_events(world)
        sound(counted)


def test_the_chart_shows_a_year_and_every_week_of_it(world: World) -> None:
    """O4: weeks without anything have their place; what is older is left out and said."""
    world.join("early@example.com", TIPS)
    world.wait(timedelta(weeks=80))
    for number in range(11):
        world.sign_up(f"p{number}@example.com", TIPS)
    root = sound(count(world))
    groups = list(root.iter(f"{SVG}g"))
    assert len(groups) == MOST_WEEKS
    assert groups[-1][0].text == "2028-W23: 11 requests, 0 confirmed"
    assert groups[0][0].text == "2027-W23: 0 requests, 0 confirmed"
    assert "The last 53 weeks of 81." in (root[1].text or "")


@pytest.mark.parametrize(
    ("successes", "tries", "low", "high"),
    [(8, 10, 0.490162, 0.943318), (0, 10, 0.0, 0.277533), (10, 10, 0.722467, 1.0), (1, 1, 0.206549, 1.0)],
)
def test_the_interval_is_that_of_wilson(successes: int, tries: int, low: float, high: float) -> None:
    """O4: against published values; never below nothing, never above all."""
    assert wilson_interval(successes, tries) == pytest.approx((low, high), abs=1e-6)


def test_the_interval_holds_the_truth_as_often_as_it_says() -> None:
    """O4: in some 95 of 100 cases, weighed by how likely each outcome is."""
    binomial = [1]
    for tries in range(40):
        binomial = [1, *(binomial[place] + binomial[place + 1] for place in range(tries)), 1]
    for share in (0.3, 0.5, 0.8):
        held = sum(
            ways * share**yes * (1 - share) ** (40 - yes)
            for yes, ways in enumerate(binomial)
            if wilson_interval(yes, 40)[0] <= share <= wilson_interval(yes, 40)[1]
        )
        assert held > 0.92
    assert wilson_interval(0, 0) == (0.0, 1.0)
    assert Rate("x", "v1", 0, 0, None, *wilson_interval(0, 0)).share is None
