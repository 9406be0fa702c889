"""What a kind of magnet is: what it hands out, what it insists on, how a new one begins."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from optin.consent.purpose import ConsentQuestion


@dataclass(frozen=True)
class Complaint:
    """What a kind finds wrong: at which key of the front matter, and how to mend it."""

    key: str
    message: str
    cure: str


@dataclass(frozen=True)
class Start:
    """The words with which a new magnet of a kind begins, in one language."""

    title: str
    description: str
    body: str


def no_complaint(_questions: tuple[ConsentQuestion, ...]) -> Complaint | None:
    """Accept any consents, also none."""
    return None


@dataclass(frozen=True)
class Kind:
    """One kind. `insists` looks at the consents that a magnet asks."""

    name: str
    hands_out_file: bool
    start: Mapping[str, Start]
    insists: Callable[[tuple[ConsentQuestion, ...]], Complaint | None] = no_complaint
