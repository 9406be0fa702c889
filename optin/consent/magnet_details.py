"""What a magnet of one kind has besides its texts: a webinar its hour, a quiz questions, a draw its prize."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, runtime_checkable


@runtime_checkable
class Details(Protocol):
    """Checked values of one kind, pure and frozen."""

    @property
    def closes_at(self) -> datetime | None:
        """From when on no form is taken (UTC); None: never."""

    def declared(self) -> dict[str, Any]:
        """Return what a form says of it that has legal meaning, as JSON values."""


@dataclass(frozen=True)
class DetailsPart:
    """What a kind knows of its details and of the form that declares them; by default nothing."""
