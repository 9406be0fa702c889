"""A moment on the clock of its zone, around both changes of the clock and where there are none."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optin.consent.time_zones import after_gap, moments_of, offset_in_words, zone_names, zone_of

ZONES = (
    "Europe/Amsterdam",
    "America/New_York",
    "Australia/Lord_Howe",
    "Asia/Kolkata",
    "UTC",
    "America/Sao_Paulo",
)
local_times = st.datetimes(
    min_value=datetime.fromisoformat("2000-01-01"), max_value=datetime.fromisoformat("2037-12-31")
)


@given(local=local_times, name=st.sampled_from(ZONES))
def test_a_moment_shows_the_time_that_was_written(local: datetime, name: str) -> None:
    """M2: none in a gap, two where the clock goes back, else one; each shows the very time."""
    local = local.replace(second=0, microsecond=0)
    zone = ZoneInfo(name)
    moments = moments_of(local, zone)
    assert len(moments) <= 2
    assert all(it.astimezone(zone).replace(tzinfo=None) == local for it in moments)
    assert moments == tuple(sorted(set(moments)))
    if not moments:
        assert moments_of(after_gap(local, zone), zone), "the cure is a time that there is"


@pytest.mark.parametrize(
    ("local", "count"),
    [("2027-03-28 02:30", 0), ("2027-10-31 02:30", 2), ("2027-03-28 01:59", 1), ("2027-03-28 03:00", 1)],
)
def test_both_changes_of_the_clock_are_known(local: str, count: int) -> None:
    """M2: the night of the summer, and that of the winter."""
    assert len(moments_of(datetime.fromisoformat(local), ZoneInfo("Europe/Amsterdam"))) == count


def test_what_the_clock_shows_instead() -> None:
    """M2: half past two is half past three in the night of the summer."""
    gap = datetime.fromisoformat("2027-03-28T02:30")
    assert after_gap(gap, ZoneInfo("Europe/Amsterdam")) == datetime.fromisoformat("2027-03-28T03:30")


def test_zones_are_those_of_regions() -> None:
    """M2: no path and no abbreviation is a zone."""
    for name in ("CET", "../etc/passwd", "Europe", "", "europe/amsterdam", "Europe/Amsterdm"):
        assert zone_of(name) is None, name
    assert zone_of("Europe/Amsterdam") is not None
    assert "UTC" in zone_names()


@pytest.mark.parametrize(
    ("zone", "words"),
    [
        ("Europe/Amsterdam", "UTC+1"),
        ("Asia/Kolkata", "UTC+5:30"),
        ("America/New_York", "UTC−5"),
        ("UTC", "UTC"),
    ],
)
def test_the_zone_is_told_in_words(zone: str, words: str) -> None:
    """M2: how far it is from UTC on that very day."""
    assert offset_in_words(datetime(2027, 1, 10, tzinfo=UTC), zone) == words
