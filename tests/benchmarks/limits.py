"""What the limits cost a sign-up, on both databases: a server with its counts and one without, in turns.

The floor counts nothing at all: no server is as fast that has any limit.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from urllib.parse import urlencode

import httpx2 as httpx

from tests.benchmarks.load import ask
from tests.own_site import add_settings
from tests.ports import NO_MAIL, reserved_port
from tests.postgres import chosen_programs, new_database, postgres_server
from tests.serving import environment, form_key
from tests.web.conftest import site_at

COUNT, ROUNDS = 2_000, 3
WITHOUT = "OPTIN_BENCH_WITHOUT_LIMITS"
LIMITS = """
[limits]
per_network_per_hour = 1_000_000
per_site_per_minute = 1_000_000
mails_per_day = 1_000_000

[proxy]
trusted = ["127.0.0.1"]
"""


def main() -> None:
    """Print the ratios."""
    with tempfile.TemporaryDirectory() as name:
        compare("SQLite", lambda turn: f"sqlite:///{name}/optin{turn}.db", Path(name) / "sqlite")
    with tempfile.TemporaryDirectory() as name, postgres_server(chosen_programs()) as server:
        for setting in ("fsync", "full_page_writes"):
            server.psql(f"ALTER SYSTEM SET {setting} = on")
        server.psql("SELECT pg_reload_conf()")
        compare("PostgreSQL", lambda _turn: new_database(server), Path(name))


def compare(name: str, new_store: Callable[[str], str], folder: Path) -> None:
    """Measure in turns, so that what else the machine does hits both alike."""
    folder.mkdir(exist_ok=True)
    site_at(folder / "site")
    add_settings(folder / "site", LIMITS)
    rates, costs = [], []
    for turn in range(ROUNDS):
        order = ("with", "without") if turn % 2 else ("without", "with")
        found = {kind: measure(folder, new_store(f"{turn}{kind}"), kind, turn) for kind in order}
        (rate, cost), (free_rate, free_cost) = found["with"], found["without"]
        rates.append(rate / free_rate)
        costs.append(free_cost / cost)
        print(f"  {name}: with {rate:,.0f}/s, {cost:,.0f} µs of the server's processor; ", end="")
        print(f"without {free_rate:,.0f}/s, {free_cost:,.0f} µs", flush=True)
    print(f"{name}: sign-ups a second with limits / without: {statistics.median(rates):.2f} (at least 0.8)")
    print(f"{name}: by the server's processor: {statistics.median(costs):.2f} (at least 0.8)")


def measure(folder: Path, store: str, kind: str, turn: int) -> tuple[float, float]:
    """Return sign-ups a second, each of another network, and what each costs the server in µs."""
    variables = environment(store, NO_MAIL, str(folder / f"keys-{turn}{kind}.json"))
    variables["OPTIN_JOURNAL"] = str(folder / f"journal-{turn}{kind}.jsonl")  # each store has its own
    if kind == "without":
        variables[WITHOUT] = "1"
    with reserved_port() as port, (folder / "log").open("ab") as log:
        command = [sys.executable, "-m", "tests.benchmarks.limits", str(folder / "site"), str(port)]
        process = subprocess.Popen(command, env=variables, stdout=log, stderr=log)
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
                wait_for(client)
                make = partial(post, form_key(client))
            asyncio.run(ask(port, lambda number: make(COUNT + number), 200, b"HTTP/1.1 303"))
            before = spent(process.pid)
            rate = asyncio.run(ask(port, make, COUNT, b"HTTP/1.1 303")).rate
            return rate, (spent(process.pid) - before) / COUNT * 1_000_000
        finally:
            process.terminate()
            process.wait()


def spent(pid: int) -> float:
    """Return the seconds of processor that a process has used (proc(5)): whatever else runs."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def wait_for(client: httpx.Client) -> None:
    """Wait until a server answers."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            client.get("/health")
        except httpx.HTTPError:
            time.sleep(0.05)
        else:
            return


def post(key: str, number: int) -> bytes:
    """Return one sign-up as a proxy passes it on."""
    body = urlencode({"form": key, "email": f"p{number}@example.com", "consent": "tips-email"}).encode()
    head = (
        "POST /paper HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-www-form-urlencoded\r\n"
        f"x-forwarded-for: 203.{number % 200}.{number // 200 % 200}.1\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def without_limits() -> None:
    """Let nothing be counted: what a sign-up costs then is the floor."""
    from optin.flows.consents import sign_up  # noqa: PLC0415 - only in the process that is measured
    from optin.web.limit_counts_in_memory import NetworkCounts, SiteQuota  # noqa: PLC0415 - as above

    async def free(*_: object) -> bool:
        return True

    async def none_is_full(*_: object) -> None:
        return None

    for owner, name, instead in (
        (NetworkCounts, "hit", none_is_full),
        (SiteQuota, "spend", free),
        (sign_up, "take_form_mail", lambda *_: True),
    ):
        setattr(owner, name, instead)


if __name__ == "__main__":
    from optin.app.main import main as optin

    if os.environ.get(WITHOUT):
        without_limits()
    optin(["serve", "--site", sys.argv[1], "--port", sys.argv[2]])
