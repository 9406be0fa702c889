"""From nothing to the first page, and what an idle server holds in memory."""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

import httpx2 as httpx
import psutil

from tests.ports import NO_MAIL, reserved_port
from tests.serving import start
from tests.web.conftest import site_at

ROUNDS = 5


def main() -> None:
    """Print seconds, seconds of a processor (steadier beside other work) and mebibytes."""
    seconds, worked, memory = [], [], []
    with tempfile.TemporaryDirectory() as name, reserved_port() as port:
        folder = Path(name)
        site_at(folder / "site")
        store, keys = f"sqlite:///{folder}/optin.db", str(folder / "keys.json")
        for _ in range(ROUNDS):
            begun = time.perf_counter()
            serving = start(folder / "site", port, store, NO_MAIL, keys)
            httpx.get(f"{serving.base}/paper")
            seconds.append(time.perf_counter() - begun)
            process = psutil.Process(serving.process.pid)
            family = [process, *process.children(recursive=True)]
            worked.append(sum(sum(member.cpu_times()[:2]) for member in family))
            time.sleep(1)
            memory.append(sum(member.memory_info().rss for member in family) / 2**20)
            serving.stop()
    print(f"start to first page: {statistics.median(seconds):.2f} s (below 0.7)")
    print(f"processor time until then: {statistics.median(worked):.2f} s")
    print(f"idle memory: {statistics.median(memory):.0f} MiB (below 100)")
