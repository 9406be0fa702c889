"""What it costs that no write can be swallowed: one look at the schema, as a share of a sign-up.

A sign-up with and without it differ by less than other work on the machine makes them differ; so the look
itself is timed, and held against the quickest sign-ups.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from optin.store import postgres_schema, sqlite_schema
from optin.store.database_interface import Store
from optin.store.postgres import PostgresStore
from optin.store.postgres_schema import stamp
from optin.store.sqlite import SqliteStore
from tests.benchmarks.sign_ups import bare
from tests.postgres import NEWEST, new_database, postgres_server, programs_of
from tests.stores import SCHEMA, connect
from tests.stranger import own_connection, past_optin
from tests.world import World, open_world

ROUNDS = 6
COUNT = 1_000
LOOKS = 100


def quickest(act: Callable[[], object]) -> float:
    """Return the seconds of the quickest of many turns."""
    times = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        act()
        times.append(time.perf_counter() - begun)
    return min(times)


def look(store: Store) -> float:
    """Return the seconds of one look: on PostgreSQL for each sign-up, on SQLite for each group of them."""
    if isinstance(store, SqliteStore):
        guard = store._guard  # noqa: SLF001 - nothing else is timed
        return quickest(lambda: [guard.findings() for _ in range(LOOKS)]) / LOOKS
    with own_connection(store) as connection:
        return quickest(lambda: [stamp(connection, SCHEMA) for _ in range(LOOKS)]) / LOOKS


def sign_up(world: World) -> None:
    """Let many people sign up at once."""
    world.now += timedelta(microseconds=1)  # other addresses
    asyncio.run(bare(world, COUNT))


def open_anew(url: str, folder: Path) -> None:
    """Open the store as a new process does, which asked for no schema yet."""
    sqlite_schema._expected.cache_clear()  # noqa: SLF001 - of this process
    postgres_schema._EXPECTED.clear()  # noqa: SLF001 - the same
    connect(url, folder).close()


def cost(name: str, url: str, folder: Path) -> None:
    """Print what the guard costs on one database."""
    world = open_world(url, folder)
    sign_up(world)
    past_optin(world.store, "ANALYZE")
    one = quickest(lambda: sign_up(world)) / COUNT
    looked = look(world.store)
    compared = quickest(world.store.schema_findings)
    world.store.close()
    opened = quickest(lambda: open_anew(url, folder))
    each = "sign-up" if isinstance(world.store, PostgresStore) else "group of sign-ups"
    print(
        f"  {name}: a look takes {looked * 1e6:.0f} µs for each {each}, {looked / one:.1%} of the"
        f" {one * 1e6:.0f} µs of a sign-up (at most 5%); opening with the comparison {opened * 1000:.0f} ms"
        f" (at most 100), comparing each minute {compared * 1000:.0f} ms"
    )


def main() -> None:
    """Print the costs."""
    with tempfile.TemporaryDirectory() as name, postgres_server(programs_of(NEWEST)) as server:
        server.psql("ALTER SYSTEM SET fsync = on")
        server.psql("SELECT pg_reload_conf()")
        cost("SQLite", f"sqlite:///{name}/guard.db", Path(name))
        cost("PostgreSQL", new_database(server), Path(name))
