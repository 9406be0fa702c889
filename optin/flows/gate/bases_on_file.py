"""The lawful bases on file for a person, purpose and channel, each with its evidence (L1, G1)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from optin.bases.all_bases import HeldBases, bases_for
from optin.bases.basis_part import SUBSCRIBER, AskedUse
from optin.consent.channel import MAILBOX, Address
from optin.consent.held_basis import BasisEntry, BasisEntryId
from optin.consent.objection import ObjectedBy, Objection
from optin.consent.purpose import ConsentKey
from optin.consent.status_transitions import RequestId, SubjectId
from optin.flows.context import Context
from optin.flows.evidence.objections_to_consents import without_objected
from optin.flows.evidence.prove_consent import ProvenConsent, UnprovenReason, prove
from optin.flows.evidence.withdrawals_in_journal import EndingsOf, still_proven, wants_no_advertising
from optin.flows.gate.question import Question
from optin.flows.objections.find_objections import PlannedContact, find_objections
from optin.rules.contact_rule import LawfulBasis, Relation, Subscriber
from optin.rules.may_contact import HeldBasis
from optin.store.data_subjects import address_index, subjects_by_address, subjects_by_number
from optin.store.database_interface import Tx
from optin.store.encryption import Vault
from optin.store.events import newest_event_about, newest_event_of
from optin.store.held_bases import entries_by_address
from optin.store.leads import StoredLead, leads_of
from optin.store.stored_forms import StoredForm, form_by_digest
from optin.store.suppressions import suppressed_among
from optin.store.unreachable_addresses import unreachable_among

NO_BASES = HeldBases((), Relation.NONE)


@dataclass(frozen=True)
class PersonOnFile:
    """A person behind an address, with the bases on file.

    `subject`: None of somebody who never confirmed anything, and stands on the register of bases alone.
    `elsewhere`: the consent is proven, for another address than the one asked about. `request`: the request
    of the consent; None where no consent is on file. `events`: the number of the person's newest event.
    `entries`: on the register of bases. `objected`: or withdrew, and gave no consent since.
    """

    subject: SubjectId | None
    held: tuple[HeldBasis, ...] = ()
    request: RequestId | None = None
    elsewhere: bool = False
    events: int = 0
    entries: tuple[BasisEntry, ...] = ()
    relation: Relation = Relation.NONE
    objected: bool = False
    listed: bool = False  # on the company's list of people whom it contacts no more

    @property
    def owners(self) -> tuple[bytes, ...]:
        """The ids under which questions about the person are stored: its own, and those of its entries."""
        ids = tuple(entry.id for entry in self.entries)
        return ids if self.subject is None else (self.subject, *ids)

    @property
    def subscriber(self) -> Subscriber | None:
        """The kind of subscriber to whom the address belongs, if all entries agree."""
        said = {name for it in self.entries if (name := it.statement.person.get(SUBSCRIBER))}
        return Subscriber(said.pop()) if len(said) == 1 else None


@dataclass(frozen=True)
class GateInquiry:
    """What questions at one moment about one purpose and channel are answered from.

    `address`: the kind of what is asked about. `at`: when the contact would be made.
    """

    tx: Tx
    context: Context
    key: ConsentKey
    address: Address
    now: datetime
    at: datetime
    endings_of: EndingsOf  # withdrawals in the journal; raises JournalUnusable
    whole_list: bool = False  # answered whenever calls are allowed, and not logged as a use
    forms: dict[str, StoredForm | None] = field(default_factory=dict, repr=False)  # those read before


@dataclass(frozen=True)
class Objections:
    """People who must not be contacted: suppressed digests, and the objections to entries and addresses."""

    suppressed: frozenset[bytes] = frozenset()
    of_suppressed: frozenset[BasisEntryId] = frozenset()  # entries that name such an address
    to_entries: Mapping[BasisEntryId, Objection | None] = field(default_factory=dict)
    to_values: Mapping[str, Objection | None] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class BasesOnFile:
    """Everything on file for some addresses, by their digests, read together.

    `proofs`: of each person with a consent for the purpose and channel. `objections`: to entries alone; a
    proven consent was held against them already.
    """

    subjects: Mapping[bytes, Sequence[SubjectId]]
    proofs: Mapping[SubjectId, ProvenConsent | UnprovenReason]
    entries: Mapping[bytes, Sequence[BasisEntry]]
    objections: Objections = Objections()
    unreachable: frozenset[bytes] = frozenset()  # digests of mailboxes that mails came back from

    @property
    def known(self) -> frozenset[bytes]:
        """The digests of addresses that belong to a known person."""
        return frozenset((*self.subjects, *self.entries))


def read_on_file(inquiry: GateInquiry, indexes: Mapping[str, bytes]) -> BasesOnFile:
    """Read what is on file for addresses, each with its digest, by the same few lookups for one or many.

    Raises KeysUnusable or JournalUnusable.
    """
    tx, wanted = inquiry.tx, sorted(set(indexes.values()))
    look_up = subjects_by_number if inquiry.address.declared else subjects_by_address
    subjects = look_up(tx, wanted)
    people = sorted({subject for found in subjects.values() for subject in found})
    entries = entries_by_address(tx, inquiry.context.vault, wanted)
    named = {value: index for value, index in indexes.items() if index in entries}
    dead = () if inquiry.address.declared else unreachable_among(tx, wanted)
    objections = _objections(inquiry, entries, named)
    return BasesOnFile(subjects, _proofs(inquiry, people), entries, objections, frozenset(dead))


def _proofs(
    inquiry: GateInquiry, people: Sequence[SubjectId]
) -> dict[SubjectId, ProvenConsent | UnprovenReason]:
    """Return the proof of each person's consent, or why it may not be used."""
    vault, leads = inquiry.context.vault, leads_of(inquiry.tx, inquiry.key, people)
    found = [_proven(inquiry, lead) for lead in leads]
    usable = without_objected(inquiry.tx, vault, found)
    return {lead.subject: it for lead, it in zip(leads, usable, strict=True)}


