"""People who sign up, confirm, withdraw and are erased, while their server is killed again and again.

Everything that was acknowledged is remembered, and looked up in the end: nothing of it may be lost.
"""

from __future__ import annotations

import multiprocessing
import random
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from enum import StrEnum
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from struct import Struct

import httpx2 as httpx

from optin.consent.email_and_telephone import parse_email
from optin.flows.evidence.audit import Audit
from optin.keys import load_keys
from optin.store.database_interface import Row, Store, Tx
from optin.store.encryption import Vault
from optin.store.event_log import integrate
from tests.installed import KINDS
from tests.mail.server import Script, mail_server
from tests.own_site import add_settings
from tests.serving import Serving, form_key, start
from tests.stores import open_store
from tests.waiting import SECONDS
from tests.web.conftest import site_at

LENGTH = Struct("!I")
LOADERS = 6
WAITING = 40  # people for whose mail a loader waits, before it signs up others
LINKS = re.compile(r"/(confirm|unsubscribe|me)/(\S+)")
UNBOUND = "\n[limits]\nper_site_per_minute = 1_000_000\nmails_per_day = 1_000_000\n"
FORM = {"content-type": "application/x-www-form-urlencoded"}
DRAIN_SECONDS = 120


class Step(StrEnum):
    """What somebody does, in this order."""

    SIGN_UP = "sign-up"
    CONFIRM = "confirmation"
    ASK = "asking for the personal page"
    WITHDRAW = "withdrawal"
    ERASE = "erasure"


WAYS = (
    (Step.SIGN_UP,),
    (Step.SIGN_UP, Step.CONFIRM),
    (Step.SIGN_UP, Step.CONFIRM, Step.WITHDRAW),
    (Step.SIGN_UP, Step.CONFIRM, Step.ASK, Step.ERASE),
)
NEEDS = {Step.CONFIRM: "confirm", Step.WITHDRAW: "unsubscribe", Step.ERASE: "me"}  # which link


@dataclass
class Person:
    """Somebody, and how far they came for certain. `begun`: a step whose answer never came."""

    email: str
    way: tuple[Step, ...]
    done: list[Step] = field(default_factory=list)
    begun: Step | None = None

    @property
    def next(self) -> Step | None:
        """What they do next; None: they have done it all."""
        return self.way[len(self.done)] if len(self.done) < len(self.way) else None


def take_mail(path: Path, pipe: Connection) -> None:
    """Run a mail server in a process of its own, as in life; what it takes is in a file before it says so."""
    with path.open("ab") as file:

        def keep(data: bytes, _time: int) -> str:
            file.write(LENGTH.pack(len(data)) + data)
            file.flush()
            return "250 2.0.0 taken"

        with mail_server(Script(data=keep)) as port:
            pipe.send(port)
            pipe.recv()


