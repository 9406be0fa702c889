"""SQLite's group commit: each operation stands alone, nobody is told of what was not kept."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from optin.errors import StoreBusy, StoreUnusable
from optin.store import sqlite_connection
from optin.store.database_interface import Bound, Tx
from optin.store.sqlite import GROUP_LENGTH, QUEUE_LENGTH, SqliteStore
from optin.store.sqlite_connection import connect
from tests.stores import SCHEMA


def add(text: str) -> Bound[int]:
    """Return an operation that stores a word."""

    def operation(tx: Tx) -> int:
        return tx.run("INSERT INTO installation(name, value) VALUES (:name, x'00')", name=text)

    return operation


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    """Open a store of its own."""
    opened = SqliteStore(tmp_path / "optin.db", SCHEMA, serving=True)
    yield opened
    opened.close()


def names(store: SqliteStore) -> set[str]:
    rows = store.read(lambda tx: tx.all("SELECT name FROM installation"))
    return {row[0] for row in rows}


def held(store: SqliteStore) -> tuple[threading.Event, Future[None]]:
    """Keep the writer busy, so that what is submitted next forms one group."""
    go = threading.Event()

    def wait(_tx: Tx) -> None:
        go.wait(120)

    return go, store.submit(wait)


def test_a_failing_operation_takes_nobody_along(store: SqliteStore) -> None:
    """S5, D1: half of a request is never stored, its neighbours are."""

    def half(tx: Tx) -> None:
        tx.run("INSERT INTO installation(name, value) VALUES ('half', x'00')")
        raise ValueError

    go, _ = held(store)
    first, broken, last = store.submit(add("a")), store.submit(half), store.submit(add("b"))
    go.set()
    assert (first.result(), last.result()) == (1, 1)
    with pytest.raises(ValueError):  # noqa: PT011 - the very one that was raised
        broken.result()
    assert names(store) == {"a", "b"}


def test_an_error_that_ends_the_whole_transaction_spares_the_others(store: SqliteStore) -> None:
    """D1: the group is run again without the one that broke it."""

    def destroy(tx: Tx) -> None:
        tx.run("ROLLBACK")
        tx.run("INSERT INTO nowhere VALUES (1)")

    go, _ = held(store)
    first, broken, last = store.submit(add("a")), store.submit(destroy), store.submit(add("b"))
    go.set()
    assert (first.result(), last.result()) == (1, 1)
    assert broken.exception() is not None
    assert names(store) == {"a", "b"}


def test_a_full_queue_is_busy_not_slow(store: SqliteStore) -> None:
    """S6: more than the queue holds is refused at once."""
    go, _ = held(store)
    waiting = []

    def fill() -> None:
        for number in range(QUEUE_LENGTH + GROUP_LENGTH + 2):
            waiting.append(store.submit(add(f"n{number}")))  # noqa: PERF401 - stops by an error

    with pytest.raises(StoreBusy):
        fill()
    go.set()
    assert all(future.result() == 1 for future in waiting)


def test_a_database_locked_by_another_is_busy_and_recovers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S6: locked by somebody else: nothing is stored, nobody is told otherwise, and it goes on."""
    monkeypatch.setattr(sqlite_connection, "BUSY_TIMEOUT_MS", 200)
    store = SqliteStore(tmp_path / "optin.db", SCHEMA, serving=True)
    stranger = connect(tmp_path / "optin.db")
    stranger.execute("BEGIN IMMEDIATE")
    refused = store.submit(add("a"))
    with pytest.raises(StoreBusy):
        refused.result(30)
    stranger.execute("ROLLBACK")
    stranger.close()
    assert store.submit(add("b")).result() == 1
    assert names(store) == {"b"}
    store.close()


