"""When a webinar closes, by its own details."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from optin.kinds.webinar.details import Webinar


def test_it_closes_by_itself_unless_there_is_a_recording() -> None:
    """M2: at its start; with a recording never; cancelled at once."""
    start = datetime(2027, 3, 10, 13, tzinfo=UTC)
    webinar = Webinar(start, 60, "Europe/Amsterdam", "Anna", "https://meet.example.com/x")
    assert webinar.closes_at == start
    assert webinar.ends_at == start + timedelta(hours=1)
    assert Webinar(start, 60, "UTC", "A", "x", replay="https://example.com/r").closes_at is None
    cancelled = Webinar(start, 60, "UTC", "A", "x", replay="https://example.com/r", cancelled=True).closes_at
    assert cancelled is not None
    assert cancelled < start - timedelta(days=9_000)
    assert "meet.example.com" not in str(webinar.declared())
