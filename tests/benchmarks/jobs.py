"""What background mail costs visitors: pages and sign-ups while letters leave; how long a confirmation takes.

Each figure is a ratio within one run: rounds with letters due and rounds without take turns on one server.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import httpx2 as httpx
import psutil

from optin.consent.email_and_telephone import parse_email
from optin.consent.form_version import FormVersion, Slug
from optin.consent.posted_form import ValidEntry
from optin.flows.consents.confirm import confirm
from optin.flows.consents.sign_up import sign_up
from optin.flows.context_with_kinds import SiteContext
from optin.flows.delivery import letters as letters_flow
from optin.flows.delivery.letters import letters_in_order, queue_letters
from optin.mail.smtp_transport import SmtpAddress, SmtpTransport
from optin.services.installation import Installation
from optin.services.open_installation import open_installation
from optin.services.site_edition import keep_edition, load_edition
from optin.store.database_interface import Tx, to_ms
from optin.store.letters import LetterPlace
from tests.benchmarks.courier import OneEach, rate, sign_ups
from tests.benchmarks.load import Measured, ask, pages
from tests.benchmarks.mail_sink import NOTED, MailSink, mail_sink
from tests.benchmarks.sign_ups import post
from tests.installed import KINDS
from tests.own_site import add_settings
from tests.ports import reserved_port
from tests.postgres import chosen_programs, new_database, postgres_server
from tests.serving import Serving, environment, form_key, start
from tests.web.conftest import site_at
from tests.world import TIPS, open_world

PEOPLE = int(os.environ.get("OPTIN_BENCH_LETTERS", "20000"))
PAIRS = int(os.environ.get("OPTIN_BENCH_PAIRS", "5"))
STEP = 250  # people joined in one transaction
SECONDS = 3  # of pages, a round
SIGN_UPS, VISITORS = 1_200, 16
CONFIRMATIONS, EVERY_SECONDS = 60, 0.05
MAILS, ALONE = 600, 60
LATER = timedelta(days=30)
AGO = timedelta(days=4)
LETTER = (
    """---
subject: Zo belt u
preheader: Eén tip
---
# Bel voor twaalven

