"""Whether the consents of a few people are proven as of now, as an export proves them (E1)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from optin.consent.purpose import ConsentKey
from optin.consent.status_transitions import SubjectId
from optin.flows.context_with_kinds import SiteContext
from optin.flows.evidence.prove_consent import ProvenConsent, UnprovenReason, prove
from optin.flows.evidence.usable_consents import usable_consents
from optin.flows.evidence.withdrawals_in_journal import EndingsOf, still_proven
from optin.store.database_interface import Tx
from optin.store.leads import leads_of
from optin.store.stored_forms import form_by_digest


def proofs_of_people(
    tx: Tx,
    context: SiteContext,
    key: ConsentKey,
    people: Sequence[SubjectId],
    now: datetime,
    endings_of: EndingsOf,
) -> list[tuple[ProvenConsent | UnprovenReason, bytes]]:
    """Return each person's proof, in the order of the people, with the digest of the address.

    Who never gave this consent is left out. Raises KeysUnusable, JournalUnusable.
    """
    stored = {it.subject: it for it in leads_of(tx, key, people)}
    leads = [stored[it] for it in people if it in stored]
    named = {it.request.form for it in leads if it.request is not None}
    forms = {it: form_by_digest(tx, it) for it in named}
    found = []
    for lead in leads:
        form = None if lead.request is None else forms[lead.request.form]
        kind = "" if form is None else form.version.declaration.kind
        of_request = context.policy.forms[kind].exported_of_request
        proof = prove(context.vault, lead, form, key, now, of_request)
        found.append(still_proven(proof, lead.email_index, endings_of(lead.email_index)))
    proofs = usable_consents(tx, context.vault, found)
    return [(proof, it.email_index) for proof, it in zip(proofs, leads, strict=True)]
