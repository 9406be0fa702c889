"""Several processes that serve one port: started, watched, replaced, and stopped together.

granian's own supervisor ends everything when a process dies twice within seconds, and its processes outlive a
parent that was killed. Here a process that dies is replaced at once, one that dies again and again at its
start ever later, and none outlives its parent: each reads a pipe whose other end only the parent holds.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from optin.web.sighup_reload import take_hangup

log = logging.getLogger("optin.serve")

WORKER = "OPTIN_WORKER"  # in the environment of a worker: its listening socket and its end of the pipe
LOOK_SECONDS = 0.1
SETTLED_SECONDS = 10.0  # whoever lives for so long did not die of its start
FIRST_REST_SECONDS = 0.5
LONGEST_REST_SECONDS = 30.0
MOST_EARLY_DEATHS = 5
FINISH_SECONDS = 60.0  # for what is in hand when the server stops
ORPHAN_SECONDS = 5.0  # the same, when its parent is gone

Start = Callable[[], "subprocess.Popen[bytes]"]


@dataclass
class _Place:
    """One worker's slot, and its present process."""

    number: int
    process: subprocess.Popen[bytes] | None = None
    began: float = 0.0
    start_at: float = 0.0
    early_deaths: int = field(default=0)  # one after the other

    def start(self, start: Start) -> None:
        """Start a process in this slot."""
        self.process, self.began = start(), time.monotonic()

    def look(self) -> None:
        """Check whether the worker died; log it, and when another is started."""
        status = None if self.process is None else self.process.poll()
        if self.process is None or status is None:
            return
        now = time.monotonic()
        self.early_deaths = self.early_deaths + 1 if now - self.began < SETTLED_SECONDS else 0
        rest = rest_seconds(self.early_deaths)
        log.error(
            "worker %d (process %d) ended %s; another takes its place%s",
            self.number,
            self.process.pid,
            exit_in_words(status),
            f" in {rest:g} s" if rest else "",
        )
        self.process, self.start_at = None, now + rest


def rest_seconds(early_deaths: int) -> float:
    """Return the wait before a slot is filled again: none after the first death."""
    if early_deaths <= 1:
        return 0.0
    return min(FIRST_REST_SECONDS * 2.0 ** (early_deaths - 2), LONGEST_REST_SECONDS)


def exit_in_words(status: int) -> str:
    """Return in words how a process ended."""
    if status >= 0:
        return f"with status {status}"
    try:
        return f"by {signal.Signals(-status).name}"
    except ValueError:
        return f"by signal {-status}"


def keep_workers(
    count: int,
    start: Start,
    stop: threading.Event,
    each_round: Callable[[], None] = lambda: None,
    stopping: Callable[[], None] = lambda: None,
) -> bool:
    """Keep `count` workers running until `stop` is set; then stop them and wait for them.

    `each_round` is called whenever they were looked at, ten times a second. `stopping` is called before they
    are stopped: it closes this process's copy of the socket; while anyone has one, connections come in. A
    SIGHUP that was held back is passed on to each. Return whether they held out: not where none of them stays
    up.
    """
    places = [_Place(number) for number in range(1, count + 1)]
    try:
        while not stop.is_set():
            for place in places:
                place.look()
                if place.process is None and time.monotonic() >= place.start_at:
                    place.start(start)
            if all(place.early_deaths >= MOST_EARLY_DEATHS for place in places):
                log.error(
                    "no worker stays up: each ended %d times within seconds, see above; the server stops",
                    MOST_EARLY_DEATHS,
                )
                return False
            if take_hangup():
                _pass_on(signal.SIGHUP, [place.process for place in places if place.process is not None])
            each_round()
            stop.wait(LOOK_SECONDS)
    finally:
        stopping()
        _end([place.process for place in places if place.process is not None])
    return True


def stop_at_signals() -> threading.Event:
    """Return an event that is set when this process receives a stop signal."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    return stop


class ParentPipe:
    """A pipe by which a worker notices that its parent is gone: its end is closed then."""

    def __init__(self) -> None:
        """Open both ends; only the workers' end is inherited."""
        self.workers_end, self._own_end = os.pipe()

    def close(self) -> None:
        """Close both."""
        os.close(self.workers_end)
        os.close(self._own_end)


def start_worker(
    listening: socket.socket, pipe: ParentPipe, arguments: Sequence[str]
) -> subprocess.Popen[bytes]:
    """Start a process with these arguments of `optin`; it accepts connections on `listening`."""
    handed = (listening.fileno(), pipe.workers_end)
    return subprocess.Popen(  # noqa: S603 - itself
        [sys.executable, "-m", "optin", *arguments],
        env={**os.environ, WORKER: "{},{}".format(*handed)},
        pass_fds=handed,
    )


def join_parent() -> socket.socket | None:
    """Return the socket that the parent shares with this process; None without such a parent.

    From now on this process ends with its parent, however that ends.
    """
    handed = os.environ.pop(WORKER, None)
    if handed is None:
        return None
    listening, pipe = map(int, handed.split(","))
    os.set_inheritable(pipe, False)  # noqa: FBT003 - it has no name
    threading.Thread(target=_outlive_nobody, args=(pipe,), name="optin-parent", daemon=True).start()
    return socket.socket(fileno=listening)


def _outlive_nobody(pipe: int) -> None:
    with suppress(OSError):
        os.read(pipe, 1)
    log.error("this worker stops, because the process that started it is gone")
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(ORPHAN_SECONDS)
    os._exit(1)


def _pass_on(number: signal.Signals, processes: Sequence[subprocess.Popen[bytes]]) -> None:
    for process in processes:
        process.send_signal(number)  # to one that has ended, it does nothing


def _end(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    for process in processes:
        process.terminate()
    deadline = time.monotonic() + FINISH_SECONDS
    for process in processes:
        try:
            process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