@contextmanager
def mail_server_apart(path: Path) -> Iterator[int]:
    """Run it; yield its port."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=take_mail, args=(path, theirs))
    process.start()
    try:
        yield ours.recv()
    finally:
        ours.send("stop")
        process.join()
        ours.close()
        theirs.close()


class Letterbox:
    """The mails that arrived, and their links by person and kind."""

    def __init__(self, path: Path) -> None:
        """Read the file of a mail server."""
        path.touch()
        self._file = path.open("rb")
        self._lock = threading.Lock()
        self._links: dict[tuple[str, str], str] = {}
        self._left = b""
        self.arrived: list[tuple[str, str]] = []  # Message-ID and person, of every mail that was taken

    def link(self, email: str, kind: str) -> str | None:
        """Return the newest link of a kind."""
        with self._lock:
            self._read_on()
            return self._links.get((email, kind))

    def close(self) -> None:
        """Read to the end."""
        with self._lock:
            self._read_on()
            self._file.close()

    def _read_on(self) -> None:
        data, at = self._left + self._file.read(), 0
        while at + LENGTH.size <= len(data):
            end = at + LENGTH.size + LENGTH.unpack_from(data, at)[0]
            if end > len(data):
                break
            self._open(message_from_bytes(data[at + LENGTH.size : end], policy=default))
            at = end
        self._left = data[at:]

    def _open(self, mail: EmailMessage) -> None:
        person, body = str(mail["To"]), mail.get_body(("plain",))
        self.arrived.append((str(mail["Message-ID"]), person))
        for found in LINKS.finditer("" if body is None else body.get_content()):
            self._links[person, found[1]] = found[0]


class Crowd:
    """A few loaders that act for many people, over several lives of the server."""

    def __init__(self, letters: Letterbox) -> None:
        """Begin with nobody."""
        self.letters = letters
        self.people: list[Person] = []
        self._waiting: list[list[Person]] = [[] for _ in range(LOADERS)]
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._acknowledged = 0

    def start(self, base: str, key: str) -> None:
        """Act until the server is gone."""
        self._stop.clear()
        self._threads = [
            threading.Thread(target=self._run, args=(base, key, waiting)) for waiting in self._waiting
        ]
        for thread in self._threads:
            thread.start()

    def wait_for(self, more: int) -> None:
        """Wait until so many more steps are acknowledged."""
        enough, deadline = self._acknowledged + more, time.monotonic() + 120
        while self._acknowledged < enough:
            assert time.monotonic() < deadline, (self._acknowledged, enough)
            time.sleep(0.01)

    def wait_for_each(self) -> None:
        """Wait until somebody has done each of the steps."""
        deadline = time.monotonic() + 120
        while {step for person in tuple(self.people) for step in tuple(person.done)} != set(Step):
            assert time.monotonic() < deadline
            time.sleep(0.01)

    def finish(self) -> None:
        """Let every loader end."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self, base: str, key: str, waiting: list[Person]) -> None:
        with httpx.Client(base_url=base, timeout=20) as client:
            while not self._stop.is_set():
                ready = [it for it in waiting if self._can_go_on(it)]
                if not ready and len(waiting) < WAITING:
                    number = len(self.people)
                    person = Person(f"p{number}-{random.randrange(10**9)}@example.com", WAYS[number % 4])
                    self.people.append(person)
                    waiting.append(person)
                    ready = [person]
                for person in ready:
                    try:
                        self._act(client, key, person)
                    except httpx.HTTPError:
                        return
                    if person.next is None:
                        waiting.remove(person)
                if not ready:
                    time.sleep(0.005)

    def _can_go_on(self, person: Person) -> bool:
        step = person.next
        return step is not None and (
            step not in NEEDS or self.letters.link(person.email, NEEDS[step]) is not None
        )

    def _act(self, client: httpx.Client, key: str, person: Person) -> None:
        step = person.next
        assert step is not None
        person.begun = step
        answer = self._post(client, key, person, step)
        if answer.status_code == 503:
            time.sleep(0.05)
            return
        assert answer.status_code in {200, 303}, (step, answer.status_code, answer.text)
        person.done.append(step)
        person.begun = None
        self._acknowledged += 1

    def _post(self, client: httpx.Client, key: str, person: Person, step: Step) -> httpx.Response:
        if step is Step.SIGN_UP:
            form = {"form": key, "email": person.email, "consent": "tips-email"}
            return client.post("/paper", data=form)
        if step is Step.ASK:
            return client.post("/me", data={"email": person.email})
        link = self.letters.link(person.email, NEEDS[step])
        assert link is not None
        if step is Step.CONFIRM:
            return client.post(link, headers=FORM)
        data = {"List-Unsubscribe": "One-Click"} if step is Step.WITHDRAW else {"action": "erase"}
        return client.post(link, data=data)


@dataclass(frozen=True)
class Toll:
    """What came of all the kills."""

    acknowledged: Counter[Step]
    lost: list[str]
    findings: list[str]
    mails: int
    doubles: int

    def __str__(self) -> str:
        done = ", ".join(f"{count} × {step}" for step, count in self.acknowledged.items())
        share = 100 * self.doubles / max(self.mails, 1)
        return (
            f"{self.acknowledged.total()} acknowledged ({done}): {len(self.lost)} lost, audit"
            f" {len(self.findings)} findings; {self.mails} mails, {self.doubles} doubled ({share:.2f} %)"
        )


