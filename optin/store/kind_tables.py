"""The tables of a kind in the store, and the check of what it declares.

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
from optin.store.database_interface import Row
from optin.store.migrations import MIGRATIONS, AppendOnlyTable, Migration

# Each statement that a kind's migration may hold, whole: nothing that reads, calls or drops anything else.
# The register in the database holds such statements too, and whoever writes there must gain nothing by it.
# So texts are ASCII, a name has neither quotes nor a dot, a string no escapes, a mark of the dialect stands
# alone, and parentheses are closed: nothing follows that of a table.
_NAME = re.compile(r"[a-z][a-z0-9_]{0,59}")
_KIND = re.compile(r"[a-z0-9_-]{1,60}")
_STRING = r"'[\w -]*'"
_PIECE = rf"[\w\s=<>+*]|-(?!-)|{_STRING}|(?<!\w)\{{(?:id|int|blob|empty)\}}(?![\w(])"
_INSIDE = rf"(?:,|{_PIECE}|\((?:,|{_PIECE}|\((?:,|{_PIECE})*\))*\))*"
_COLUMNS = r"\w+(?:, ?\w+)*"
_STATEMENTS = tuple(
    re.compile(rf"\s*{text}\s*", re.ASCII)
    for text in (
        rf"CREATE TABLE (\w+) ?\({_INSIDE}\)(?:\{{strict\}}|\{{norowid\}})?",
        rf"CREATE (?:UNIQUE )?INDEX [a-z]\w* ON (\w+) ?\({_COLUMNS}\)"
        r"(?: WHERE \w+ (?:= (?:'[\w-]*'|\d+)|IS (?:NOT )?NULL))?",
        r"ALTER TABLE (\w+) RENAME TO (\w+)",
        r"ALTER TABLE (\w+) DROP CONSTRAINT \w+",
        rf"ALTER TABLE (\w+) ADD (?:{_PIECE}|\({_INSIDE}\))+",
        r"DROP TABLE (\w+)",
        rf"INSERT INTO (\w+) ?\({_COLUMNS}\) SELECT {_COLUMNS} FROM (\w+)"
        r"(?: WHERE request_id IN \(SELECT id FROM request\))?",
        r"DELETE FROM (\w+) WHERE request_id NOT IN \(SELECT id FROM request\)",
    )
)
_DEFINES = re.compile(r"\s*(?:CREATE TABLE \w+|ALTER TABLE \w+ ADD)\b")
_NEVER = re.compile(r"\b(?:AS|SELECT|LIKE|USING|REFERENCES)\b", re.IGNORECASE)
_WITH_REQUEST = re.compile(r"\brequest_id \{blob\}[^,]* REFERENCES request\(id\) ON DELETE CASCADE")
_BEFORE_PARENTHESIS = re.compile(r"\b(\w+)\s*\(")
_CALLS_NOTHING = frozenset({"CHECK", "KEY", "UNIQUE", "IN", "NOT", "AND", "OR"})
_MADE = re.compile(r"\s*CREATE (?:\{unlogged\})?TABLE (\w+)")
_REFERENCE = re.compile(r"\bREFERENCES (\w+)(?: ?\(\w+\))?( ON DELETE CASCADE\b)?")
ANEW = "_anew"  # how a table is called while it is rebuilt


class TableScope(StrEnum):
    """What a table of a kind holds; decides how its rows are deleted."""

    PERSON = "person"  # rows of requests: they go with the request, whoever deletes it
    MAGNET = "magnet"  # about magnets; nobody is in it
    LEDGER = "ledger"  # published facts, only ever added; nobody is in it


@dataclass(frozen=True)
class KindTable:
    """One table of a kind."""

    name: str
    scope: TableScope


@dataclass(frozen=True)
class TablesPart:
    """The tables of a kind; by default none.

    Their names begin with `kind_`, the kind's name and an underscore. A table of persons has a column
    `request_id` that references `request(id) ON DELETE CASCADE`.
    """

    tables: tuple[KindTable, ...] = ()
    migrations: tuple[Migration, ...] = ()

    def as_json(self) -> str:
        """Return this as stored in the register."""
        tables = [{"name": it.name, "shelf": it.scope} for it in self.tables]
        steps = [asdict(it) for it in self.migrations]
        return json.dumps({"tables": tables, "migrations": steps}, sort_keys=True)

    @classmethod
    def parse(cls, text: str) -> TablesPart:
        """Read what `as_json` returned. Raises ValueError, KeyError or TypeError."""
        plain = json.loads(text)
        tables = tuple(KindTable(it["name"], TableScope(it["shelf"])) for it in plain["tables"])
        return cls(tables, tuple(_migration(**it) for it in plain["migrations"]))

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the tables, referenced ones first."""
        return tuple(table.name for table in self.tables)

    def on(self, scope: TableScope) -> tuple[str, ...]:
        """Return the names of the tables of one scope."""
        return tuple(table.name for table in self.tables if table.scope is scope)

    def numbered(self) -> frozenset[str]:
        """Return the names of the tables whose rows are numbered by the database."""
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
    guards = tuple(AppendOnlyTable(str(it["table"]), tuple(it["keys"])) for it in guarded)
    name, formerly = str(rest["name"]), str(rest["formerly"])
    return Migration(
        name, tuple(tables), guards, formerly=formerly, sqlite=tuple(sqlite), postgres=tuple(postgres)
    )


