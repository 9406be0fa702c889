"""Take it back that a mailbox is unreachable (O6)."""

from __future__ import annotations

from optin.consent.purpose import ConsentKey
from optin.flows.context import Context
from optin.flows.records.event_history import live_consents
from optin.store.data_subjects import find_subject
from optin.store.database_interface import Tx
from optin.store.unreachable_addresses import forget_returned


def lift_unreachable(tx: Tx, context: Context, email_index: bytes) -> list[ConsentKey]:
    """Forget what came back from a mailbox; return the consents by mail that may be used again.

    Processors were told that these may not be used: they are to be told again.
    """
    if not forget_returned(tx, email_index):
        return []
    subject = find_subject(tx, email_index)
    live = {} if subject is None else live_consents(tx, context.vault, subject)
    return [key for key in live if key.channel.by_mail]
