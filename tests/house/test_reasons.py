"""Whoever silences a checker says why, in words, on the same line."""

from __future__ import annotations

import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.house.requirements_table import ROOT
from tests.house.test_repository import tracked

SILENCED = re.compile(
    r"#\s*(?:noqa(?::\s*[A-Z]+\d+(?:,\s*[A-Z]+\d+)*)?|type:\s*ignore(?:\[[\w, -]*\])?|pragma:\s*no\s+\w+)"
)
WORD = re.compile(r"[A-Za-z]{2}|\b[a-z]\b")


def silent(path: Path) -> Iterator[int]:
    """Yield the lines on which a checker is silenced and nothing says why."""
    with path.open("rb") as file:
        for token in tokenize.tokenize(file.readline):
            if token.type == tokenize.COMMENT and SILENCED.search(token.string):
                *_, rest = SILENCED.split(token.string)
                if not WORD.search(rest):
                    yield token.start[0]


@pytest.mark.parametrize(
    ("line", "is_silent"),
    [
        ("x = 1  # noqa: S311", True),
        ("x = 1  # noqa: S311, PLR2004", True),
        ("x = 1  # noqa: S311 -", True),
        ("x = 1  # type: ignore[misc]", True),
        ("x = 1  # type: ignore[misc]  # noqa: S311", True),
        ("x = 1  # pragma: no cover", True),
        ("x = 1  # noqa: S311 - spreads load", False),
        ("x = 1  # type: ignore[misc, arg-type]  # an untyped library", False),
        ("x = 1  # type: ignore[misc]  # noqa: S311 - an untyped library", False),
        ("x = 1  # pragma: no cover - the other database", False),
        ("x = '# noqa: S311'", False),
    ],
)
def test_a_checker_silenced_without_a_reason_is_found(tmp_path: Path, line: str, *, is_silent: bool) -> None:
    """A code of the checker is no reason; what stands in a text silences nothing."""
    module = tmp_path / "module.py"
    module.write_text(f"{line}\n")
    assert list(silent(module)) == [1] * is_silent


def test_every_silenced_checker_has_its_reason() -> None:
    """The next reader sees beside it why the rule does not hold there."""
    modules = [name for name in tracked() if name.endswith(".py")]
    assert len(modules) > 400
    assert [f"{name}:{line}" for name in modules for line in silent(ROOT / name)] == []
