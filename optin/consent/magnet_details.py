"""What a magnet of one kind has besides its texts, and what its form posts besides its fields."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class Handout:
    """What one of several forms of a magnet hands out: a file in the magnet's folder, a report by mail."""

    file: str = ""
    report: Mapping[str, str] = field(default_factory=dict)


class Details:
    """Checked values of one kind, pure and frozen."""

    @property
    def closes_at(self) -> datetime | None:
        """From when on no form is taken (UTC); None: never."""
        return None

    @property
    def zones(self) -> frozenset[str]:
        """On whose clocks its moments are told (IANA); they are read before the first request."""
        return frozenset()

    def declared(self) -> dict[str, Any]:
        """Return what a form says of it that has legal meaning, as JSON values."""
        return {}

    def handout(self, face: str) -> Handout | None:
        """Return what the form `face` hands out; None: the magnet's own file."""
        del face
        return None


@dataclass(frozen=True)
class Judgement:
    """What came of what was posted: the ticks that count, and problems as pairs of field and reason."""

    ticked: tuple[str, ...]
    problems: tuple[tuple[str, str], ...] = ()


def as_posted(_values: Mapping[str, str], ticked: tuple[str, ...]) -> Judgement:
    """Take every tick, and find no problem."""
    return Judgement(ticked)


@dataclass(frozen=True)
class DetailsPart:
    """What a kind knows of its form; by default nothing.

    `controls` are names that its form posts besides its fields: they are judged, and not kept.
    """

    filled_in: frozenset[str] = frozenset()  # fields that nobody types
    of_request: frozenset[str] = frozenset()  # fields that belong to one request, and not to the person
    unexported: frozenset[str] = frozenset()  # fields for the magnet alone, which no list gets
    controls: tuple[str, ...] = ()
    judge: Callable[[Mapping[str, str], tuple[str, ...]], Judgement] = as_posted
    needs_consent: bool = False  # nothing to get but mail that a box asks for: without its tick, nothing

    @property
    def exported_of_request(self) -> frozenset[str]:
        """The fields of a request that a list gets."""
        return self.of_request - self.unexported
