"""Leads by page for the desk, the newest first, each proven as for an export (E1); nothing leaves by it.

A page looks at a bounded number of consents. It may hold fewer leads than it could where few of those looked
at are wanted; the next page goes on from there.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from optin.consent.purpose import ConsentKey
from optin.consent.status_transitions import SubjectId
from optin.flows.context_with_kinds import SiteContext
from optin.flows.evidence.objections_to_consents import without_objected
from optin.flows.evidence.prove_consent import ProvenConsent, UnprovenReason, prove
from optin.flows.evidence.withdrawals_in_journal import EndingsOf, still_proven
from optin.proof.canonical_json import parse
from optin.store.contacts import open_contact
from optin.store.data_subjects import find_subject
from optin.store.database_interface import Runner, Tx, to_ms
from optin.store.leads import (
    count_by_status,
    count_downloaders,
    count_suppressed,
    forms_of_magnets,
    leads_of,
    newest_consents,
    newest_downloaders,
    unconfirmed_bodies,
)
from optin.store.person_numbers import known_number, number_of_person, person_of_number
from optin.store.stored_forms import form_by_digest

PAGE = 50
MOST_LOOKED_AT = 2_000  # consents, for one page of a few magnets
NEWEST = 2**62
GIVEN = "given"
_DIGITS = re.compile("[0-9]{1,15}")


@dataclass(frozen=True)
class LeadFilter:
    """Which leads are wanted. `magnets`: their addresses; None: every one. `since`: given from then on."""

    key: ConsentKey
    magnets: frozenset[str] | None = None
    since: int = 0  # ms


@dataclass(frozen=True)
class Place:
    """Where a page begins: at a moment (ms), behind as many consents of that moment as were looked at."""

    before: int = NEWEST
    skip: int = 0

    @classmethod
    def parse(cls, text: str) -> Place:
        """Return the place that an address names; the beginning for anything else."""
        before, _, skip = text.partition(".")
        if _DIGITS.fullmatch(before) is None or _DIGITS.fullmatch(skip) is None:
            return cls()
        return cls(int(before), min(int(skip), MOST_LOOKED_AT))

    def __str__(self) -> str:
        return f"{self.before}.{self.skip}"


@dataclass(frozen=True)
class ListedLead:
    """A lead with the digest of its address, and the person's number; empty until it has one."""

    lead: ProvenConsent
    person: bytes = field(repr=False)
    number: str


@dataclass(frozen=True)
class LeadPage:
    """One page. `refused`: of those looked at, by reason; `older`: where the next page begins."""

    leads: tuple[ListedLead, ...]
    refused: Mapping[str, int]
    older: str


@dataclass(frozen=True)
class Downloader:
    """Somebody who asked for a magnet and ticked no box: nobody may approach them for that."""

    email: str = field(repr=False)
    number: str
    at: datetime


@dataclass(frozen=True)
class LeadCounts:
    """How many consents of a purpose stand on file, why others are held back, and who gave none at all."""

    standing: int
    held_back: Mapping[str, int]
    downloaders: int

    @property
    def held(self) -> int:
        """How many are held back."""
        return sum(self.held_back.values())


def view_leads(
    tx: Tx, context: SiteContext, wanted: LeadFilter, place: Place, now: datetime, endings_of: EndingsOf
) -> LeadPage:
    """Return one page of the leads, proven as of now. Raises KeysUnusable, JournalUnusable."""
    forms = None if wanted.magnets is None else forms_of_magnets(tx, wanted.magnets)
    most = place.skip + (PAGE if forms is None else MOST_LOOKED_AT)
    rows = newest_consents(tx, wanted.key, (wanted.since, place.before), most)
    people: list[SubjectId] = []
    looked = place.skip
    for subject, _, form in rows[place.skip :]:
        if len(people) == PAGE:
            break
        looked += 1
        if forms is None or form in forms:
            people.append(SubjectId(subject))
    found = _proofs(tx, context, wanted.key, people, now, endings_of)
    leads = tuple(
        ListedLead(it, person, known_number(tx, person))
        for it, person in found
        if isinstance(it, ProvenConsent)
    )
    refused = Counter(it.value for it, _ in found if isinstance(it, UnprovenReason))
    return LeadPage(leads, refused, _older(rows, looked, most))


def _older(rows: list[tuple[bytes, int, str]], looked: int, most: int) -> str:
    """Return where the next page begins; empty when there is none."""
    if looked >= len(rows) and len(rows) < most:
        return ""
    last = rows[looked - 1][1]
    return str(Place(last, sum(moment == last for _, moment, _ in rows[:looked])))


def _proofs(
    tx: Tx,
    context: SiteContext,
    key: ConsentKey,
    people: list[SubjectId],
    now: datetime,
    endings_of: EndingsOf,
) -> list[tuple[ProvenConsent | UnprovenReason, bytes]]:
    """Return each person's proof, in the order of the people, with the digest of the address."""
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
    proofs = without_objected(tx, context.vault, found)
    return [(proof, it.email_index) for proof, it in zip(proofs, leads, strict=True)]


def number_people(tx: Tx, _context: SiteContext, people: Collection[bytes]) -> dict[bytes, str]:
    """Give people numbers by which pages name them, by the digests of their addresses."""
    return {it: number_of_person(tx, it) for it in people}


def view_lead(
    tx: Tx, context: SiteContext, wanted: LeadFilter, number: str, now: datetime, endings_of: EndingsOf
) -> ListedLead | None:
    """Return the lead of a numbered person; None when it is none of those wanted. Raises as `view_leads`."""
    person = person_of_number(tx, number)
    subject = None if person is None else find_subject(tx, person)
    if person is None or subject is None:
        return None
    for found, _ in _proofs(tx, context, wanted.key, [subject], now, endings_of):
        if isinstance(found, ProvenConsent) and (
            wanted.magnets is None or found.form.version.declaration.magnet in wanted.magnets
        ):
            return ListedLead(found, person, number)
    return None


def view_downloaders(tx: Tx, context: SiteContext, place: Place) -> tuple[tuple[Downloader, ...], str]:
    """Return a page of the people who downloaded without a box, and where the next page begins."""
    most = place.skip + PAGE
    rows = newest_downloaders(tx, place.before, most)
    shown = tuple(
        Downloader(open_contact(context.vault, subject, sealed).email, known_number(tx, person), at)
        for subject, person, sealed, at in rows[place.skip :]
        if sealed
    )
    if len(rows) < most:
        return shown, ""
    last = rows[-1][3]
    return shown, str(Place(to_ms(last), sum(at == last for *_, at in rows)))


def count_leads_of(read: Runner, key: ConsentKey, now: datetime) -> LeadCounts:
    """Count the leads of a purpose by where they stand on file; what an export proves may be fewer."""
    by_status = read(count_by_status, key=key, now=now)
    suppressed = read(count_suppressed, key=key, now=now)
    held: Counter[str] = Counter({name: many for name, many in by_status.items() if name != GIVEN})
    held[UnprovenReason.SUPPRESSED.value] += suppressed
    after = 0
    while page := read(unconfirmed_bodies, after=after):
        for _, body in page:
            event = parse(body)
            if (event.get("purpose"), event.get("kind")) == (key.purpose, "requested"):
                held[UnprovenReason.UNCONFIRMED.value] += 1
        after = page[-1][0]
    standing = by_status.get(GIVEN, 0) - suppressed
    return LeadCounts(standing, +held, read(count_downloaders))
