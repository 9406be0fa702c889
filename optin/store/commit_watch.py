"""What a store tells of its commits to whoever counts them: operations, seconds, events (O5)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol


class NotedEvent(NamedTuple):
    """What is counted of the events of one call of `add_events`: nothing in it is about a person.

    `about`: purpose and channel of each, as they are stored; empty for those about no consent.
    """

    kind: str
    magnet: str
    about: tuple[tuple[str, str], ...]


class CommitWatch(Protocol):
    """Counts what a store does. It is called from the store's own threads, and must not fail."""

    def committed(self, operations: int, seconds: float, events: Sequence[NotedEvent]) -> None:
        """Count a commit: of how many operations, how long it took, and the events that it stored."""

    def failed(self, name: str) -> None:
        """Count what the store could not do, by the name of the error."""


class Unwatched:
    """Counts nothing."""

    def committed(self, operations: int, seconds: float, events: Sequence[NotedEvent]) -> None:
        """Do nothing."""

    def failed(self, name: str) -> None:
        """Do nothing."""
