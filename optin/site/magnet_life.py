"""The states of a magnet over time: a draft, waiting to open, open, over, or archived (W10)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class MagnetStatus(StrEnum):
    """The status that the author gives a magnet."""

    DRAFT = "draft"
    LIVE = "live"
    ARCHIVED = "archived"


class MagnetPhase(StrEnum):
    """What is served at a magnet's address at a moment: the form, or a page without it."""

    WAITING = "waiting"
    OPEN = "open"
    OVER = "over"


@dataclass(frozen=True)
class MagnetLife:
    """A magnet's status, and the moments (UTC) at which its form opens and ends; None: no such moment."""

    status: MagnetStatus = MagnetStatus.LIVE
    opens_at: datetime | None = None
    ends_at: datetime | None = None
