"""A witness that we did not write: aics-witness, a C2SP tlog-witness in Python, which needs Python 3.12."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from tests.house.requirements_table import ROOT

FOLDER = ROOT / ".venv" / "host" / "witness"
PROGRAM = FOLDER / "bin" / "aics-witness"
RELEASES = ("aics-witness==0.1.0", "aics-tlog==0.2.1")
PYTHONS = ("python3.14", "python3.13", "python3.12", "python3")


def fetch() -> str:
    """Install it beside the tests; return what is missing for it, in a sentence, or nothing."""
    python = _new_enough()
    if python is None:
        return "The tests need Python 3.12 or newer, for a witness that we did not write: install it."
    if not PROGRAM.exists():
        subprocess.run([str(python), "-m", "venv", str(FOLDER)], check=True, stdout=sys.stderr)
        pip = [str(FOLDER / "bin" / "python"), "-m", "pip", "install", "--quiet", *RELEASES]
        subprocess.run(pip, check=False, stdout=sys.stderr)
    return "" if PROGRAM.exists() else f"{RELEASES[0]} could not be installed; see above."


def _new_enough() -> Path | None:
    """Return a Python that can run it: of this system, or beside the one of the tests (pyenv)."""
    beside = Path(sys.base_prefix).parent.glob("3.*/bin/python3")
    found = [Path(it) for it in map(shutil.which, PYTHONS) if it is not None]
    code = "import sys; sys.exit(sys.version_info < (3, 12))"
    for python in (*found, *beside):
        if subprocess.run([python, "-c", code], check=False).returncode == 0:
            return python
    return None
