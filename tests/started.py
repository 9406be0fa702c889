"""Processes of optin that need no second for their imports: each is forked from one that has made them.

They are real processes, with an environment, a folder, output, signals and a status of their own. Where the
start itself is what is tested, start a Python. So do benchmarks, and a run that measures coverage.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from functools import cache
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Protocol

from optin.store import postgres_schema

MOST_SECONDS = 120  # for a command


class Running(Protocol):
    """A process, as `subprocess` describes it."""

    pid: int

    def poll(self) -> int | None: ...

    def wait(self, timeout: float | None = None) -> int: ...

    def send_signal(self, sig: int) -> None: ...

    def kill(self) -> None: ...


class Forked:
    """A process that was forked, as `subprocess` describes processes."""

    def __init__(
        self, words: list[str], environment: Mapping[str, str], folder: Path, outputs: tuple[Path, Path]
    ) -> None:
        """Start it in a folder; what it prints is added to two files."""
        known = dict(postgres_schema._EXPECTED)  # noqa: SLF001 - the memory of one process, given to another
        told = (words, dict(environment), str(folder), tuple(map(str, outputs)), known)
        self._process = _fork_server().Process(target=_run, args=told, daemon=True)
        self._process.start()
        assert self._process.pid is not None
        self.pid: int = self._process.pid

    def poll(self) -> int | None:
        """Return its status, None while it runs."""
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """Wait until it ends; return its status."""
        self._process.join(timeout)
        status = self.poll()
        if status is None:
            raise subprocess.TimeoutExpired("optin", timeout or 0)
        return status

    def send_signal(self, sig: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, sig)

    def kill(self) -> None:
        """End it as a power cut would."""
        self.send_signal(signal.SIGKILL)


def start_optin(words: list[str], environment: Mapping[str, str], output: Path) -> Running:
    """Start `optin` in a process of its own; what it prints is added to a file."""
    if _forks():
        return Forked(words, environment, Path.cwd(), (output, output))
    with output.open("ab") as file:
        return subprocess.Popen(
            [sys.executable, "-m", "optin", *words], env=dict(environment), stdout=file, stderr=file
        )


def run_optin(
    *words: str, environment: Mapping[str, str] | None = None, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run `optin` in a process of its own until it ends."""
    environment = os.environ if environment is None else environment
    if not _forks():
        return subprocess.run(
            [sys.executable, "-m", "optin", *words],
            env=dict(environment),
            capture_output=True,
            text=True,
            timeout=MOST_SECONDS,
            check=False,
            cwd=cwd,
        )
    with tempfile.TemporaryDirectory() as folder:
        outputs = Path(folder, "out"), Path(folder, "err")
        process = Forked(list(words), environment, cwd or Path.cwd(), outputs)
        try:
            status = process.wait(MOST_SECONDS)
        finally:
            process.kill()
        printed, said = (it.read_text("utf-8") for it in outputs)
    return subprocess.CompletedProcess([*words], status, printed, said)


def _run(
    words: list[str],
    environment: Mapping[str, str],
    folder: str,
    outputs: tuple[str, str],
    known: postgres_schema.Expected,
) -> None:
    from tests.warm_program import run  # noqa: PLC0415 - only the forked process has the program

    postgres_schema._EXPECTED.update(known)  # noqa: SLF001 - as in a process that has opened a store before
    run(words, environment, folder, outputs)


def _forks() -> bool:
    """Return whether processes are forked: in tests, where no coverage is measured."""
    return "PYTEST_VERSION" in os.environ and not os.environ.get("THOROUGH")


@cache
def _fork_server() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.warm_program"])
    return context
