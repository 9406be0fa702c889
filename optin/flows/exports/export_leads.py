"""Export the leads whose consent for a purpose and channel is proven as of now (E1).

A page is one short read. What is refused is counted with its reason; what leaves is recorded first (E5),
with who was in it: the person can be told, and the processor when it ends.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from optin.consent.channel import declared_addresses
from optin.consent.kind_part_lookup import PartsByKind
from optin.consent.kind_specific_details import DetailsPart
from optin.consent.purpose import ConsentKey
from optin.consent.status_transitions import SubjectId
from optin.flows.evidence.prove_consent import ProvenConsent, UnprovenReason, prove
from optin.flows.evidence.usable_consents import usable_consents
from optin.flows.evidence.withdrawals_in_journal import Endings, still_proven
from optin.store.database_interface import Runner
from optin.store.encryption import Vault
from optin.store.export_records import add_members, new_run
from optin.store.leads import FIRST, StoredLead, count_unconfirmed, forms_of, lead_page
from optin.store.stored_forms import StoredForm, form_by_digest


@dataclass
class LeadExport:
    """The leads of one purpose: yields the proven ones, and counts the refused."""

    read: Runner  # runs one short reading operation
    write: Runner  # runs one durable operation
    vault: Vault
    forms: PartsByKind[DetailsPart]  # what kinds know of their forms
    key: ConsentKey
    now: datetime
    endings: Endings = field(default_factory=dict)  # what the journal says that ended
    run: bytes = field(init=False, default=b"")
    exported: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    _forms: dict[str, StoredForm | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Name the export run, before it has a number."""
        self.run = new_run(self.now)

    def field_names(self) -> tuple[str, ...]:
        """Return the fields of these leads' forms, besides the addresses; SOURCE_FIELD where one keeps it."""
        names: set[str] = set()
        for digest in self.read(forms_of, key=self.key):
            form = self._form(digest)
            if form is not None:
                declared = form.version.declaration
                own = self.forms[declared.kind].unexported
                names |= {asked.name for asked in declared.fields if asked.name not in own}
        return tuple(sorted(names - {it.field for it in declared_addresses()}))

    def proven(self) -> Iterator[ProvenConsent]:
        """Yield every proven lead, in constant memory."""
        after = FIRST
        while page := self.read(lead_page, key=self.key, after=after):
            found = [self._prove(lead) for lead in page]
            outcomes = self.read(usable_consents, vault=self.vault, found=found)
            proven = [outcome for outcome in outcomes if isinstance(outcome, ProvenConsent)]
            self.refused.update(it.value for it in outcomes if isinstance(it, UnprovenReason))
            living = self._members(proven)
            for lead in proven:
                if lead.subject in living:
                    self.exported += 1
                    yield lead
                else:
                    self.refused[UnprovenReason.ERASED.value] += 1
            after = page[-1].subject
        self.refused[UnprovenReason.UNCONFIRMED.value] += self.read(count_unconfirmed, key=self.key)
        self.refused = +self.refused

    def _members(self, proven: Sequence[ProvenConsent]) -> frozenset[SubjectId]:
        """Record the people about to be exported; return those who still exist."""
        if not proven:
            return frozenset()
        subjects = [SubjectId(bytes(lead.subject)) for lead in proven]
        living: frozenset[SubjectId] = self.write(add_members, run=self.run, subjects=subjects)
        return living

    def _prove(self, lead: StoredLead) -> ProvenConsent | UnprovenReason:
        form = None if lead.request is None else self._form(lead.request.form)
        kind = "" if form is None else form.version.declaration.kind
        key, of_request = self.key, self.forms[kind].exported_of_request
        found = prove(self.vault, lead, form, key, self.now, of_request)
        return still_proven(found, lead.email_index, self.endings)

    def _form(self, digest: str) -> StoredForm | None:
        if digest not in self._forms:
            self._forms[digest] = self.read(form_by_digest, digest=digest)
        return self._forms[digest]
