"""What the numbers for monitoring cost: a reading of them, and each page that is counted."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from itertools import product
from pathlib import Path

import httpx2 as httpx
from prometheus_client import CollectorRegistry, generate_latest

from optin.services.metrics import CONFIRMED, REQUESTED, Metrics
from optin.settings.metrics import MetricsTable
from optin.store.commit_watch import NotedEvent
from optin.web.metrics_server import handed_out
from tests.benchmarks.load import pages_per_second
from tests.own_site import add_settings
from tests.ports import NO_MAIL, reserved_port
from tests.serving import NO_TLS, start
from tests.web.conftest import site_at

MAGNETS, ROUTES = 1_000, 60
READINGS = 30
PAIRS = 15  # of servers that differ by a few percent


def fill(metrics: Metrics) -> None:
    """Count sign-ups of every magnet, and requests of every route."""
    for number, kind in product(range(MAGNETS), (REQUESTED, CONFIRMED)):
        event = NotedEvent(kind, f"magnet-number-{number}", (("tips", "email"),))
        metrics.committed(1, 0.001, [event])
    for number, method in product(range(ROUTES), ("GET", "POST")):
        metrics.answered(method, f"/route-{number}/{{slug}}", 200, 0.002)


def main() -> None:
    """Print the milliseconds and the ratios."""
    with reserved_port() as port:
        table = MetricsTable(listen=f"127.0.0.1:{port}")
        with handed_out(table, several=False) as counting, httpx.Client(verify=NO_TLS) as client:
            if not isinstance(counting, Metrics):
                raise TypeError(counting)
            fill(counting)
            spent = sorted(_seconds(lambda: client.get(f"http://127.0.0.1:{port}/metrics")))
            lines = counting.text.write().count(b"\n")
    registry = CollectorRegistry()
    fill(Metrics(registry))
    theirs = statistics.median(_seconds(lambda: generate_latest(registry)))
    ours = statistics.median(spent)
    print(f"a reading of {lines:,} lines over HTTP: {ours * 1000:.1f} ms (under 10)")
    print(f"  of what the library needs to write them: {ours / theirs:.2f}")
    with tempfile.TemporaryDirectory() as name:
        cost_of_counting(Path(name))


def _seconds(act: Callable[[], object]) -> list[float]:
    found = []
    for _ in range(READINGS):
        begun = time.perf_counter()
        act()
        found.append(time.perf_counter() - begun)
    return found


def cost_of_counting(folder: Path) -> None:
    """Print what counting costs landing pages: two servers that differ by it, asked in turns."""
    with reserved_port() as port, reserved_port() as silent_port, reserved_port() as numbers:
        servers = []
        try:
            for name, at in (("counting", port), ("silent", silent_port)):
                site_at(folder / name / "site")
                if name == "counting":
                    add_settings(folder / name / "site", f'\n[metrics]\nlisten = "127.0.0.1:{numbers}"\n')
                store, keys = f"sqlite:///{folder}/{name}/optin.db", str(folder / name / "keys.json")
                servers.append(start(folder / name / "site", at, store, NO_MAIL, keys))
            ratios = []
            for turn in range(PAIRS):
                order = (port, silent_port) if turn % 2 else (silent_port, port)
                rates = {at: pages_per_second(at, "/paper") for at in order}
                ratios.append(rates[port] / rates[silent_port])
            print(f"/paper: {rates[port]:,.0f}/s counted, {rates[silent_port]:,.0f}/s not")
            print(f"  of that without: {statistics.median(ratios):.3f} (at least 0.9)")
        finally:
            for serving in servers:
                serving.stop()
