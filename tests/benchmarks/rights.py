"""What people's rights cost: a sweep beside live sign-ups, one erasure among a million, a list scrubbed."""

from __future__ import annotations

import os
import resource
import secrets
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path

from optin.consent.channel import Channel
from optin.consent.email_and_telephone import parse_email
from optin.consent.event_content import EventBuilder, rfc3339
from optin.consent.posted_form import ValidEntry
from optin.consent.status_transitions import EventKind, RequestId
from optin.export.contact_list_reader import PeopleList, open_list
from optin.export.contact_list_row import ContactListRow
from optin.export.table_writer import Table, table
from optin.flows.consents.sign_up import sign_up
from optin.flows.exports.scrub_contact_list import KEPT, Scrubber
from optin.flows.rights.erase import BY_PERSON, erase_person
from optin.jobs.sweep_runner import sweep
from optin.keys import load_keys, make_keys
from optin.proof.canonical_json import canonical
from optin.proof.commitment import commit, leaf_digest
from optin.services.installation import Installation
from optin.store.database_interface import to_ms
from optin.store.encryption import Vault, new_id
from optin.store.event_log import integrate
from optin.store.requests import SealedRequest
from optin.store.sqlite_connection import connect
from optin.store.stored_forms import declaration_digest
from tests.benchmarks.export import FEW, fill
from tests.installed import KINDS
from tests.stores import open_store
from tests.world import NOON, TIPS, TIPS_BY_EMAIL, World, form_version, open_world

DUE = 100_000
LIVE_SECONDS = 12.0
LIVE_PAUSE = 0.01
ERASURES = 30
ROWS = 1_000_000


def unconfirmed(world: World, path: Path, count: int) -> None:
    """Store requests that nobody confirmed, long ago, each with its event and its mail in the outbox."""
    connection = connect(path)
    form, asked = world.form, NOON - timedelta(days=30)
    words = declaration_digest(form.declaration)
    connection.execute("BEGIN")
    for number in range(count):
        request, address = RequestId(new_id()), f"old{number}@example.com"
        declared = canonical(
            {"email": address, "fields": {}, "purposes": [TIPS], "form": form.digest, "at": rfc3339(asked)}
        )
        sealed = SealedRequest(declared, secrets.token_bytes(32), "12345678")
        about = EventBuilder(request, form.digest, words, form.declaration, commit(sealed.salt, declared))
        connection.execute(
            "INSERT INTO request(id, email_index, form, sealed, created_at, erase_at)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (
                request,
                world.vault.index(parse_email(address)),
                form.digest,
                sealed.seal(world.vault, request),
                to_ms(asked),
                to_ms(asked + timedelta(days=7)),
            ),
        )
        question = form.declaration.questions[0]
        for body in about.bodies(EventKind.REQUESTED, asked, (question,)):
            data = canonical(body)
            connection.execute(
                "INSERT INTO event(request_id, body, leaf, mac) VALUES (?, ?, ?, ?)",
                (request, data.decode(), leaf_digest(data), world.vault.event_mac(data)),
            )
        connection.execute(
            "INSERT INTO outbox(message_id, kind, request_id, state, next_at, created_at, settled_at)"
            " VALUES (?, 'confirmation', ?, 'sent', 0, ?, ?)",
            (f"<{request.hex()}@example.com>", request, to_ms(asked), to_ms(asked)),
        )
    connection.execute("COMMIT")
    connection.close()
    while world.do(integrate):
        pass


def live(world: World, name: str, seconds: float) -> list[float]:
    """Return how long each sign-up took, one every few milliseconds."""
    spent: list[float] = []
    end = time.perf_counter() + seconds
    number = 0
    while time.perf_counter() < end:
        number += 1
        entry = ValidEntry(parse_email(f"{name}{number}@example.com"), (), (TIPS,))
        act = partial(sign_up, context=world.context, form=world.form, entry=entry)
        begun = time.perf_counter()
        world.do(act, now=NOON)
        spent.append(time.perf_counter() - begun)
        time.sleep(LIVE_PAUSE)
    return sorted(spent)


