"""Questions to the gate of one process on one core: the time of an answer at 200 a second, and the most.

OPTIN_BENCH_PEOPLE says how many people are on file, if not a million. Half of the questions are about
somebody with a consent, whose answer is logged; half about somebody who is not on file.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import tempfile
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import tee
from pathlib import Path

import psutil

from optin.consent.channel import MAILBOX
from optin.consent.email_and_telephone import EmailAddress
from optin.consent.event_content import EventBuilder, rfc3339
from optin.consent.form_version import FormVersion
from optin.consent.status_transitions import EventKind, RequestId, SubjectId
from optin.export import table_writer
from optin.export.contact_list_reader import open_list
from optin.flows.gate.answer_list import ListGate, ListQuestion
from optin.flows.gate.log_answer import store_answers
from optin.flows.gate.processor_keys import key_text
from optin.keys import KeyRing, make_keys
from optin.proof.canonical_json import canonical
from optin.proof.commitment import commit, leaf_digest
from optin.services.installation import Installation
from optin.services.open_installation import open_installation
from optin.services.site_edition import load_edition
from optin.store.contacts import Contact, seal_contact
from optin.store.database_interface import Tx, Value, to_ms
from optin.store.encryption import Vault, new_id
from optin.store.requests import SealedRequest
from optin.store.stored_forms import declaration_digest
from tests.benchmarks.load import CONNECTIONS, Measured, ask
from tests.installed import KINDS
from tests.ports import NO_MAIL, reserved_port
from tests.postgres import chosen_programs, new_database, postgres_server
from tests.serving import Serving, start
from tests.site_people import people_of
from tests.web.conftest import site_at
from tests.world import TIPS, TIPS_BY_EMAIL, World

PEOPLE = 1_000_000
BATCH = 500  # of SQLite a larger transaction takes longer for each row
RATE = 200  # questions a second
SECONDS = 20
MOST = 4_000  # questions as fast as they are answered
CORE = 0  # of the server; the questions come from the others
Rows = dict[str, list[dict[str, Value]]]


def fill(world: World, count: int, of: Callable[[int], tuple[FormVersion, datetime]] | None = None) -> None:
    """Store people with a confirmed consent: what the flows store, by the thousand.

    `of`: the form of each and when it was sent, by number; without it the world's form, now.
    """
    for first in range(0, count, BATCH):
        rows: Rows = {"subject": [], "request": [], "event": [], "consent": []}
        for number in range(first, min(first + BATCH, count)):
            form, sent = (world.form, world.now) if of is None else of(number)
            _add(world.vault, form, sent, f"p{number}@example.com", rows)
        world.do(_insert, rows=rows)
    world.sign()


def _insert(tx: Tx, rows: Rows) -> None:
    for table, values in rows.items():
        names = list(values[0])
        tx.many(f"INSERT INTO {table}({', '.join(names)}) VALUES (:{', :'.join(names)})", values)


def _add(vault: Vault, form: FormVersion, now: datetime, address: str, rows: Rows) -> None:
    question = form.declaration.question(TIPS)
    if question is None:
        raise AssertionError(TIPS)
    subject, request = new_id(), RequestId(new_id())
    index = vault.index(EmailAddress(address))
    declared = canonical(
        {"email": address, "fields": {}, "purposes": [TIPS], "form": form.digest, "at": rfc3339(now)}
    )
    sealed = SealedRequest(declared, secrets.token_bytes(32), "12345678")
    commitment = commit(sealed.salt, declared)
    words = declaration_digest(form.declaration)
    about = EventBuilder(request, form.digest, words, form.declaration, commitment)
    until = to_ms(question.retention.after(now))
    known = Contact({"email": address}, salt=secrets.token_bytes(32))
    contact = seal_contact(vault, SubjectId(subject), known)
    rows["subject"].append(
        {
            "id": subject, "email_index": index, "sealed": contact,
            "created_at": 0, "idle_from": until, "consented": 1,
        }
    )  # fmt: skip
    rows["request"].append(
        {
            "id": request, "email_index": index, "subject_id": subject, "form": form.digest,
            "sealed": sealed.seal(vault, request), "created_at": to_ms(now), "erase_at": 0,
            "confirmed_at": to_ms(now),
        }
    )  # fmt: skip
    bodies = about.bodies(EventKind.REQUESTED, now, (question,))
    details = commit(known.salt, known.plain)
    for body in bodies + about.confirmed(now, (question,), "link", details):
        data = canonical(body)
        rows["event"].append(
            {
                "request_id": request, "body": data.decode(), "leaf": leaf_digest(data),
                "mac": vault.event_mac(data),
            }
        )  # fmt: skip
    rows["consent"].append(
        {
            "subject_id": subject, "purpose": TIPS, "channel": "email", "status": "given",
            "since": to_ms(now), "expires_at": until, "request_id": request, "begun_at": to_ms(now),
        }
    )  # fmt: skip


def question(number: int, people: int, key: str) -> bytes:
    """Return a request: every second one is about somebody on file, spread over all of them."""
    known = number % 2 == 0
    who = f"p{number * 7919 % people}@example.com" if known else f"nobody{number}@example.com"
    body = json.dumps({"who": who, "purpose": TIPS, "channel": "email"})
    return (
        f"POST /may HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\ncontent-type: application/json\r\n"
        f"content-length: {len(body)}\r\n\r\n{body}"
    ).encode()


async def at_rate(port: int, people: int, key: str) -> list[Measured]:
    """Ask at a steady rate; return the times of all answers, and of those with a yes, since each was due."""
    times: list[float] = []
    yes: list[float] = []
    idle: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()
    for _ in range(CONNECTIONS):
        idle.put_nowait(await asyncio.open_connection("127.0.0.1", port))
    begun = time.perf_counter()

    async def one(number: int, due: float) -> None:
        reader, writer = await idle.get()
        writer.write(question(number, people, key))
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.partition(b"content-length: ")[2].partition(b"\r")[0])
        body = json.loads(await reader.readexactly(length))
        spent = time.perf_counter() - due
        if not head.startswith(b"HTTP/1.1 200") or body["may"] is not (number % 2 == 0):
            raise AssertionError(body)
        times.append(spent)
        if body["may"]:
            yes.append(spent)
        idle.put_nowait((reader, writer))

    async with asyncio.TaskGroup() as asked:
        for number in range(RATE * SECONDS):
            due = begun + number / RATE
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            asked.create_task(one(number, due))
    return [_measured(found) for found in (times, yes)]


def _measured(times: list[float]) -> Measured:
    times.sort()
    return Measured(RATE, times[len(times) // 2] * 1000, times[len(times) * 99 // 100] * 1000)


def _lists(installation: Installation, root: Path, people: int) -> None:
    """Print how many rows of a file are read, answered and written in a second."""
    for known, count in ((100, 200_000), (1, min(people, 20_000))):
        file = root / f"list-{known}.csv"
        whose = (f"p{it * 7919 % people}" if it % known == 0 else f"nobody{it}" for it in range(count))
        file.write_text("name,email\n" + "".join(f"N,{name}@example.com\n" for name in whose), "utf-8")
        listed = open_list(file, "email", None, "utf-8", None)
        question = ListQuestion(TIPS_BY_EMAIL, MAILBOX, installation.clock(), "NL", "staff")
        gate = ListGate(installation.store.read, installation.context, question)
        begun = time.process_time()
        with table_writer.table(f"{file}.out.csv") as table:
            rows, again = tee(listed.rows)
            for row, decided in zip(rows, gate.answers(listed.addresses(it) for it in again), strict=True):
                table.write((*row.cells, "yes" if decided is not None and decided.may else "no"))
            installation.run(store_answers, notes=gate.notes)
        rate = count / (time.process_time() - begun)
        print(
            f"  a list of which one row in {known} is on file: {rate:.0f} rows a second of a core", flush=True
        )


def cpu_seconds(serving: Serving) -> float:
    """Return the seconds of a core that a server has used, with its workers."""
    server = psutil.Process(serving.process.pid)
    spent = [it.cpu_times() for it in (server, *server.children(recursive=True))]
    return float(sum(it.user + it.system for it in spent))


def main() -> None:
    """Print the times for both stores."""
    people = int(os.environ.get("OPTIN_BENCH_PEOPLE", str(PEOPLE)))
    with postgres_server(chosen_programs()) as server, tempfile.TemporaryDirectory() as name:
        for called in ("SQLite", "PostgreSQL"):
            root = Path(name) / called
            store = f"sqlite:///{root}/optin.db" if called == "SQLite" else new_database(server)
            _measure(called, root, store, people)


def _measure(called: str, root: Path, store: str, people: int) -> None:
    site = root / "site"
    root.mkdir()
    site_at(site)
    config = site / "optin.toml"
    limits = "\n[limits]\nquestions_per_minute = 1000000\n"
    config.write_text(
        f'store = "{store}"\nkeys = "{root}/keys.json"\n{config.read_text("utf-8")}{limits}', "utf-8"
    )
    ring: KeyRing = make_keys("keys.json", root, "serve")
    edition, _ = load_edition(site, KINDS)
    if edition is None:
        raise AssertionError(site)
    begun = time.perf_counter()
    with open_installation(edition.site.settings, edition.policy, KINDS) as installation:
        fill(people_of(installation, edition, timedelta(days=7)), people)
        print(f"{called}: {people} people on file after {time.perf_counter() - begun:.0f} s", flush=True)
        _lists(installation, root, people)
    key = key_text(Vault(ring).gate_secrets("crm")[0])
    with reserved_port() as port:
        serving: Serving = start(site, port, store, NO_MAIL, f"{root}/keys.json")
        try:
            for process in (
                psutil.Process(serving.process.pid),
                *psutil.Process(serving.process.pid).children(),
            ):
                process.cpu_affinity([CORE])
            asyncio.run(ask(port, lambda number: question(number, people, key), 400, b"HTTP/1.1 200"))
            every, yes = asyncio.run(at_rate(port, people, key))
            before = cpu_seconds(serving)
            most = asyncio.run(ask(port, lambda number: question(number, people, key), MOST, b"HTTP/1.1 200"))
            cpu_ms = (cpu_seconds(serving) - before) / MOST * 1000
        finally:
            serving.stop()
    print(f"  at {RATE}/s: p50 {every.p50_ms:.1f} ms, p99 {every.p99_ms:.1f} ms (aim: below 15)")
    print(f"  those with a yes, which are logged: p50 {yes.p50_ms:.1f} ms, p99 {yes.p99_ms:.1f} ms")
    print(f"  at most {most.rate:.0f}/s ; {cpu_ms:.2f} ms of the server's core each", flush=True)
