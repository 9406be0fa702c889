"""A clock for real processes under test: the file SHIFTED_CLOCK says by how many seconds it is wrong.

It is read at each look, so a clock can jump while a server runs. Nothing of optin knows of it.
"""

import importlib.abc
import importlib.machinery
import os
import sys
from datetime import datetime, timedelta
from pathlib import Path
from types import ModuleType

WATCHED = "optin.services.steady_clock"


class ShiftedLoader(importlib.machinery.SourceFileLoader):
    """Loads the module that has the clock, and lets that be wrong."""

    def exec_module(self, module: ModuleType) -> None:
        super().exec_module(module)
        right = module.utc_now

        def shifted() -> datetime:
            shift = os.environ.get("SHIFTED_CLOCK")
            now: datetime = right() + timedelta(seconds=float(Path(shift).read_text() or 0) if shift else 0)
            return now

        module.utc_now = shifted  # type: ignore[attr-defined]  # the module has one


class ShiftedFinder(importlib.abc.MetaPathFinder):
    """Finds that one module."""

    def find_spec(
        self, fullname: str, path: object, _target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != WATCHED:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path)  # type: ignore[arg-type]  # as given
        if spec is not None and spec.origin is not None:
            spec.loader = ShiftedLoader(fullname, spec.origin)
        return spec


if os.environ.get("SHIFTED_CLOCK"):
    sys.meta_path.insert(0, ShiftedFinder())
