"""For flow hooks: the request, the person and the mails that a hook works with."""

from optin.consent.email_and_telephone import EmailAddress, as_mailed, mailbox_of
from optin.consent.signed_links import LinkKind
from optin.consent.status_transitions import RequestId, SubjectId
from optin.flows.consents.encrypted_page_token import as_token, from_token, open_text, seal_text
from optin.flows.context import Context
from optin.flows.deletion_clock import trust_clock
from optin.flows.kind_flow_hooks import ConfirmedRequest, PersonStatus, QueuedMail, SendLater
from optin.flows.records.contact_details import current_contact
from optin.flows.records.decrypted_request import OpenedRequest, open_request
from optin.flows.reports.form_sums import FormSums, sums_by_form
from optin.flows.request_policy import RequestPolicy
from optin.store.officer_actions import RightsAction, record_action
from optin.store.person_records import requests_of
from optin.store.requests import load_request, peek_request

__all__ = [
    "ConfirmedRequest",
    "Context",
    "EmailAddress",
    "FormSums",
    "LinkKind",
    "OpenedRequest",
    "PersonStatus",
    "QueuedMail",
    "RequestId",
    "RequestPolicy",
    "RightsAction",
    "SendLater",
    "SubjectId",
    "as_mailed",
    "as_token",
    "current_contact",
    "from_token",
    "load_request",
    "mailbox_of",
    "open_request",
    "open_text",
    "peek_request",
    "record_action",
    "requests_of",
    "seal_text",
    "sums_by_form",
    "trust_clock",
]
