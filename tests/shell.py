"""A command given in a shell that has only the settings of the test.

It runs in this process: a new Python takes a second. Where the process itself is what is tested, start one.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from pathlib import Path

from click.testing import CliRunner, Result

from optin.app.main import main

MOST_SECONDS = 120


def shell(site: Path, *words: str, **settings: str) -> Result:
    """Run a command beside the folder of a site. What is neither an answer nor a refusal fails the test."""
    hidden = {name: None for name in os.environ if name.startswith("OPTIN_")}
    with chdir(site.parent), _limited(words):
        return CliRunner().invoke(
            main, [*words, "--site", str(site)], env={**hidden, **settings}, catch_exceptions=False
        )


@contextmanager
def _limited(words: tuple[str, ...]) -> Iterator[None]:
    """End a command that does not end by itself, such as a server that should have been refused."""

    def too_long(*_: object) -> None:
        msg = f"optin {' '.join(words)} goes on"
        raise AssertionError(msg)

    before = signal.signal(signal.SIGALRM, too_long)
    signal.alarm(MOST_SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
