"""Additions of a newer optin to tables that this version knows, beside which it goes on serving (PostgreSQL).

During an upgrade servers of two versions run. What the newer one adds is left alone by the older one where it
can neither swallow nor change nor refuse a row: an index that is not unique, a column that may stay empty or
has a constant to begin with, and what a new table needs that refers to one of these. Only the newer version's
migrations, recorded in the database, allow that: without them the same index counts as foreign.
"""

from __future__ import annotations

import re

from optin.store.schema_differences import Objects

# By the kind of an object: what its text is, as `postgres_schema` prints it.
_HARMLESS = {
    "index": re.compile(r"CREATE INDEX .* t t", re.DOTALL),  # valid and ready
    "column": re.compile(r"[a-z ]+ (?:f {2,}|t {2,}(?:-?\d+|'[^']*'(?:::[a-z ]+)?))"),
    "constraint": re.compile(r"FOREIGN KEY .* t", re.DOTALL),  # of the new table
    "trigger": re.compile(r"\d+ O t"),  # of PostgreSQL itself
}
_OF_REFERENCE = re.compile(r"trigger RI_FKey_(?:cascade|noaction|restrict)_(?:del|upd) of ")


def without_harmless_additions(expected: Objects, found: Objects) -> Objects:
    """Return the found objects that are expected, or are no harmless additions."""
    return {
        label: text for label, text in found.items() if label in expected or not _is_harmless(label, text)
    }


def _is_harmless(label: str, text: str) -> bool:
    kind = label.partition(" ")[0]
    pattern = _HARMLESS.get(kind)
    if pattern is None or pattern.fullmatch(text) is None:
        return False
    return kind != "trigger" or _OF_REFERENCE.match(label) is not None