def p99(spent: list[float]) -> float:
    return spent[len(spent) * 99 // 100]


def beside_a_sweep(folder: Path, vault: Vault) -> None:
    """Compare sign-ups undisturbed with sign-ups beside a sweep of a hundred thousand rows."""
    world = open_world(f"sqlite:///{folder}/sweep.db", folder, vault)
    unconfirmed(world, folder / "sweep.db", DUE)
    alone = live(world, "alone", LIVE_SECONDS)
    installation = Installation(world.store, vault, world.policy, KINDS, clock=lambda: NOON)
    done: list[float] = []

    def swept() -> None:
        begun = time.perf_counter()
        count = sweep(installation)["unconfirmed"]
        done.append(count / (time.perf_counter() - begun))

    sweeping = threading.Thread(target=swept)
    sweeping.start()
    beside = live(world, "beside", LIVE_SECONDS)
    sweeping.join()
    print(
        f"  sign-ups: p99 {p99(alone) * 1000:.1f} ms alone, {p99(beside) * 1000:.1f} ms beside a sweep"
        f" of {done[0]:,.0f} requests/s"
    )
    print(f"beside a sweep / alone, p99: {p99(beside) / p99(alone):.2f} (at most 3)", flush=True)
    world.store.close()


def erasing_one(folder: Path, vault: Vault) -> None:
    """Erase single people among very many."""
    many = int(os.environ.get("OPTIN_BENCH_LEADS", "1000000"))
    medians: dict[int, float] = {}
    for count in (FEW, many):
        world = open_world(f"sqlite:///{folder}/erase{count}.db", folder, vault)
        world.serve(form_version())
        fill(world, folder / f"erase{count}.db", count)
        while world.do(integrate):
            pass
        spent, truncated = [], []
        for number in range(ERASURES):
            index = vault.index(parse_email(f"p{number * count // ERASURES}@example.com"))
            spent.append(timed(partial(world.run, erase_person, index, BY_PERSON, NOON)))
            truncated.append(timed(Installation(world.store, vault, world.policy, KINDS).truncate_wal))
        medians[count] = sorted(spent)[ERASURES // 2]
        print(
            f"  one erasure among {count:,} leads: {medians[count] * 1000:.1f} ms (at most 100),"
            f" slowest {max(spent) * 1000:.0f} ms; emptying the journal"
            f" {sorted(truncated)[ERASURES // 2] * 1000:.1f} ms",
            flush=True,
        )
        world.store.close()
    print(f"erasure at {many:,} / at {FEW:,} leads: {medians[many] / medians[FEW]:.2f}")


def timed(act: Callable[[], object]) -> float:
    begun = time.perf_counter()
    act()
    return time.perf_counter() - begun


def scrub(folder: Path, rows: int, known: int) -> None:
    """Scrub a list in a process of its own; print its peak, its seconds and what it kept."""
    keys = load_keys("keys.json", folder)
    if keys is None:
        raise AssertionError(folder)
    vault = Vault(keys)
    store = open_store(f"sqlite:///{folder}/scrub.db", folder, vault)
    people = open_list(folder / f"list{rows}-{known}.csv", "email", None, "utf-8")
    scrubber = Scrubber(
        store.read, vault, TIPS_BY_EMAIL, Channel.EMAIL.address, NOON + timedelta(days=1), "NL"
    )
    kept = 0
    begun = time.perf_counter()
    with table(str(folder / f"kept{rows}-{known}.csv")) as file:
        waiting: list[ContactListRow] = []
        for line in people.rows:
            waiting.append(line)
            if len(waiting) == 500:
                kept += _judged(scrubber, people, waiting, file)
                waiting = []
        kept += _judged(scrubber, people, waiting, file)
    spent = time.perf_counter() - begun
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, spent, kept)
    store.close()


def _judged(scrubber: Scrubber, people: PeopleList, lines: list[ContactListRow], file: Table) -> int:
    kept = 0
    for line, reason in zip(lines, scrubber.judge(people.addresses(it) for it in lines), strict=True):
        if reason == KEPT:
            kept += 1
            file.write(line.cells)
    return kept


def scrubbing(folder: Path, vault: Vault) -> None:
    """Scrub old lists: few of whose people are known, and all."""
    world = open_world(f"sqlite:///{folder}/scrub.db", folder, vault)
    world.serve(form_version())
    fill(world, folder / "scrub.db", FEW)
    world.store.close()
    peaks: dict[tuple[int, int], int] = {}
    for rows, known in ((FEW, 100), (ROWS, FEW), (FEW, FEW)):
        step = rows // known
        with (folder / f"list{rows}-{known}.csv").open("w") as file:
            file.write("Nr,E-mail,Name\n")
            for number in range(rows):
                who = f"p{number // step}" if number % step == 0 else f"somebody.else{number}"
                file.write(f"{number},{who}@example.com,Somebody Else {number}\n")
        code = "import pathlib as p, sys; from tests.benchmarks import rights as r;"
        code += " r.scrub(p.Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))"
        done = subprocess.run(
            [sys.executable, "-c", code, str(folder), str(rows), str(known)],
            capture_output=True,
            text=True,
            check=True,
        )
        peak, spent, kept = done.stdout.split()
        if int(kept) != known:
            raise AssertionError(kept)
        peaks[rows, known] = int(peak)
        print(
            f"  scrub of {rows:,} rows, {known:,} of them proven: {rows / float(spent):,.0f} rows/s,"
            f" peak {int(peak) / 1024:.0f} MiB",
            flush=True,
        )
    ratio = peaks[ROWS, FEW] / peaks[FEW, 100]
    print(f"scrub, peak at {ROWS:,} / at {FEW:,} rows: {ratio:.2f} (flat: at most 1.2)")


def main() -> None:
    """Print the ratios that people's rights promise."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        vault = Vault(make_keys("keys.json", folder, "dev"))
        scrubbing(folder, vault)
        beside_a_sweep(folder, vault)
        erasing_one(folder, vault)


if __name__ == "__main__":
    main()