def made_by(text: str) -> str:
    """Return the name of the table that a statement creates, or ""."""
    found = _MADE.match(text)
    return "" if found is None else found[1]


EARLIER_TABLES = frozenset(  # that migrations of optin's own made before kinds had sets of theirs
    {"occasion", "seat", "draw_entry", "draw_list", "draw_result"}
)
OWN_TABLES = frozenset(filter(None, (made_by(text) for it in MIGRATIONS for text in it.tables)))


def faults(kind: str, part: TablesPart) -> Iterator[str]:
    """Yield a sentence for each declaration that a kind may not make."""
    prefix = f"kind_{kind.replace('-', '_')}_"
    earlier = {made_by(text) for it in part.migrations if it.formerly for text in it.tables} & EARLIER_TABLES
    for table in part.tables:
        plain = _NAME.fullmatch(table.name) and not table.name.startswith(("sqlite_", "pg_"))
        if not plain or table.name in OWN_TABLES:
            yield f"no kind may have a table {table.name[:60]}"
        elif not (table.name.startswith(prefix) or table.name in earlier):
            yield f"the name of the table {table.name} does not begin with {prefix}"
    for migration in part.migrations:
        yield from (f"{migration.name} {fault}" for fault in _migration_faults(part, migration))
    for name in part.on(TableScope.PERSON):
        texts = [text for it in part.migrations for text in (*it.tables, *it.sqlite)]
        made = [text for text in texts if made_by(text).removesuffix(ANEW) == name]
        if not (made and _WITH_REQUEST.search(made[-1])):
            yield f"the rows of {name} do not go with their request (request_id … ON DELETE CASCADE)"


def _migration_faults(part: TablesPart, migration: Migration) -> Iterator[str]:
    if migration.queueing:
        yield "adds to the log"
    for guarded in migration.guarded:
        if guarded.table not in part.on(TableScope.LEDGER):
            yield f"guards {guarded.table[:60]}, which is no ledger"
        if not all(_NAME.fullmatch(key) for key in guarded.keys):
            yield "guards by something else than columns"
    for text in (*migration.tables, *migration.sqlite, *migration.postgres):
        yield from _statement_faults(part, text, earlier=bool(migration.formerly))


def _statement_faults(part: TablesPart, text: str, *, earlier: bool) -> Iterator[str]:
    found = next(filter(None, (it.fullmatch(text) for it in _STATEMENTS)), None)
    tables = [] if found is None else [it.removesuffix(ANEW) for it in found.groups()]
    if not tables or not set(tables) <= set(part.names) or not _defines_only(text):
        yield f"does something else than make or change a table of the kind: {' '.join(text.split())[:60]}"
        return
    persons = ("request", *part.on(TableScope.PERSON))
    for table, cascade in _REFERENCE.findall(text):
        if table not in persons and table in part.names:
            continue
        if table not in persons or tables[0] not in persons or not (cascade or earlier):
            yield f"holds rows of {table}"


def _defines_only(text: str) -> bool:
    """Return whether the definitions in `text` query nothing and call no function."""
    defines = _DEFINES.match(text)
    if defines is None:
        return True
    bare = _REFERENCE.sub("", re.sub(_STRING, "''", text[defines.end() :]))
    called = set(_BEFORE_PARENTHESIS.findall(bare))
    return called <= _CALLS_NOTHING and _NEVER.search(bare) is None


def check_part(kind: str, part: TablesPart) -> None:
    """Raise StoreUnusable for a part with a declaration that no kind may make."""
    for fault in faults(kind, part):
        msg = (
            f"The tables of the kind {kind} cannot be used: {fault}. Update or remove the package that brings"
            " this kind. Nothing was changed."
        )
        raise StoreUnusable(msg)


REGISTER = "SELECT kind, part FROM kind_register"


def registered(rows: Iterable[Row]) -> tuple[dict[str, TablesPart], list[str]]:
    """Return the parts in a register, by kind, and its faults in sentences."""
    parts: dict[str, TablesPart] = {}
    findings: list[str] = []
    for kind, text in rows:
        if not (isinstance(kind, str) and _KIND.fullmatch(kind)):
            findings.append("the register of kinds is not optin's (no kind has such a name)")
            continue
        try:
            part = TablesPart.parse(text)
            wrong = next(faults(kind, part), "")
        except (ValueError, KeyError, TypeError, RecursionError):
            wrong = "it cannot be read"
        if wrong:
            findings.append(f"the register of the kind {kind} is not optin's ({wrong})")
        else:
            parts[kind] = part
    return parts, findings
