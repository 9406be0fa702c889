"""Wordings side by side: no winner is named that chance could have made."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import comb
from random import Random
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from optin.consent.compare_variants import WordingCounts, brings_more, compare, wilson_interval, z_score_for
from optin.consent.form_version import IN_FRAME, IN_HTML
from optin.consent.served_forms import ServedForms
from optin.export.statistics_json import as_json, schema
from optin.export.weekly_chart import as_svg
from optin.flows.reports.statistics import Statistics, StatisticsCount
from tests.world import DECLARATION, NOON, TIPS, World, form_version

SHORT = replace(DECLARATION, variant="short", title="Kort")


def count(world: World) -> Statistics:
    return StatisticsCount(world.store.read, world.policy, world.now).run()


def exact(one: int, other: int) -> float:
    """Return how likely chance alone makes a difference of at least this, in either direction."""
    tries, most = one + other, max(one, other)
    return min(1.0, 2.0 * sum(comb(tries, k) for k in range(most, tries + 1)) / 2.0**tries)


@given(st.integers(0, 300), st.integers(0, 300))
def test_who_brings_more_is_told_as_the_exact_test_tells_it(one: int, other: int) -> None:
    """O4: two-sided at 5 %; where the two methods differ, it is by a hair."""
    told = brings_more(max(one, other), min(one, other))
    if one == other:
        assert not told
        return
    chance = exact(one, other)
    assert told or chance > 0.04
    assert not told or chance < 0.055
    assert not brings_more(min(one, other), max(one, other))


@pytest.mark.parametrize(
    ("one", "other", "told"), [(0, 0, False), (4, 0, False), (5, 0, False), (6, 0, True), (7, 1, False)]
)
def test_few_sign_ups_do_not_count_for_much(one: int, other: int, told: bool) -> None:  # noqa: FBT001 - an example
    """O4: five of five come by chance once in sixteen times."""
    assert brings_more(one, other) is told
    assert (exact(one, other) < 0.05) is told


@given(*[st.tuples(st.integers(0, 400), st.integers(0, 400)) for _ in range(2)])
def test_intervals_that_overlap_name_no_winner(one: tuple[int, int], other: tuple[int, int]) -> None:
    """O4: whatever the shares are."""
    tried = [WordingCounts(name, "v1", sum(it), it[0]) for name, it in (("", one), ("b", other))]
    compared = compare("x", NOON, tried)
    first, second = compared.wordings
    overlap = first.low <= second.high and second.low <= first.high
    assert compared.shares_differ is not overlap
    assert ("cannot be told from chance" in compared.said[0]) is overlap
    assert "two-sided" in compared.method


def test_of_many_tries_without_a_difference_few_find_one() -> None:
    """O4: a thousand comparisons of three wordings that do equally well; at most one in twenty errs."""
    dice, shares, numbers = Random(7), 0, 0
    for _ in range(1_000):
        tried = []
        for name in ("", "b", "c"):
            asked = sum(dice.random() < 0.5 for _ in range(120))
            confirmed = sum(dice.random() < 0.7 for _ in range(asked))
            tried.append(WordingCounts(name, "v1", asked, confirmed))
        compared = compare("x", NOON, tried)
        shares += compared.shares_differ
        numbers += compared.numbers_differ
    assert shares < 50
    assert numbers < 50


def test_more_wordings_make_wider_intervals() -> None:
    """O4: all pairs hold together (Bonferroni)."""
    assert z_score_for(2) == pytest.approx(1.96, abs=0.001)
    assert z_score_for(3) == pytest.approx(2.394, abs=0.001)
    two, three = (wilson_interval(30, 60, z_score_for(n)) for n in (2, 3))
    assert three[0] < two[0] < two[1] < three[1]


def test_wordings_in_frames_count_with_those_of_the_page(world: World) -> None:
    """W6, O4: a site that shows its forms elsewhere too goes on comparing; pasted HTML draws no lot."""
    forms = [world.form, form_version("short", SHORT)]
    forms += [form_version(f"framed {it.key}", replace(it.declaration, shown_in=IN_FRAME)) for it in forms]
    forms.append(form_version("pasted", replace(DECLARATION, shown_in=IN_HTML)))
    for form in forms[1:]:
        world.serve(form)
    world.policy = replace(world.policy, offers=ServedForms(forms))
    for form in forms:
        world.form = form
        world.join(f"{form.key}@example.com", TIPS)
    counted = count(world)
    (compared,) = counted.comparisons
    told = [(it.name, it.version, it.asked, it.confirmed) for it in compared.wordings]
    assert told == [("as written", "v1, v3 in frames", 2, 2), ("short", "v2, v4 in frames", 2, 2)]
    assert "v5 as HTML" in {it.version for it in counted.weeks}
    Draft202012Validator(schema()).validate(json.loads(as_json(counted)))


def test_wordings_are_compared_from_when_all_are_served(world: World) -> None:
    """O4: what came before counts for none; renewed words begin anew; the files tell all of it."""
    first, short = world.form, form_version("short", SHORT)
    for at in range(3):
        world.join(f"early{at}@example.com", TIPS)
    assert count(world).comparisons == ()
    world.wait(timedelta(hours=1))
    world.serve(short)
    all_served = world.now
    world.policy = replace(world.policy, offers=ServedForms([first, short]))
    for at in range(8):
        world.form = short
        world.join(f"short{at}@example.com", TIPS)
        world.form = first
        world.sign_up(f"first{at}@example.com", TIPS)
    world.join("first@example.com", TIPS)
    counted = count(world)
    (compared,) = counted.comparisons
    assert compared.since == all_served
    told = [(it.name, it.version, it.asked, it.confirmed) for it in compared.wordings]
    assert told == [("as written", "v1", 9, 1), ("short", "v2", 8, 8)]
    assert (compared.shares_differ, compared.numbers_differ) == (True, True)
    assert "after 'short' more do" in compared.said[0]
    assert {(it.version, it.variant) for it in counted.weeks} == {("v1", ""), ("v2", "short")}
    Draft202012Validator(schema()).validate(json.loads(as_json(counted)))
    chart = "".join(ET.fromstring(as_svg(counted)).itertext())  # noqa: S314 - our own
    for words in ("Wordings of koud-bellen: told apart", *compared.said, compared.method):
        assert words in chart
    # the first requests are erased: their week is known as a whole only, so it begins after it
    world.wait(timedelta(days=8))
    assert world.sweep_step("unconfirmed")
    (later,) = count(world).comparisons
    assert later.since == datetime(2026, 11, 30, tzinfo=UTC)
    assert [(it.asked, it.share) for it in later.wordings] == [(0, None), (0, None)]
    assert "cannot be told from chance" in later.said[1]
    for at in range(7):
        world.form = short
        world.join(f"late{at}@example.com", TIPS)
    world.form = first
    world.sign_up("last@example.com", TIPS)
    (new,) = count(world).comparisons
    world.wait(timedelta(days=8))
    assert world.sweep_step("unconfirmed")
    (old,) = count(world).comparisons
    assert [(it.asked, it.confirmed) for it in new.wordings] == [(1, 0), (7, 7)]
    assert old.wordings == new.wordings  # what is erased still counts
    renewed = form_version("short again", SHORT)
    world.serve(renewed)
    world.policy = replace(world.policy, offers=ServedForms([first, renewed]))
    (anew,) = count(world).comparisons
    assert [it.asked for it in anew.wordings] == [0, 0]
    assert not anew.numbers_differ
    ET.fromstring(as_svg(count(world)))  # noqa: S314 - our own
