"""Searches for people whose data are sealed: an exact address, a part of one, one person's page.

OPTIN_BENCH_PEOPLE says how many people are on file, if not 100,000.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import psutil

from optin.consent.email_and_telephone import parse_email
from optin.flows.staff.find_people import begin_search, view_search
from optin.flows.staff.person_file import view_person
from optin.keys import make_keys
from optin.services.installation import Installation
from optin.services.search_people import compare
from optin.store.encryption import Vault
from tests.benchmarks.may import fill
from tests.installed import KINDS
from tests.postgres import chosen_programs, new_database, postgres_server
from tests.world import form_version, open_world

PEOPLE, FEW = 100_000, 1_000
TIMES = 100
SESSION = bytes(32)
MOST_MS = 20
NEEDLE = "nobody-has-this"


def percentile(times: list[float]) -> float:
    """Return how long 95 of 100 take at most, in milliseconds."""
    return sorted(times)[len(times) * 95 // 100] * 1000


def timed(act: Callable[[int], object]) -> float:
    """Return how long an act takes, 95 of 100 times, in milliseconds."""
    times = []
    for number in range(TIMES):
        begun = time.perf_counter()
        act(number)
        times.append(time.perf_counter() - begun)
    return percentile(times)


def scan(store: str, folder: Path) -> None:
    """Compare everybody in this process; print its peak in kB, the seconds, the records.

    The peak is looked at every few milliseconds: the system's own begins with that of the process before.
    """
    world = open_world(store, folder, Vault(make_keys("keys.json", folder, "dev")))
    installation = Installation(world.store, world.vault, world.policy, KINDS)
    begun = installation.run(begin_search, session=SESSION, text=NEEDLE, now=installation.clock())
    process, peaks, done = psutil.Process(), [0], threading.Event()

    def watch() -> None:
        while not done.wait(0.005):
            peaks.append(process.memory_info().rss // 1024)

    watcher = threading.Thread(target=watch)
    watcher.start()
    started = time.perf_counter()
    ended = compare(installation, begun)
    spent = time.perf_counter() - started
    done.set()
    watcher.join()
    print(max(peaks), spent, ended.looked)
    world.store.close()


def measure(called: str, folder: Path, stores: dict[int, str]) -> None:
    """Fill a store with few people and one with many; print what each costs."""
    vault = Vault(make_keys("keys.json", folder, "dev"))
    peaks = {}
    for count, store in stores.items():
        world = open_world(store, folder, vault)
        world.serve(form_version())
        fill(world, count)
        installation = Installation(world.store, vault, world.policy, KINDS)
        exact = timed(partial(search, installation))
        page = timed(partial(show, installation))
        world.store.close()
        code = "import pathlib as p, sys; from tests.benchmarks import people as b;"
        code += " b.scan(sys.argv[1], p.Path(sys.argv[2]))"
        done = subprocess.run(
            [sys.executable, "-c", code, store, str(folder)], capture_output=True, text=True, check=True
        )
        peak, spent, looked = done.stdout.split()
        peaks[count] = int(peak)
        print(
            f"  {called}, {count:,} people: exact address {exact:.1f} ms p95 (at most {MOST_MS}),"
            f" person {page:.1f} ms p95, part {int(looked) / float(spent):,.0f} records/s,"
            f" peak {int(peak) / 1024:.0f} MiB",
            flush=True,
        )
    few, many = sorted(peaks)
    print(f"search, peak at {many:,} / at {few:,}: {peaks[many] / peaks[few]:.2f} (flat: at most 1.2)")


def search(installation: Installation, number: int) -> None:
    """Search for a whole address, and read what was found."""
    text = f"p{number}@example.com"
    begun = installation.run(begin_search, session=SESSION, text=text, now=installation.clock())
    found = installation.view(view_search, search_id=begun.id, now=installation.clock())
    if found is None or [it.email for it in found.people] != [text]:
        raise AssertionError(text)


def show(installation: Installation, number: int) -> None:
    """Read everything about a person, as their page does."""
    index = installation.vault.index(parse_email(f"p{number}@example.com"))
    if not installation.view(view_person, index=index, now=installation.clock()).data.consents:
        raise AssertionError(number)


def main() -> None:
    """Print what searches cost on both databases."""
    people = int(os.environ.get("OPTIN_BENCH_PEOPLE", PEOPLE))
    with postgres_server(chosen_programs()) as server, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sqlite = {count: f"sqlite:///{folder}/{count}.db" for count in (FEW, people)}
        measure("SQLite", folder, sqlite)
        measure("PostgreSQL", folder, {count: new_database(server) for count in (FEW, people)})


if __name__ == "__main__":
    main()
