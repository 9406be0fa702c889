"""Mails about a webinar: when each is due, and whether it is still of use."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from optin.kinds.webinar.details import DAY_BEFORE, HOUR_BEFORE, Webinar
from optin.kinds.webinar.seat_status import Attendance, SeatStatus


class WebinarMail(StrEnum):
    """The mails about a webinar, by their stored names."""

    DAY = "webinar-day"  # a reminder the day before, and one the hour before
    HOUR = "webinar-hour"
    MOVED = "webinar-moved"  # another time or place
    CANCELLED = "webinar-cancelled"
    SEATED = "webinar-seated"  # a seat for who waited
    REPLAY = "webinar-replay"


REMINDERS = {WebinarMail.DAY: DAY_BEFORE, WebinarMail.HOUR: HOUR_BEFORE}


MAILS = frozenset(WebinarMail)


def due_of(kind: WebinarMail, webinar: Webinar) -> datetime | None:
    """Return when a reminder is due; None for a mail that is due at once."""
    before = REMINDERS.get(kind)
    return None if before is None else webinar.starts_at - before


def has_use(kind: WebinarMail, participation: Attendance, now: datetime) -> bool:
    """Return whether a mail is still true, and concerns its recipient."""
    webinar = participation.webinar
    match kind:
        case WebinarMail.CANCELLED:
            return participation.standing is SeatStatus.CANCELLED
        case WebinarMail.REPLAY:
            return participation.standing is SeatStatus.REPLAY
        case WebinarMail.MOVED:
            return participation.standing in {SeatStatus.SEATED, SeatStatus.WAITING} and now < webinar.ends_at
        case WebinarMail.SEATED:
            return participation.standing is SeatStatus.SEATED and now < webinar.ends_at
    latest = webinar.starts_at - HOUR_BEFORE if kind is WebinarMail.DAY else webinar.starts_at
    return participation.standing is SeatStatus.SEATED and now < latest
