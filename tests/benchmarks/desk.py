"""The desk over many people and magnets: its pages, its searches, and what it costs the public pages.

OPTIN_BENCH_PEOPLE says how many people are on file, if not a million. One officer asks for one page after the
other; what is counted in the background is counted meanwhile.
"""

from __future__ import annotations

import multiprocessing
import os
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import httpx2 as httpx
import psutil

from optin.consent.email_and_telephone import EmailAddress
from optin.consent.form_version import FormVersion, Slug
from optin.consent.rights_request import ArrivalWay, Outcome, Right
from optin.consent.staff_role import EVERY_ROLE
from optin.flows.context_with_kinds import SiteContext
from optin.flows.rights.rights_requests import AskedRight, Reply, answer_request, note_request, today
from optin.flows.staff.accounts import NewAccount, add_account
from optin.flows.staff.sign_in import ProvedBy, begin_session
from optin.flows.staff.trail import ActKind, Doing, record
from optin.keys import make_keys
from optin.services.installation import Installation
from optin.services.open_installation import open_installation
from optin.services.site_edition import load_edition
from optin.store.database_interface import Tx
from tests.benchmarks.load import pages_per_second
from tests.benchmarks.may import cpu_seconds, fill
from tests.benchmarks.site import MANY, site_of
from tests.installed import KINDS
from tests.ports import NO_MAIL, reserved_port
from tests.postgres import chosen_programs, new_database, postgres_server
from tests.serving import NO_TLS, Serving, answers, environment, start
from tests.site_people import people_of
from tests.web.conftest import site_at

PEOPLE = 1_000_000
SPAN = timedelta(weeks=52)  # in which they signed up
ANSWERED, OPEN, ACTS = 1_000, 50, 20_000  # requests of people for each million; lines of the trail
BATCH = 500
TIMES, PAIRS = 100, 15
MOST_MS, MOST_EXACT_MS, MOST_KB = 100, 20, 60
OFFICER = EmailAddress("officer@example.com")
REFRESH = 'http-equiv="refresh"'
COOKIE = "__Host-optin-desk"
KINDS_OF_ACTS = (ActKind.LOOKED_AT_PERSON, ActKind.SEARCHED, ActKind.LISTED_LEADS, ActKind.SIGNED_IN)
WITHOUT = (
    "import sys; import optin.cli.serve as serving; serving.desk_routes = lambda: ();"
    " from optin.app.main import main; main()"
)


@dataclass(frozen=True)
class FilledSite:
    """A site with people on file. `secret`: of the officer's session."""

    root: Path
    store: str
    secret: str
    slugs: tuple[str, ...]

    @property
    def keys(self) -> str:
        """Where its keys are."""
        return f"{self.root}/keys.json"


def fill_site(root: Path, store: str, people: int) -> FilledSite:
    """Make a site of many magnets and store people, requests and acts of staff."""
    site = root / "site"
    root.mkdir()
    slugs = tuple(it.removeprefix("/") for it in site_of(site, MANY) if it != "/tips")
    config = site / "optin.toml"
    config.write_text(f'store = "{store}"\nkeys = "{root}/keys.json"\n{config.read_text("utf-8")}', "utf-8")
    make_keys("keys.json", root, "serve")
    edition, _ = load_edition(site, KINDS)
    if edition is None:
        raise AssertionError(site)
    begun = time.perf_counter()
    with open_installation(edition.site.settings, edition.policy, KINDS) as installation:
        world, now = people_of(installation, edition, timedelta()), installation.clock()
        forms = [edition.publication.forms[Slug(it)] for it in slugs]

        def of(number: int) -> tuple[FormVersion, datetime]:
            return forms[number * 7919 % len(forms)], now - SPAN * ((people - number) / people)

        fill(world, people, of)
        secret = _fill_staff(installation, people, now)
        world.sign()
    print(f"{root.name}: {people:,} people on file after {time.perf_counter() - begun:.0f} s", flush=True)
    return FilledSite(root, store, secret, slugs)


