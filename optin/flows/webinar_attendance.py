"""Where a person stands with a webinar: what pages and mails tell them of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from optin.consent.consent_record import RequestId
from optin.consent.webinar import Webinar


class Standing(StrEnum):
    """Where a person stands with a webinar."""

    SEATED = "seat"
    WAITING = "waiting"
    GIVEN_UP = "given-up"
    REPLAY = "replay"  # it is over; there is a recording
    OVER = "over"
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class Attendance:
    """What a person is told of a webinar. `sequence`: of its calendar entry (RFC 5545, section 3.8.7.4)."""

    webinar: Webinar
    title: str
    request: RequestId  # by which the seat was asked for: the entry's name for ever
    standing: Standing
    sequence: int
    seated: bool = True  # there is an entry in the person's calendar
    outdated: bool = False  # another process told a later plan than the one that is loaded here
