"""The values that the page about a seat at a webinar receives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from optin.kinds.api.pages import Card, Frame, NextStep
from optin.kinds.webinar.seat_status import Attendance


@dataclass(frozen=True)
class PlaceView:
    """The page about a seat at a webinar."""

    template: ClassVar = "kinds/webinar/place.html"

    frame: Frame
    told: Attendance
    again_url: str  # where one registers; empty: nowhere any more
    next_step: NextStep | None = None  # of the magnet
    others: tuple[Card, ...] = ()  # what can be had now
