"""Processes whose clock is wrong: libfaketime tells them so."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

PLACES = ("/usr/lib/*/faketime/libfaketimeMT.so.1",)


def library() -> Path | None:
    """Return the library, if this machine has it."""
    return next((it for place in PLACES for it in Path("/").glob(place[1:])), None)


def fetch() -> str:
    """Install Debian's package where that can be done; return what is missing, in a sentence, or nothing."""
    if library() is None and shutil.which("apt-get") and os.geteuid() == 0:
        command = ["apt-get", "install", "-q", "-y", "--no-install-recommends", "faketime"]
        subprocess.run(command, check=False, stdout=sys.stderr)
    return "" if library() else "The tests need libfaketime: install it (apt-get install faketime)."


def faked_time(by: timedelta) -> dict[str, str]:
    """Return the environment of a process whose clock is wrong; how long things take stays right."""
    found = library()
    assert found is not None, "libfaketime is not installed; make test-host installs it"
    return {
        "LD_PRELOAD": str(found),
        "FAKETIME": f"{by.total_seconds():+.0f}",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
