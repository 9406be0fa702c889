"""What it costs that no write can be swallowed: sign-ups with and without the guard, on both databases."""

from __future__ import annotations

import asyncio
import tempfile
import time
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from unittest.mock import patch

from optin.bootstrap.opening import connect
from optin.store.postgres_guard import PostgresGuard
from optin.store.sqlite_schema import SqliteGuard
from tests.benchmarks.sign_ups import bare
from tests.postgres import NEWEST, new_database, postgres_server, programs_of
from tests.stranger import past_optin
from tests.world import World, open_world

ROUNDS = 14
COUNT = 800


def rate(world: World, *, guarded: bool) -> float:
    """Return sign-ups a second, from many tasks at once."""
    world.now += timedelta(microseconds=1)  # other addresses
    with ExitStack() as without:
        if not guarded:
            without.enter_context(patch.object(SqliteGuard, "findings", lambda _self: []))
            without.enter_context(patch.object(PostgresGuard, "approve", lambda *_, **__: None))
        return asyncio.run(bare(world, COUNT)).rate


def cost(name: str, url: str, folder: Path) -> None:
    """Print what the guard costs on one database; rounds alternate, for a table grows meanwhile."""
    world = open_world(url, folder)
    rate(world, guarded=True)
    past_optin(world.store, "ANALYZE")
    best = {True: 0.0, False: 0.0}  # other work on the machine only ever slows a round down
    for turn in range(2 * ROUNDS):
        guarded = turn % 4 in {0, 3}
        best[guarded] = max(best[guarded], rate(world, guarded=guarded))
    looked = time.perf_counter()
    assert world.store.schema_findings() == []
    again = time.perf_counter() - looked
    world.store.close()
    begun = time.perf_counter()
    connect(url, folder).close()
    opened = time.perf_counter() - begun
    print(
        f"  {name}: {best[True]:,.0f} sign-ups/s, {1 - best[True] / best[False]:.1%} slower than without the"
        f" guard (at most 3%); opening with the comparison {opened * 1000:.0f} ms (at most 100), comparing"
        f" again {again * 1000:.0f} ms"
    )


def main() -> None:
    """Print the costs."""
    with tempfile.TemporaryDirectory() as name, postgres_server(programs_of(NEWEST)) as server:
        server.psql("ALTER SYSTEM SET fsync = on")
        server.psql("SELECT pg_reload_conf()")
        cost("SQLite", f"sqlite:///{name}/guard.db", Path(name))
        cost("PostgreSQL", new_database(server), Path(name))


if __name__ == "__main__":
    main()
