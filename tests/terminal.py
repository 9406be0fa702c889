"""A real terminal (a pseudo-terminal) with the program in it: read what it says, type what a person types."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

WAIT_SECONDS = 60
QUIET_SECONDS = 5  # after which a key seems not to have been noticed
TRIES = 5


def _hear_interrupts() -> None:
    """Let Ctrl-C end the program also where the tests run in the background, which ignores it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Terminal:
    """One program on one terminal."""

    def __init__(self, *words: str) -> None:
        """Start `optin` with these words."""
        self._ours, theirs = pty.openpty()
        environment = {**os.environ, "TERM": "dumb", "COLUMNS": "200"}
        # a session of its own, whose first opened terminal becomes the one that Ctrl-C speaks to
        script = f'exec "$@" <{os.ttyname(theirs)} >{os.ttyname(theirs)} 2>&1'
        self.process = subprocess.Popen(
            ["sh", "-c", script, "sh", sys.executable, "-m", "optin", *words],
            env=environment,
            start_new_session=True,
            preexec_fn=_hear_interrupts,  # noqa: PLW1509 - it only sets a signal
        )
        self._theirs: int | None = theirs  # kept open until the program has opened it too
        self.said = ""
        self._read_to = 0

    def until(self, words: str) -> str:
        """Wait until the program says this; return what it said since the last time."""
        deadline = time.monotonic() + WAIT_SECONDS
        while words not in self.said[self._read_to :]:
            assert time.monotonic() < deadline, self.said
            assert self._more(), f"ended without saying {words!r}:\n{self.said}"
        start, self._read_to = self._read_to, self.said.index(words, self._read_to) + len(words)
        return self.said[start : self._read_to]

    def type(self, line: str) -> None:
        """Type a line and press Enter."""
        os.write(self._ours, f"{line}\n".encode())

    def interrupt(self) -> None:
        """Press Ctrl-C; once more when nothing happens, as readline can miss one just before it waits."""
        for _ in range(TRIES):
            os.write(self._ours, b"\x03")
            while select.select([self._ours], [], [], QUIET_SECONDS)[0] and self._more():
                if "Aborted" in self.said:
                    return

    def ended(self) -> int:
        """Read to the end; return the status."""
        while self._more():
            pass
        return self.process.wait(WAIT_SECONDS)

    def _more(self) -> bool:
        if not select.select([self._ours], [], [], WAIT_SECONDS)[0]:
            return False
        try:
            data = os.read(self._ours, 65_536)
        except OSError:  # Linux says so when the other side has closed
            return False
        if self._theirs is not None:
            os.close(self._theirs)
            self._theirs = None
        text = data.decode("utf-8", "replace").replace("\r\n", "\n")
        self.said += re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)
        return bool(data)

    def close(self) -> None:
        """End the program, whatever it does."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(WAIT_SECONDS)
        for end in (self._ours, self._theirs):
            with suppress(OSError):
                os.close(-1 if end is None else end)


@contextmanager
def at_a_terminal(*words: str) -> Iterator[Terminal]:
    """Run `optin` on a terminal for a while."""
    terminal = Terminal(*words)
    try:
        yield terminal
    finally:
        terminal.close()
