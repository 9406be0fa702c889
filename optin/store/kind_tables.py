"""The part of a kind that owns tables in the store.

A kind's tables are made by migrations in a set of the kind's own, and nothing but migrations runs for it:
erasure, backup and the comparison of the schema read what it declared here, from the program or, when the
kind is not installed any more, from the database's own register.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum

from optin.errors import StoreUnusable
from optin.store.schema import MIGRATIONS, Guarded, Migration
from optin.store.transaction import Row

# Each statement that a kind's migration may hold, whole: nothing that reads, calls or drops anything else.
# The register in the database holds such statements too, and whoever writes there must gain nothing by it.
_NAME = re.compile(r"[a-z][a-z0-9_]{0,59}")
_STATEMENTS = tuple(
    re.compile(rf"\s*{text}\s*", re.DOTALL)
    for text in (
        r"CREATE TABLE (\w+) ?\([^;\"$]+\)(?:\{strict\}|\{norowid\})?",
        r"CREATE (?:UNIQUE )?INDEX [a-z]\w* ON (\w+) ?\([\w, ]+\)"
        r"(?: WHERE \w+ (?:= (?:'[\w-]*'|\d+)|IS (?:NOT )?NULL))?",
        r"ALTER TABLE (\w+) RENAME TO (\w+)",
        r"ALTER TABLE (\w+) DROP CONSTRAINT \w+",
        r"ALTER TABLE (\w+) ADD [^;\"$]+",
        r"DROP TABLE (\w+)",
        r"INSERT INTO (\w+) ?\([\w, ]+\) SELECT [\w, ]+ FROM (\w+)"
        r"(?: WHERE request_id IN \(SELECT id FROM request\))?",
        r"DELETE FROM (\w+) WHERE request_id NOT IN \(SELECT id FROM request\)",
    )
)
_CALLS = re.compile(r"(?<!REFERENCES )\b(\w+)\s*\(")
_CALLED = frozenset({"CHECK", "KEY", "UNIQUE", "IN", "NOT", "AND", "OR"})
_NEVER = re.compile(r"--|/\*|\b(?:FUNCTION|TRIGGER|EXECUTE|COPY)\b", re.IGNORECASE)
_MADE = re.compile(r"\s*CREATE (?:\{unlogged\})?TABLE (\w+)")
_REFERENCE = re.compile(r"\bREFERENCES (\w+)(\(id\) ON DELETE CASCADE)?")
ANEW = "_anew"  # how a table is called while it is rebuilt


class Shelf(StrEnum):
    """What a table of a kind holds, which decides how it is deleted."""

    PERSON = "person"  # rows of requests: they go with the request, whoever deletes it
    MAGNET = "magnet"  # about magnets; nobody is in it
    LEDGER = "ledger"  # published facts, only ever added; nobody is in it


@dataclass(frozen=True)
class KindTable:
    """One table of a kind."""

    name: str
    shelf: Shelf


@dataclass(frozen=True)
class TablesPart:
    """What a kind stores in tables of its own; by default nothing.

    Their names begin with `kind_`, the kind's name and an underscore. A table of persons has a column
    `request_id` that references `request(id) ON DELETE CASCADE`.
    """

    tables: tuple[KindTable, ...] = ()
    migrations: tuple[Migration, ...] = ()

    def as_json(self) -> str:
        """Return this as the register keeps it."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def parse(cls, text: str) -> TablesPart:
        """Read what `as_json` wrote. Raises ValueError, KeyError or TypeError."""
        plain = json.loads(text)
        tables = tuple(KindTable(it["name"], Shelf(it["shelf"])) for it in plain["tables"])
        return cls(tables, tuple(_migration(**it) for it in plain["migrations"]))

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the tables, what is referred to first."""
        return tuple(table.name for table in self.tables)

    def on(self, shelf: Shelf) -> tuple[str, ...]:
        """Return the names of the tables of one shelf."""
        return tuple(table.name for table in self.tables if table.shelf is shelf)

    def numbered(self) -> frozenset[str]:
        """Return the names of the tables whose rows the database numbers."""
        made = {made_by(text): text for it in self.migrations for text in it.tables}
        return frozenset(name for name in self.names if "{id}" in made.get(name, ""))


def _migration(
    *,
    guarded: list[dict[str, list[str]]],
    tables: list[str],
    sqlite: list[str],
    postgres: list[str],
    **rest: str,
) -> Migration:
    guards = tuple(Guarded(str(it["table"]), tuple(it["keys"])) for it in guarded)
    name, formerly = str(rest["name"]), str(rest["formerly"])
    return Migration(
        name, tuple(tables), guards, formerly=formerly, sqlite=tuple(sqlite), postgres=tuple(postgres)
    )


def made_by(text: str) -> str:
    """Return the table that a statement makes, or ""."""
    found = _MADE.match(text)
    return "" if found is None else found[1]


OWN_TABLES = frozenset(filter(None, (made_by(text) for it in MIGRATIONS for text in it.tables)))


def faults(kind: str, part: TablesPart) -> Iterator[str]:
    """Yield a sentence for each declaration that a kind may not make."""
    prefix = f"kind_{kind.replace('-', '_')}_"
    earlier = {made_by(text) for it in part.migrations if it.formerly for text in it.tables}
    for table in part.tables:
        plain = _NAME.fullmatch(table.name) and not table.name.startswith(("sqlite_", "pg_"))
        if not plain or table.name in OWN_TABLES:
            yield f"no kind may have a table {table.name[:60]}"
        elif not (table.name.startswith(prefix) or table.name in earlier):
            yield f"the name of the table {table.name} does not begin with {prefix}"
    for migration in part.migrations:
        yield from (f"{migration.name} {fault}" for fault in _migration_faults(part, migration))
    for name in part.on(Shelf.PERSON):
        texts = (text for it in part.migrations for text in (*it.tables, *it.sqlite))
        if not any(_goes_with_request(name, text) for text in texts):
            yield f"the rows of {name} do not go with their request (request_id … ON DELETE CASCADE)"


def _migration_faults(part: TablesPart, migration: Migration) -> Iterator[str]:
    if migration.queueing:
        yield "adds to the log"
    for guarded in migration.guarded:
        if guarded.table not in part.on(Shelf.LEDGER):
            yield f"guards {guarded.table[:60]}, which is no ledger"
        if not all(_NAME.fullmatch(key) for key in guarded.keys):
            yield "guards by something else than columns"
    for text in (*migration.tables, *migration.sqlite, *migration.postgres):
        yield from _statement_faults(part.names, text, earlier=bool(migration.formerly))


def _statement_faults(names: tuple[str, ...], text: str, *, earlier: bool) -> Iterator[str]:
    found = next(filter(None, (it.fullmatch(text) for it in _STATEMENTS)), None)
    own = found is not None and all(it.removesuffix(ANEW) in names for it in found.groups())
    if not own or _NEVER.search(text) or not _calls_nothing(names, text):
        yield f"does something else than make or change a table of the kind: {' '.join(text.split())[:60]}"
    for table, cascade in _REFERENCE.findall(text):
        if table not in names and not (table == "request" and (cascade or earlier)):
            yield f"holds rows of {table}"


def _calls_nothing(names: tuple[str, ...], text: str) -> bool:
    """Return whether a parenthesis follows only words of a table's text, never a function's name."""
    if text.lstrip().startswith(("CREATE TABLE", "ALTER TABLE")):
        if re.search(r"\b(?:AS|SELECT|LIKE|INHERITS|PARTITION|USING)\b", text, re.IGNORECASE):
            return False
        called = (it for it in _CALLS.findall(text) if it.removesuffix(ANEW) not in names)
        return all(it in _CALLED for it in called)
    return True


def _goes_with_request(name: str, text: str) -> bool:
    cascade = re.search(r"\brequest_id \{blob\}[^,]* REFERENCES request\(id\) ON DELETE CASCADE", text)
    return made_by(text).removesuffix(ANEW) == name and cascade is not None


def check_part(kind: str, part: TablesPart) -> None:
    """Raise StoreUnusable for a part that declares what no kind may."""
    for fault in faults(kind, part):
        msg = (
            f"The tables of the kind {kind} cannot be used: {fault}. Update or remove the package that brings"
            " this kind. Nothing was changed."
        )
        raise StoreUnusable(msg)


REGISTER = "SELECT kind, part FROM kind_register"


def registered(rows: Iterable[Row]) -> tuple[dict[str, TablesPart], list[str]]:
    """Return the parts that a register holds, by kind, and in sentences what is wrong with it."""
    parts: dict[str, TablesPart] = {}
    findings: list[str] = []
    for kind, text in rows:
        try:
            part = TablesPart.parse(text)
            wrong = next(faults(kind, part), "")
        except (ValueError, KeyError, TypeError):
            wrong = "it cannot be read"
        if wrong:
            findings.append(f"the register of the kind {kind} is not optin's ({wrong})")
        else:
            parts[kind] = part
    return parts, findings
