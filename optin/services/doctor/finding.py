"""A finding of the doctor as a value, and what changed between two examinations.

No finding holds personal data or a secret: it may be mailed to staff and be printed by a supervisor.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Any, Self

MOST_CHARACTERS = 600  # of one sentence: a server elsewhere may have written a part of it


class Verdict(StrEnum):
    """Result of one check. What could not be checked is no pass."""

    FAILED = "failed"
    WARNING = "warning"
    NOT_CHECKED = "not checked"
    PASSED = "passed"


class ExitStatus(IntEnum):
    """Exit status of `optin doctor`. What was not checked changes nothing in it."""

    FINE = 0
    WARNINGS = 1
    FAILURES = 2


@dataclass(frozen=True)
class Seen:
    """What one check saw. `cure`: what to do, exactly.

    `mark`: what makes two results of one verdict different findings, such as an address; never a number that
    moves by itself, or each examination would report a change.
    """

    verdict: Verdict
    text: str
    cure: str = ""
    mark: str = ""


def passed(text: str) -> Seen:
    """Return that a check passed."""
    return Seen(Verdict.PASSED, text)


def warning(text: str, cure: str, mark: str = "") -> Seen:
    """Return that something needs attention."""
    return Seen(Verdict.WARNING, text, cure, mark)


def failed(text: str, cure: str, mark: str = "") -> Seen:
    """Return that something does not work, or is not safe."""
    return Seen(Verdict.FAILED, text, cure, mark)


def not_checked(text: str, cure: str = "", mark: str = "") -> Seen:
    """Return that nothing is known."""
    return Seen(Verdict.NOT_CHECKED, text, cure, mark)


class NotChecked(Exception):
    """Raised inside a check that cannot come to a result."""

    def __init__(self, text: str, cure: str = "") -> None:
        """Say why not, and what would make it possible."""
        super().__init__(text)
        self.seen = not_checked(text, cure)


@dataclass(frozen=True)
class Finding:
    """Result of one check, ready to be shown. `what`: what holds when the check passes."""

    name: str
    part: str
    what: str
    verdict: Verdict
    seen: str
    why: str
    cure: str = ""
    mark: str = ""

    @property
    def identity(self) -> tuple[str, str, str]:
        """What stays the same while nothing changes."""
        return self.name, self.verdict, self.mark

    def as_json(self) -> dict[str, str]:
        """Return the finding as JSON values."""
        return {
            "name": self.name,
            "part": self.part,
            "what": self.what,
            "verdict": self.verdict.value,
            "seen": self.seen,
            "why": self.why,
            "cure": self.cure,
            "mark": self.mark,
        }

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Self:
        """Read what `as_json` returned. Raises KeyError, TypeError or ValueError."""
        values = {name: str(plain[name]) for name in ("name", "part", "what", "seen", "why", "cure", "mark")}
        return cls(verdict=Verdict(plain["verdict"]), **values)


def printable(text: str) -> str:
    """Return a text of another server in one line of a bearable length, without control characters."""
    line = " ".join("".join(it if it.isprintable() else " " for it in text).split())
    return line if len(line) <= MOST_CHARACTERS else line[: MOST_CHARACTERS - 1] + "…"


def exit_status(findings: Iterable[Finding]) -> ExitStatus:
    """Return the exit status: of the worst finding."""
    verdicts = {it.verdict for it in findings}
    if Verdict.FAILED in verdicts:
        return ExitStatus.FAILURES
    return ExitStatus.WARNINGS if Verdict.WARNING in verdicts else ExitStatus.FINE


@dataclass(frozen=True)
class Changes:
    """What an examination found that the last one did not, and what is gone since."""

    new: tuple[Finding, ...]
    gone: tuple[Finding, ...]


def changes_since(before: Sequence[Finding], now: Sequence[Finding]) -> Changes:
    """Return what is new or gone since `before`.

    A finding that only became another verdict is new, and not gone as well. What was not checked this time is
    not gone.
    """
    known = {it.identity for it in before}
    present = {it.name: it for it in now}
    new = tuple(it for it in now if it.verdict is not Verdict.PASSED and it.identity not in known)
    gone = tuple(
        it
        for it in before
        if it.verdict is not Verdict.PASSED
        and (it.name not in present or present[it.name].verdict is Verdict.PASSED)
    )
    return Changes(new, gone)
