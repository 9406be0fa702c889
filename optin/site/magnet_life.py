"""The life of a magnet: a draft, waiting for its moment, open, over, or archived (W10)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class MagnetStatus(StrEnum):
    """What the author says of a magnet."""

    DRAFT = "draft"
    LIVE = "live"
    ARCHIVED = "archived"


class MagnetPhase(StrEnum):
    """What a visitor finds at a magnet's address at a moment."""

    WAITING = "waiting"
    OPEN = "open"
    OVER = "over"


@dataclass(frozen=True)
class MagnetLife:
    """A magnet's status, and the moments (UTC) at which its form opens and ends; None: no such moment."""

    status: MagnetStatus = MagnetStatus.LIVE
    opens_at: datetime | None = None
    ends_at: datetime | None = None
