"""Types for the result of verifying an evidence bundle: the report, and each request in it."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Report:
    """Findings of a verification: each sentence with its result, and the limits of the proof."""

    origin: str = ""
    keys: tuple[str, ...] = ()
    lines: list[tuple[bool, str]] = field(default_factory=list)
    limits: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        """Whether every sentence holds."""
        return bool(self.lines) and all(held for held, _ in self.lines)

    def say(self, sentence: str, *, held: bool = True) -> None:
        """Add a sentence."""
        self.lines.append((held, sentence))


@dataclass(frozen=True)
class RequestReport:
    """One request as the bundle has it."""

    declaration: bytes
    salt: bytes
