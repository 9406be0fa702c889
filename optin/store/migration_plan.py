"""What migrations that are due will do: tables, rows, locks, how long, and whether older servers may go on.

The statements are ours, or those that a kind may hold; they are sorted here by what they begin with. One that
is of no known sort counts as the worst.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any

from optin.store.migration_sets import OWN, MigrationStep, Record, Schema
from optin.store.migrations import Dialect

# Servers of this version and later write on while a newer program adds to tables that they know
# (`harmless_additions`). A database without this migration may be served by an earlier version.
LAST_OF_STRICT_SERVERS = "m039_dead_mails"

# Rows a second, on a small machine: whoever has a larger one waits less.
INDEXED, CHANGED = 250_000, 50_000


class Effect(StrEnum):
    """What a statement does to a table."""

    NEW_TABLE = "new table"
    NEW_INDEX = "new index"
    NEW_TRIGGER = "new trigger"
    NEW_COLUMN = "new column"
    DROPPED = "dropped table"
    CHANGED_ROWS = "changed rows"
    OTHER = "other change"


class Waits(StrEnum):
    """What waits for the end of the migrations: a lock of PostgreSQL lasts until then."""

    NOTHING = "nothing"
    WRITES = "writes"
    ALL = "reads and writes"


@dataclass(frozen=True)
class PlannedChange:
    """One change of a table. `name`: of the index, trigger or column; `rows`: of the table as it is."""

    effect: Effect
    table: str
    name: str
    waits: Waits
    may_rewrite_table: bool
    older_servers_go_on: bool
    rows: int = 0
    seconds: float = 0.0


@dataclass(frozen=True)
class PlannedMigration:
    """A migration that is due, and its changes of the database at hand."""

    name: str
    changes: tuple[PlannedChange, ...]


@dataclass(frozen=True)
class MigrationPlan:
    """What `optin migrate` would do.

    `shared`: several servers may use the database. `new`: it is empty. `strict`: its servers may be of a
    version that stops writing when a table that it knows is changed in any way.
    """

    due: tuple[PlannedMigration, ...]
    shared: bool
    new: bool
    strict: bool

    @property
    def seconds(self) -> float:
        """About how long all of it takes."""
        return sum(change.seconds for it in self.due for change in it.changes)

    @property
    def obstacles(self) -> tuple[str, ...]:
        """The migrations beside which no older server can write."""
        if self.new:
            return ()
        return tuple(it.name for it in self.due if not self.shared or not all(map(self._goes_on, it.changes)))

    def _goes_on(self, change: PlannedChange) -> bool:
        return change.effect is Effect.NEW_TABLE if self.strict else change.older_servers_go_on

    def as_json(self) -> dict[str, Any]:
        """Return this for programs."""
        return {
            "database": "postgresql" if self.shared else "sqlite",
            "new_database": self.new,
            "seconds": round(self.seconds, 1),
            "stop_servers_first": list(self.obstacles),
            "due": [asdict(it) for it in self.due],
        }


def plan_migrations(
    schema: Schema, records: Collection[Record], dialect: Dialect, count: Callable[[str], int]
) -> MigrationPlan:
    """Return what the pending migrations of a database do. Raises StoreUnusable as `Schema.due` does.

    `count`: returns about how many rows a table of the database has.
    """
    due, made = schema.due(records), set[str]()
    rows_of = count if records else (lambda _table: 0)
    return MigrationPlan(
        due=tuple(PlannedMigration(it.name, tuple(_changes(it, dialect, made, rows_of))) for it in due),
        shared=dialect.name == "postgres",
        new=not records,
        strict=(OWN, LAST_OF_STRICT_SERVERS) not in records,
    )


def _changes(
    step: MigrationStep, dialect: Dialect, made: set[str], rows_of: Callable[[str], int]
) -> Iterator[PlannedChange]:
    """Yield the changes of one migration; what is done to a table of the same plan is part of making it."""
    for statement in step.migration.statements(dialect):
        if renamed := _RENAMED.match(statement):
            made.update(renamed.groups() if renamed[1] in made else ())
        found = _change(statement)
        if found is None:
            continue
        if found.effect is Effect.NEW_TABLE:
            made.add(found.table)
            yield found
        elif found.table not in made:
            yield _with_rows(found, rows_of(found.table) if found.table else 0)
        elif found.effect is Effect.DROPPED:
            made.discard(found.table)


_RATES = {Effect.NEW_INDEX: INDEXED, Effect.CHANGED_ROWS: CHANGED, Effect.OTHER: CHANGED}


def _with_rows(change: PlannedChange, rows: int) -> PlannedChange:
    rate = _RATES.get(change.effect)
    return replace(change, rows=rows, seconds=0.0 if rate is None else round(rows / rate, 1))


@dataclass(frozen=True)
class _Sort:
    """A sort of statement: how it begins, and what it does."""

    begins: re.Pattern[str]
    effect: Effect
    waits: Waits
    rewrites: bool = False
    goes_on: bool = False


def _sort(
    begins: str, effect: Effect, waits: Waits, *, rewrites: bool = False, goes_on: bool = False
) -> _Sort:
    """Return a sort. In `begins`, {T} stands for the name of the table, {N} for that of another thing."""
    named = begins.replace("{T}", r"(?P<table>\w+)").replace("{N}", r"(?P<name>\w+)")
    return _Sort(re.compile(rf"\s*{named}", re.DOTALL), effect, waits, rewrites, goes_on)


_COLUMN = r"ALTER TABLE {T} ADD (?:COLUMN )?(?!CONSTRAINT\b){N}"
_EMPTY = r" (?!.*\b(?:NOT NULL|UNIQUE|PRIMARY|CHECK|REFERENCES|GENERATED|DEFAULT)\b)"
_CONSTANT = r" \w+ NOT NULL DEFAULT (?:-?\d+|'[^']*')\s*$"
_SORTS = (  # the first that fits counts
    _sort(r"CREATE (?:UNLOGGED )?TABLE {T}\b.*\bREFERENCES\b", Effect.NEW_TABLE, Waits.WRITES, goes_on=True),
    _sort(r"CREATE (?:UNLOGGED )?TABLE {T}", Effect.NEW_TABLE, Waits.NOTHING, goes_on=True),
    _sort(r"CREATE INDEX {N} ON {T}", Effect.NEW_INDEX, Waits.WRITES, goes_on=True),
    _sort(r"CREATE UNIQUE INDEX {N} ON {T}", Effect.NEW_INDEX, Waits.WRITES),
    _sort(r"CREATE TRIGGER {N} (?:BEFORE|AFTER) \w+ ON {T}", Effect.NEW_TRIGGER, Waits.WRITES),
    _sort(f"{_COLUMN}{_EMPTY}", Effect.NEW_COLUMN, Waits.ALL, goes_on=True),
    _sort(f"{_COLUMN}{_CONSTANT}", Effect.NEW_COLUMN, Waits.ALL, goes_on=True),
    _sort(r"DROP TABLE {T}", Effect.DROPPED, Waits.ALL),
    _sort(r"(?:INSERT INTO|UPDATE|DELETE FROM) {T}", Effect.CHANGED_ROWS, Waits.WRITES),
    _sort(r"(?:ALTER TABLE|TRUNCATE) {T}", Effect.OTHER, Waits.ALL, rewrites=True),
    _sort(r"(?!CREATE FUNCTION |DROP FUNCTION )", Effect.OTHER, Waits.ALL, rewrites=True),
)
_RENAMED = re.compile(r"\s*ALTER TABLE (\w+) RENAME TO (\w+)")


def _change(statement: str) -> PlannedChange | None:
    """Return what a statement does, without rows; None where it only makes or drops a function."""
    for sort in _SORTS:
        if found := sort.begins.match(statement):
            named = {"table": "", "name": "", **found.groupdict()}
            return PlannedChange(
                sort.effect, named["table"], named["name"], sort.waits, sort.rewrites, sort.goes_on
            )
    return None
