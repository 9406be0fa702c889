"""How long somebody waits for a page and a sign-up while 600 others only keep connections busy."""

from __future__ import annotations

import tempfile
import time
from contextlib import suppress
from pathlib import Path

from tests.crowds import COUNT, Kind, Visitor, crowd, kinds
from tests.faults.test_crowds import download_link
from tests.mail.server import Script, mail_server
from tests.own_site import add_settings
from tests.ports import reserved_port
from tests.postgres import chosen_programs, new_database, postgres_server
from tests.serving import Serving, start
from tests.streaming_proxy import streaming_proxy
from tests.web.conftest import site_at

SECONDS = 6.0  # of each crowd: before the first deadline, and some are met
LIMITS = "\n[proxy]\ntrusted = ['127.0.0.1']\n[limits]\nper_site_per_minute = 100000\n"
LARGE = 8_000_000


def main() -> None:
    """Print a table for one process on SQLite and for three on PostgreSQL, as they come."""
    with postgres_server(chosen_programs()) as server, tempfile.TemporaryDirectory() as name:
        root = Path(name)
        site_at(root / "site")
        add_settings(root / "site", LIMITS)
        (root / "site" / "magnets" / "paper" / "witboek.pdf").write_bytes(b"%PDF-1.4" + bytes(LARGE))
        stores = {
            "one process": (f"sqlite:///{root}/optin.db",),
            "three workers": (new_database(server), "--workers", "3"),
        }
        for called, (store, *more) in stores.items():
            script = Script()
            with reserved_port() as port, mail_server(script) as mail_port:
                mail = f"smtp://127.0.0.1:{mail_port}"
                serving = start(root / "site", port, store, mail, f"{root}/keys.json", *more)
                try:
                    _table(called, serving, download_link(serving, script))
                finally:
                    serving.stop()


def _table(called: str, serving: Serving, download: str) -> None:
    print(
        f"longest wait of others, {called}, {COUNT} of each (at most 2 s):",
        flush=True,
    )
    print(f"  {'nobody else':<32} {_longest(serving, serving.port, None):6.3f} s", flush=True)
    every = kinds(download)
    for name, kind in every.items():
        print(f"  {name:<32} {_longest(serving, serving.port, kind):6.3f} s", flush=True)
    with streaming_proxy(serving.port) as proxy:
        waited = _longest(serving, proxy, every["slow forms"])
        print(f"  {'slow forms, a streaming proxy':<32} {waited:6.3f} s", flush=True)


def _longest(serving: Serving, port: int, kind: Kind | None) -> float:
    """Return the longest that a visitor waited while a crowd was there."""
    visitor = Visitor(serving.port, f"b{time.monotonic_ns()}")
    with crowd(port, kind or Kind(), COUNT if kind else 0):
        begun, longest = time.monotonic(), 0.0
        while (asked := time.monotonic()) < begun + SECONDS:
            with suppress(OSError):  # who gives up waited as well
                visitor.wait()
            longest = max(longest, time.monotonic() - asked)
            time.sleep(0.1)
    return longest
