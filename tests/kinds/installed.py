"""The kinds that the common suite looks at: ours, and one of another package."""

from __future__ import annotations

import os
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields, replace
from importlib.metadata import entry_points
from pathlib import Path
from typing import TypeVar

from hatchling.build import build_wheel

from optin.app.kind_registry import GROUP, OURS, installed_kinds
from optin.cli.installed_kinds import InstalledKinds
from optin.consent.kind_part_lookup import PartsByKind
from optin.services.installed_kind_parts import KindParts

P = TypeVar("P")

SOURCE = Path(__file__).parents[1] / "calculator"  # a package of its own
_FOLDER = tempfile.TemporaryDirectory()  # as long as this process lives: its templates are read from there


@contextmanager
def package_installed(folder: Path) -> Iterator[None]:
    """Build the calculator's wheel and unpack it, as `pip install --target` does, to be found meanwhile."""
    here = Path.cwd()
    folder.mkdir(exist_ok=True)
    os.chdir(SOURCE)  # a builder works where the project is
    try:
        wheel = build_wheel(str(folder))
    finally:
        os.chdir(here)
    with zipfile.ZipFile(folder / wheel) as packed:
        packed.extractall(folder)
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))


with package_installed(Path(_FOLDER.name)):
    INSTALLED = installed_kinds()
    KINDS = INSTALLED.parts
    NAMES = KINDS.files.names()
    PACKAGES = {
        **{name: place.partition(":")[0] for name, place in OURS.items()},
        **{it.name: it.module for it in entry_points(group=GROUP)},
    }
    LOADED = dict(KINDS.files.items())  # every kind is imported while its package can be found


def without(kind: str) -> InstalledKinds:
    """Return the installed kinds as they are where one of them was removed."""

    def removed(parts: PartsByKind[P]) -> PartsByKind[P]:
        return replace(
            parts,
            names=lambda: [it for it in parts.names() if it != kind],
            find=lambda name: None if name == kind else parts.find(name),
        )

    rooms = {it.name: removed(getattr(KINDS, it.name)) for it in fields(KINDS)}
    return InstalledKinds(KindParts(**rooms), removed(INSTALLED.routes))
