"""A webinar's calendar entry, read by its own rules alone, as a program without zones of its own would."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from icalendar import Calendar

from optin.consent.status_transitions import RequestId
from optin.kinds.webinar.calendar_file import Invitation, Method, calendar_bytes
from optin.kinds.webinar.details import Webinar
from optin.kinds.webinar.seat_status import Attendance, SeatStatus

INVITATION = Invitation("Example", "info@example.com", "example.com", "alice@example.com")


def entry(start: datetime, minutes: int, zone: str) -> Calendar:
    webinar = Webinar(start, minutes, zone, "Anna", "https://meet.example.com/room")
    told = Attendance(webinar, "Title", RequestId(b"1" * 16), SeatStatus.SEATED, 0)
    read = Calendar.from_ical(calendar_bytes(told, INVITATION, Method.REQUEST, "With Anna", start))
    assert isinstance(read, Calendar)
    return read


@pytest.mark.parametrize("year", [2027, 2037, 2039, 2060])
@pytest.mark.parametrize("month", [1, 7])
@pytest.mark.parametrize("zone", ["Europe/Amsterdam", "America/New_York", "Asia/Kolkata"])
def test_the_rules_in_the_file_cover_the_event(year: int, month: int, zone: str) -> None:
    """M2: by the file's own VTIMEZONE the local time is the very moment, after 2038 too."""
    start = datetime(year, month, 15, 12, tzinfo=UTC)
    read = entry(start, 60, zone)
    (event,), (rules,) = read.walk("VEVENT"), read.walk("VTIMEZONE")
    assert str(rules["TZID"]) == event["DTSTART"].params["TZID"]
    local = event.decoded("DTSTART").replace(tzinfo=None)
    shifts = []
    for part in (*rules.walk("STANDARD"), *rules.walk("DAYLIGHT")):
        onsets = [part.decoded("DTSTART")]
        dates = part.get("RDATE", [])
        for each in dates if isinstance(dates, list) else [dates]:
            onsets += [it.dt for it in each.dts]
        shifts += [(it.replace(tzinfo=None), part.decoded("TZOFFSETTO")) for it in onsets]
    newest = max(it for it in shifts if it[0] <= local)
    assert (local - newest[1]).replace(tzinfo=UTC) == start
    assert start.replace(tzinfo=None) - newest[0] < timedelta(days=900)


@pytest.mark.parametrize("minute", [0, 30])
def test_a_time_that_comes_twice_is_written_in_utc(minute: int) -> None:
    """M2: a local time means its first occurrence (RFC 5545), so the second needs UTC."""
    second = datetime(2027, 10, 31, 1, minute, tzinfo=UTC)
    (event,) = entry(second, 20, "Europe/Amsterdam").walk("VEVENT")
    assert event["DTSTART"].to_ical() == f"20271031T01{minute:02}00Z".encode()
    assert event["DTEND"].to_ical() == f"20271031T01{minute + 20:02}00Z".encode()
