"""Scrub an old list: find which of its people may be approached for a purpose by a channel (E6).

1. Bring each address or number of a batch to its one normal form; what is none is dropped.
2. Look up who is behind them, by digest.
3. Prove each consent as for an export; keep a row of whose own addresses each has a proven one.
Or, to suppress only: drop those who withdrew, objected or were erased, unless they gave it anew, and those
on the company's own do-not-contact list.
Either way, a row goes with whose other cells such a person is named.
Nothing of the list is stored.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice

from optin.consent.channel import Address
from optin.consent.purpose import ConsentKey
from optin.consent.status_transitions import SubjectId
from optin.flows.evidence.objections_to_consents import REASONS
from optin.flows.evidence.prove_consent import ProvenConsent, UnprovenReason, prove
from optin.flows.evidence.usable_consents import usable_consents
from optin.flows.evidence.withdrawals_in_journal import Endings, still_proven
from optin.flows.objections.find_objections import PlannedContact, find_objections
from optin.store.data_subjects import subjects_by_address, subjects_by_number
from optin.store.database_interface import Runner
from optin.store.encryption import Vault
from optin.store.leads import leads_of
from optin.store.stored_forms import StoredForm, form_by_digest
from optin.store.suppressions import suppressed_among
from optin.store.unreachable_addresses import unreachable_among

Row = tuple[Sequence[str], Sequence[str]]  # its own addresses or numbers, and those in its other cells
BATCH = 500
KEPT = ""
REFUSED = "\0"  # stands for whatever a person gave; no address or number is written so
NO_ADDRESS = "no address"
UNKNOWN = "no consent"
OBJECTED = "withdrawn or erased"
WITHDRAWN = UnprovenReason.WITHDRAWN.value
UNREACHABLE = UnprovenReason.UNREACHABLE.value


@dataclass
class Scrubber:
    """Decides about the rows of a list, batch by batch."""

    read: Runner  # runs one short reading operation
    vault: Vault
    key: ConsentKey
    by: Address  # what identifies the rows of the list
    now: datetime
    country: str  # reads national numbers
    suppress_only: bool = False
    endings: Endings = field(default_factory=dict)  # what the journal says that ended
    _forms: dict[str, StoredForm | None] = field(default_factory=dict)

    def judge(self, rows: Iterable[Row]) -> Iterator[str]:
        """Yield for each row why it is dropped: one of its own addresses, or an objection to another one.

        `KEPT` (empty): it may be approached.
        """
        waiting = iter(rows)
        while batch := list(islice(waiting, BATCH)):
            yield from self._judge(batch)

    def _judge(self, batch: Sequence[Row]) -> Iterator[str]:
        # 1. One normal form.
        written = {value for own, others in batch for value in (*own, *others)}
        normal = {value: self._normal(value) for value in written}
        indexes = {value: self._index(value) for value in normal.values() if value is not None}

        # 2. Who is behind them.
        wanted = sorted(set(indexes.values()))
        look_up = subjects_by_number if self.by.declared else subjects_by_address
        people = self.read(look_up, indexes=wanted) if wanted else {}
        allowed = self._allowed(people)
        barred = self._barred(indexes)

        # 3. Keep who may be approached.
        proven = {value for value, index in indexes.items() if value in allowed.get(index, {})}
        strict = not self.suppress_only
        asked = normal.keys() if self.suppress_only else {value for _, others in batch for value in others}
        objected = self._objected_among(indexes, {normal[value] for value in asked} - proven)
        withdrawn = {value for value, index in indexes.items() if self._why(allowed, index) == WITHDRAWN}
        objected |= withdrawn - proven  # by their events, whatever became of the suppression

        def reason(value: str) -> str:
            known = normal[value]
            if known is None:
                return NO_ADDRESS
            if known in proven:
                return KEPT
            if strict:
                why = self._why(allowed, indexes[known])
                return barred.get(known, why) if why == UNKNOWN else why
            return barred.get(known, OBJECTED if known in objected else KEPT)

        for own, others in batch:
            of_own = next(filter(None, map(reason, own)), KEPT)
            of_others = (known for value in others if (known := normal[value]) is not None)
            against = (
                barred.get(it, OBJECTED if it in objected else KEPT) for it in of_others if it not in proven
            )
            yield of_own or next(filter(None, against), KEPT)

    def _barred(self, indexes: Mapping[str, bytes]) -> dict[str, str]:
        """Return why these addresses or numbers must not be contacted, whatever is on file (L7, O6)."""
        values = sorted(indexes)
        asked = [PlannedContact({self.by.field: value}) for value in values]
        bars = self.read(find_objections, vault=self.vault, contacts=asked, channel=self.key.channel)
        dead = () if self.by.declared else self.read(unreachable_among, indexes=sorted(set(indexes.values())))
        unreachable = {value: UNREACHABLE for value in values if indexes[value] in dead}
        barred = {value: REASONS[bar.by].value for value, bar in zip(values, bars, strict=True) if bar}
        return unreachable | barred

    def _objected_among(self, indexes: Mapping[str, bytes], values: Iterable[str | None]) -> set[str]:
        """Return which of these addresses or numbers are suppressed."""
        known = [value for value in values if value is not None]
        if not known:
            return set()
        found = self._objected(sorted({indexes[value] for value in known}))
        return {value for value in known if indexes[value] in found}

    def _why(self, allowed: Mapping[bytes, Mapping[str, str]], index: bytes) -> str:
        refusals = [reason for reason in allowed.get(index, {}).values() if reason]
        return refusals[0] if refusals else UNKNOWN

    def _allowed(self, people: Mapping[bytes, Sequence[SubjectId]]) -> dict[bytes, dict[str, str]]:
        """Return by digest the proven addresses or numbers (`KEPT`), and why others are refused."""
        subjects = sorted({subject for found in people.values() for subject in found})
        leads = self.read(leads_of, key=self.key, subjects=subjects)
        found: list[ProvenConsent | UnprovenReason] = []
        for lead in leads:
            form = None if lead.request is None else self._form(lead.request.form)
            proof = prove(self.vault, lead, form, self.key, self.now)
            found.append(still_proven(proof, lead.email_index, self.endings))
        usable = self.read(usable_consents, vault=self.vault, found=found)
        outcomes = {lead.subject: outcome for lead, outcome in zip(leads, usable, strict=True)}
        allowed: dict[bytes, dict[str, str]] = {}
        for index, behind in people.items():
            for outcome in (outcomes[subject] for subject in behind if subject in outcomes):
                if isinstance(outcome, UnprovenReason):
                    allowed.setdefault(index, {})[REFUSED] = outcome.value
                    continue
                proven = self.by.own(outcome.fields) if self.by.declared else outcome.email
                if self._index(proven) == index:
                    allowed.setdefault(index, {})[self.by.identity(proven)] = KEPT
        return allowed

    def _objected(self, indexes: Sequence[bytes]) -> set[bytes]:
        found: set[bytes] = self.read(suppressed_among, key=self.key, indexes=indexes)
        return found

    def _normal(self, value: str) -> str | None:
        try:
            return self.by.key(value.strip(), self.country)
        except ValueError:
            return None

    def _index(self, value: str) -> bytes:
        return self.vault.address_index(self.by, value)

    def _form(self, digest: str) -> StoredForm | None:
        if digest not in self._forms:
            self._forms[digest] = self.read(form_by_digest, digest=digest)
        return self._forms[digest]