def _fill_staff(installation: Installation, people: int, now: datetime) -> str:
    """Store an account, what people asked and what staff did; return the secret of a session."""
    account = installation.run(add_account, new=NewAccount(OFFICER, EVERY_ROLE, "Ruth"), now=now)
    vault = installation.vault

    def person(number: int) -> bytes:
        return vault.index(EmailAddress(f"p{number * 7919 % people}@example.com"))

    def ask(tx: Tx, context: SiteContext, numbers: range) -> None:
        for number in numbers:
            arrived = today(context, now) - timedelta(days=number % 25)
            right = tuple(Right)[number % len(Right)]
            address = f"p{number * 7919 % people}@example.com"
            asked = AskedRight(person(number), address, right, arrived, ArrivalWay.LETTER, "Ruth")
            found = note_request(tx, context, asked, now)
            if number >= OPEN:
                answer_request(tx, context, found.number, Reply(Outcome.DONE, "Ruth", "Done."), now)

    def act(tx: Tx, context: SiteContext, numbers: range) -> None:
        for number in numbers:
            kind = KINDS_OF_ACTS[number % len(KINDS_OF_ACTS)]
            about = person(number) if kind is ActKind.LOOKED_AT_PERSON else b""
            moment = now - timedelta(minutes=ACTS - number)
            record(tx, context.vault, Doing(account.id, kind, about, "A question by phone"), moment)

    for flow, count in ((ask, OPEN + max(1, ANSWERED * people // PEOPLE)), (act, ACTS)):
        for first in range(0, count, BATCH):
            installation.run(flow, numbers=range(first, min(first + BATCH, count)))
    return installation.run(begin_session, account=account, proved=ProvedBy("link"), now=now).secret


@contextmanager
def officer(site: FilledSite, port: int) -> Iterator[tuple[httpx.Client, Serving]]:
    """Serve the site, and ask it as the officer."""
    serving = start(site.root / "site", port, site.store, NO_MAIL, site.keys)
    headers = {"cookie": f"{COOKIE}={site.secret}"}
    try:
        with httpx.Client(base_url=serving.base, headers=headers, verify=NO_TLS, timeout=120) as client:
            yield client, serving
    finally:
        serving.stop()


def token_of(client: httpx.Client, path: str) -> str:
    """Return what the forms of a page carry."""
    found = re.search(r'name="token" value="([0-9a-f]+)"', client.get(path).text)
    if found is None:
        raise AssertionError(path)
    return found[1]


@dataclass(frozen=True)
class Timed:
    """How long something took, in milliseconds, and the bytes of its page.

    `core`: of the server's time on a core, which other work on the machine does not change.
    """

    p50: float
    p95: float
    most: float
    core: float
    size: int


def timed(serving: Serving, ask: Callable[[int], httpx.Response], times: int = TIMES) -> Timed:
    """Ask again and again; every answer must be a page."""
    spent, size, before = [], 0, cpu_seconds(serving)
    for number in range(times):
        begun = time.perf_counter()
        answer = ask(number)
        spent.append((time.perf_counter() - begun) * 1000)
        if answer.status_code != httpx.codes.OK:
            raise AssertionError(answer.url, answer.status_code)
        size = max(size, len(answer.content))
    spent.sort()
    core = (cpu_seconds(serving) - before) * 1000 / times
    return Timed(statistics.median(spent), spent[len(spent) * 95 // 100], spent[-1], core, size)


def pages(client: httpx.Client, serving: Serving, site: FilledSite, people: int) -> None:
    """Print what each page takes."""
    token = token_of(client, "/desk/people")

    def search(number: int) -> httpx.Response:
        text = f"p{number * 7919 % people}@example.com"
        fields = {"token": token, "text": text, "why": "A question by phone"}
        answer = client.post("/desk/people", data=fields)
        return client.get(answer.headers["location"])

    numbers = {found[1] for at in range(20) if (found := re.search(r"/people/(\w{6})\b", search(at).text))}
    people_found = sorted(numbers)
    for path in ("/desk", "/desk/magnets"):  # counted once, and as long as it takes
        begun = time.perf_counter()
        while REFRESH in client.get(path).text and time.perf_counter() < begun + 120:
            time.sleep(0.2)
        print(f"  {path} shows what was counted after {time.perf_counter() - begun:.1f} s", flush=True)

    def slug(number: int) -> str:
        return site.slugs[number * 7 % len(site.slugs)]

    asked: dict[str, Callable[[int], str]] = {
        "home": lambda _: "/desk",
        "magnets": lambda number: f"/desk/magnets?page={number % 20 + 1}",
        "one magnet": lambda number: f"/desk/magnets/{slug(number)}",
        "people": lambda _: "/desk/people",
        "one person": lambda number: f"/desk/people/{people_found[number % len(people_found)]}",
        "leads": lambda _: "/desk/leads",
        "leads of one magnet": lambda number: f"/desk/leads?magnet={slug(number)}",
        "downloads": lambda _: "/desk/leads/downloads",
        "requests": lambda _: "/desk/requests",
        "requests answered": lambda _: "/desk/requests/answered",
        "exports": lambda _: "/desk/exports",
        "trail": lambda _: "/desk/trail",
        "trail of one kind": lambda _: f"/desk/trail?kind={ActKind.ACCOUNT_ADDED}",
        "record": lambda _: "/desk/record",
        "health": lambda _: "/desk/health",
    }
    for name, path_of in asked.items():
        _say(name, timed(serving, lambda number, of=path_of: client.get(of(number))), MOST_MS)  # type: ignore[misc]  # a loop's lambda
    _say("exact search", timed(serving, search), MOST_EXACT_MS)


def _say(name: str, it: Timed, most: int) -> None:
    print(
        f"  {name:<20} p50 {it.p50:6.1f} ms, p95 {it.p95:6.1f} ms (at most {most}),"
        f" longest {it.most:6.0f} ms, a core {it.core:5.1f} ms, {it.size / 1000:5.1f} kB (at most {MOST_KB})",
        flush=True,
    )


def search_part(client: httpx.Client, serving: Serving) -> None:
    """Print how fast everybody is compared with a part of a word, and what memory that takes."""
    process = psutil.Process(serving.process.pid)
    fields = {"token": token_of(client, "/desk/people"), "text": "nobody-has-this", "why": "A question"}
    before, peak, done = process.memory_info().rss, [0], threading.Event()

    def watch() -> None:
        while not done.wait(0.02):
            peak[0] = max(peak[0], process.memory_info().rss)

    watcher = threading.Thread(target=watch)
    watcher.start()
    begun = time.perf_counter()
    place = client.post("/desk/people", data=fields).headers["location"]
    spent = []
    while True:
        asked = time.perf_counter()
        page = client.get(place).text
        spent.append((time.perf_counter() - asked) * 1000)
        if REFRESH not in page:
            break
        time.sleep(0.5)
    seconds = time.perf_counter() - begun
    done.set()
    watcher.join()
    head = page.partition('id="progress">')[2].partition("<")[0]
    looked = int(re.sub(r"\D", "", re.findall(r"\d[\d.,\u00a0\u202f]*", head)[0]))
    print(
        f"  a part: {looked:,} records in {seconds:.0f} s, {looked / seconds:,.0f} a second; its page"
        f" {max(spent):.0f} ms at most; memory + {(peak[0] - before) / 2**20:.0f} MiB",
        flush=True,
    )


def landing_pages(folder: Path) -> None:
    """Print what the desk costs the public pages: a server with it and one without, asked in turns."""
    with reserved_port() as port, reserved_port() as bare_port:
        servers = []
        try:
            for name, at in (("with", port), ("without", bare_port)):
                store, keys = f"sqlite:///{folder}/{name}.db", f"{folder}/{name}.json"
                begin = start if name == "with" else start_without
                site_at(folder / name / "site")
                servers.append(begin(folder / name / "site", at, store, NO_MAIL, keys))
            ratios = []
            for turn in range(PAIRS):
                order = (port, bare_port) if turn % 2 else (bare_port, port)
                rates = {at: pages_per_second(at, "/paper") for at in order}
                ratios.append(rates[port] / rates[bare_port])
        finally:
            for serving in servers:
                serving.stop()
    print(
        f"landing page with the desk / without: {statistics.median(ratios):.3f} (at least 0.97)", flush=True
    )


def start_without(site: Path, port: int, store: str, mail: str, keys: str) -> Serving:
    """Start a server that has no desk."""
    log = site.parent / f"serve-{port}.log"
    command = ["-c", WITHOUT, "serve", "--site", str(site), "--port", str(port)]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, *command], env=environment(store, mail, keys), stdout=output, stderr=output
        )
    serving = Serving(process, port, log)
    if not answers(process, serving.base):
        raise AssertionError(log.read_text("utf-8"))
    if httpx.get(f"{serving.base}/desk", verify=NO_TLS).status_code != httpx.codes.NOT_FOUND:
        raise AssertionError(port)
    return serving


def main() -> None:
    """Print the times for both stores, and the ratio."""
    people = int(os.environ.get("OPTIN_BENCH_PEOPLE", str(PEOPLE)))
    with postgres_server(chosen_programs()) as server, tempfile.TemporaryDirectory() as name:
        roots = (Path(name) / "SQLite", Path(name) / "PostgreSQL")
        stores = (f"sqlite:///{roots[0]}/optin.db", new_database(server))
        with ProcessPoolExecutor(len(roots), multiprocessing.get_context("spawn")) as filling:
            sites = list(filling.map(fill_site, roots, stores, (people, people)))
        for site in sites:
            print(f"{site.root.name}, {MANY:,} magnets:", flush=True)
            with reserved_port() as port, officer(site, port) as (client, serving):
                pages(client, serving, site, people)
                search_part(client, serving)
        landing_pages(Path(name))


if __name__ == "__main__":
    main()
