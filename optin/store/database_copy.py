"""Copy a whole database into one SQLite file, the format of every backup (S7).

On SQLite it is a copy; on PostgreSQL every table is copied out under one snapshot, and into an empty one.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path

from optin.errors import StoreUnusable
from optin.proof.merkle_tree import Frontier
from optin.proof.signed_notes import Checkpoint, NoteBroken, SignedNote
from optin.store.database_interface import Row, Tx
from optin.store.event_log import latest_checkpoint, log_frontier
from optin.store.kind_tables import REGISTER
from optin.store.migration_sets import Schema, register_rows
from optin.store.migrations import POSTGRES, QUEUE_TRIGGERS
from optin.store.schema_differences import refuse_schema
from optin.store.sqlite import SqliteStore
from optin.store.sqlite_connection import connect

# every table, what is referred to before what refers to it
TABLES = (
    "installation", "privacy_version", "form_version", "subject", "request", "event", "consent",
    "suppression", "outbox", "mail", "erasure", "export_run", "export_member", "export_gone",
    "number_index", "number_objection", "legal_hold", "rights_action", "replay", "log_queue", "log_leaf",
    "log_node", "log_state", "checkpoint", "log_key", "attestation", "asset", "tally",
    "webhook", "webhook_told", "webhook_outbox", "tool_mark",
    "privacy_text", "promise", "served_details", "journal_head", "limit_mail", "limit_site",
    "source_sum",
    "notice_receiver", "notice",
    "letter", "letter_sum",
    "held_basis", "held_basis_address", "held_basis_act", "evidence_file", "evidence_file_of",
    "rights_request", "breach_entry",
    "contact_question", "question_sum",
    "objection",
    "staff", "staff_link", "staff_session", "staff_act", "staff_passkey", "staff_challenge",
    "staff_openid", "staff_openid_request", "unsaved_text",
    "person_number", "person_search",
    "unreachable", "delayed_mail", "bounce_sum",
)  # fmt: skip
NUMBERED = (
    "event", "outbox", "export_run", "legal_hold", "rights_action", "replay", "log_key", "attestation",
    "webhook_outbox", "notice", "held_basis_act", "rights_request", "contact_question",
    "breach_entry", "staff_act",
)  # fmt: skip
MADE_WITH_THE_SCHEMA = ("log_state", "installation")  # they have rows in a new database
BATCH_ROWS = 1_000


def columns_of(connection: sqlite3.Connection, table: str) -> list[str]:
    """Return the columns of a table, equal in both databases."""
    return [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]


def copy_out(tx: Tx, path: Path, schema: Schema) -> None:
    """Copy every table of another database into a new file at `path`, under one snapshot."""
    tx.run("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
    whole, findings = schema.with_removed(tx.all(REGISTER))
    refuse_schema(findings)
    SqliteStore(path, whole).close()  # makes the schema
    with closing(connect(path)) as file:
        file.execute("BEGIN IMMEDIATE")
        file.execute("DROP TRIGGER event_queue")
        file.execute("DELETE FROM log_state")
        for table in (*TABLES, *whole.kind_tables):
            names = columns_of(file, table)
            marks = ", ".join("?" * len(names))
            rows = tx.each(f"SELECT {', '.join(names)} FROM {table}")
            for batch in _batches(rows):
                file.executemany(f"INSERT INTO {table}({', '.join(names)}) VALUES ({marks})", batch)
        for statement in QUEUE_TRIGGERS["sqlite"]:
            file.execute(statement)
        file.execute("COMMIT")


def copy_in(tx: Tx, path: Path) -> None:
    """Copy a file into an empty PostgreSQL database. Raises StoreUnusable when it is not empty.

    The file may hold tables of kinds that are not installed; they are made as its register says.
    """
    tx.run("ALTER TABLE event DISABLE TRIGGER event_queue")  # of two restores at once the second waits here
    there, _ = Schema().with_removed(tx.all(REGISTER))
    tables = (*TABLES, *there.kind_tables)
    if any(tx.one(f"SELECT 1 FROM {table} LIMIT 1") for table in tables if table not in MADE_WITH_THE_SCHEMA):
        msg = "The database is not empty; restore into a new one. Nothing was changed."
        raise StoreUnusable(msg)
    for table in MADE_WITH_THE_SCHEMA:
        tx.run(f"DELETE FROM {table}")
    with closing(connect(path)) as file:
        whole, findings = there.with_removed(file.execute(REGISTER))
        refuse_schema(findings)
        _make_kinds(tx, whole, there)
        for table in (*TABLES, *whole.kind_tables):
            names = columns_of(file, table)
            text = (
                f"INSERT INTO {table}({', '.join(names)}) VALUES ({', '.join(f':{name}' for name in names)})"
            )
            rows = file.execute(f"SELECT {', '.join(names)} FROM {table}")
            for batch in _batches(rows):
                tx.many(text, [dict(zip(names, row, strict=True)) for row in batch])
    continue_numbering(
        tx, (*NUMBERED, *(name for _, part in whole.kinds for name in sorted(part.numbered())))
    )
    tx.run("ALTER TABLE event ENABLE TRIGGER event_queue")


def _make_kinds(tx: Tx, whole: Schema, there: Schema) -> None:
    """Create the tables of kinds that the target lacks, on PostgreSQL."""
    lacking = [step for step in whole.steps if step not in there.steps]
    for step in lacking:
        for statement in step.migration.statements(POSTGRES):
            tx.run(statement)
        tx.run(
            "INSERT INTO _sqlite_migrations(migration_set, name) VALUES (:set, :name)",
            set=step.migration_set,
            name=step.migration.name,
        )
    for kind, part in register_rows(whole, lacking):
        tx.run("INSERT INTO kind_register(kind, part) VALUES (:kind, :part)", kind=kind, part=part)


def continue_numbering(tx: Tx, tables: Iterable[str]) -> None:
    """Let PostgreSQL number new rows after the copied ones."""
    for table in tables:
        tx.one(
            f"SELECT setval(pg_get_serial_sequence('{table}', 'id'),"
            f" (SELECT COALESCE(MAX(id), 0) + 1 FROM {table}), false)"
        )


def _batches(rows: Iterable[Row]) -> Iterable[Sequence[Row]]:
    batch: list[Row] = []
    for row in rows:
        batch.append(row)
        if len(batch) == BATCH_ROWS:
            yield batch
            batch = []
    if batch:
        yield batch


def check_copy(tx: Tx) -> str:
    """Return the faults of a copy; empty when its pages are sound and its log is the one last signed."""
    found = tx.all("PRAGMA integrity_check(1)")
    if found != [("ok",)]:
        return "its pages are damaged"
    try:
        stated, signed = log_frontier(tx), _signed(tx)
        grown = Frontier()
        for batch in _batches(tx.each("SELECT leaf FROM log_leaf ORDER BY seq")):
            leaves = [bytes(row[0]) for row in batch]
            if signed is not None and grown.size < signed.size <= grown.size + len(leaves):
                at_signature = grown.grow(leaves[: signed.size - grown.size])[0]
                if at_signature.root != signed.root:
                    return "its log is not the one that was last signed"
            grown = grown.grow(leaves)[0]
    except (ValueError, NoteBroken):
        return "its log is damaged"
    if grown != stated or (signed is not None and signed.size > grown.size):
        return "its log does not fit its own size"
    return ""


def _signed(tx: Tx) -> Checkpoint | None:
    latest = latest_checkpoint(tx)
    return None if latest is None else Checkpoint.read(SignedNote.parse(latest.note))
