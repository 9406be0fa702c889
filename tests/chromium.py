"""Finds Chromium for the tests, or installs one, or stops with a sentence. Never skips in silence.

`python -m tests.chromium` prints its path.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def installed() -> str | None:
    """Return the Chromium of this machine: the one in $CHROMIUM, on the path, or Playwright's."""
    named = os.environ.get("CHROMIUM")
    if named:
        return named
    paths = (path for name in NAMES if (path := shutil.which(name)))
    return next((path for path in paths if starts(path)), None) or _playwrights()


def starts(path: str) -> bool:
    """Tell whether the browser runs here: a package may be there without what it needs."""
    try:
        done = subprocess.run([path, "--version"], capture_output=True, check=False, timeout=120)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def _playwrights() -> str | None:
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - starts a driver

    with sync_playwright() as driver:
        path = driver.chromium.executable_path
    return path if starts(path) else None


def install() -> None:
    """Install Debian's package where that can be done, else Playwright's own build."""
    if shutil.which("apt-get") and os.geteuid() == 0:
        steps = [["apt-get", "update", "-q"], ["apt-get", "install", "-q", "-y", "chromium"]]
    else:
        steps = [[sys.executable, "-m", "playwright", "install", "chromium"]]
    for step in steps:
        subprocess.run(step, check=False, stdout=sys.stderr)


def main() -> None:
    """Print where Chromium is."""
    path = installed()
    if path is None:
        install()
        path = installed()
    if path is None:
        sys.exit("The tests need Chromium: install it, or name it in the variable CHROMIUM.")
    print(path)


if __name__ == "__main__":
    main()
