"""The mail that informs a person of an entry about them: what is kept, why, and until when (L4, GDPR 13)."""

from __future__ import annotations

from datetime import datetime

from optin.bases.all_bases import part_of
from optin.consent.channel import MAILBOX
from optin.consent.email_and_telephone import EmailAddress
from optin.consent.held_basis import BasisEntry, BasisEntryId
from optin.consent.status_transitions import EventKind
from optin.flows.context import Context
from optin.flows.delivery.mail_order import BasisNotice, BasisOrder, MailKind
from optin.store.database_interface import Tx
from optin.store.held_bases import load_entry
from optin.store.mail_outbox import OutboxMail


def order_of_basis(tx: Tx, context: Context, letter: OutboxMail, now: datetime) -> BasisOrder | None:
    """Return the mail about an entry; None when the entry is over, or is gone. Raises KeysUnusable."""
    entry = load_entry(tx, context.vault, BasisEntryId(letter.request))
    email = "" if entry is None else entry.statement.addresses.get(MAILBOX.field, "")
    if entry is None or not email or not entry.lasts(now):
        return None
    return BasisOrder(
        number=letter.number,
        claim=letter.claim,
        message_id=letter.message_id,
        kind=MailKind.BASIS,
        recipient=EmailAddress(email),
        lang=entry.statement.lang,
        entry=entry.id,
        notice=notice_of(entry),
    )


def notice_of(entry: BasisEntry) -> BasisNotice:
    """Return the content of the mail that informs the person of an entry."""
    statement, part = entry.statement, part_of(entry)
    held = {**statement.addresses, **statement.person}
    return BasisNotice(
        basis=statement.basis,
        article="" if part is None else part.article,
        about=statement.about,
        recorded_at=datetime.fromisoformat(statement.at),
        until=entry.until,
        kept=tuple(name for name, value in held.items() if value),
        extended=any(act.kind is EventKind.BASIS_EXTENDED for act in entry.acts),
    )