def _objections(
    inquiry: GateInquiry, entries: Mapping[bytes, Sequence[BasisEntry]], indexes: Mapping[str, bytes]
) -> Objections:
    """Return what bars these entries and the addresses that they were found by."""
    if not entries:
        return Objections()
    tx, vault, key = inquiry.tx, inquiry.context.vault, inquiry.key
    every = list({entry.id: entry for found in entries.values() for entry in found}.values())
    stated = {entry.id: _stated(vault, entry) for entry in every}
    named = {index for found in stated.values() for index in found} | set(indexes.values())
    suppressed = suppressed_among(tx, key, sorted(named))
    approaches = [PlannedContact(entry.statement.addresses) for entry in every]
    asked = [PlannedContact({inquiry.address.field: value}) for value in indexes]
    bars = find_objections(tx, vault, [*approaches, *asked], key.channel)
    return Objections(
        frozenset(suppressed),
        frozenset(entry for entry, found in stated.items() if not suppressed.isdisjoint(found)),
        dict(zip((entry.id for entry in every), bars, strict=False)),
        dict(zip(indexes, bars[len(every) :], strict=True)),
    )


def _stated(vault: Vault, entry: BasisEntry) -> list[bytes]:
    """Return the digests of the addresses that an entry names."""
    return [vault.address_index(kind, value) for kind, value in entry.statement.kinds_of_addresses]


def people_on_file(
    inquiry: GateInquiry, question: Question, found: BasesOnFile, index: bytes
) -> list[PersonOnFile]:
    """Return the people behind an address, by its digest, with their bases on file.

    Several may share a number; whose mailbox an entry names is the same person.
    """
    entries = _by_mailbox(inquiry.context.vault, found.entries.get(index, ()))
    people = []
    for subject in sorted(found.subjects.get(index, ())):
        mailbox = _mailbox(inquiry, subject, index) if entries else b""
        theirs = entries.pop(mailbox, ())
        people.append(_person(inquiry, question, subject, found.proofs.get(subject), theirs))
    people += [_person(inquiry, question, None, None, theirs) for theirs in entries.values()]
    return [_with_objection(inquiry, question, it, found.objections, index) for it in people]


def _mailbox(inquiry: GateInquiry, subject: SubjectId, index: bytes) -> bytes:
    """Return the digest of a person's mailbox: what was asked about, unless that was a number."""
    return address_index(inquiry.tx, subject) if inquiry.address.declared else index


