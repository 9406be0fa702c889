"""Types for what one kind adds to a magnet (its details) and to the magnet's form."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class Deliverable:
    """What one of several forms hands out: a file in the magnet's folder, or a report by mail."""

    file: str = ""
    report: Mapping[str, str] = field(default_factory=dict)


class Details:
    """The details of a magnet, checked and frozen, which only its kind understands."""

    @property
    def closes_at(self) -> datetime | None:
        """From when on the form is closed (UTC); None: never."""
        return None

    @property
    def zones(self) -> frozenset[str]:
        """The time zones of its times (IANA), loaded before the first request."""
        return frozenset()

    def declared(self) -> dict[str, Any]:
        """Return the details with legal meaning that its form shows, as JSON values."""
        return {}

    def deliverable(self, form_name: str) -> Deliverable | None:
        """Return what the form `form_name` hands out; None: the magnet's own file."""
        del form_name
        return None


@dataclass(frozen=True)
class PostCheck:
    """Result of checking a post: the ticks that count, and problems as pairs of field and reason."""

    ticked: tuple[str, ...]
    problems: tuple[tuple[str, str], ...] = ()


def as_posted(_values: Mapping[str, str], ticked: tuple[str, ...]) -> PostCheck:
    """Return a result with every tick and no problem."""
    return PostCheck(ticked)


@dataclass(frozen=True)
class DetailsPart:
    """A kind's rules for its form; by default none.

    `controls` are names that its form posts besides its fields: they are judged, and not stored.
    """

    filled_in: frozenset[str] = frozenset()  # fields that nobody types
    of_request: frozenset[str] = frozenset()  # fields that belong to one request, and not to the person
    unexported: frozenset[str] = frozenset()  # fields for the magnet alone, which no list gets
    controls: tuple[str, ...] = ()
    check_post: Callable[[Mapping[str, str], tuple[str, ...]], PostCheck] = as_posted
    needs_consent: bool = False  # nothing to get but mail that a box asks for: without its tick, nothing

    @property
    def exported_of_request(self) -> frozenset[str]:
        """The fields of a request that exports contain."""
        return self.of_request - self.unexported
