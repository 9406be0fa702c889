"""Erase one request of a person, on a ground that a rule of the sweep found."""

from __future__ import annotations

from optin.consent.erasure_grounds import ErasureGround
from optin.flows.records.contact_details import current_contact, recommit_contact
from optin.flows.rights.erase import erase_person
from optin.flows.sweep_context import SweepContext
from optin.store.data_subjects import refresh_idle
from optin.store.database_interface import Tx
from optin.store.person_records import request_ids
from optin.store.requests import Request, erase_requests


def forget_request(tx: Tx, context: SweepContext, stored: Request, ground: ErasureGround) -> None:
    """Erase a request; with its person, where it is the only one. Raises LogDisagrees.

    Of who has others the details stay known: the newest of these vouches for them.
    """
    if request_ids(tx, stored.email_index, stored.subject) == [stored.id]:
        erase_person(tx, context, stored.email_index, ground, context.now, suppress_all=False)
        return
    contact = None if stored.subject is None else current_contact(tx, context.vault, stored.subject)
    erase_requests(tx, context.vault, [stored.id], ground, context.now)
    if stored.subject is not None and contact is not None:
        recommit_contact(tx, context.vault, stored.subject, contact, context.now)
        refresh_idle(tx, stored.subject)
