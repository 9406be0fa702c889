"""The form versions of a magnet, for staff: each page as it was served."""

from __future__ import annotations

from optin.flows.context import Context
from optin.store.database_interface import Tx
from optin.store.stored_forms import StoredForm, form_by_ordinal

__all__ = ["StoredForm", "two_versions"]


def two_versions(
    tx: Tx,
    context: Context,  # noqa: ARG001 - a flow
    magnet: str,
    before: int,
    after: int,
) -> tuple[StoredForm, StoredForm] | None:
    """Return two form versions of a magnet by their numbers; None: one of them is not there."""
    found = form_by_ordinal(tx, magnet, before), form_by_ordinal(tx, magnet, after)
    return None if found[0] is None or found[1] is None else (found[0], found[1])
