"""A web host that knows nothing of optin: Python's own file server over a folder."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class _Quiet(SimpleHTTPRequestHandler):
    also: tuple[tuple[str, str], ...] = ()

    def end_headers(self) -> None:
        """Send what the host was told to send with everything."""
        for name, value in self.also:
            self.send_header(name, value)
        super().end_headers()

    def log_message(self, *_told: object) -> None:
        """Say nothing."""


@contextmanager
def static_host(folder: Path, headers: tuple[tuple[str, str], ...] = ()) -> Iterator[str]:
    """Serve a folder on a free port of this machine; yield its address."""
    handler = type("Host", (_Quiet,), {"also": headers})
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join(10)
