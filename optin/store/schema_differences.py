"""Compare the schema with the one that optin makes, object by object, by full text.

What is expected stands nowhere a second time: the migrations are run on an empty database of the same kind,
and that database says what it holds (`sqlite_schema`, `postgres_schema`). A name proves nothing: a trigger
of the right name may be empty, and a foreign one may swallow what is written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from optin.errors import StoreUnusable
from optin.store.migration_sets import MigrationStep, Record, Schema

Objects: TypeAlias = Mapping[str, str]  # what an object is called, and its text
NAMED = 3  # findings in one sentence
UNMADE = "the records of its migrations and the register of kinds are not optin's: no schema comes of them"
CURE = (
    "Somebody changed it without optin. Remove what is foreign and put back what is missing, or restore a"
    " backup; optin audit lists every difference."
)


def differences(expected: Objects, found: Objects) -> list[str]:
    """Return, in sentences, the foreign, altered and missing objects in `found`; empty when none."""
    foreign = [f"{name} is not optin's" for name in sorted(found.keys() - expected.keys())]
    missing = [f"{name} is missing" for name in sorted(expected.keys() - found.keys())]
    altered = [
        f"{name} is not as optin made it"
        for name in sorted(expected.keys() & found.keys())
        if expected[name] != found[name]
    ]
    return [*foreign, *altered, *missing]


def refuse_schema(findings: Sequence[str]) -> None:
    """Raise StoreUnusable, naming the first findings, when there are any."""
    if findings:
        found = findings_in_words(findings)
        msg = f"The schema of the database is not optin's: {found}. {CURE} Nothing was changed."
        raise StoreUnusable(msg)


def migrations_due(
    schema: Schema, records: frozenset[Record], compare: Callable[[], Sequence[str]], *, inspecting: bool
) -> tuple[MigrationStep, ...]:
    """Return the migrations to make. `compare`: finds what of the schema is not optin's.

    Where it finds something, StoreUnusable is raised; `inspecting`: none is made, and whoever asks tells it.
    """
    due = schema.due(records)
    findings = compare() if due or not inspecting else ()
    if not inspecting:
        refuse_schema(findings)
    return () if findings else due


def findings_in_words(findings: Sequence[str]) -> str:
    """Return the first findings, and the number of further ones."""
    more = len(findings) - NAMED
    return "; ".join(findings[:NAMED]) + (f"; and {more} more" if more > 0 else "")
