"""From views to downloads by magnet, and where leads come from."""

from __future__ import annotations

import json
from datetime import date, timedelta

from jsonschema import Draft202012Validator

from optin.export.statistics_json import as_json, schema
from optin.flows.reports.funnel import Funnel, SourceCount
from optin.store.source_sums import SIGNED_UP, VIEWED, SourceKey, add_to_source_sums
from optin.store.weekly_event_sums import DOWNLOADED, add_to_weekly_sums, monday_of
from tests.flows.test_stats import count
from tests.world import TIPS, World

PAPER = "koud-bellen"


def see(world: World, views: int, source: str = "", magnet: str = PAPER, kind: str = VIEWED) -> None:
    key = SourceKey(monday_of(world.now.date()), magnet, "", source, kind)
    world.do(add_to_source_sums, counts={key: views})


def test_a_funnel_begins_with_the_first_counted_views(world: World) -> None:
    """W9: sign-ups of the time before would stand beside views that nobody counted."""
    world.join("early@example.com", TIPS)
    world.wait(timedelta(days=7))
    monday = monday_of(world.now.date())
    see(world, 10)
    see(world, 30, "linkedin")
    world.join("alice@example.com", TIPS)
    world.sign_up("bob@example.com", TIPS)
    world.do(add_to_weekly_sums, counts={(monday, world.form.digest, DOWNLOADED): 3})
    counted = count(world)
    assert counted.funnels == (Funnel(PAPER, monday, views=40, requests=2, confirmed=1, downloads=3),)
    assert sum(week.requests for week in counted.weeks) == 3
    Draft202012Validator(schema()).validate(json.loads(as_json(counted)))


def test_sources_are_counted_beside_each_other(world: World) -> None:
    """W8: of a magnet that has any; what came without one stands last."""
    see(world, 5, "beurs-2027")
    see(world, 7, "linkedin")
    see(world, 2, "linkedin")
    see(world, 100)
    see(world, 3, "linkedin", kind=SIGNED_UP)
    see(world, 50, magnet="other")
    assert count(world).sources == (
        SourceCount(PAPER, "", "linkedin", 9, 3),
        SourceCount(PAPER, "", "beurs-2027", 5, 0),
        SourceCount(PAPER, "", "", 100, 0),
    )
    assert [it.magnet for it in count(world).funnels] == [PAPER, "other"]


def test_a_magnet_and_a_week_limit_what_is_counted(world: World) -> None:
    """W8, W9: as they limit all other numbers."""
    see(world, 5, "linkedin")
    see(world, 6, magnet="other")
    world.sign_up("bob@example.com", TIPS)
    world.wait(timedelta(days=14))
    see(world, 7, "linkedin")
    assert [it.views for it in count(world, magnet=PAPER).funnels] == [12]
    counted = count(world, since=world.now.date())
    assert [(it.magnet, it.views, it.requests) for it in counted.funnels] == [(PAPER, 7, 0)]
    assert [it.views for it in counted.sources] == [7]
    assert count(world, since=date(2030, 1, 1)).funnels == ()
