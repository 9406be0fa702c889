"""Keep a bundle of evidence from handing out a link that still confirms.

A bundle holds each mail exactly as sent: the log is bound to its bytes. So a link in it cannot be taken out.
"""

from __future__ import annotations

from datetime import datetime

from optin.consent.email_and_telephone import EmailAddress
from optin.consent.signed_links import SKEW
from optin.errors import RequestRefused
from optin.flows.context import Context
from optin.store.database_interface import Tx
from optin.store.person_records import mails_of, requests_of


def refuse_live_confirmation(tx: Tx, context: Context, email: EmailAddress, now: datetime) -> None:
    """Raise RequestRefused while a mail to this address holds a link that would confirm a sign-up."""
    vault, lifetime = context.vault, context.policy.unconfirmed.link
    for stored in requests_of(tx, vault.index(email)):
        sent = [] if stored.confirmed_at is not None else mails_of(tx, vault, stored.id)
        if any(now <= lifetime.after(it.sent_at) + SKEW for it in sent):
            msg = (
                "A sign-up of this person waits for its confirmation, and the bundle would hold the link that"
                " confirms it. Take the bundle once it is confirmed or erased, or its link has expired."
            )
            raise RequestRefused(msg)
