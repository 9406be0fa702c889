"""Give a finished backup to the operator's command, which takes it elsewhere: `[backup] command` (S7)."""

from __future__ import annotations

import os
import re
import select
import shlex
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from optin.errors import RequestRefused
from optin.settings.backup import FILE

LOOK_SECONDS = 0.2
MOST_BYTES = 4_096  # of what the command says, its end
MOST_CHARACTERS = 200
OURS = "OPTIN_"  # begins the names of our own variables, which hold passwords and keys
# addresses of people, user names and passwords in an address, and queries, which may hold a key
_PRIVATE = re.compile(r"(?i:pass|secret|token|key)\w*\s*[=:]\s*\S+|\S*@\S*|\?\S+|\+?\d[\d ().-]{7,}\d")


def run_backup_command(
    command: str, file: Path, folder: Path, seconds: float, stopped: Callable[[], bool]
) -> bool:
    """Run the command in `folder` for this file; return False where `stopped` cut it short.

    It runs without a shell, in a process group of its own, which is killed after `seconds`. Our own
    environment variables are not given to it. Raises RequestRefused, with the last line of its standard
    error, for any exit status but 0.
    """
    words = [it.replace(FILE, str(file)) for it in shlex.split(command)]
    ends = time.monotonic() + seconds
    try:
        process = subprocess.Popen(  # noqa: S603 - the operator's own command
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            cwd=folder,
            env=_environment(os.environ),
            start_new_session=True,
        )
    except (OSError, ValueError) as problem:
        why = problem.strerror if isinstance(problem, OSError) else "its words cannot be passed on"
        msg = f"The command under [backup] cannot be started ({why}): {words[0]}"
        raise RequestRefused(msg) from None
    said = b""
    with process:
        try:
            while process.poll() is None:
                if stopped():
                    return False
                if time.monotonic() > ends:
                    hours = f"{seconds / 3600:g} hours"
                    msg = f"The command under [backup] did not end within {hours}.{_end_of(said)}"
                    raise RequestRefused(msg)
                said = _more(process, said)
            said = _more(process, said, wait=0.0)
        finally:
            _kill(process)
    if process.returncode != 0:
        msg = f"The command under [backup] failed ({_how(process.returncode)}).{_end_of(said)}"
        raise RequestRefused(msg)
    return True


def without_private_parts(line: str) -> str:
    """Return a line of another program without addresses, telephone numbers, passwords and keys."""
    shown = " ".join("".join(it if it.isprintable() else " " for it in _PRIVATE.sub("…", line)).split())
    return shown if len(shown) <= MOST_CHARACTERS else f"{shown[:MOST_CHARACTERS]}…"


def _environment(whole: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in whole.items() if not name.startswith(OURS)}


def _more(process: subprocess.Popen[bytes], said: bytes, wait: float = LOOK_SECONDS) -> bytes:
    """Return the end of what was said so far, after a short wait for more."""
    assert process.stderr is not None  # noqa: S101 - a pipe, as asked
    ready, _, _ = select.select([process.stderr], [], [], wait)
    piece = os.read(process.stderr.fileno(), MOST_BYTES) if ready else b""
    if ready and not piece:  # it closed its standard error, and works on
        with suppress(subprocess.TimeoutExpired):
            process.wait(wait)
    return (said + piece)[-MOST_BYTES:]


def _end_of(said: bytes) -> str:
    lines = [it for it in said.decode("utf-8", "replace").splitlines() if it.strip()]
    return f" It said: {without_private_parts(lines[-1])}" if lines else " It said nothing."


def _how(status: int) -> str:
    return f"exit status {status}" if status > 0 else f"ended by signal {-status}"


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill the command, if it still runs, and what it left running."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
