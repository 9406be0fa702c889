"""Sign up: store one request, its events and its confirmation mail, or nothing at all (D1).

It never looks whether the person is known, so it takes the same way for everybody (D7).
"""

from __future__ import annotations

from datetime import datetime

from optin.consent.form_version import FormVersion
from optin.consent.posted_form import ValidEntry
from optin.consent.status_transitions import RequestId
from optin.flows.consents.duplicate_posts import find_first_post
from optin.flows.consents.store_request import NewRequest, store_request
from optin.flows.context import Context
from optin.flows.delivery.mail_limits import mailbox_digest, take_form_mail
from optin.flows.delivery.mail_order import MailKind
from optin.flows.delivery.promised_file import keep_promised_file
from optin.store.database_interface import Tx
from optin.store.mail_outbox import enqueue


def sign_up(
    tx: Tx, context: Context, form: FormVersion, entry: ValidEntry, now: datetime
) -> tuple[RequestId, bool]:
    """Store the request in `entry`; return it, and whether its confirmation mail was queued.

    A mailbox that got enough mails today gets no other, and no visitor may be told (D7, D8). A form that was
    sent twice gets one mail, which counts once.
    """
    mailbox = mailbox_digest(context.vault, entry.email)
    tx.hold(mailbox)  # two posts at once: the second sees the first
    asking = NewRequest(form, entry.email, entry.fields, entry.purposes)
    twin = find_first_post(
        tx, context.vault, context.vault.index(entry.email), form.digest, asking.declared(now), now
    )
    request, code = store_request(tx, context, asking, now, twin)
    mailed = twin is None and take_form_mail(tx, context, mailbox, code, now)
    if mailed:
        enqueue(tx, MailKind.CONFIRMATION, request, context.policy.mail_domain, now)
    # whoever confirms in the last hour has the file as long as anybody
    keep_promised_file(tx, form.declaration, context.policy.promised_until(now))
    return request, mailed