def test_a_full_disk_refuses_what_it_cannot_keep(store: SqliteStore) -> None:
    """S6: what was acknowledged before the disk was full is there; what came after was refused."""
    pages = store.submit(lambda tx: tx.one("PRAGMA page_count")).result()
    assert pages is not None
    store.submit(lambda tx: tx.one(f"PRAGMA max_page_count = {pages[0] + 8}")).result()
    kept: set[str] = set()
    refused = 0
    big = "x" * 2_000
    for number in range(60):
        try:
            store.submit(add(f"{number}{big}")).result()
            kept.add(f"{number}{big}")
        except StoreBusy:
            refused += 1
    assert refused > 0
    assert kept
    assert names(store) == kept
    store.submit(lambda tx: tx.one("PRAGMA max_page_count = 1000000")).result()
    assert store.submit(add("room again")).result() == 1


def test_a_second_server_is_refused_with_a_sentence(store: SqliteStore, tmp_path: Path) -> None:
    """O1: one server process per file; a command beside it is fine."""
    with pytest.raises(StoreUnusable, match="Another optin server"):
        SqliteStore(tmp_path / "optin.db", SCHEMA, serving=True)
    beside = SqliteStore(tmp_path / "optin.db", SCHEMA)
    assert beside.submit(add("beside")).result() == 1
    beside.close()
    assert names(store) == {"beside"}


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    """S6: a store that cannot be opened: one sentence, nothing overwritten."""
    path = tmp_path / "optin.db"
    path.write_bytes(b"this is not a database, and longer than its header would be" * 20)
    before = path.read_bytes()
    with pytest.raises(StoreUnusable, match="nothing was changed"):
        SqliteStore(path, SCHEMA)
    assert path.read_bytes() == before


def test_every_connection_is_durable_and_forgets_what_is_deleted(tmp_path: Path) -> None:
    """D1, R5: FULL, WAL, foreign keys and secure delete are set, not hoped for."""
    SqliteStore(tmp_path / "optin.db", SCHEMA).close()
    connection = connect(tmp_path / "optin.db")
    values = {
        name: connection.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("journal_mode", "synchronous", "foreign_keys", "secure_delete")
    }
    connection.close()
    assert values == {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "secure_delete": 1,
    }


def test_four_starts_at_once_all_come_up(tmp_path: Path) -> None:
    """O1: migrations queue behind each other."""
    opened: list[SqliteStore] = []
    problems: list[BaseException] = []

    def start() -> None:
        try:
            opened.append(SqliteStore(tmp_path / "optin.db", SCHEMA))
        except BaseException as problem:  # noqa: BLE001 - reported below
            problems.append(problem)

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not problems
    for store in opened:
        store.close()


def test_closing_finishes_what_was_accepted(tmp_path: Path) -> None:
    """D1: a graceful stop loses nothing that was queued."""
    store = SqliteStore(tmp_path / "optin.db", SCHEMA)
    go, _ = held(store)
    waiting = [store.submit(add(f"n{number}")) for number in range(100)]
    go.set()
    store.close()
    assert all(future.result() == 1 for future in waiting)
    with pytest.raises(StoreBusy):
        store.submit(add("late"))
    assert sqlite3.connect(tmp_path / "optin.db").execute("SELECT COUNT(*) FROM installation").fetchone() == (
        100,
    )


def test_a_store_that_closes_leaves_a_reader_its_connection(tmp_path: Path) -> None:
    """S6: to close a connection while another thread reads by it would end the whole process."""
    store = SqliteStore(tmp_path / "optin.db", SCHEMA, serving=True)
    reading, go = threading.Event(), threading.Event()

    def read(tx: Tx) -> int:
        reading.set()
        go.wait(120)
        return len(tx.all("SELECT name FROM installation"))

    with ThreadPoolExecutor(1) as pool:
        found = pool.submit(store.read, read)
        assert reading.wait(120)
        store.close()
        go.set()
        assert found.result(120) >= 0
    with pytest.raises(StoreBusy):
        store.read(lambda tx: tx.all("SELECT 1"))
