"""What a form hands out after the confirmation: a file by a link that lives for some days (S8)."""

from __future__ import annotations

from datetime import datetime

from optin.consent.form import FormDeclaration
from optin.store.promises import promise_until
from optin.store.transaction import Tx


def keep_handout(tx: Tx, form: FormDeclaration, until: datetime) -> None:
    """Keep the file of a form until a link to it ends, whether or not its magnet stays. Do it last."""
    if form.file:
        promise_until(tx, form.magnet, form.face, until)