"""
    + "Dat is alles. Lees [meer](/paper) of [elders](https://www.example.com/bellen).\n\n" * 12
)
SETTINGS = """
[[purposes.tips-email.letters]]
name = "tips-1"
after = "3 days"
[limits]
per_site_per_minute = 1_000_000
mails_per_day = 10_000_000
"""


def main() -> None:
    """Print the ratios, on SQLite with one process and on PostgreSQL with one."""
    with tempfile.TemporaryDirectory() as name, mail_sink() as sink:
        connections(Path(name), sink)
        wanted = os.environ.get("OPTIN_BENCH_STORES", "sqlite postgresql").split()
        if "sqlite" in wanted:
            of_store("SQLite", f"sqlite:///{name}/optin.db", Path(name) / "sqlite", sink)
        if "postgresql" in wanted:
            with postgres_server(chosen_programs()) as server:
                of_store("PostgreSQL", new_database(server), Path(name) / "postgresql", sink)


def connections(folder: Path, sink: MailSink) -> None:
    """Print mails a second over several connections, beside one connection for each mail."""
    world = open_world(f"sqlite:///{folder}/bare.db", folder)
    address = SmtpAddress("127.0.0.1", sink.port)
    for most in (1, 4, 16):
        sign_ups(world, f"a{most}", ALONE)
        alone = asyncio.run(rate(world, OneEach(address), ALONE, lanes=1))
        sign_ups(world, f"c{most}", MAILS)
        ours = asyncio.run(rate(world, SmtpTransport(address, most), MAILS, 3 * most))
        print(
            f"mails over {most} connections: {ours:,.0f}/s; one connection each: {alone:,.0f}/s", flush=True
        )
    world.store.close()


@dataclass
class Backlog:
    """Letters in the outbox of a running server, which are due or not, as it is told."""

    installation: Installation

    def due(self, most: int = PEOPLE) -> None:
        """Make letters due."""
        self.installation.write(_due, now=self.installation.clock(), most=most)

    def hold(self) -> None:
        """Let no letter be due any more, but those that are on their way."""
        self.installation.write(_hold, until=self.installation.clock() + LATER)
        time.sleep(0.5)

    def settle(self) -> None:
        """Wait until every other mail has left: confirmations of the round before."""
        while self.installation.store.read(_others):
            time.sleep(0.2)

    @property
    def left(self) -> int:
        """How many letters wait."""
        return self.installation.store.read(_left)


def _due(tx: Tx, now: datetime, most: int) -> None:
    tx.run(
        "UPDATE outbox SET next_at = :now WHERE id IN (SELECT id FROM outbox"
        " WHERE state = 'queued' AND kind = 'letter' AND claim IS NULL ORDER BY id LIMIT :most)",
        now=to_ms(now),
        most=most,
    )


def _hold(tx: Tx, until: datetime) -> None:
    tx.run(
        "UPDATE outbox SET next_at = :until WHERE state = 'queued' AND kind = 'letter' AND claim IS NULL",
        until=to_ms(until),
    )


def _others(tx: Tx) -> bool:
    return tx.one("SELECT 1 FROM outbox WHERE state = 'queued' AND kind <> 'letter' LIMIT 1") is not None


def _left(tx: Tx) -> int:
    row = tx.one("SELECT COUNT(*) FROM outbox WHERE state = 'queued' AND kind = 'letter'")
    return 0 if row is None else int(row[0])


def of_store(called: str, store: str, folder: Path, sink: MailSink) -> None:
    """Print the ratios of a server on one store."""
    folder.mkdir()
    root, keys = folder / "site", f"{folder}/keys.json"
    site_at(root)
    add_settings(root, SETTINGS)
    (root / "letters" / "nl").mkdir(parents=True, exist_ok=True)
    (root / "letters" / "nl" / "tips-1.md").write_text(LETTER, "utf-8")
    mail = f"smtp://127.0.0.1:{sink.port}"
    os.environ.update(environment(store, mail, keys))
    print(f"### {called}", flush=True)
    with reserved_port() as port, backlog_of(root) as backlog:
        begun = time.perf_counter()
        serving = start(root, port, store, mail, keys)
        try:
            httpx.get(f"{serving.base}/paper")
            print(f"start to first page: {time.perf_counter() - begun:.2f} s (below 0.7)")
            time.sleep(2)
            print(f"idle memory: {memory_mb(serving):,.0f} MiB (below 100)", flush=True)
            with httpx.Client(base_url=serving.base) as client:
                key = form_key(client)
            measure(called, port, key, backlog, sink)
            print(f"memory afterwards: {memory_mb(serving):,.0f} MiB", flush=True)
        finally:
            serving.stop()


def measure(called: str, port: int, key: str, backlog: Backlog, sink: MailSink) -> None:
    """Measure letters alone, pages and sign-ups with and without them, and confirmations among them."""
    alone = letters_per_second(backlog, 3.0)
    print(f"letters alone: {alone:,.0f}/s", flush=True)
    pages(port, "/paper", 1)
    page_ratios, sign_up_ratios = [], []
    for turn in range(PAIRS):
        rounds: dict[bool, Measured] = {}
        for busy in (False, True) if turn % 2 else (True, False):
            with letters_due(backlog, due=busy) as count:
                rounds[busy] = pages(port, "/paper", SECONDS)
            if busy:
                said = f"{count.rate:,.0f} letters/s"
        page_ratios.append(rounds[True].rate / rounds[False].rate)
        print(
            f"  pages {rounds[False].rate:,.0f}/s (p99 {rounds[False].p99_ms:.1f} ms),"
            f" beside {said} {rounds[True].rate:,.0f}/s (p99 {rounds[True].p99_ms:.1f} ms):"
            f" {page_ratios[-1]:.2f}",
            flush=True,
        )
    for turn in range(PAIRS):
        for busy in (False, True) if turn % 2 else (True, False):
            make = partial(post, key, f"{turn}{busy}")
            with letters_due(backlog, due=busy) as count:
                rounds[busy] = asyncio.run(ask(port, make, SIGN_UPS, b"HTTP/1.1 303", VISITORS))
            if busy:
                said = f"{count.rate:,.0f} letters/s"
        sign_up_ratios.append(rounds[True].rate / rounds[False].rate)
        print(
            f"  sign-ups {rounds[False].rate:,.0f}/s (p99 {rounds[False].p99_ms:.0f} ms),"
            f" beside {said} {rounds[True].rate:,.0f}/s (p99 {rounds[True].p99_ms:.0f} ms):"
            f" {sign_up_ratios[-1]:.2f}",
            flush=True,
        )
    print(
        f"{called}: pages while letters leave / without: {statistics.median(page_ratios):.2f} (at least 0.8)"
    )
    print(
        f"{called}: sign-ups while letters leave / without: {statistics.median(sign_up_ratios):.2f}"
        " (at least 0.9)",
        flush=True,
    )
    confirmations(called, port, key, backlog, sink)


def confirmations(called: str, port: int, key: str, backlog: Backlog, sink: MailSink) -> None:
    """Print how long a confirmation takes to reach the mail server while letters wait."""
    backlog.settle()
    waiting = min(10_000, backlog.left)
    backlog.due(waiting)
    asked: dict[str, float] = {}
    with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
        for number in range(CONFIRMATIONS):
            email = f"{NOTED}{called.lower()}{number}@example.com"
            answer = client.post("/paper", data={"form": key, "email": email, "consent": "tips-email"})
            assert answer.is_redirect, answer.status_code
            asked[email] = time.time()
            time.sleep(EVERY_SECONDS)
    time.sleep(3)
    _, arrived = sink.seen()
    waits = sorted(arrived.get(email, float("inf")) - at for email, at in asked.items())
    print(
        f"{called}: confirmation handed over beside {waiting:,} letters, p50 {waits[len(waits) // 2]:.3f} s,"
        f" p95 {waits[len(waits) * 95 // 100]:.3f} s (below 1); {backlog.left:,} letters left then",
        flush=True,
    )
    backlog.hold()


@dataclass
class _Left:
    rate: float = 0.0


@contextmanager
def letters_due(backlog: Backlog, *, due: bool) -> Iterator[_Left]:
    """Let letters be due for a while, or not; tell afterwards how many a second left."""
    found = _Left()
    backlog.settle()
    if due:
        backlog.due()
        time.sleep(1.2)  # the courier looks each second
    before, begun = backlog.left, time.perf_counter()
    try:
        yield found
    finally:
        found.rate = (before - backlog.left) / (time.perf_counter() - begun)
        if due:
            backlog.hold()


def letters_per_second(backlog: Backlog, seconds: float) -> float:
    """Return how many letters a second leave while nobody visits."""
    with letters_due(backlog, due=True) as count:
        time.sleep(seconds)
    return count.rate


def memory_mb(serving: Serving) -> float:
    """Return the memory of a server with its processes, in mebibytes."""
    process = psutil.Process(serving.process.pid)
    family = [process, *process.children(recursive=True)]
    mebibytes: float = sum(it.memory_info().rss for it in family) / 2**20
    return mebibytes


@contextmanager
def backlog_of(root: Path) -> Iterator[Backlog]:
    """Let people join four days ago, and queue the letter of the third day for each, not due yet."""
    edition, _ = load_edition(root, KINDS)
    if edition is None:
        raise AssertionError(root)
    settings = edition.site.settings
    with open_installation(settings, edition.policy, edition.kinds, "serve") as installation:
        now = installation.clock()
        form = edition.publication.forms[Slug("paper")]
        keep_edition(installation.store, edition, now)
        for first in range(0, PEOPLE, STEP):
            numbers = range(first, min(first + STEP, PEOPLE))
            installation.write(join, installation.context, form=form, numbers=numbers, at=now - AGO)
        ((key, letter),) = letters_in_order(installation.policy)
        letters_flow.MOST_WAITING = PEOPLE + 1  # all at once, for once
        letters_flow.STEP = STEP
        place: LetterPlace | None = letters_flow.first_place(letter, now)
        while place is not None:
            done = installation.write(
                queue_letters, installation.context, key=key, letter=letter, after=place, now=now
            )
            place = done.place
        installation.write(_hold, until=now + LATER)
        installation.integrate()
    with open_installation(settings, edition.policy, edition.kinds) as installation:
        backlog = Backlog(installation)
        print(f"{backlog.left:,} letters are queued", flush=True)
        yield backlog


def join(tx: Tx, context: SiteContext, form: FormVersion, numbers: range, at: datetime) -> None:
    """Let people sign up and confirm; their other mails are gone."""
    for number in numbers:
        entry = ValidEntry(parse_email(f"p{number}@example.com"), (), (TIPS,))
        request, _ = sign_up(tx, context, form=form, entry=entry, now=at)
        confirm(tx, context, request, at)
    tx.run("DELETE FROM outbox")
