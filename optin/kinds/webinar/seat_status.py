"""A person's status with a webinar, for pages and mails."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlencode

from optin.kinds.api.flows import RequestId
from optin.kinds.webinar.details import Webinar


class SeatStatus(StrEnum):
    """A person's status with a webinar."""

    SEATED = "seat"
    WAITING = "waiting"
    GIVEN_UP = "given-up"
    REPLAY = "replay"  # it is over; there is a recording
    OVER = "over"
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class Attendance:
    """What a person sees of a webinar. `sequence`: of the calendar entry (RFC 5545, 3.8.7.4)."""

    webinar: Webinar
    title: str
    request: RequestId  # by which the seat was asked for: the entry's name for ever
    standing: SeatStatus
    sequence: int
    seated: bool = True  # there is an entry in the person's calendar
    outdated: bool = False  # another process told a later plan than the one that is loaded here
    base_url: str = ""
    place_path: str = ""  # of the page about the seat

    @property
    def place_url(self) -> str:
        """The address of the page about the seat, for mails."""
        return f"{self.base_url}{self.place_path}"

    @property
    def calendars(self) -> tuple[tuple[str, str], ...]:
        """Name and link for each common web calendar; nothing is sent there before a click."""
        return calendar_links(self)


def calendar_links(participation: Attendance) -> tuple[tuple[str, str], ...]:
    """Return name and link for each common web calendar; nothing is sent there before a click."""
    webinar = participation.webinar
    compact = [f"{moment:%Y%m%dT%H%M%SZ}" for moment in (webinar.starts_at, webinar.ends_at)]
    google = {
        "action": "TEMPLATE",
        "text": participation.title,
        "dates": "/".join(compact),
        "ctz": webinar.zone,
        "location": webinar.place,
    }
    outlook = {
        "path": "/calendar/action/compose",
        "rru": "addevent",
        "subject": participation.title,
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
