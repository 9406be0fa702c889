"""The file that a form hands out after the confirmation, by a link that is valid for some days (S8)."""

from __future__ import annotations

from datetime import datetime

from optin.consent.form_version import FormDeclaration
from optin.flows.context import Context
from optin.store.database_interface import Tx
from optin.store.magnet_promises import PromisedFile, promise_of, promise_until


def keep_promised_file(tx: Tx, form: FormDeclaration, until: datetime) -> None:
    """Keep the file of a form until its last link expires, even if the magnet is removed. Call it last."""
    if form.file:
        promise_until(tx, form.magnet, form.form_name, until)


def view_promised_file(tx: Tx, _context: Context, form: FormDeclaration) -> PromisedFile | None:
    """Return the file stored for a form; None when it promised none, or none is stored."""
    promise = promise_of(tx, form.magnet, form.form_name)
    return None if promise is None else promise.file
