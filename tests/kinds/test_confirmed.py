"""What every kind writes when somebody confirms: watched, interrupted, run twice, and tampered with."""

from __future__ import annotations

import ast
import os
import socket
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from multiprocessing import get_context
from operator import methodcaller
from pathlib import Path
from typing import Any

import pytest

from optin.consent.status_transitions import RequestId
from optin.flows.consents.confirm import confirm
from optin.flows.delivery.mail_order import MailKind
from optin.flows.evidence.audit import Audit
from optin.keys import KeyRing
from optin.services.installation import Installation
from optin.services.open_store import open_store
from optin.services.site_edition import load_edition
from optin.store.encryption import Vault
from optin.store.kind_tables import TableScope
from tests.kinds.installed import KINDS, PACKAGES
from tests.kinds.journey import EMAIL, KindVisit
from tests.kinds.recorder import Recorder, Statement, recorded, watched_kinds
from tests.stranger import is_sqlite, past_optin

LOOKED_AT = {"request", "form_version"}  # beside its own tables
MOST_STATEMENTS = 30
KILLED = 9
OF_A_CLOCK = {"now", "utcnow", "today", "time", "monotonic", "sleep"}
FORBIDDEN = {
    "socket",
    "threading",
    "http",
    "urllib.request",
    "smtplib",
    "asyncio",
    "time",
    "sqlite3",
    "psycopg",
}


def sources(kind: str) -> list[ast.Module]:
    """Return the code of a kind."""
    folder = Path(str(import_module(PACKAGES[kind]).__file__)).parent
    return [ast.parse(path.read_text("utf-8")) for path in folder.rglob("*.py")]


def test_no_kind_has_a_clock_a_socket_or_a_thread(kind: str) -> None:
    """S6: it gets the moment; so what it does can be run again."""
    for tree in sources(kind):
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                assert not {it.name for it in node.names} & FORBIDDEN
            if isinstance(node, ast.ImportFrom):
                assert node.module not in FORBIDDEN
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                value = node.func.value
                clock = isinstance(value, ast.Name) and value.id in {"datetime", "date", "time"}
                assert not (clock and node.func.attr in OF_A_CLOCK)


