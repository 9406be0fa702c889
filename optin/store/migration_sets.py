"""All migrations of a database: optin's own, and one set for each kind of magnet that has tables."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from optin.consent.kind_part_lookup import PartsByKind
from optin.errors import StoreUnusable
from optin.store.database_interface import Row
from optin.store.kind_tables import TableScope, TablesPart, check_part, registered
from optin.store.migrations import MIGRATIONS, Migration

OWN = "optin"
Record: TypeAlias = tuple[str, str]  # the set and the name of a migration that was done


@dataclass(frozen=True)
class MigrationStep:
    """A migration with its set and the kind of that set ("": optin's own)."""

    migration_set: str
    migration: Migration
    kind: str = ""

    @property
    def name(self) -> str:
        """Its name for operators."""
        return f"{self.kind}: {self.migration.name}" if self.kind else self.migration.name


@dataclass(frozen=True)
class Schema:
    """The tables of a database: optin's own, and those of kinds."""

    kinds: tuple[tuple[str, TablesPart], ...] = ()
    own: tuple[Migration, ...] = MIGRATIONS

    @classmethod
    def of(cls, parts: PartsByKind[TablesPart]) -> Schema:
        """Return the schema of these kinds. Raises StoreUnusable for tables that no kind may have."""
        kinds = tuple((kind, part) for kind, part in parts.items() if part.migrations)
        owners: dict[str, str] = {}
        for kind, part in kinds:
            check_part(kind, part)
            for name in part.names:
                if (other := owners.setdefault(name, kind)) != kind:
                    msg = f"The kinds {other} and {kind} both have a table {name}; remove one of them."
                    raise StoreUnusable(msg)
        return cls(kinds)

    def with_removed(self, register: Iterable[Row]) -> tuple[Schema, list[str]]:
        """Return this with uninstalled kinds, as the database's register describes them.

        And in sentences what is wrong with the register.
        """
        here = {kind for kind, _ in self.kinds}
        removed, findings = registered(row for row in register if row[0] not in here)
        taken = set(self.kind_tables)
        for kind, part in sorted(removed.items()):
            if taken.intersection(part.names):
                findings.append(f"the register of the kind {kind} is not optin's (its tables are another's)")
                del removed[kind]
            taken.update(part.names)
        return Schema((*self.kinds, *sorted(removed.items(), key=lambda it: it[0])), self.own), findings

    @property
    def steps(self) -> tuple[MigrationStep, ...]:
        """Every migration, in order."""
        own = (MigrationStep(OWN, migration) for migration in self.own)
        kinds = (MigrationStep(set_of(kind), it, kind) for kind, part in self.kinds for it in part.migrations)
        return (*own, *kinds)

    def applied(self, records: Collection[Record]) -> tuple[MigrationStep, ...]:
        """Return the migrations recorded in a database."""
        return tuple(step for step in self.steps if _is_done(step, records))

    def due(self, records: Collection[Record]) -> tuple[MigrationStep, ...]:
        """Return the pending migrations of a database.

        Raises StoreUnusable for those of a newer program, and of one that numbered another migration alike.
        """
        for record in self.newer(records):
            raise StoreUnusable(self._why_newer(record, records))
        return self.lacking(records)

    def _why_newer(self, record: Record, records: Collection[Record]) -> str:
        migration_set, name = record
        program = "optin" if migration_set == OWN else f"kind {migration_set.removeprefix(set_of(''))}"
        for step in self.lacking(records):
            if step.migration_set == migration_set and _number(step.migration.name) == _number(name):
                return (
                    f"The database and this {program} disagree on a migration: there it is {name}, here"
                    f" {step.migration.name}. Neither version follows the other; install the one that made"
                    " the database. Nothing was changed."
                )
        return f"The database was made by a newer {program} ({name}); install that one. Nothing was changed."

    def newer(self, records: Collection[Record]) -> list[Record]:
        """Return the migrations recorded in a database that a newer optin, or kind that is here, made."""
        known = {(step.migration_set, step.migration.name) for step in self.steps}
        known |= {(OWN, step.migration.formerly) for step in self.steps}
        sets = {step.migration_set for step in self.steps}
        return sorted(record for record in set(records) - known if record[0] in sets)

    def lacking(self, records: Collection[Record]) -> tuple[MigrationStep, ...]:
        """Return the migrations not recorded in a database, whatever else is."""
        return tuple(step for step in self.steps if not _is_done(step, records))

    def unrecorded(self, records: Collection[Record]) -> list[str]:
        """Return, in sentences, the migrations whose record was removed from a database in use."""
        return [f"the record of the migration {name} is missing" for name in names_of(self.lacking(records))]

    @property
    def kind_tables(self) -> tuple[str, ...]:
        """The tables of all kinds, referenced ones first."""
        return tuple(name for _, part in self.kinds for name in part.names)

    @property
    def person_tables(self) -> tuple[str, ...]:
        """The tables of kinds whose rows belong to requests."""
        return tuple(name for _, part in self.kinds for name in part.on(TableScope.PERSON))

    @property
    def append_only(self) -> tuple[str, ...]:
        """The tables that are only ever added to."""
        return tuple(guarded.table for step in self.steps for guarded in step.migration.guarded)


def set_of(kind: str) -> str:
    """Return the name of a kind's set of migrations."""
    return f"kind_{kind}"


def register_rows(schema: Schema, done: Iterable[MigrationStep]) -> list[tuple[str, str]]:
    """Return the register rows changed by these migrations: kinds with their parts."""
    changed = {step.kind for step in done}
    return [(kind, part.as_json()) for kind, part in schema.kinds if kind in changed]


def newer_program(newer: Sequence[Record]) -> str:
    """Return the finding of a server that cannot write any more, because a newer program migrated."""
    names = ", ".join(name for _, name in newer)
    return (
        f"a newer version migrated it ({names}), and this one cannot write beside that: start the newer one"
    )


def names_of(steps: Iterable[MigrationStep]) -> list[str]:
    """Return the names of migrations for operators."""
    return [step.name for step in steps]


def _number(name: str) -> str:
    """Return the number of a migration: what its name begins with."""
    return name.partition("_")[0]


def _is_done(step: MigrationStep, records: Collection[Record]) -> bool:
    former = step.migration.formerly
    return (step.migration_set, step.migration.name) in records or bool(former and (OWN, former) in records)