def _with_objection(
    inquiry: GateInquiry, question: Question, person: PersonOnFile, objections: Objections, index: bytes
) -> PersonOnFile:
    """Mark whoever objected, or is on the company's list; a proven consent was held against both already.

    The journal is asked besides the database, from which a row can be deleted. Raises JournalUnusable.
    """
    if not person.entries or any(it.basis is LawfulBasis.CONSENT for it in person.held):
        return person
    bars = [objections.to_values.get(question.value)]
    bars += [objections.to_entries.get(entry.id) for entry in person.entries]
    by = {bar.by for bar in bars if bar is not None}
    suppressed = any(entry.id in objections.of_suppressed for entry in person.entries)
    objected = suppressed or index in objections.suppressed or ObjectedBy.PERSON in by
    if not objected:
        vault = inquiry.context.vault
        stated = {index, *(it for entry in person.entries for it in _stated(vault, entry))}
        key = inquiry.key
        objected = any(wants_no_advertising(it, key, inquiry.endings_of(it)) for it in stated)
    listed = ObjectedBy.COMPANY in by
    return replace(person, objected=objected, listed=listed) if objected or listed else person


def _by_mailbox(vault: Vault, entries: Sequence[BasisEntry]) -> dict[bytes, tuple[BasisEntry, ...]]:
    """Return entries by the digest of the mailbox that they name; those that name none are of one person."""
    found: defaultdict[bytes, tuple[BasisEntry, ...]] = defaultdict(tuple)
    for entry in entries:
        mailbox = entry.statement.addresses.get(MAILBOX.field, "")
        found[vault.address_index(MAILBOX, mailbox) if mailbox else b""] += (entry,)
    return dict(found)


def _person(
    inquiry: GateInquiry,
    question: Question,
    subject: SubjectId | None,
    proof: ProvenConsent | UnprovenReason | None,
    entries: tuple[BasisEntry, ...],
) -> PersonOnFile:
    consent = proof if isinstance(proof, ProvenConsent) else None
    elsewhere = consent is not None and not _is_about(question, consent)
    bases = bases_for(entries, _use(inquiry)) if entries else NO_BASES
    return PersonOnFile(
        subject,
        (*bases_on_file(None if elsewhere else consent), *bases.held),
        None if consent is None else consent.request,
        elsewhere and not entries,
        0 if inquiry.whole_list else newest_of(inquiry.tx, subject, entries),
        entries,
        bases.relation,
    )


def _use(inquiry: GateInquiry) -> AskedUse:
    key, policy = inquiry.key, inquiry.context.policy
    aim = policy.gate.purposes[key.purpose].aim
    return AskedUse(key.purpose, key.channel.value, inquiry.at, policy.bases, aim)


def newest_of(tx: Tx, subject: SubjectId | None, entries: Sequence[BasisEntry]) -> int:
    """Return the number of the newest event about a person and its entries; 0 when there is none."""
    about_entries = newest_event_of(tx, [RequestId(entry.id) for entry in entries])
    if subject is None:
        return about_entries
    return max(about_entries, newest_event_about(tx, address_index(tx, subject), subject))


def bases_on_file(consent: ProvenConsent | None) -> tuple[HeldBasis, ...]:
    """Return a proven consent as a basis of the rules."""
    if consent is None:
        return ()
    evidence = f"{consent.request.hex()}:{consent.leaf.hex()}"  # as in exports
    return (HeldBasis(LawfulBasis.CONSENT, evidence, until=consent.expires_at),)


def _proven(inquiry: GateInquiry, lead: StoredLead) -> ProvenConsent | UnprovenReason:
    form = None if lead.request is None else _form(inquiry, lead.request.form)
    proof = prove(inquiry.context.vault, lead, form, inquiry.key, inquiry.now)
    if isinstance(proof, UnprovenReason):
        return proof
    return still_proven(proof, lead.email_index, inquiry.endings_of(lead.email_index))


def _form(inquiry: GateInquiry, digest: str) -> StoredForm | None:
    if digest not in inquiry.forms:
        inquiry.forms[digest] = form_by_digest(inquiry.tx, digest)
    return inquiry.forms[digest]


def _is_about(question: Question, consent: ProvenConsent) -> bool:
    """Return whether a consent is for the address that was asked about."""
    address = question.address
    value = address.own(consent.fields) if address.declared else consent.email
    return bool(value) and address.identity(value) == question.value
