"""Find people on file: by a whole address or number through its digest, by a part through comparing.

What is kept about people is sealed, so a part of a name is looked for in one record after the other, a page
of them at a time. Whatever somebody types is compared letter by letter: `*` and `%` mean themselves.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from optin.bases.all_bases import survives_erasure
from optin.consent.channel import MAILBOX, Address, address_at, declared_addresses
from optin.consent.email_and_telephone import EmailAddress
from optin.consent.form_version import EMAIL_FIELD
from optin.consent.held_basis import BasisEntryId
from optin.consent.staff_role import SEARCH_LASTS
from optin.consent.status_transitions import ConsentState, RequestId, SubjectId
from optin.errors import RequestRefused
from optin.flows.context import Context
from optin.flows.context_with_kinds import SiteContext
from optin.flows.unreadable_rows import BROKEN
from optin.store.contacts import load_contact, open_contact
from optin.store.data_subjects import consents_of, find_subject
from optin.store.database_interface import Tx
from optin.store.encryption import Vault, new_id
from optin.store.held_bases import entries_about, read_entry
from optin.store.objections import objections_about
from optin.store.person_numbers import known_number, number_of_person
from optin.store.person_records import is_known, is_on_file, newest_request, requests_of
from optin.store.person_searches import (
    PersonSearch,
    SealedRecord,
    SearchedTable,
    SearchState,
    Wanted,
    add_search,
    count_records,
    find_search,
    forget_searches,
    is_running,
    last_moments,
    records_after,
    save_progress,
    stop_search,
    subjects_with_number,
)
from optin.store.requests import DeclaredData, SealedRequest, peek_request
from optin.store.rights_requests import open_row
from optin.store.suppressions import erased_at

LEAST_LETTERS, MOST_LETTERS = 2, 200
MOST_FOUND = 50  # people of one search
PAGE = 500  # records that are read at a time
DEAD_AFTER = timedelta(seconds=30)  # without progress, whoever compared is gone
_DIGITS = re.compile(r"[+0-9 ()./-]*[0-9][+0-9 ()./-]*")


@dataclass(frozen=True)
class FoundPerson:
    """One person of a list. `number`: as pages name them; empty: nothing is left but when they were erased.

    `consents`: how each stands, by its status; `bases`: of the register, by their names; `asked_only`: only
    sign-ups without a box, or never confirmed.
    """

    number: str
    email: str = field(repr=False)
    known: tuple[str, ...] = field(default=(), repr=False)  # name, company
    since: datetime | None = None
    last: datetime | None = None
    consents: tuple[str, ...] = ()
    bases: tuple[str, ...] = ()
    confirmed: int = 0  # sign-ups
    unconfirmed: int = 0
    objected: bool = False
    erased: datetime | None = None


@dataclass(frozen=True)
class SearchOnPage:
    """A search with the people that it found. `dead`: whoever compared is gone before the end."""

    search: PersonSearch
    people: tuple[FoundPerson, ...]
    dead: bool = False

    @property
    def runs(self) -> bool:
        """Whether it still compares."""
        return self.search.state is SearchState.RUNNING and not self.dead


def fold(text: str) -> str:
    """Return a text as it is compared: without accents, in small letters, with single spaces."""
    plain = unicodedata.normalize("NFKD", text)
    return " ".join("".join(it for it in plain if not unicodedata.combining(it)).casefold().split())


def whole_address(text: str, country: str) -> tuple[Address, str] | None:
    """Return the kind and normal form of a whole address or number; None for a part of something."""
    for kind in (MAILBOX,) if "@" in text else declared_addresses():
        try:
            return kind, kind.parse(text.strip(), country)
        except ValueError:
            continue
    return None


def begin_search(tx: Tx, context: SiteContext, session: bytes, text: str, now: datetime) -> PersonSearch:
    """Begin a search, and finish it at once when it is for a whole address or number.

    Another search of the session is stopped; searches whose time is over are forgotten. Raises
    RequestRefused for less than two letters.
    """
    forget_searches(tx, now - SEARCH_LASTS)
    if not LEAST_LETTERS <= len(fold(text)) <= MOST_LETTERS:
        msg = f"Give {LEAST_LETTERS} to {MOST_LETTERS} letters of what you look for."
        raise RequestRefused(msg)
    whole = whole_address(text, context.policy.gate.country)
    found = () if whole is None else people_at(tx, context.vault, *whole)
    search = PersonSearch(
        id=new_id(),
        session=session,
        state=SearchState.RUNNING if whole is None else SearchState.DONE,
        looked=0,
        total=0 if whole is None else 1,
        begun=now,
        seen=now,
        wanted=Wanted(text, exact=whole is not None),
        found=found,
    )
    add_search(tx, context.vault, search)
    for address in found:
        number_of_person(tx, context.vault, address)
    return search


def people_at(tx: Tx, vault: Vault, kind: Address, value: str) -> tuple[bytes, ...]:
    """Return the digests under which everybody at an address or number is on file, the erased as well."""
    index = vault.address_index(kind, value)
    if not kind.declared:
        return (index,) if is_known(tx, index) else ()
    found = dict.fromkeys(subjects_with_number(tx, index))
    for entry in entries_about(tx, vault, [index]):
        mailbox = entry.statement.addresses.get(MAILBOX.field, "")
        found[vault.index(EmailAddress(mailbox)) if mailbox else index] = None
    for objection in objections_about(tx, [index]):
        found[objection.owner or index] = None
    if not found and is_known(tx, index):
        found[index] = None
    return tuple(found)


def view_search(tx: Tx, context: SiteContext, search_id: bytes, now: datetime) -> SearchOnPage | None:
    """Return a search with the people that it found so far; None when there is none any more."""
    search = find_search(tx, context.vault, search_id, now - SEARCH_LASTS)
    if search is None:
        return None
    people = [person_line(tx, context, it, exact=search.wanted.exact) for it in search.found]
    dead = search.state is SearchState.RUNNING and now > search.seen + DEAD_AFTER
    return SearchOnPage(search, tuple(it for it in people if it is not None), dead)


def end_search(tx: Tx, context: Context, search_id: bytes, session: bytes) -> bool:  # noqa: ARG001 - a flow
    """Stop a search of a session; return whether it ran."""
    return stop_search(tx, search_id, session)


def person_line(tx: Tx, context: Context, index: bytes, *, exact: bool) -> FoundPerson | None:
    """Return one person of a list, by the digest of an address; None when nothing is kept any more.

    Of whoever was erased only their exact address tells it.
    """
    vault, erased = context.vault, erased_at(tx, index)
    subject = find_subject(tx, index)
    requests = requests_of(tx, index)
    entries = entries_about(tx, vault, [index])
    objected = bool(objections_about(tx, [index]))
    if subject is None and not requests and erased is not None and all(map(survives_erasure, entries)):
        left = known_number(tx, context.vault, index) if entries else ""
        return FoundPerson(left, "", erased=erased) if exact else None
    if not exact and not (subject or requests or entries or is_known(tx, index)):
        return None
    values = _values(tx, vault, subject, index)
    for entry in entries:
        for name, value in {**entry.statement.person, **entry.statement.addresses}.items():
            values.setdefault(name, value)
    since, last = last_moments(tx, index)
    addresses = {EMAIL_FIELD, *(it.field for it in declared_addresses())}
    numbers = [values[it.field] for it in declared_addresses() if values.get(it.field)]
    return FoundPerson(
        known_number(tx, context.vault, index),
        values.get(EMAIL_FIELD, "") or next(iter(numbers), ""),
        tuple(value for name, value in values.items() if value and name not in addresses),
        since,
        last,
        tuple(it.record.status.value for it in _consents(tx, subject) if it.record.status is not None),
        tuple(dict.fromkeys(entry.statement.basis for entry in entries)),
        sum(it.confirmed_at is not None for it in requests),
        sum(it.confirmed_at is None for it in requests),
        objected,
        erased,
    )


def _consents(tx: Tx, subject: SubjectId | None) -> list[ConsentState]:
    return [] if subject is None else consents_of(tx, subject)


def _values(tx: Tx, vault: Vault, subject: SubjectId | None, index: bytes) -> dict[str, str]:
    """Return what is known of a person: as confirmed, else as typed last."""
    if subject is not None and (values := load_contact(tx, vault, subject).values):
        return dict(values)
    newest = newest_request(tx, index)
    stored = None if newest is None else peek_request(tx, newest)
    if stored is None:
        return {}
    declared = DeclaredData.parse(SealedRequest.open(vault, stored.id, stored.sealed).declaration)
    return {EMAIL_FIELD: declared.email, **declared.fields}


@dataclass(frozen=True)
class SearchStep:
    """How far a search came: the table, the key of the last record, and how many were compared."""

    table: SearchedTable = SearchedTable.SUBJECTS
    after: bytes | int | None = None
    looked: int = 0


@dataclass(frozen=True)
class SearchPage:
    """The next records to compare; none, when the search was stopped (`runs`) or a table ends."""

    records: tuple[SealedRecord, ...]
    runs: bool = True


def read_page(tx: Tx, context: Context, search_id: bytes, step: SearchStep) -> SearchPage:  # noqa: ARG001 - a flow
    """Return the next page of records of a search that runs."""
    if not is_running(tx, search_id):
        return SearchPage((), runs=False)
    return SearchPage(tuple(records_after(tx, step.table, step.after, PAGE)))


def count_to_compare(tx: Tx, context: Context) -> int:  # noqa: ARG001 - a flow
    """Return how many records a search compares."""
    return count_records(tx)


def keep_progress(tx: Tx, context: Context, search: PersonSearch) -> bool:
    """Write how far a search came, with a number for whoever was found; False: it was stopped.

    Each is numbered once, while on file: whoever was erased meanwhile keeps no number.
    """
    written = find_search(tx, context.vault, search.id, search.begun - SEARCH_LASTS)
    if written is None:
        return False
    for address in search.found:
        if address not in written.found and is_on_file(tx, address):
            number_of_person(tx, context.vault, address)
    return save_progress(tx, context.vault, search)


def matches(
    vault: Vault, table: SearchedTable, records: Iterable[SealedRecord], text: str
) -> Iterator[bytes]:
    """Yield the digests of the addresses of those whose data hold a text. What cannot be read is passed over.

    An audit finds such rows.
    """
    needle, digits = fold(text), _digits(text)
    for record in records:
        try:
            address, values = _opened(vault, table, record)
        except BROKEN:
            continue
        if address and any(_holds(value, needle, digits) for value in values):
            yield address


def _holds(value: str, needle: str, digits: str) -> bool:
    return needle in fold(value) or (bool(digits) and digits in _digits(value))


def _digits(text: str) -> str:
    """Return the digits of what can be a part of a number; empty for anything else."""
    return "".join(filter(str.isdigit, text)).lstrip("0") if _DIGITS.fullmatch(text) else ""


def _opened(vault: Vault, table: SearchedTable, record: SealedRecord) -> tuple[bytes, Iterable[str]]:
    """Return the digest of the address of a record, and the words in it. Raises what BROKEN names."""
    match table:
        case SearchedTable.SUBJECTS:
            subject = SubjectId(_bytes(record.key))
            contact = open_contact(vault, subject, bytes(record.sealed[0][2]))
            return record.address, map(str, contact.values.values())
        case SearchedTable.REQUESTS:
            request = RequestId(_bytes(record.key))
            sealed = SealedRequest.open(vault, request, bytes(record.sealed[0][2]))
            declared = DeclaredData.parse(sealed.declaration)
            return record.address, (declared.email, *declared.fields.values())
        case SearchedTable.BASES:
            entry = read_entry(vault, BasisEntryId(_bytes(record.key)), record.sealed)
            stated = entry.statement
            kinds: Mapping[str, str] = stated.addresses
            mailbox = kinds.get(MAILBOX.field, "")
            found = next(
                (
                    vault.address_index(kind, kinds[name])
                    for name in ((MAILBOX.field,) if mailbox else tuple(kinds))
                    if (kind := address_at(name)) is not None and kinds[name]
                ),
                b"",
            )
            words = (*kinds.values(), *stated.person.values(), *stated.facts.values(), stated.about)
            return found, words
        case SearchedTable.RIGHTS:
            key, address, sealed_row, due, answered = record.sealed[0]
            asked = open_row(vault, (key, address, due, answered, sealed_row)).request
            return record.address, (asked.address, asked.note)


def _bytes(key: bytes | int) -> bytes:
    if isinstance(key, int):
        msg = "a table whose keys are numbers"
        raise TypeError(msg)
    return key


def next_step(step: SearchStep, page: SearchPage) -> SearchStep | None:
    """Return where a search goes on after a page; None: every table was compared."""
    if page.records:
        return replace(step, after=page.records[-1].key, looked=step.looked + len(page.records))
    tables = list(SearchedTable)
    later = tables[tables.index(step.table) + 1 :]
    return SearchStep(later[0], None, step.looked) if later else None
