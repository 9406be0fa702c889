"""Sign-up: one request, its events and its confirmation mail, or nothing at all (D1).

It never looks whether the person is known, so it takes the same way for everybody (D7).
"""

from __future__ import annotations

from datetime import datetime, timedelta

from optin.consent.entry import Entry
from optin.consent.form import FormVersion
from optin.consent.record import RequestId
from optin.flows.asking import Asking, keep_asking
from optin.flows.handouts import keep_handout
from optin.flows.orders import MailKind
from optin.flows.policy import PER_ADDRESS, RequestPolicy
from optin.flows.twins import find_twin
from optin.store.outbox import enqueue, is_mailed
from optin.store.requests import count_recent
from optin.store.transaction import Tx
from optin.store.vault import Vault

DAY = timedelta(days=1)


def sign_up(
    tx: Tx, vault: Vault, form: FormVersion, entry: Entry, policy: RequestPolicy, now: datetime
) -> RequestId:
    """Store what `entry` asks for and queue its confirmation mail; return the request.

    An address that caused enough mails today gets no other, and nobody is told (D7, D8). A form that was sent
    twice gets one mail, which counts once.
    """
    index = vault.index(entry.email)
    tx.hold(index)  # two posts at once: the second sees the first
    may_mail = count_recent(tx, index, now - DAY) < policy.per_address_per_day
    asking = Asking(form, entry.email, entry.fields, entry.purposes)
    twin = find_twin(tx, vault, index, form.digest, asking.declared(now), now)
    request = keep_asking(tx, vault, asking, policy, now, twin)
    if may_mail and twin is None:
        enqueue(tx, MailKind.CONFIRMATION, request, policy.mail_domain, now)
    if not may_mail and twin is None:
        policy.limited(PER_ADDRESS)
    # whoever confirms in the last hour has the file as long as anybody
    keep_handout(tx, form.declaration, policy.download.after(policy.link.after(now)))
    return request


def sign_up_and_count(
    tx: Tx, vault: Vault, form: FormVersion, entry: Entry, policy: RequestPolicy, now: datetime
) -> tuple[RequestId, bool]:
    """Do the same; tell as well whether a mail was queued: for whoever counts mails, never for a visitor."""
    request = sign_up(tx, vault, form, entry, policy, now)
    return request, is_mailed(tx, request, MailKind.CONFIRMATION)
