"""The log: what it costs a sign-up, how proofs and audits grow. OPTIN_BENCH_LEADS: how many, if fewer.

Two events a lead; an audit of three million events is one of 1.5 million leads.
"""

from __future__ import annotations

import hashlib
import os
import resource
import sqlite3
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from unittest.mock import patch

from optin.consent.email_and_telephone import parse_email
from optin.consent.posted_form import ValidEntry
from optin.flows.consents.sign_up import sign_up
from optin.flows.context import Context
from optin.flows.evidence.audit import Audit
from optin.flows.evidence.collect_evidence import gather_evidence
from optin.keys import make_keys
from optin.proof.commitment import LEAF_PREFIX
from optin.services.event_log_signer import sign_log
from optin.services.parallel_audit import run_audit
from optin.settings.installation import Settings
from optin.store import sqlite
from optin.store.encryption import Vault
from optin.store.event_log import checkpoint_at, integrate, prove_event
from optin.store.migration_sets import Schema
from optin.store.sqlite_connection import connect
from optin.store.sqlite_schema import SqliteGuard, migrate
from tests.benchmarks.export import FEW, fill
from tests.installed import KINDS
from tests.stores import SCHEMA
from tests.world import NOON, TIPS, World, form_version, open_world

SIGN_UPS = 3_000
PROOFS = 300


def timed(act: Callable[[], object]) -> float:
    begun = time.perf_counter()
    act()
    return time.perf_counter() - begun


def audit_all(audit: Audit, settings: Settings) -> None:
    for _ in run_audit(audit, settings, SCHEMA):
        pass


def sign_ups(folder: Path, name: str, vault: Vault) -> float:
    """Return durable sign-ups a second, 64 waiting at once."""
    world = open_world(f"sqlite:///{folder}/{name}.db", folder, vault)

    def run() -> None:
        waiting = []
        for number in range(SIGN_UPS):
            entry = ValidEntry(parse_email(f"{name}{number}@example.com"), (), (TIPS,))
            about = partial(sign_up, context=Context(vault, world.policy), form=world.form, entry=entry)
            waiting.append(world.store.submit(about, now=NOON))
            if len(waiting) == 64:
                for future in waiting:
                    future.result()
                waiting.clear()
        for future in waiting:
            future.result()

    rate = SIGN_UPS / timed(run)
    world.store.close()
    return rate


def cost_of_the_log(folder: Path, vault: Vault) -> None:
    """Compare with the same store that integrates nothing and queues nothing."""
    ratios = []
    for attempt in range(3):
        with_log = sign_ups(folder, f"with{attempt}", vault)
        with (
            patch.object(sqlite, "integrate", lambda _tx: 0),
            patch.object(sqlite, "migrate", bare),
            patch.object(SqliteGuard, "findings", lambda _self: []),
        ):
            without = sign_ups(folder, f"without{attempt}", vault)
        ratios.append(1 - with_log / without)
        print(f"  sign-ups: {with_log:,.0f}/s with the log, {without:,.0f}/s without", flush=True)
    print(f"the log costs a sign-up {sorted(ratios)[1]:.0%} (at most 30%)")


def bare(connection: sqlite3.Connection, schema: Schema, *, inspecting: bool) -> None:
    """Migrate, then take the queueing trigger away."""
    migrate(connection, schema, inspecting=inspecting)
    connection.execute("DROP TRIGGER IF EXISTS event_queue")


def grown(folder: Path, count: int, vault: Vault) -> World:
    world = open_world(f"sqlite:///{folder}/{count}.db", folder, vault)
    world.serve(form_version())
    fill(world, folder / f"{count}.db", count)
    while world.do(integrate):
        pass
    sign_log(world.store, vault, None, NOON)
    return world


def proofs(world: World, count: int) -> float:
    """Return the median seconds of an inclusion proof, spread over the log."""
    size = 2 * count
    stored = world.store.read(checkpoint_at, size=size)
    spent = []
    for number in range(PROOFS):
        prove = partial(prove_event, place=number * size // PROOFS, event=b"event", checkpoint=stored)
        spent.append(timed(partial(world.store.read, prove)))
    return sorted(spent)[PROOFS // 2]


def plain_reading(path: Path) -> tuple[float, float]:
    """Return events a second of nothing but reading rows and hashing leaves.

    First of the events alone; then of every row that an audit must read, as an audit must join them.
    """
    connection = connect(path)
    count, begun = 0, time.perf_counter()
    for (body,) in connection.execute("SELECT body FROM event ORDER BY id"):
        hashlib.sha256(LEAF_PREFIX + body.encode()).digest()
        count += 1
    of_events = count / (time.perf_counter() - begun)
    begun = time.perf_counter()
    for _, leaf, _, event_leaf, body in connection.execute(
        "SELECT log_leaf.seq, log_leaf.leaf, event.id, event.leaf, event.body FROM log_leaf"
        " JOIN event ON event.id = log_leaf.event_id ORDER BY log_leaf.seq"
    ):
        if not hashlib.sha256(LEAF_PREFIX + body.encode()).digest() == leaf == event_leaf:
            raise AssertionError
    for table in ("log_node", "consent", "subject", "mail"):
        for _ in connection.execute(f"SELECT * FROM {table}"):
            pass
    for _ in connection.execute(
        "SELECT event.request_id, event.id, event.body, event.mac, request.sealed,"
        " request.email_index FROM request"
        " JOIN event ON event.request_id = request.id ORDER BY request.subject_id"
    ):
        pass
    of_all = count / (time.perf_counter() - begun)
    connection.close()
    return of_events, of_all


def main() -> None:
    """Print the ratios that the log promises."""
    many = int(os.environ.get("OPTIN_BENCH_LEADS", "1000000"))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        vault = Vault(make_keys("keys.json", folder, "dev"))
        cost_of_the_log(folder, vault)
        medians = {}
        for count in (FEW, many):
            world = grown(folder, count, vault)
            proofs(world, count)  # a server that has just started has nothing in memory yet
            medians[count] = proofs(world, count)
            spent = timed(partial(world.run, gather_evidence, parse_email("p7@example.com"), NOON))
            print(
                f"  {count:,} leads: inclusion proof {medians[count] * 1000:.2f} ms, evidence {spent:.2f} s"
            )
            of_events, of_all = plain_reading(folder / f"{count}.db")
            audit = Audit(world.store.read, vault, KINDS.flows)
            settings = Settings.at(folder, store=f"sqlite:///{folder}/{count}.db", keys="keys.json")
            seconds = timed(partial(audit_all, audit, settings))
            if audit.findings:
                raise AssertionError(audit.findings[:3])
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            print(
                f"  audit of {audit.events:,} events: {audit.events / seconds:,.0f}/s, peak {peak:.0f} MiB;"
                f" {audit.events / seconds / of_all:.2f} of reading every row it must and hashing"
                f" ({of_all:,.0f}/s), {audit.events / seconds / of_events:.2f} of the events alone"
                f" ({of_events:,.0f}/s); at least 0.5 is asked",
                flush=True,
            )
            world.store.close()
        print(f"proof at {many:,} / at {FEW:,} leads: {medians[many] / medians[FEW]:.2f} (at most 2)")