def kill(folder: Path, port: int, url: str, times: int, steps: int) -> Toll:
    """Kill a server so often, each time after about so many acknowledged steps; then look what is lost."""
    site, keys = folder / "site", str(folder / "keys.json")
    site_at(site)
    add_settings(site, UNBOUND)
    crowd = Crowd(Letterbox(folder / "mails"))
    with mail_server_apart(folder / "mails") as mail_port:
        begin = partial(start, site, port, url, f"smtp://127.0.0.1:{mail_port}", keys)
        for life in range(times):
            serving = begin()
            _load(crowd, serving, steps)
            if life == times - 1:
                crowd.wait_for_each()
            serving.kill()
            crowd.finish()
        serving = begin()
        store, vault = _opened(folder, url, keys)
        try:
            _drain(store)
        finally:
            assert serving.stop() == 0, serving.log.read_text()
    crowd.letters.close()
    toll = _reckon(store, vault, crowd)
    store.close()
    return toll


def _load(crowd: Crowd, serving: Serving, steps: int) -> None:
    with httpx.Client(base_url=serving.base, timeout=SECONDS) as client:
        crowd.start(serving.base, form_key(client))
    crowd.wait_for(steps)
    time.sleep(random.uniform(0, 0.05))  # another moment each time


def _opened(folder: Path, url: str, keys: str) -> tuple[Store, Vault]:
    ring = load_keys(keys, folder)
    assert ring is not None
    vault = Vault(ring)
    return open_store(url, folder, vault), vault


def _drain(store: Store) -> None:
    """Wait until every mail left."""
    deadline = time.monotonic() + DRAIN_SECONDS
    while store.read(lambda tx: tx.one("SELECT 1 FROM outbox WHERE state = 'queued'")) is not None:
        assert time.monotonic() < deadline, store.read(_queued)
        time.sleep(0.1)


def _queued(tx: Tx) -> list[Row]:
    return tx.all("SELECT kind, starts, attempts, last_reply FROM outbox WHERE state = 'queued' LIMIT 9")


def _reckon(store: Store, vault: Vault, crowd: Crowd) -> Toll:
    while store.submit(integrate).result():
        pass
    audit = Audit(store.read, vault, KINDS.flows)
    for _ in audit.run():
        pass
    arrived = dict(crowd.letters.arrived)
    mailed = Counter(arrived.values())
    lost = [line for person in crowd.people for line in _lost(store, vault, person, mailed)]
    return Toll(
        acknowledged=Counter(step for person in crowd.people for step in person.done),
        lost=lost,
        findings=audit.findings,
        mails=len(arrived),
        doubles=len(crowd.letters.arrived) - len(arrived),
    )


def _lost(store: Store, vault: Vault, person: Person, mailed: Counter[str]) -> list[str]:
    """Return what was acknowledged to somebody and is not so."""
    index = vault.index(parse_email(person.email))

    def found(sql: str) -> bool:
        return store.read(lambda tx: tx.one(sql, index=index)) is not None

    requested = partial(found, "SELECT 1 FROM request WHERE email_index = :index")
    confirmed = partial(
        found, "SELECT 1 FROM request WHERE email_index = :index AND confirmed_at IS NOT NULL"
    )
    suppressed = partial(found, "SELECT 1 FROM suppression WHERE email_index = :index")
    checks: dict[Step, Callable[[], bool]] = {
        Step.SIGN_UP: requested,
        Step.CONFIRM: confirmed,
        Step.ASK: lambda: True,
        Step.WITHDRAW: suppressed,
        Step.ERASE: lambda: not requested(),
    }
    gone = Step.ERASE in person.done or person.begun is Step.ERASE
    steps = [Step.ERASE] if Step.ERASE in person.done else [] if gone else person.done
    lines = [f"{step} of {person.email}" for step in steps if not checks[step]()]
    mails = (Step.SIGN_UP in person.done) + (Step.CONFIRM in person.done)  # the confirmation, the magnet
    if not gone and mailed[person.email] < mails:
        lines.append(f"a mail to {person.email}")
    return lines
