"""A webinar at the desk: seats, waiting list, its mails."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest

from optin.consent.staff_role import Role
from optin.jobs.sweep_runner import sweep
from tests.desk.conftest import Desk, desk
from tests.desk.test_home import words_of
from tests.desk.test_new_leads import waits
from tests.desk.test_requests import in_english
from tests.kinds.webinar.test_webinar_pages import FULL, START, WEBINAR, join, write

__all__ = ["desk"]

PAGE = "/desk/magnets/bellen/kind"


@pytest.fixture
def bellen(desk: Desk) -> Desk:
    """Open the desk of a site with a webinar of two seats, a month before it."""
    desk.moment = datetime(2027, 3, 1, 9, tzinfo=UTC)
    write(desk, FULL)
    return desk


def said(desk: Desk) -> str:
    browser = in_english(desk, f"mila{desk.moment:%m%d%H%M}@example.com", Role.MARKETER)
    return words_of(browser, PAGE)


def test_seats_and_the_waiting_list_are_counted(bellen: Desk) -> None:
    """M2, O4: as the room is: taken, free, waiting; nobody is named."""
    join(bellen, "alice")
    page = said(bellen)
    assert "1 seat is free." in page
    assert "Seats taken 1 Seats in all 2 On the waiting list 0" in page
    for name in ("bob", "carol", "dave"):
        join(bellen, name)
    bellen.wait(timedelta(minutes=2))
    page = said(bellen)
    assert "full; 2 people wait for a seat." in page
    assert "Seats taken 2 Seats in all 2 On the waiting list 2" in page
    assert "alice" not in page
    assert "The day before" in page
    assert "to come" in page


def test_after_it_the_reminders_left_and_the_recording_is_counted(bellen: Desk) -> None:
    """M2, O4: how many got it."""
    join(bellen, "alice")
    bellen.moment = START + timedelta(hours=2)
    write(bellen, FULL.replace("  capacity", "  replay: https://video.example.com/1\n  capacity"))
    sweep(bellen.installation)
    page = said(bellen)
    assert "It took place on" in page
    assert "its time has passed" in page
    assert re.search(r"The recording \S+ \w+ \d+ at \d\d:\d\d \([^)]*\) 1\b", page), page


def test_without_a_limit_and_when_it_is_cancelled(bellen: Desk) -> None:
    """M2: both are said in the first sentence."""
    join(bellen, "alice")
    write(bellen, WEBINAR)
    assert "1 seat is taken; there is no limit." in said(bellen)
    bellen.wait(timedelta(minutes=2))
    write(bellen, WEBINAR.replace("---\nTekst", "  cancelled: true\n---\nTekst"))
    assert "Cancelled." in said(bellen)


def test_a_plan_that_another_server_told_waits(bellen: Desk) -> None:
    """O4: its mails wait until this one is started anew."""
    join(bellen, "alice")
    before = bellen.app_context.edition
    write(bellen, FULL.replace("14:00", "15:00"))
    bellen.app_context.replace(before)
    browser = in_english(bellen, "mila@example.com", Role.MARKETER)
    assert waits(browser)["The mails of bellen wait: start the server anew"] == PAGE
    assert "start it anew" in words_of(browser, PAGE)
