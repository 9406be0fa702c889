"""Lots: what a draw promises about fairness, whatever the list and the seed."""

from __future__ import annotations

import hashlib
import random
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optin.consent.retention_period import RetentionPeriod
from optin.kinds.prize_draw.details import Contest, PrizeDraw
from optin.kinds.prize_draw.draw_lots import (
    SeedRefused,
    canonical_seed,
    draw_order,
    list_digest,
    lot_of_ticket,
    pick_winners,
    shown_ticket,
    shown_tickets,
)

TICKET = st.binary(min_size=32, max_size=32).map(bytes.hex)
TICKETS = st.sets(TICKET, max_size=40).map(sorted)
SEED = st.from_regex(r"[a-z]{6,20}( [0-9]{1,4}){0,4}", fullmatch=True)


@given(TICKETS, SEED, st.randoms(use_true_random=False))
def test_a_draw_is_a_permutation_that_no_order_of_entry_changes(
    tickets: list[str], typed: str, dice: random.Random
) -> None:
    """M2: every ticket is drawn once; in which order people enter decides nothing; a seed, a result."""
    seed = canonical_seed(typed)
    order = draw_order(seed, tickets)
    assert sorted(order) == tickets
    shuffled = list(tickets)
    dice.shuffle(shuffled)
    assert draw_order(seed, shuffled) == order == draw_order(seed, tuple(tickets))


@given(TICKETS, SEED, st.integers(1, 5), st.data())
def test_winners_are_the_first_who_can_be_reached(
    tickets: list[str], typed: str, count: int, data: st.DataObject
) -> None:
    """M2: nobody who cannot be reached wins, nobody who can is passed over, and the order stays."""
    order = draw_order(canonical_seed(typed), tickets)
    reachable = set(data.draw(st.sets(st.sampled_from(order)))) if order else set()
    drawn = pick_winners(order, count, reachable)
    assert list(drawn.winners) == [it for it in order if it in reachable][:count]
    assert not reachable & {*drawn.passed_over}
    seen = len(drawn.winners) + len(drawn.passed_over)
    assert {*order[:seen]} == {*drawn.winners, *drawn.passed_over}
    assert len(drawn.winners) == count or seen == len(order)


def test_each_ticket_wins_about_as_often_as_any_other() -> None:
    """M2: over a thousand seeds, five tickets win two hundred times each, as dice would."""
    tickets = [hashlib.sha256(bytes([number])).hexdigest() for number in range(5)]
    won = [draw_order(canonical_seed(f"seedling {number}"), tickets)[0] for number in range(1000)]
    assert all(150 < won.count(ticket) < 250 for ticket in tickets)


def test_lots_are_worked_out_as_the_page_says() -> None:
    """M2: four lines, their SHA-256; the list's digest is what sha256sum says of its lines."""
    tickets = ["bb" * 32, "aa" * 32]
    digest = hashlib.sha256(("aa" * 32 + "\n" + "bb" * 32 + "\n").encode()).hexdigest()
    assert list_digest(tickets) == digest
    lines = f"optin draw 1\n912.34/\n{digest}\n{tickets[0]}\n"
    assert lot_of_ticket("912.34/", digest, tickets[0]) == hashlib.sha256(lines.encode()).hexdigest()


@pytest.mark.parametrize(
    ("typed", "canonical"),
    [
        ("912,34 18477.10", "912.34.18477.10/"),
        (" 03 - 17 - 22 - 41 ", "3.17.22.41/"),
        ("AbCdEf012", "abcdef012/"),
        ("00 00 10 20 30", "0.0.10.20.30/"),
    ],
)
def test_a_seed_has_one_form_however_it_is_typed(typed: str, canonical: str) -> None:
    """M2: spaces, signs, capitals and leading zeros do not make another draw."""
    assert canonical_seed(typed) == canonical


@pytest.mark.parametrize("typed", ["", "12", "...", "é12345678"])
def test_a_seed_that_is_none_is_refused(typed: str) -> None:
    """M2: too short to be public, or of signs that two keyboards type differently."""
    with pytest.raises(SeedRefused):
        canonical_seed(typed)


@given(st.text(max_size=20))
def test_any_answer_is_right_or_wrong(text: str) -> None:
    """M2: whatever somebody answers, there is a verdict, and case and accents do not matter."""
    contest = Contest("Hoofdstad?", ("Parijs", "Besançon"))
    assert contest.is_right(text) in {True, False}
    assert contest.is_right(" PARIJS! ")
    assert contest.is_right("besancon")
    assert not contest.is_right("Lyon")


def test_a_promise_reads_back_what_it_declared() -> None:
    """M2, P2: a form pins every term of the draw."""
    moment = datetime(2030, 3, 31, 21, 59, tzinfo=UTC)
    promise = PrizeDraw(
        "Boek", 20, 1, moment, "Europe/Amsterdam", 18, "T.", "", "AEX", moment.replace(month=4, day=2),
        RetentionPeriod.parse("3 months"), "Antwoord.", Contest("Hoeveel?", ("42",)),
    )  # fmt: skip
    assert PrizeDraw.read(promise.declared()) == promise


def test_a_ticket_is_shown_by_as_many_characters_as_tell_it_apart() -> None:
    """M2: ten of them, in groups; more where another of the same draw begins alike."""
    ticket = "3f2a9c1d04" + "5" * 54
    assert shown_ticket(ticket).short == "3f2a9c1d04"
    assert shown_ticket(ticket).groups == ("3f2a9", "c1d04")
    assert shown_ticket(ticket, (ticket,)).short == "3f2a9c1d04"
    twin = "3f2a9c1d045" + "7" * 53
    other = "3f2a9c1d0" + "1" * 55
    assert shown_ticket(ticket, (other, twin)).short == "3f2a9c1d0455"
    assert shown_ticket(ticket, (other, twin)).groups == ("3f2a9", "c1d04", "55")
    assert str(shown_ticket(ticket)) == "3f2a9c1d04"
    shown = shown_tickets((twin, ticket), (other, ticket, twin))
    assert [it.short for it in shown] == ["3f2a9c1d0457", "3f2a9c1d0455"]
    assert [it.full for it in shown] == [twin, ticket]


@given(st.lists(st.text("01", min_size=16, max_size=16), unique=True, min_size=1, max_size=60))
def test_no_two_tickets_of_a_draw_look_alike(tickets: list[str]) -> None:
    """M2: each short form begins one ticket of the list alone, so that its holder finds it there."""
    for it in shown_tickets(tickets, tickets):
        assert [ticket for ticket in tickets if ticket.startswith(it.short)] == [it.full]
        assert "".join(it.groups) == it.short


def test_a_hundred_thousand_tickets_take_one_sort() -> None:
    """M2: a large draw needs no more than its list and one sort: each ticket is hashed once."""
    tickets = [hashlib.sha256(number.to_bytes(4, "big")).hexdigest() for number in range(100_000)]
    order = draw_order("912.34/", tickets)
    assert len(set(order)) == len(tickets)
