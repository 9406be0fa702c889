"""Writes docs/requirements.md: each requirement, the law behind it, its state and its tests.

`python -m tests.house.requirements_table` (make docs). A test's docstring begins with the numbers it shows.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
PAGE = ROOT / "docs" / "requirements.md"
SOURCE = ROOT / "tests" / "house" / "requirements.txt"
NUMBERS = re.compile(r"([A-Z]\d{1,2}(?:, [A-Z]\d{1,2})*)\b")

# What is built but not to its whole line, and what is still to come.
PARTLY = {
    "K6": "pages that are still counting renew themselves, which axe calls a barrier",
    "O10": "as written, but there is no compose file with PostgreSQL and Caddy",
    "O11": "kinds and languages; a channel is one value, and its words in the folder of each language",
    "S6": "as written, but for power cuts, which were measured beforehand",
}
NOT_YET: set[str] = set()


def lines() -> list[tuple[str, str, str]]:
    """Return number, line and article of every requirement."""
    found = [line.split("\t") for line in SOURCE.read_text("utf-8").splitlines() if line]
    return [(number, text, law) for number, text, law in found]


def named_tests() -> dict[str, list[str]]:
    """Return the tests that name each number."""
    named: dict[str, list[str]] = {}
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.FunctionDef) or not node.name.startswith("test_"):
                continue
            found = NUMBERS.match(ast.get_docstring(node) or "")
            for number in found[1].split(", ") if found else ():
                place = f"{path.relative_to(ROOT / 'tests').as_posix()}::{node.name}"
                named.setdefault(number, []).append(place)
    return named


def state(number: str) -> str:
    """Return how far a requirement is built."""
    if number in NOT_YET:
        return "not yet"
    return f"partly: {PARTLY[number]}" if number in PARTLY else "built"


def page() -> str:
    """Return the whole page."""
    named = named_tests()
    out = [
        "# Requirements and their tests",
        "",
        "For whoever must show that optin does what the law asks: each requirement, the article behind",
        "it, how far it is built, and the tests that show it. This page is written by `make docs`;",
        "a test fails when it is out of date. Paths are below `tests/`.",
        "",
    ]
    for number, text, law in lines():
        out += [f"## {number}", "", text, ""]
        out.append(f"- Law: {law or 'none directly'}")
        out.append(f"- State: {state(number)}")
        out += [f"- `{test}`" for test in named.get(number, ())]
        out.append("")
    return "\n".join(out)


if __name__ == "__main__":
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page(), "utf-8")
