"""What a stranger's kind relies on: names to import, hooks that are described, no kind named below."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import fields, is_dataclass
from pathlib import Path

import pytest

from optin.kinds import api
from optin.kinds.kind import Kind
from tests.kinds.installed import SOURCE

ROOT = Path(__file__).parents[2]
PARTS = {
    type(it.default).__name__: [hook.name for hook in fields(it.default)]
    for it in fields(Kind)
    if is_dataclass(it.default)
}
HOOKS = [(part, hook) for part, hooks in PARTS.items() for hook in hooks]
GUIDE = (ROOT / "docs" / "guide" / "own-kind.md").read_text("utf-8")
NAMES = re.compile(r"webinar|quiz|prize.?draw|newsletter|white.?paper|tip.?booklet|checklist", re.IGNORECASE)
ABOVE = ("optin/kinds/", "optin/app/kinds.py", "optin/locale/")
# how often a file below the kinds names one: to become fewer, and in no other file
NAMED: dict[str, int] = {
    "optin/consent/consent_record.py": 2,
    "optin/consent/erasure.py": 1,
    "optin/consent/event.py": 3,
    "optin/errors.py": 5,
    "optin/theme/samples.py": 2,
}


@pytest.mark.parametrize(("part", "hook"), HOOKS, ids=[f"{part}-{hook}" for part, hook in HOOKS])
def test_each_hook_of_each_part_is_described(part: str, hook: str) -> None:
    """M2: in the table of its part."""
    told = GUIDE.split(f"### {part}: ")[1].split("\n#")[0]
    assert f"\n| `{hook}` | " in told


def test_no_hook_is_described_that_is_not_there() -> None:
    """M2: the guide names what can be set, and nothing else."""
    told = re.findall(r"\n### (\w+): |\n\| `(\w+)` \|", GUIDE)
    part, found = "", []
    for heading, hook in told:
        part = heading or part
        found += [(part, hook)] if hook else []
    assert sorted(found) == sorted(HOOKS)


def test_all_parts_can_be_imported_from_one_place() -> None:
    """M2: and everything else that is named there is there."""
    assert set(PARTS) <= set(api.__all__)
    assert all(hasattr(api, name) for name in api.__all__)
    assert len(set(api.__all__)) == len(api.__all__)


def test_the_calculator_needs_nothing_else() -> None:
    """M2: a kind of another package imports from there alone."""
    code = "".join(path.read_text("utf-8") for path in SOURCE.rglob("*.py"))
    imported = set(re.findall(r"^(?:from|import) (optin[\w.]*)", code, re.MULTILINE))
    own = {it for it in imported if it.partition(".")[0] == "optin_calculator"}
    assert own
    assert imported - own == {"optin.kinds.api", "optin.kinds"}
    assert re.findall(r"^from optin\.kinds import (.*)$", code, re.MULTILINE) == ["api"]


def test_what_lies_below_kinds_names_ever_fewer_of_them() -> None:
    """M2: a kind is an example there at most."""
    found = Counter[str]()
    for path in [*sorted((ROOT / "optin").rglob("*.py")), *sorted((ROOT / "templates").rglob("*.html"))]:
        name = path.relative_to(ROOT).as_posix()
        if not name.startswith(ABOVE) and not name.startswith("templates/kinds/"):
            found[name] += len(NAMES.findall(path.read_text("utf-8")))
    assert {name: count for name, count in found.items() if count > NAMED.get(name, 0)} == {}
