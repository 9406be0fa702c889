"""Request a consent again: from the personal page, or because it ends soon; confirmed by mail (R2, R8)."""

from __future__ import annotations

from datetime import datetime

from optin.consent.purpose import ConsentKey
from optin.consent.status_transitions import ConsentState, RequestId, SubjectId
from optin.errors import PageUnknown
from optin.flows.consents.store_request import NewRequest, store_request
from optin.flows.context import Context
from optin.flows.delivery.mail_limits import take_reader_mail
from optin.flows.delivery.mail_order import MailKind
from optin.flows.records.contact_details import current_contact
from optin.flows.records.decrypted_request import open_request
from optin.flows.records.event_history import current_consents
from optin.store.data_subjects import find_subject
from optin.store.database_interface import Tx
from optin.store.encryption import Vault
from optin.store.mail_outbox import enqueue
from optin.store.requests import peek_request

PERSONAL_PAGE = "personal-page"
RECONFIRMATION = "reconfirmation"


def ask_from_personal_page(
    tx: Tx, context: Context, email_index: bytes, key: ConsentKey, now: datetime
) -> bool:
    """Create a request for a consent from the personal page, to be confirmed by mail (R2).

    Only a reader of the mailbox is on that page, so it counts as what a reader asks. Tell whether a mail was
    queued. Raises PageUnknown for what was never asked or is no longer offered.
    """
    subject = find_subject(tx, email_index)
    consent = None if subject is None else _consent_about(tx, context.vault, subject, key)
    if subject is None or consent is None:
        raise PageUnknown
    if not take_reader_mail(tx, context, current_contact(tx, context.vault, subject).email, now):
        return False
    return request_renewal(tx, context, subject, consent, PERSONAL_PAGE, now)


def _consent_about(tx: Tx, vault: Vault, subject: SubjectId, key: ConsentKey) -> ConsentState | None:
    found = (it for it in current_consents(tx, vault, subject) if it.key == key)
    return next(found, None)


def request_renewal(
    tx: Tx, context: Context, subject: SubjectId, consent: ConsentState, through: str, now: datetime
) -> bool:
    """Create a request for one consent with the form served now, and queue its mail.

    False: nobody asks it any more, so nobody may be asked again. Raises LinkSpent.
    """
    asked = open_request(
        tx, context.vault, peek_request(tx, consent.record.request or RequestId(b""))
    ).declaration
    form = context.policy.offers.form_for(consent.key, asked)
    if form is None:
        return False
    contact = current_contact(tx, context.vault, subject)
    address = consent.channel.address
    value = address.own(contact.values)
    fields = ((address.field, value),) if value else ()
    asking = NewRequest(form, contact.email, fields, (consent.purpose,), through)
    request, _ = store_request(tx, context, asking, now)
    due = None if through == PERSONAL_PAGE else now  # nobody waits for a mail that the calendar sends
    enqueue(tx, MailKind.RENEWAL, request, context.policy.mail_domain, now, due)
    return True
