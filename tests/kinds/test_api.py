"""What a stranger's kind relies on: names to import, hooks that are described, no kind named below."""

from __future__ import annotations

import inspect
import re
import tomllib
from collections import Counter
from dataclasses import fields, is_dataclass
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import pytest

import optin
from optin import kinds
from optin.kinds import api, kind
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
ABOVE = ("optin/kinds/", "optin/app/kind_registry.py", "optin/locale/", "templates/kinds/")
SUBJECTS = sorted(it.name for it in iter_modules(api.__path__))


def test_each_sentence_that_a_kind_may_have_is_described() -> None:
    """M2, M9: the keys to which templates and subjects of mails append the name of a kind; no other."""
    texts = [
        it.read_text("utf-8") for it in (ROOT / "templates").rglob("*.*") if it.suffix in {".html", ".txt"}
    ]
    texts.append((ROOT / "optin" / "theme" / "theme.py").read_text("utf-8").replace("{key}", "delivery"))
    of_kind = re.compile(
        r"'([a-z.-]+)\.' ~ (?:view|form|card)[.\w]*\.kind|'([a-z.-]+)\.' ~ \('other' if"
        r"|of_kind\(f?['\"]([a-z.-]+)['\"]"
    )
    said = {next(filter(None, found)) for text in texts for found in of_kind.findall(text)}
    assert len(said) > 10
    assert {it.removesuffix(".KIND") for it in re.findall(r"`([a-z.-]+\.KIND)`", GUIDE)} == said


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
    """M2: beside the kind and the version."""
    assert {*PARTS, "Kind", "API"} == set(api.__all__)


@pytest.mark.parametrize("subject", SUBJECTS)
def test_the_guide_lists_what_a_kind_may_import(subject: str) -> None:
    """M2: by subject; every name is there."""
    module = import_module(f"{api.__name__}.{subject}")
    told = GUIDE.split(f"### {module.__name__}\n")[1].split("\n#")[0]
    listed = re.findall(r"`(\w+)`", " ".join(re.findall(r"\| ([^|]*) \|$", told, re.MULTILINE)))
    assert sorted(listed) == sorted(module.__all__)
    assert all(hasattr(module, name) for name in module.__all__)


def test_values_have_what_the_guide_says() -> None:
    """M2: of some types a kind may use a part."""
    told = GUIDE.split("use only:")[1].split("\n#")[0]
    types = {
        name: value for it in SUBJECTS for name, value in vars(import_module(f"{api.__name__}.{it}")).items()
    }
    rows = re.findall(r"^\| (\w+) \| (`.*) \|$", told, re.MULTILINE)
    assert {"AppContext", "Context", "OpenedRequest"} <= {name for name, _ in rows}
    for name, row in rows:
        declared = (it for base in types[name].__mro__ for it in inspect.get_annotations(base))
        has = {*dir(types[name]), *declared}
        assert [it for it in re.findall(r"`(\w+)", row) if it not in has] == []


def test_each_name_stands_in_one_place() -> None:
    """M2: there is one way to import a thing; guide and package name the same subjects."""
    names = Counter(api.__all__)
    for subject in SUBJECTS:
        names.update(import_module(f"{api.__name__}.{subject}").__all__)
    assert [name for name, count in names.items() if count > 1] == []
    listed = re.findall(r"^    (\w+)  +", api.__doc__ or "", re.MULTILINE)
    assert sorted(listed) == SUBJECTS
    assert re.findall(r"^### optin\.kinds\.api\.(\w+)$", GUIDE, re.MULTILINE) == listed


def test_the_calculator_needs_nothing_else() -> None:
    """O11, M2: a kind of another package imports from there alone."""
    code = "".join(path.read_text("utf-8") for path in SOURCE.rglob("*.py"))
    imported = re.findall(r"^(?:from|import) (optin\b[\w.]*)", code, re.MULTILINE)
    assert api.__name__ in imported
    assert [it for it in imported if not f"{it}.".startswith(f"{api.__name__}.")] == []


def test_our_own_kinds_may_import_nothing_else_either() -> None:
    """M2: the contract that holds it names every kind, and every room of optin but theirs."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    (ours,) = (it for it in contracts if api.__name__ in it["name"])
    folders = {f"optin.kinds.{it.name}" for it in iter_modules(kinds.__path__)} - {
        api.__name__,
        kind.__name__,
    }
    assert set(ours["source_modules"]) == folders
    rooms = {f"optin.{it.name}" for it in iter_modules(optin.__path__)} - {kinds.__name__, "optin.__main__"}
    assert set(ours["forbidden_modules"]) == {*rooms, kind.__name__}


def test_what_lies_below_the_kinds_names_none_of_them() -> None:
    """O11, M2: what belongs to a kind is in its folder, its templates and its words."""
    found = [
        (path, name)
        for path in [*sorted((ROOT / "optin").rglob("*.py")), *sorted((ROOT / "templates").rglob("*.html"))]
        for name in NAMES.findall(path.read_text("utf-8"))
        if not path.relative_to(ROOT).as_posix().startswith(ABOVE)
    ]
    assert found == []
