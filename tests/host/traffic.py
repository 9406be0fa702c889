"""People who sign up at a site of several processes, and what became of it while something failed.

A proxy is played as docs/run sets one up: it asks each process every second whether it is ready, sends a form
on to another process when one refuses the connection or answers 503 (nothing is stored then), and tells the
visitor of an error when an answer fails to come.
"""

from __future__ import annotations

import itertools
import random
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import httpx2 as httpx
import psycopg

from optin.consent.email_and_telephone import parse_email
from optin.keys import load_keys
from optin.store.encryption import Vault
from tests.host.site_machines import Process, Site
from tests.serving import NO_TLS, form_key
from tests.waiting import wait_until

VISITORS = 4
PAUSE_SECONDS = 0.1  # between two forms of a visitor
ANSWER_SECONDS = 10.0  # until the proxy gives up
CONNECT_SECONDS = 1.0
PAGE_SECONDS = 0.05
DRAIN_SECONDS = 120


@dataclass
class Toll:
    """What a failure cost."""

    acknowledged: int
    seconds_without: float  # the longest time in which nobody was acknowledged
    failed: int  # forms that got an error
    pages: int
    pages_failed: int
    lost: list[str]
    doubled: list[str]

    def __str__(self) -> str:
        return (
            f"{self.acknowledged} acknowledged, {self.seconds_without:.1f} s without, {self.failed} failed,"
            f" {len(self.lost)} lost, {len(self.doubled)} doubled;"
            f" {self.pages} pages, {self.pages_failed} failed"
        )


@dataclass
class Proxy:
    """Chooses a process for each request."""

    processes: Sequence[Process]
    ready: dict[str, bool] = field(default_factory=dict)
    _turn: itertools.count[int] = field(default_factory=itertools.count)

    def in_turn(self) -> list[Process]:
        """Return the processes to try, the ready ones first, another one at the head each time."""
        at = next(self._turn) % len(self.processes)
        turned = [*self.processes[at:], *self.processes[:at]]
        return sorted(turned, key=lambda it: not self.ready.get(it.base, True))

    def look(self, stop: threading.Event) -> None:
        """Ask a process after the other whether it is ready, each once a second."""
        with _client(timeout=1.0) as client:
            while not stop.wait(1.0 / len(self.processes)):
                process = self.processes[next(self._turn) % len(self.processes)]
                try:
                    self.ready[process.base] = client.get(f"{process.base}/health/ready").status_code == 200
                except httpx.HTTPError:
                    self.ready[process.base] = False


class Traffic:
    """Visitors who sign up and open pages until they are told to stop."""

    def __init__(self, site: Site, name: str, processes: Sequence[Process] = ()) -> None:
        """Act at a site. `name`: of this scenario, in the addresses; `processes`: which may be asked."""
        self.site = site
        self._name = name
        self._proxy = Proxy(processes or site.processes)
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()
        self.acknowledged: list[str] = []
        self._moments: list[float] = []
        self.failures: Counter[str] = Counter()
        self._pages: Counter[bool] = Counter()
        with _client() as client:
            client.base_url = self._proxy.in_turn()[0].base
            self._key = form_key(client)

    def start(self) -> None:
        """Begin, and wait until somebody was acknowledged."""
        works = [partial(self._sign_up, number) for number in range(VISITORS)]
        works += [partial(self._open_pages), partial(self._proxy.look, self._stop)]
        self._threads = [threading.Thread(target=it, daemon=True) for it in works]
        for thread in self._threads:
            thread.start()
        wait_until(lambda: self.acknowledged)

    def wait_for(self, more: int = 20) -> None:
        """Wait until so many more people are acknowledged."""
        enough = len(self.acknowledged) + more
        wait_until(lambda: len(self.acknowledged) >= enough, 40)

    def finish(self) -> Toll:
        """Let everybody end, every mail leave; see what came of it."""
        self._stop.set()
        for thread in self._threads:
            thread.join()
        gaps = [later - earlier for earlier, later in itertools.pairwise(sorted(self._moments))]
        mailed, stored = self._mailed(), self._stored()
        return Toll(
            acknowledged=len(self.acknowledged),
            seconds_without=max(gaps, default=0.0),
            failed=self.failures.total(),
            pages=self._pages.total(),
            pages_failed=self._pages[False],
            lost=[it for it in self.acknowledged if it not in stored or not mailed[it]],
            doubled=[it for it, count in mailed.items() if count > 1],
        )

    def _mailed(self) -> Counter[str]:
        wait_until(lambda: not self._waiting(), DRAIN_SECONDS)
        return Counter(it for it in self.site.mails.recipients if it.startswith(self._name))

    def _waiting(self) -> bool:
        return bool(self._rows("SELECT 1 FROM outbox WHERE state = 'queued' LIMIT 1"))

    def _stored(self) -> set[str]:
        ring = load_keys(str(self.site.keys), self.site.folder)
        assert ring is not None
        vault = Vault(ring)
        found = {bytes(row[0]) for row in self._rows("SELECT email_index FROM request")}
        return {it for it in self.acknowledged if vault.index(parse_email(it)) in found}

    def _rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Read rows past optin: the tables may be of another version than the tests."""
        with psycopg.connect(self.site.database) as connection:
            return connection.execute(sql.encode()).fetchall()

    def _sign_up(self, visitor: int) -> None:
        with _client() as client:
            for number in itertools.count():
                address = f"{self._name}-{visitor}-{number}@example.com"
                came = f"198.51.{visitor}.{number % 250}"
                outcome = self._send(client, address, came)
                with self._lock:
                    if outcome:
                        self.failures[outcome] += 1
                    else:
                        self.acknowledged.append(address)
                        self._moments.append(time.monotonic())
                if self._stop.wait(PAUSE_SECONDS * random.uniform(0.5, 1.5)):
                    return

    def _send(self, client: httpx.Client, address: str, came: str) -> str:
        """Send a form by the proxy; return why it failed, or nothing."""
        data = {"form": self._key, "email": address, "consent": "tips-email"}
        refused = "no process"
        for process in self._proxy.in_turn():
            try:
                answer = client.post(
                    f"{process.base}/paper",
                    data=data,
                    headers={"x-forwarded-for": came, "connection": "close"},
                )
            except (httpx.ConnectError, httpx.ConnectTimeout) as problem:
                self._proxy.ready[process.base] = False
                refused = type(problem).__name__
                continue
            except httpx.HTTPError as problem:
                self._proxy.ready[process.base] = False
                return type(problem).__name__
            if answer.status_code == 303:
                return ""
            refused = str(answer.status_code)
            if answer.status_code != 503:
                break
        return refused

    def _open_pages(self) -> None:
        with _client(timeout=2.0) as client:
            while not self._stop.wait(PAGE_SECONDS):
                self._pages[self._opens(client)] += 1

    def _opens(self, client: httpx.Client) -> bool:
        for process in self._proxy.in_turn():
            try:
                answer = client.get(f"{process.base}/paper", headers={"x-forwarded-for": "198.51.100.7"})
            except httpx.HTTPError:
                continue
            return answer.status_code == 200
        return False


def _client(timeout: float = ANSWER_SECONDS) -> httpx.Client:
    return httpx.Client(verify=NO_TLS, timeout=httpx.Timeout(timeout, connect=CONNECT_SECONDS))
