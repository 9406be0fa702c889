"""A real receiver of webhooks for tests, whose answers are scripted."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Taken:
    """One post as it came."""

    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def message(self) -> dict[str, Any]:
        return dict(json.loads(self.body))

    def signed_by(self, secret: str) -> bool:
        """Verify by the words of the specification, with nothing of optin's."""
        key = base64.b64decode(secret.removeprefix("whsec_"))
        sent = self.headers["webhook-timestamp"]
        assert abs(time.time() - int(sent)) < 300
        content = self.id.encode() + b"." + sent.encode() + b"." + self.body
        wanted = "v1," + base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
        return wanted in self.headers["webhook-signature"].split(" ")


@dataclass
class Receiver:
    """How it answers, and what it got."""

    status: Callable[[int], int] = lambda _number: 204  # by how many came before
    raw: bytes = b""  # said instead of an answer
    drip: bytes = b""  # said once in a while, without end, after `raw`
    location: str = ""
    retry_after: str = ""
    taken: list[Taken] = field(default_factory=list)
    port: int = 0
    stop: threading.Event = field(default_factory=threading.Event)

    def url(self, scheme: str = "http", host: str = "127.0.0.1") -> str:
        return f"{scheme}://{host}:{self.port}/hook?of=crm"

    def wait(self, count: int, seconds: float = 120) -> list[Taken]:
        """Wait until so many came."""
        ends = time.monotonic() + seconds
        while len(self.taken) < count and time.monotonic() < ends:
            time.sleep(0.02)
        assert len(self.taken) >= count, self.taken
        return self.taken


class QuietServer(ThreadingHTTPServer):
    """A server that prints nothing about callers who hang up."""

    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, *_: Any) -> None:
        pass


@contextmanager
def answering(handler: type[BaseHTTPRequestHandler], tls: ssl.SSLContext | None = None) -> Iterator[int]:
    """Answer calls on a free port of this machine, which is yielded; stop at the end."""
    server = QuietServer(("127.0.0.1", 0), handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.02), daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


@contextmanager
def receiving(receiver: Receiver, tls: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    """Run it on a free port of this machine; stop it at the end."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            number = len(receiver.taken)
            receiver.taken.append(Taken({k.lower(): v for k, v in self.headers.items()}, body))
            if receiver.raw or receiver.drip:
                self._speak()
                return
            self.send_response(receiver.status(number))
            if receiver.location:
                self.send_header("location", receiver.location)
            if receiver.retry_after:
                self.send_header("retry-after", receiver.retry_after)
            self.send_header("content-length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def _speak(self) -> None:
            self.close_connection = True
            with suppress(OSError):
                self.wfile.write(receiver.raw)
                while receiver.drip and not receiver.stop.wait(0.05):
                    self.wfile.write(receiver.drip)
                    self.wfile.flush()

        def log_message(self, *_: Any) -> None:
            pass

    with answering(Handler, tls) as receiver.port:
        try:
            yield receiver
        finally:
            receiver.stop.set()
