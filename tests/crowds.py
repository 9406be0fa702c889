"""Crowds that keep connections busy without asking anything of worth, and how long others wait meanwhile."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlencode

ESTABLISHED = "01"  # in /proc/net/tcp
ANY_PORT = 0  # of a client, which the kernel chooses
HERE = "127.0.0.1"
COUNT = 600
SMALL_WINDOW = 4_096  # bytes that a slow reader takes before it stops
BREAK_SECONDS = 0.02  # while a crowd comes in, so that the backlog does not overflow
GIVES_UP_SECONDS = 30.0  # a visitor
FORM_TYPE = "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class Kind:
    """What each of a crowd sends at once, and what it sends every second after that."""

    opening: bytes = b""
    drip: bytes = b""
    reads: bool = True  # takes the answer, as a browser does


def kinds(download: str) -> dict[str, Kind]:
    """Return each kind of crowd. `download`: the path of a large file."""
    post = f"POST /paper HTTP/1.1\r\nHost: x\r\nContent-Type: {FORM_TYPE}\r\n".encode()
    get = b"GET /paper HTTP/1.1\r\nHost: x\r\n"
    return {
        "silent": Kind(),
        "half headers": Kind(get + b"X-Slow: ", b"a"),
        "idle after an answer": Kind(get + b"\r\n"),
        "slow forms": Kind(post + b"Content-Length: 900\r\n\r\nemail=", b"a"),
        "slow chunks": Kind(post + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\na\r\n"),
        "promised forms": Kind(post + b"Content-Length: 900\r\nExpect: 100-continue\r\n\r\n"),
        "slow bodies nobody asked for": Kind(get + b"Content-Length: 900\r\n\r\n", b"a"),
        "slow bodies to no page": Kind(
            post.replace(b"/paper", b"/no/such/page") + b"Content-Length: 9\r\n\r\n"
        ),
        "slow readers": Kind(f"GET {download} HTTP/1.1\r\nHost: x\r\n\r\n".encode(), reads=False),
        "pages nobody reads": Kind((get + b"\r\n") * 200, reads=False),
        "http/2": Kind(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, 4, 0, 0, 0, 0, 0)), bytes(9)),
        "tls to a plain port": Kind(bytes((22, 3, 1, 2, 0, 1)), b"\x00"),
    }


@dataclass
class Crowd:
    """Open connections of one kind."""

    kind: Kind
    lines: list[socket.socket]
    answers: dict[socket.socket, bytes] = field(default_factory=dict)
    _leave: threading.Event = field(default_factory=threading.Event)
    _names: set[int] = field(init=False)

    def __post_init__(self) -> None:
        self._names = {line.getsockname()[1] for line in self.lines}

    def drip(self) -> None:
        """Send a little more, every second, until the crowd leaves."""
        while not self._leave.wait(1):
            for line in self.lines:
                with suppress(OSError):
                    line.send(self.kind.drip)

    def leave(self) -> None:
        self._leave.set()

    def remaining(self) -> int:
        """Return how many the server has not sent away yet; keep what it answered."""
        if self.kind.reads:
            return sum(not self._is_over(line) for line in self.lines)
        return len(self._names & _established())

    def _is_over(self, line: socket.socket) -> bool:
        try:
            while piece := line.recv(65_536):
                self.answers[line] = (self.answers.get(line, b"") + piece)[:4_096]
        except BlockingIOError:
            return False
        except OSError:
            return True
        return True


def _established() -> set[int]:
    """Return to which ports of clients a server of this machine holds a connection (Linux).

    Who reads nothing does not learn that a connection is over.
    """
    rows = (row.split() for row in Path("/proc/net/tcp").read_text("ascii").splitlines()[1:])
    return {int(row[2].rpartition(":")[2], 16) for row in rows if row[3] == ESTABLISHED}


@contextmanager
def crowd(port: int, kind: Kind, count: int = COUNT, source: str = HERE) -> Iterator[Crowd]:
    """Have so many come in from one address, and stay until the block ends."""
    with ExitStack() as opened:
        lines = []
        for number in range(count):
            line = opened.enter_context(socket.socket())
            if not kind.reads:
                line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_WINDOW)
            line.bind((source, ANY_PORT))
            line.settimeout(10)
            with suppress(ConnectionError):  # sent away already
                line.connect((HERE, port))
                line.sendall(kind.opening)
                lines.append(line)
            line.setblocking(False)  # noqa: FBT003 - it has no name
            if number % 100 == 99:
                time.sleep(BREAK_SECONDS)
        coming = Crowd(kind, lines)
        dripping = threading.Thread(target=coming.drip, daemon=True)
        if kind.drip:
            dripping.start()
        try:
            yield coming
        finally:
            coming.leave()
            if kind.drip:
                dripping.join(10)


class VisitorRefused(AssertionError):
    """The server was too busy to take a sign-up."""


class Visitor:
    """Somebody who opens the page and sends the form, over connections of their own."""

    def __init__(self, port: int, name: str) -> None:
        self._port, self._name, self._number = port, name, 0
        found = re.search(r'name="form" value="([0-9a-f]+)"', self._ask("GET", "/paper")[1])
        assert found is not None
        self._form = found[1]

    def wait(self) -> float:
        """Return the seconds that a page and a sign-up took together."""
        self._number += 1
        email = f"{self._name}-{self._number}@example.com"
        begun = time.monotonic()
        assert self._ask("GET", "/paper")[0] == HTTPStatus.OK
        data = urlencode({"form": self._form, "email": email, "consent": "tips-email"})
        status = self._ask("POST", "/paper", data)[0]
        if status == HTTPStatus.SERVICE_UNAVAILABLE:
            raise VisitorRefused(email)
        assert status == HTTPStatus.SEE_OTHER, status
        return time.monotonic() - begun

    def _ask(self, method: str, path: str, data: str | None = None) -> tuple[int, str]:
        connection = HTTPConnection(HERE, self._port, timeout=GIVES_UP_SECONDS)
        try:
            headers = {"Content-Type": FORM_TYPE} if data else {}
            connection.request(method, path, data, headers)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()
