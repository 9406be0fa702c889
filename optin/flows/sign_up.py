"""Sign-up: one request, its events and its confirmation mail, or nothing at all (D1).

It never looks whether the person is known, so it takes the same way for everybody (D7). Also an address that
had its mails for today: its request is stored like any other, only the mail stays away. So its code is
counted, sent again and swept like any other, and nobody sees from outside that there is none.
"""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import Any

from optin.consent.code import new_code
from optin.consent.entry import Entry
from optin.consent.event import Circumstances, rfc3339
from optin.consent.form import FormVersion
from optin.consent.record import EventKind, RequestId
from optin.flows.orders import MailKind
from optin.flows.policy import RequestPolicy
from optin.proof.canonical import canonical
from optin.proof.commitment import SALT_BYTES, commit
from optin.store.events import add_events
from optin.store.forms import words_of
from optin.store.outbox import enqueue
from optin.store.requests import Request, Sealed, add_request, count_recent
from optin.store.transaction import Tx
from optin.store.vault import Vault, new_id

DAY = timedelta(days=1)


def sign_up(
    tx: Tx, vault: Vault, form: FormVersion, entry: Entry, policy: RequestPolicy, now: datetime
) -> RequestId:
    """Store what `entry` asks for and queue its confirmation mail; return the request.

    1. An address that caused enough mails today gets no other (D8).
    2. What was declared is sealed; events know it by a salted digest only.
    3. Request, events and mail are added together.
    """
    # 1. An address that caused enough mails today gets no other.
    request = RequestId(new_id())
    email_index = vault.index(entry.email)
    may_mail = count_recent(tx, email_index, now - DAY) < policy.per_address_per_day

    # 2. What was declared is sealed.
    declared = canonical(_declared(form, entry, now))
    sealed = Sealed(declaration=declared, salt=secrets.token_bytes(SALT_BYTES), code=new_code())

    # 3. Request, events and mail are added together.
    add_request(
        tx,
        Request(
            id=request,
            email_index=email_index,
            subject=None,
            form=form.digest,
            sealed=sealed.seal(vault, request),
            created_at=now,
            link_until=None,
            resent=0,
            code_tries=0,
            confirmed_at=None,
        ),
        erase_at=max(policy.keep.after(now), policy.link.after(now)),  # as when its mail leaves
    )
    commitment = commit(sealed.salt, declared)
    circumstances = Circumstances(
        request, form.digest, words_of(form.declaration), form.declaration, commitment
    )
    asked = form.declaration.asked(entry.purposes)
    add_events(tx, vault, request, circumstances.bodies(EventKind.REQUESTED, now, asked))
    if may_mail:
        enqueue(tx, MailKind.CONFIRMATION, request, policy.mail_domain, now)
    return request


def _declared(form: FormVersion, entry: Entry, now: datetime) -> dict[str, Any]:
    return {
        "email": entry.email,
        "fields": dict(entry.fields),
        "purposes": list(entry.purposes),
        "form": form.digest,
        "privacy": form.declaration.privacy,
        "lang": form.declaration.lang,
        "at": rfc3339(now),
    }