def test_it_writes_its_own_tables_and_does_not_grow(
    magnet: KindVisit, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S6, P3: the rest is done by optin's functions; as much for the fourth as for the first."""
    recorder = Recorder()
    watch(magnet, kind, recorder)
    own = set(KINDS.tables[kind].names)

    def refused(*_: object) -> Any:
        raise AssertionError(kind)

    def look(_statement: Statement, _done: bool) -> None:  # noqa: FBT001 - as it is called
        monkeypatch.setattr(socket.socket, "connect", refused)

    recorder.look = look
    with recorded(recorder):
        for number in range(4):
            magnet.email = f"visitor-{number}@example.com"
            magnet.confirmed()
            monkeypatch.undo()
    assert len(recorder.calls) == 4
    for statement in (it for call in recorder.calls for it in call if it.module.startswith(PACKAGES[kind])):
        assert statement.tables <= (own if statement.writes else own | LOOKED_AT), statement
    counts = [len(call) for call in recorder.calls]
    assert max(counts) <= MOST_STATEMENTS
    assert counts[-1] <= counts[0] + 1, "what the first one makes is there for the others"


def watch(magnet: KindVisit, kind: str, recorder: Recorder, *, twice: bool = False) -> None:
    """Let a recorder see the kind's hook."""
    part = recorder.around(KINDS.flows[kind], twice=twice)
    magnet.installation.kinds = watched_kinds(KINDS, kind, part)


def test_what_is_undone_and_run_again_is_done_once(magnet: KindVisit, kind: str) -> None:
    """S6: as the database runs a transaction again that collided with another."""
    watch(magnet, kind, Recorder(), twice=True)
    magnet.confirmed()
    for row in person_rows(magnet, kind).values():
        assert len(row) <= 1
    waiting = "SELECT kind, COUNT(*) FROM outbox WHERE state = 'queued' GROUP BY kind, next_at"
    assert all(count == 1 for _, count in magnet.installation.store.read(lambda tx: tx.all(waiting)))


def person_rows(magnet: KindVisit, kind: str) -> dict[str, list[dict[str, Any]]]:
    """Return the rows about people in the tables of a kind."""
    read = magnet.installation.store.read
    tables = KINDS.tables[kind].on(TableScope.PERSON)
    return {it: read(methodcaller("named", f"SELECT * FROM {it}")) for it in tables}


def test_rows_that_somebody_took_away_or_moved_are_found(magnet: KindVisit, kind: str) -> None:
    """P4: whoever writes to the database takes nobody's seat or chance unseen."""
    magnet.confirmed()
    magnet.email = "mallory@example.com"
    magnet.ask()
    store = magnet.installation.store
    asked = "SELECT id FROM request WHERE subject_id IS NULL"
    ((other,),) = store.read(lambda tx: tx.all(asked))
    for table, rows in person_rows(magnet, kind).items():
        (row,) = rows
        past_optin(store, f"UPDATE {table} SET request_id = :other", other=bytes(other))
        assert faults(magnet), f"{table}: given to somebody else"
        past_optin(store, f"DELETE FROM {table}")
        assert faults(magnet), f"{table}: taken away"
        names = ", ".join(row)
        marks = ", ".join(f":{name}" for name in row)
        past_optin(store, f"INSERT INTO {table}({names}) VALUES ({marks})", **row)
        assert faults(magnet) == []
        gone = {**row, "request_id": b"nobody"}
        past_optin(store, f"DELETE FROM {table}")
        unbound = () if is_sqlite(store) else ("SET session_replication_role = replica",)
        past_optin(store, *unbound, f"INSERT INTO {table}({names}) VALUES ({marks})", **gone)
        assert f"{table} holds 1 rows of requests that are gone" in faults(magnet)
        past_optin(store, f"DELETE FROM {table}")
        past_optin(store, f"INSERT INTO {table}({names}) VALUES ({marks})", **row)


def faults(magnet: KindVisit) -> list[str]:
    """Return what an audit finds."""
    magnet.installation.integrate()
    read, vault = magnet.installation.store.read, magnet.installation.vault
    audit = Audit(read, vault, KINDS.flows, schema=KINDS.schema)
    assert list(audit.run()) is not None
    return audit.findings


@dataclass(frozen=True)
class Scene:
    """What a process needs to confirm a request, and die on the way."""

    root: Path
    url: str
    keys: KeyRing
    kind: str
    request: RequestId
    now: datetime

    def installation(self) -> Installation:
        """Open the store as another process does."""
        edition, _ = load_edition(self.root, KINDS)
        assert edition is not None
        vault = Vault(self.keys)
        store = open_store(self.url, self.root.parent, vault, KINDS.schema)
        return Installation(store, vault, edition.policy, KINDS, clock=lambda: self.now)

    def confirm(self, killed_at: int) -> None:
        """Confirm; end as by `kill -9` before or after a write of the kind, counted from 0."""
        installation, recorder, count = self.installation(), Recorder(), iter(range(1_000))

        def look(statement: Statement, _done: bool) -> None:  # noqa: FBT001 - as it is called
            if statement.writes and next(count) == killed_at:
                os._exit(KILLED)

        recorder.look = look
        installation.kinds = watched_kinds(KINDS, self.kind, recorder.around(KINDS.flows[self.kind]))
        with recorded(recorder):
            installation.run(confirm, request=self.request, now=self.now)
        installation.store.close()

    def is_untouched(self) -> None:
        """See that nothing of a confirmation is stored."""
        store = self.installation().store
        asked = "SELECT COUNT(*) FROM request WHERE confirmed_at IS NOT NULL"
        tables = [f"SELECT COUNT(*) FROM {name}" for name in KINDS.tables[self.kind].names]
        for sql in (asked, "SELECT COUNT(*) FROM subject", *tables):
            assert store.read(methodcaller("one", sql)) == (0,), sql
        store.close()


def die_at_each_write(scene: Scene) -> None:
    """Confirm again and again, and die one moment later each time, until it is done."""
    for killed_at in range(1_000):
        if (code := apart(scene.confirm, killed_at)) != KILLED:
            os._exit(code if killed_at else 3)  # it should have died at least once
        if apart(scene.is_untouched):
            os._exit(1)


def apart(do: Callable[..., None], *args: Any) -> int:
    """Do something in a process of its own; return its status."""
    if (child := os.fork()) == 0:
        try:
            do(*args)
        except BaseException:  # noqa: BLE001 - the status says it
            os._exit(2)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_killed_around_each_write_nothing_of_it_is_stored(magnet: KindVisit, kind: str) -> None:
    """D1, S6: before or after any write; the link still works, and then everything is there once."""
    if not KINDS.tables[kind].names:
        assert KINDS.flows[kind].on_confirmed is KINDS.flows.default.on_confirmed, "writes only with tables"
        return
    magnet.ask()
    token = magnet.mail(MailKind.CONFIRMATION).confirm_token
    ((request,),) = magnet.installation.store.read(lambda tx: tx.all("SELECT id FROM request"))
    assert magnet.keys is not None
    scene = Scene(magnet.root, magnet.store_url, magnet.keys, kind, RequestId(bytes(request)), magnet.moment)
    process = get_context("spawn").Process(target=die_at_each_write, args=(scene,))
    process.start()
    process.join(120)
    assert process.exitcode == 0
    assert all(len(rows) == 1 for rows in person_rows(magnet, kind).values())
    magnet.look("again", f"/confirm/{token}")
    assert magnet.mail(MailKind.DELIVERY).recipient == EMAIL
