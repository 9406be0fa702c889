"""This week against the last, and what magnets brought: counted from requests and sums."""

from __future__ import annotations

from datetime import timedelta

import pytest

from optin.flows.reports.beyond_chance import Verdict, verdict
from optin.flows.reports.recent_weeks import RecentCount, RecentWeeks, SameDays, WeekSums
from optin.store.source_sums import SIGNED_UP, VIEWED, SourceKey, add_to_source_sums
from optin.store.weekly_event_sums import DOWNLOADED, add_to_weekly_sums, monday_of
from tests.world import TIPS, World

PAPER = "koud-bellen"
WEEK = timedelta(days=7)


def count(world: World) -> RecentWeeks:
    return RecentCount(world.store.read, world.policy, world.now).run()


def test_a_week_is_counted_by_what_became_of_its_sign_ups(world: World) -> None:
    """O4: confirmed, may still confirm, never; views and downloads from the sums."""
    world.join("alice@example.com", TIPS)
    world.sign_up("bob@example.com", TIPS)
    monday = monday_of(world.now.date())
    world.do(add_to_weekly_sums, counts={(monday, world.form.digest, DOWNLOADED): 3})
    world.do(add_to_source_sums, counts={SourceKey(monday, PAPER, "", "", VIEWED): 40})
    world.do(add_to_source_sums, counts={SourceKey(monday, PAPER, "", "fair", SIGNED_UP): 2})
    found = count(world)
    assert found.of(PAPER, 1) == WeekSums(sign_ups=2, confirmed=1, waiting=1, views=40, downloads=3)
    assert found.by_monday == {monday: found.of(PAPER)}
    assert found.sources == {PAPER: {"fair": 2}}
    assert found.sign_ups == SameDays(2, 0)
    assert found.confirmed == SameDays(1, 0)
    (version,) = found.versions[PAPER]
    assert (version.sign_ups, version.confirmed) == (2, 1)
    world.wait(timedelta(days=8))
    assert count(world).of(PAPER).never == 1


def test_an_erased_sign_up_stays_in_its_week(world: World) -> None:
    """O4: swept since nobody confirmed it; still one of the same days of last week."""
    world.sign_up("bob@example.com", TIPS)
    world.wait(timedelta(days=8))
    assert world.sweep_step("unconfirmed") == 1
    assert world.count("request") == 0
    found = count(world)
    assert found.of(PAPER).sign_ups == 1
    assert found.of(PAPER).never == 1


def test_only_the_same_days_of_last_week_count(world: World) -> None:
    """O4: what came later last week is not held against a week that has just begun."""
    start = world.now
    world.join("alice@example.com", TIPS)
    world.wait(timedelta(hours=2))
    world.join("later@example.com", TIPS)
    world.wait(start + WEEK + timedelta(hours=1) - world.now)
    found = count(world)
    expected = SameDays(0, 1) if monday_of(start.date()) != monday_of(world.now.date()) else None
    assert found.sign_ups == expected
    assert found.confirmed == expected


def test_consents_are_counted_by_purpose(world: World) -> None:
    """O4: in force, new, withdrawn."""
    world.join("alice@example.com", TIPS)
    world.join("bob@example.com", TIPS)
    (found,) = count(world).consents
    assert (found.in_force, found.begun, found.withdrawn, found.ending) == (2, 2, 0, 0)


@pytest.mark.parametrize(
    ("now", "before", "said"),
    [
        (5, 4, Verdict.FEW),
        (177, 184, Verdict.SAME),
        (96, 61, Verdict.UP),
        (61, 96, Verdict.DOWN),
        (20, 0, Verdict.UP),
        (0, 0, Verdict.FEW),
    ],
)
def test_a_difference_is_told_only_beyond_chance(now: int, before: int, said: Verdict) -> None:
    """O4: and of few events nothing is said."""
    assert verdict(now, before) is said
