"""Links that put a webinar into a calendar on the web, for whoever has no use for a file."""

from __future__ import annotations

from urllib.parse import urlencode

from optin.flows.webinar_attendance import Attendance


def calendar_links(told: Attendance) -> tuple[tuple[str, str], ...]:
    """Return name and address for each of the common calendars; nothing is sent there before a click."""
    webinar = told.webinar
    compact = [f"{moment:%Y%m%dT%H%M%SZ}" for moment in (webinar.starts_at, webinar.ends_at)]
    google = {
        "action": "TEMPLATE",
        "text": told.title,
        "dates": "/".join(compact),
        "ctz": webinar.zone,
        "location": webinar.place,
    }
    outlook = {
        "path": "/calendar/action/compose",
        "rru": "addevent",
        "subject": told.title,
        "startdt": f"{webinar.starts_at:%Y-%m-%dT%H:%M:%SZ}",
        "enddt": f"{webinar.ends_at:%Y-%m-%dT%H:%M:%SZ}",
        "location": webinar.place,
    }
    compose = f"calendar/0/deeplink/compose?{urlencode(outlook)}"
    return (
        ("Google Calendar", f"https://calendar.google.com/calendar/render?{urlencode(google)}"),
        ("Outlook.com", f"https://outlook.live.com/{compose}"),
        ("Microsoft 365", f"https://outlook.office.com/{compose}"),
    )
