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
from optin.flows.evidence.proofs_of_people import proofs_of_people
from optin.flows.evidence.prove_consent import ProvenConsent, UnprovenReason
from optin.flows.evidence.withdrawals_in_journal import EndingsOf
from optin.store.contacts import open_contact
from optin.store.data_subjects import find_subject
from optin.store.database_interface import Runner, Tx, to_ms
from optin.store.leads import (
    count_by_status,
    count_downloaders,
    count_suppressed,
    count_unconfirmed,
    forms_of_magnets,
    newest_consents,
    newest_downloaders,
)
from optin.store.person_numbers import known_number, number_of_person, person_of_number
from optin.store.row_queries import BEYOND_ALL

PAGE = 50
MOST_LOOKED_AT = 2_000  # consents, for one page of a few magnets
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

    before: int = BEYOND_ALL
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
    found = proofs_of_people(tx, context, wanted.key, people, now, endings_of)
    leads = tuple(
        ListedLead(it, person, known_number(tx, context.vault, person))
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


def number_people(tx: Tx, context: SiteContext, people: Collection[bytes]) -> dict[bytes, str]:
    """Give people numbers by which pages name them, by the digests of their addresses."""
    return {it: number_of_person(tx, context.vault, it) for it in people}


def view_lead(
    tx: Tx, context: SiteContext, wanted: LeadFilter, number: str, now: datetime, endings_of: EndingsOf
) -> ListedLead | None:
    """Return the lead of a numbered person; None when it is none of those wanted. Raises as `view_leads`."""
    person = person_of_number(tx, context.vault, number)
    subject = None if person is None else find_subject(tx, person)
    if person is None or subject is None:
        return None
    for found, _ in proofs_of_people(tx, context, wanted.key, [subject], now, endings_of):
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
        Downloader(
            open_contact(context.vault, subject, sealed).email, known_number(tx, context.vault, person), at
        )
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
    held[UnprovenReason.UNCONFIRMED.value] += read(count_unconfirmed, key=key)
    standing = by_status.get(GIVEN, 0) - suppressed
    return LeadCounts(standing, +held, read(count_downloaders))
