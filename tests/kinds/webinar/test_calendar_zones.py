"""The calendar entry of a webinar: the clock of its zone in any year, mailboxes with odd characters (M2)."""

from __future__ import annotations

from datetime import UTC, datetime
from io import StringIO
from zoneinfo import ZoneInfo

import pytest
from dateutil.tz import tzical  # type: ignore[import-untyped]  # it has no types

from optin.consent.status_transitions import RequestId
from optin.kinds.webinar.calendar_file import Invitation, Method, calendar_bytes
from optin.kinds.webinar.details import Webinar
from optin.kinds.webinar.seat_status import Attendance, SeatStatus

NOW = datetime(2026, 11, 26, tzinfo=UTC)


def unfolded(zone: str, at: datetime, attendee: str = "") -> str:
    webinar = Webinar(at, 60, zone, "Anna", "https://meet.example.com/1")
    told = Attendance(webinar, "Bellen", RequestId(b"r" * 16), SeatStatus.SEATED, 0)
    invitation = Invitation("Voorbeeld", "info@example.com", "example.com", attendee)
    method = Method.REQUEST if attendee else Method.PUBLISH
    return calendar_bytes(told, invitation, method, "Met Anna", NOW).decode().replace("\r\n ", "")


@pytest.mark.parametrize(
    "zone", ["Europe/Amsterdam", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata"]
)
@pytest.mark.parametrize("year", [2027, 2035, 2041, 2060])
@pytest.mark.parametrize("month", [1, 7])
def test_the_entry_has_the_rules_of_its_zone_in_any_year(zone: str, year: int, month: int) -> None:
    """M2: whoever reads the file by its VTIMEZONE alone comes to the same moment, also long from now."""
    at = datetime(year, month, 15, 12, tzinfo=UTC)
    text = unfolded(zone, at)
    rules = tzical(StringIO(text.replace("\r\n", "\n"))).get()
    assert rules is not None
    local = at.astimezone(ZoneInfo(zone))
    assert rules.utcoffset(local.replace(tzinfo=None)) == local.utcoffset()


def test_a_mailbox_is_written_as_an_address_of_the_web() -> None:
    """M2: a per cent sign in it is no escape (RFC 6068, section 2)."""
    assert "mailto:a%25b+c@example.com\r\n" in unfolded("UTC", NOW, "a%b+c@example.com")
