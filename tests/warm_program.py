"""The program as a process has it that has served before: imported, its texts read, its schema made once.

The fork server of `tests.started` loads this module once, and every process that it starts begins with it.
"""

from __future__ import annotations

import atexit
import gc
import importlib.util
import os
import sqlite3
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from tests.shifted import SEAM


def _shiftable_clock() -> None:
    """Let the clock of a process be wrong where SHIFTED_CLOCK says so."""
    spec = importlib.util.spec_from_file_location("shiftable_clock", SEAM / "sitecustomize.py")
    assert spec is not None
    assert spec.loader is not None
    seam = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(seam)
    if not os.environ.get("SHIFTED_CLOCK"):
        sys.meta_path.insert(0, seam.ShiftedFinder())


_shiftable_clock()  # before anything imports the clock


from optin.app.main import main  # noqa: E402 - the clock comes first
from optin.cli import dev, serve  # noqa: E402, F401 - what each command imports when it runs
from optin.services.preload import load_everything  # noqa: E402 - likewise
from optin.services.site_edition import load_edition  # noqa: E402 - likewise
from optin.site.scaffold import make_site  # noqa: E402 - likewise
from optin.store.sqlite_schema import migrate  # noqa: E402 - likewise
from tests.installed import KINDS  # noqa: E402 - likewise

with closing(sqlite3.connect(":memory:", isolation_level=None)) as database:
    for _turn in range(2):  # made, then compared
        migrate(database, KINDS.schema)
with tempfile.TemporaryDirectory() as folder:
    make_site(Path(folder) / "site")
    edition, _ = load_edition(Path(folder) / "site", KINDS)
    assert edition is not None
    load_everything(edition)
gc.collect()
gc.freeze()  # a process that is forked writes nothing beside these objects


def run(words: list[str], environment: Mapping[str, str], folder: str, outputs: tuple[str, str]) -> None:
    """Do in a new process what `python -m optin` does."""
    for number, path in zip((1, 2), outputs, strict=True):
        with Path(path).open("ab") as output:
            os.dup2(output.fileno(), number)
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    os.chdir(folder)
    sys.argv = ["optin", *words]
    try:
        main(prog_name="python -m optin")
    finally:
        atexit._run_exitfuncs()  # noqa: SLF001 - a forked process ends without them
