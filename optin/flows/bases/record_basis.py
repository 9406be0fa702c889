"""Record, extend and end entries of the register of bases (L1). Nothing here makes a consent (P8)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from optin.bases.all_bases import BASES, survives_erasure
from optin.bases.obligation import RequiredDocument
from optin.consent.channel import Address, address_at, declared_addresses
from optin.consent.erasure_grounds import BASIS_ENDED, ErasureGround
from optin.consent.event_content import rfc3339
from optin.consent.held_basis import (
    BasisAct,
    BasisEntry,
    BasisEntryId,
    BasisStatement,
    BasisTerm,
    EvidenceNote,
)
from optin.consent.status_transitions import EventKind
from optin.errors import RequestRefused
from optin.flows.context import Context
from optin.flows.deletion_clock import trusted_moment
from optin.proof.commitment import digest
from optin.store.database_interface import Tx
from optin.store.encryption import Vault, new_id
from optin.store.evidence_files import keep_file
from optin.store.held_bases import (
    BasisAddresses,
    add_act,
    add_entry,
    entries_about,
    erase_entries,
    load_entry,
    reference_key,
)
from optin.store.journal_lines import ENTRY_ENDED, add_replay_line

TEXT_CHARACTERS = 2_000  # of one text of an entry, at most
FILE_BYTES = 10_000_000  # of one file of evidence, at most


@dataclass(frozen=True)
class EvidenceFile:
    """A file that staff hands in as evidence."""

    name: str
    data: bytes
    media_type: str

    @property
    def note(self) -> EvidenceNote:
        """What the statement says of it."""
        return EvidenceNote(self.name, digest(self.data), len(self.data), self.media_type)


@dataclass(frozen=True)
class Extension:
    """A longer term of an entry: who gives it, and why."""

    term: BasisTerm
    who: str
    why: str


def record_basis(
    tx: Tx,
    context: Context,
    statement: BasisStatement,
    files: Sequence[EvidenceFile],
    now: datetime,
    *,
    reference: str = "",
) -> BasisEntry:
    """Record a statement with its evidence.

    `reference`: what may be recorded for one entry of this basis only, such as an invoice's number.
    Raises RequestRefused, with nothing stored, for what is no basis: nobody named, no evidence where its
    basis needs some, a day of the future, a term that is over, evidence that another entry has.
    """
    statement = replace(statement, at=rfc3339(now), files=tuple(file.note for file in files))
    entry = BasisEntry(BasisEntryId(new_id()), statement)
    _check(entry, files, now)

    vault = context.vault
    mark = reference_key(vault, statement.basis, reference) if reference else b""
    found_by = BasisAddresses(indexes_of(vault, statement.addresses), mark)
    if not add_entry(tx, vault, entry, found_by, now):
        msg = f"{reference} is on record already; a document is evidence once."
        raise RequestRefused(msg)
    for file in files:
        keep_file(tx, vault, entry.id, file.note, file.data)
    return entry


def extend_basis(
    tx: Tx, context: Context, entry_id: BasisEntryId, longer: Extension, now: datetime
) -> BasisEntry:
    """Extend an entry to the end of another term, with a reason. Raises RequestRefused."""
    entry = load_entry(tx, context.vault, entry_id)
    if entry is None or not entry.lasts(now):
        msg = "There is no such entry, or it is over."
        raise RequestRefused(msg)
    if not longer.why.strip():
        msg = "Say why it stands longer: whoever is on file may ask."
        raise RequestRefused(msg)
    act = BasisAct(EventKind.BASIS_EXTENDED, rfc3339(now), longer.who, longer.why, longer.term)
    changed = replace(entry, acts=(*entry.acts, act))
    if not changed.lasts(now):
        msg = f"It would be over already: {longer.term.kept} from {longer.term.since} on."
        raise RequestRefused(msg)
    add_act(tx, context.vault, entry, act, now)
    return changed


def end_basis(tx: Tx, context: Context, entry_id: BasisEntryId, now: datetime) -> BasisEntry:
    """End an entry before its time, and erase it with its evidence. Raises RequestRefused.

    The journal is told: a restored backup must not bring it back.
    """
    entry = load_entry(tx, context.vault, entry_id)
    if entry is None:
        msg = "There is no such entry."
        raise RequestRefused(msg)
    if is_required(entry, trusted_moment(tx, context, now)):
        msg = "A law requires to keep this until its term is over."
        raise RequestRefused(msg)
    erase_entries(tx, context.vault, [entry_id], BASIS_ENDED, now)
    person = indexes_of(context.vault, entry.statement.addresses)[0]
    add_replay_line(tx, {"kind": ENTRY_ENDED, "person": person.hex(), "entry": entry_id.hex()}, now)
    return entry


def end_restored_entry(tx: Tx, context: Context, entry_id: BasisEntryId, ended: datetime) -> None:
    """Erase an entry that a restored backup brought back, if it did; `ended`: when staff ended it."""
    entry = load_entry(tx, context.vault, entry_id)
    if entry is not None and not is_required(entry, ended):
        erase_entries(tx, context.vault, [entry_id], BASIS_ENDED, ended)


def erase_bases_about(
    tx: Tx, context: Context, indexes: Collection[bytes], reason: ErasureGround, now: datetime
) -> tuple[BasisEntry, ...]:
    """Erase the entries about these addresses; return those that a law requires to keep (GDPR 17(3)(b)).

    Raises LogDisagrees.
    """
    entries = entries_about(tx, context.vault, list(indexes))
    clock = trusted_moment(tx, context, now)
    kept = tuple(entry for entry in entries if is_required(entry, clock))
    gone = [entry.id for entry in entries if entry not in kept]
    erase_entries(tx, context.vault, gone, reason, now)
    return kept


def is_required(entry: BasisEntry, at: datetime) -> bool:
    """Return whether a law requires to keep an entry, whatever its person wishes (GDPR 17(3)(b)).

    `at`: a moment that is trusted, see `trusted_moment`.
    """
    return survives_erasure(entry) and entry.lasts(at)


def required_documents(
    tx: Tx, context: Context, email_index: bytes, now: datetime
) -> tuple[RequiredDocument, ...]:
    """Return the documents about an address that a law requires to keep, oldest first."""
    clock = trusted_moment(tx, context, now)
    return tuple(
        RequiredDocument.of_facts(entry.statement.facts, entry.term.since, entry.until)
        for entry in entries_about(tx, context.vault, [email_index])
        if is_required(entry, clock)
    )


def indexes_of(vault: Vault, addresses: Mapping[str, str]) -> list[bytes]:
    """Return the keyed digests of addresses, by the fields of their kinds. Raises RequestRefused."""
    return [vault.address_index(kind, value) for kind, value in _known(addresses.items())]


def numbers_in(vault: Vault, entries: Iterable[BasisEntry]) -> dict[bytes, str]:
    """Return the numbers of entries by their keyed digests: every address but the mailbox."""
    return {
        vault.address_index(kind, value): value
        for entry in entries
        for kind in declared_addresses()
        if (value := entry.statement.addresses.get(kind.field, ""))
    }


def _known(addresses: Iterable[tuple[str, str]]) -> Iterator[tuple[Address, str]]:
    for name, value in addresses:
        kind = address_at(name)
        if kind is None or kind.plain(value) != value:
            msg = f"{name} is no address in its normal form."
            raise RequestRefused(msg)
        yield kind, value


def _texts(statement: BasisStatement) -> Iterator[str]:
    """Yield every text of a statement that somebody typed."""
    yield from (statement.who, statement.about, statement.source, *(it.name for it in statement.files))
    for named in (statement.addresses, statement.person, statement.facts, statement.met):
        yield from (*named.keys(), *named.values())


def _check_texts(statement: BasisStatement) -> None:
    for text in _texts(statement):
        if len(text) > TEXT_CHARACTERS or any(ord(it) < ord(" ") and it not in "\n\t" for it in text):
            msg = f"A text of an entry has at most {TEXT_CHARACTERS:,} characters, and no control characters."
            raise RequestRefused(msg)


def _check(entry: BasisEntry, files: Sequence[EvidenceFile], now: datetime) -> None:
    statement = entry.statement
    part = BASES.get(statement.basis)
    if part is None:
        msg = f"{statement.basis!r} is no lawful basis; there are {', '.join(BASES)}."
        raise RequestRefused(msg)
    if not any(statement.addresses.values()):
        msg = "Name whom it is about: an e-mail address or a telephone number."
        raise RequestRefused(msg)
    if not statement.who.strip():
        msg = "Say who records it."
        raise RequestRefused(msg)
    _check_texts(statement)
    if part.needs_evidence and not files:
        raise RequestRefused(part.needs_evidence)
    for file in files:
        if not file.data or len(file.data) > FILE_BYTES:
            msg = f"{file.name} has {len(file.data):,} bytes; evidence has 1 to {FILE_BYTES:,}."
            raise RequestRefused(msg)
    if statement.term.since > now.date() and not part.may_begin_later:
        msg = f"{statement.term.since} has not come yet."
        raise RequestRefused(msg)
    if not entry.lasts(now):
        msg = f"It is over already: {statement.term.kept} from {statement.term.since} on."
        raise RequestRefused(msg)
