"""A service manager as small as can be: it holds the listening socket while servers come and go."""

from __future__ import annotations

import http.client
import queue
import signal
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.waiting import SECONDS, wait_until

CLIENTS = 8

# A process is told its own number, which it only has once it is there (sd_listen_fds(3)).
HAND_OVER = (
    "import os, sys\n"
    "os.dup2(int(sys.argv[1]), 3)\n"
    "os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS='1', WATCHDOG_PID=str(os.getpid()))\n"
    "os.execv(sys.executable, [sys.executable, '-m', 'optin', *sys.argv[2:]])\n"
)


class SmallManager:
    """Holds a listening socket, and hears what servers tell. `port`: on which the socket listens."""

    def __init__(self, folder: Path, listening: socket.socket) -> None:
        """Listen for states in a folder."""
        self._listening = listening
        self.port: int = listening.getsockname()[1]
        self._told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._address = str(folder / "notify")
        self._told.bind(self._address)
        self._heard: queue.Queue[bytes] = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()
        self.log = folder / "managed.log"

    def start(self, environment: Mapping[str, str], *words: str) -> subprocess.Popen[bytes]:
        """Start `optin` with the socket; return when it says that it is ready."""
        own = {**environment, "NOTIFY_SOCKET": self._address, "WATCHDOG_USEC": "600000"}
        handed = self._listening.fileno()
        with self.log.open("ab") as output:
            process = subprocess.Popen(
                [sys.executable, "-c", HAND_OVER, str(handed), *words],
                env=own, pass_fds=(handed,), stdout=output, stderr=output,
            )  # fmt: skip
        try:
            self.hears("READY=1")
        except queue.Empty:
            process.kill()
            raise AssertionError(self.log.read_text()) from None
        return process

    def hears(self, state: str) -> None:
        """Wait until a server tells this. Raises queue.Empty when it does not."""
        while self._heard.get(timeout=SECONDS) != state.encode():
            pass

    def _listen(self) -> None:
        while state := self._told.recv(4_096):
            self._heard.put(state)

    def close(self) -> None:
        """Close both sockets."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ending:
            ending.sendto(b"", self._address)
        self._told.close()
        self._listening.close()


@contextmanager
def small_manager(folder: Path) -> Iterator[SmallManager]:
    """Hold a socket on a port of this machine until the block ends."""
    listening = socket.create_server(("127.0.0.1", 0), backlog=1_024)
    if hasattr(socket, "TCP_DEFER_ACCEPT"):  # DeferAcceptSec of the unit; not every system has it
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, 10)
    manager = SmallManager(folder, listening)
    try:
        yield manager
    finally:
        manager.close()


@dataclass
class Clients:
    """Clients that ask without a pause, half of them over connections that stay open, as a proxy does.

    `name`, `trusted`: of a server that is asked over TLS.
    """

    port: int
    path: str = "/paper"
    name: str = "127.0.0.1"
    trusted: ssl.SSLContext | None = None
    answered: list[int] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    _over: bool = False

    def ask(self, *, stays: bool) -> None:
        """Ask until it is over."""
        connection = self._connect()
        while not self._over:
            try:
                connection.request("GET", self.path, headers={} if stays else {"connection": "close"})
                answer = connection.getresponse()
                answer.read()
            except (OSError, http.client.HTTPException) as problem:
                self.lost.append(repr(problem))
                connection.close()
                connection = self._connect()
                continue
            self.answered.append(answer.status)
            if answer.will_close:
                connection.close()
                connection = self._connect()
        connection.close()

    def _connect(self) -> http.client.HTTPConnection:
        if self.trusted is None:
            return http.client.HTTPConnection(self.name, self.port, timeout=SECONDS)
        return http.client.HTTPSConnection(self.name, self.port, timeout=SECONDS, context=self.trusted)

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Let them ask until the block ends."""
        threads = [
            threading.Thread(target=self.ask, kwargs={"stays": bool(number % 2)}) for number in range(CLIENTS)
        ]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._over = True
            for thread in threads:
                thread.join(SECONDS)

    def went_on(self) -> None:
        """Wait until some more were answered."""
        before = len(self.answered)
        wait_until(lambda: len(self.answered) > before + 4 * CLIENTS)


def stop(process: subprocess.Popen[bytes]) -> int:
    """End a server as a service manager does; return its status."""
    process.send_signal(signal.SIGTERM)
    return process.wait(SECONDS)
