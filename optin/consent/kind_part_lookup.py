"""Look up a kind's part by the kind's name. Each room receives its lookup as a value."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

P = TypeVar("P")
OUR_PACKAGE = "optin"


@dataclass(frozen=True)
class KindProblem:
    """Why an installed kind cannot be used, and the cure."""

    kind: str
    package: str  # the distribution that brings it
    message: str
    cure: str


def no_part(_name: str) -> None:
    """Return no part, for any kind."""


def no_problem(_name: str) -> KindProblem | None:
    """Return no problem, for any kind."""
    return None


@dataclass(frozen=True)
class PartsByKind(Generic[P]):
    """One part of each installed kind. A kind is imported when its part is first used.

    A kind that is not installed, or cannot be imported, has the default part, which does nothing.
    """

    default: P
    names: Callable[[], Sequence[str]] = tuple  # every installed kind, in the order in which they are offered
    find: Callable[[str], P | None] = no_part
    problem: Callable[[str], KindProblem | None] = no_problem
    package: Callable[[str], str] = str  # the distribution that brings a kind, with its version

    def __getitem__(self, name: str) -> P:
        """Return the part of a kind."""
        found = self.find(name)
        return self.default if found is None else found

    def __contains__(self, name: object) -> bool:
        """Return whether a kind can be used."""
        return isinstance(name, str) and self.find(name) is not None

    def items(self) -> Iterator[tuple[str, P]]:
        """Yield every usable kind with its part; this imports all of them."""
        for name in self.names():
            found = self.find(name)
            if found is not None:
                yield name, found
