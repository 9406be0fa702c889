"""Findings: what is wrong with a site, where, and how to correct it (M4)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Literal

Severity = Literal["error", "warning", "hint"]  # a hint is no mistake
_LEVELS = {"error": "error", "warning": "warning", "hint": "notice"}  # as a CI run calls them


@dataclass(frozen=True, order=True)
class Finding:
    """One mistake. `line` and `column` count from 1; `slug`: the magnet that it breaks."""

    path: str
    line: int
    column: int
    message: str
    cure: str = ""
    severity: Severity = "error"
    code: str = "site"
    slug: str | None = None


def less_severe(finding: Finding) -> Finding:
    """Return a finding that hinders nobody but its author."""
    return replace(finding, severity="warning") if finding.severity == "error" else finding


def shown_path(path: Path, root: Path) -> str:
    """Return the name of a file below `root`, with unprintable characters as question marks."""
    return path.relative_to(root).as_posix().encode("utf-8", "replace").decode()


def kind_failed(name: str, package: str, problem: Exception) -> tuple[str, str]:
    """Return a finding that a kind's own code raised an error, with the cure."""
    message = f"The kind {name!r} of {package} failed: {type(problem).__name__}: {problem}."
    return message.replace("\n", " "), f"Repair or update {package}, or remove the magnets of this kind."


def as_text(findings: Iterable[Finding]) -> str:
    """Return findings as compilers print them: place, mistake, and below it the cure."""
    lines: list[str] = []
    for finding in findings:
        place = f"{finding.path}:{finding.line}:{finding.column}"
        lines.append(f"{place}: {finding.severity}: {finding.message} [{finding.code}]")
        if finding.cure:
            lines.append(f"    {finding.cure}")
    return "\n".join(lines)


def as_json(findings: Iterable[Finding]) -> str:
    """Return findings as a JSON array."""
    return json.dumps([asdict(finding) for finding in findings], indent=2, ensure_ascii=False)


def as_github(findings: Iterable[Finding]) -> str:
    """Return findings as annotations that a CI run shows beside the line."""
    return "\n".join(
        f"::{_LEVELS[finding.severity]} file={_property(finding.path)},line={finding.line},"
        f"col={finding.column},title={_property(finding.code)}"
        f"::{_data(f'{finding.message} {finding.cure}'.strip())}"
        for finding in findings
    )


def nearest(word: str, known: Sequence[str]) -> str:
    """Return "did you mean …?" for a word that is close to a known one; else the known ones."""
    close = get_close_matches(word, known, 1, 0.6)
    if close:
        return f"Did you mean {close[0]!r}?"
    return f"Known here: {', '.join(sorted(known))}." if known else "None exists yet."


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
