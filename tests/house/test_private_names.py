"""A module keeps its private names to itself: no flow calls another flow's internals."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.house.requirements_table import ROOT

PRIVATE = re.compile(r"_[^_]")


def borrowed(path: Path) -> Iterator[str]:
    """Yield the private names of our own modules that a file uses: imported, or through the module."""
    tree = ast.parse(path.read_text("utf-8"))
    modules: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "optin":
            modules |= {alias.asname or alias.name for alias in node.names}
            yield from (alias.name for alias in node.names if PRIVATE.match(alias.name))
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id in modules
            and node.value.id.islower()
            and PRIVATE.match(node.attr)
        ):
            yield f"{node.value.id}.{node.attr}"


def test_a_private_name_is_found(tmp_path: Path) -> None:
    """Both ways to borrow one are seen."""
    module = tmp_path / "module.py"
    module.write_text("from optin.flows import erase\nfrom optin.flows.erase import _own\nerase._address()\n")
    assert list(borrowed(module)) == ["_own", "erase._address"]


def test_no_module_uses_private_names_of_another() -> None:
    """What a flow shares with another has a public name."""
    found = {str(path): list(borrowed(path)) for path in (ROOT / "optin").rglob("*.py")}
    assert len(found) > 200
    assert {path: names for path, names in found.items() if names} == {}
