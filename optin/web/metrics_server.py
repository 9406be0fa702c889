"""Hands the numbers of a server to whoever monitors it: /metrics on a port of its own (O5).

It listens on this machine alone unless the site allows another address. Several workers write their counts to
files in a folder of this run; the parent adds them up when it is asked.
"""

from __future__ import annotations

import os
import socket
import tempfile
import threading
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from optin.errors import SetupRefused
from optin.server_addresses import is_on_this_machine, parse_listening
from optin.services.measurements import Measurements, Unmeasured
from optin.settings.metrics import MetricsTable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FOLDER = "PROMETHEUS_MULTIPROC_DIR"  # the library's own variable, which it reads when it is imported

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
READER_SECONDS = 10.0


def metrics_address(table: MetricsTable) -> tuple[str, int] | None:
    """Return the address and port of the numbers; None for none. Raises SetupRefused.

    Refused is an address that other machines reach, unless `anywhere` allows it.
    """
    if not table.listen:
        return None
    try:
        host, number = parse_listening(table.listen)
    except ValueError:
        msg = f"listen under [metrics] is no address with a port: {table.listen!r}; write 127.0.0.1:9464"
        raise SetupRefused(msg) from None
    if not is_on_this_machine(host) and not table.anywhere:
        msg = (
            f"The numbers under [metrics] would be readable from other machines at {table.listen}; listen on"
            " 127.0.0.1, or set anywhere = true if a firewall guards that port."
        )
        raise SetupRefused(msg)
    return host, number


def of_worker() -> Measurements:
    """Return the counts of a worker, whose parent hands them out; none where it does not."""
    if FOLDER not in os.environ:
        return Unmeasured()
    from prometheus_client import CollectorRegistry  # noqa: PLC0415 - the folder is known first

    from optin.services.metrics import Metrics  # noqa: PLC0415 - same

    return Metrics(CollectorRegistry())


@contextmanager
def handed_out(table: MetricsTable, *, several: bool) -> Iterator[Measurements]:
    """Hand out numbers while the block runs; yield what counts for this process.

    `several`: workers count, and this process adds up. Raises SetupRefused.
    """
    address = metrics_address(table)
    if address is None:
        os.environ.pop(FOLDER, None)
        yield Unmeasured()
        return
    with _folder(several=several):
        from prometheus_client import CollectorRegistry  # noqa: PLC0415 - the folder is known now
        from prometheus_client.multiprocess import MultiProcessCollector  # noqa: PLC0415 - same

        from optin.services.metrics import Metrics  # noqa: PLC0415 - same
        from optin.services.metrics_text import MetricsText  # noqa: PLC0415 - same

        measurements: Measurements = Unmeasured()
        if several:
            text = MetricsText([MultiProcessCollector(None)])  # type: ignore[no-untyped-call]  # the library has no types there
        else:
            measurements = metrics = Metrics(CollectorRegistry())
            text = metrics.text
        try:
            server = _NumbersServer(address, text.write)
        except OSError as problem:
            why = os.strerror(problem.errno or 0)
            msg = f"{table.listen} under [metrics] cannot be used ({why}); choose another port."
            raise SetupRefused(msg) from None
        thread = threading.Thread(target=server.serve_forever, name="metrics", daemon=True)
        thread.start()
        try:
            yield measurements
        finally:
            server.shutdown()
            server.server_close()
            thread.join()


class _NumbersServer(ThreadingHTTPServer):
    """Answers /metrics, and nothing else."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int], write: Callable[[], bytes]) -> None:
        """Listen. Raises OSError."""
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self.write = write
        super().__init__(address, _NumbersRequest)

    def handle_error(self, request: object, client_address: object) -> None:
        """Log nothing: whoever reads went away."""


class _NumbersRequest(BaseHTTPRequestHandler):
    timeout = READER_SECONDS
    server: _NumbersServer

    def do_GET(self) -> None:
        """Answer with the numbers."""
        if urlsplit(self.path).path != "/metrics":
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        body = self.server.write()
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", CONTENT_TYPE)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Log nothing."""


@contextmanager
def _folder(*, several: bool) -> Iterator[None]:
    os.environ.pop(FOLDER, None)
    if not several:
        yield
        return
    with tempfile.TemporaryDirectory(prefix="optin-metrics-") as folder:
        os.environ[FOLDER] = folder
        yield
