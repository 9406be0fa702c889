"""What people ask about their data, as the desk shows it: by number of person, with what was done (K5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from statistics import median

from optin.consent.rights_request import RightsRequest
from optin.errors import RequestRefused
from optin.flows.context_with_kinds import SiteContext
from optin.flows.rights.rights_requests import (
    AskedRight,
    ListedRequest,
    list_requests,
    list_rows,
    note_request,
)
from optin.flows.staff.trail import ActKind, Doing, TrailLine, list_acts_about, record
from optin.flows.unreadable_rows import BROKEN
from optin.store.database_interface import Tx
from optin.store.person_numbers import known_number, number_of_person
from optin.store.rights_requests import answered_page, count_answered, find_request, rows_answered_since
from optin.store.row_queries import BEYOND_ALL

REQUEST = "request"  # in the facts of an act: the number of the request that it was done for
YEAR = timedelta(days=365)


@dataclass(frozen=True)
class InboxLine:
    """A request in the inbox. `person`: the number by which the desk knows the person; empty: none yet.

    `request`: None when its row cannot be read.
    """

    number: int
    request: RightsRequest | None
    person: str = ""


@dataclass(frozen=True)
class AnsweredLately:
    """How the answers of the last twelve months went. `days`: the median from arrival to answer."""

    count: int = 0
    days: int = 0
    late: int = 0


@dataclass(frozen=True)
class RequestFile:
    """One request with what staff did for it at the desk, newest first."""

    request: RightsRequest
    person: str
    acts: tuple[TrailLine, ...]

    def has(self, kind: str) -> bool:
        """Return whether staff did something of a kind for it."""
        return any(it.kind == kind for it in self.acts)


def open_inbox(tx: Tx, context: SiteContext) -> list[InboxLine]:
    """Return the open requests, the most urgent first; changes nothing."""
    return _lines(tx, context, list_requests(tx, context, is_open=True, answered=False))


def answered_inbox(
    tx: Tx, context: SiteContext, before: int | None, most: int
) -> tuple[list[InboxLine], int]:
    """Return a page of the answered requests, the newest first, and how many there are.

    `before`: only those with a lower number; None: all. Only the requests of the page are decrypted.
    """
    rows = answered_page(tx, BEYOND_ALL if before is None else before, most)
    return _lines(tx, context, list_rows(context, rows)), count_answered(tx)


def _lines(tx: Tx, context: SiteContext, listed: Sequence[ListedRequest]) -> list[InboxLine]:
    return [
        InboxLine(
            it.number,
            it.request,
            "" if it.request is None else known_number(tx, context.vault, it.request.person),
        )
        for it in listed
    ]


def answered_lately(tx: Tx, context: SiteContext, today: date) -> AnsweredLately:
    """Return how the answers of the last twelve months went; requests of before are not decrypted."""
    rows = rows_answered_since(tx, today - YEAR)  # recorded on that day: never before the answer
    known = [it.request for it in list_rows(context, rows) if it.request is not None]
    found = [(it, it.answer) for it in known if it.answer is not None and it.answer.on >= today - YEAR]
    if not found:
        return AnsweredLately()
    days = median((answer.on - it.arrived).days for it, answer in found)
    return AnsweredLately(len(found), round(days), sum(it.answered_late for it, _ in found))


def request_file(tx: Tx, context: SiteContext, number: int) -> RequestFile | None:
    """Return one request with what was done for it; None when there is none, or it cannot be read."""
    try:
        stored = find_request(tx, context.vault, number)
        if stored is None:
            return None
        request = stored.request
    except BROKEN:
        return None
    acts = list_acts_about(tx, context, request.person, without=ActKind.REQUEST_READ)
    own = tuple(it for it in acts if it.facts.get(REQUEST) == number)
    return RequestFile(request, known_number(tx, context.vault, request.person), own)


def record_request(
    tx: Tx, context: SiteContext, asked: AskedRight, doing: Doing, now: datetime
) -> RightsRequest:
    """Write down a request at the desk, give its person a number, and record it. Raises RequestRefused."""
    found = note_request(tx, context, asked, now)
    number_of_person(tx, context.vault, asked.person)
    facts = {**doing.facts, REQUEST: found.number, "right": found.right.value, "via": found.via.value}
    record(tx, context.vault, replace(doing, about=asked.person, facts=facts), now)
    return found


def open_person_of_request(tx: Tx, context: SiteContext, number: int, doing: Doing, now: datetime) -> str:
    """Return the number of the person who asked, and record that staff went to their page.

    Raises RequestRefused when there is no such request, or the person was erased since.
    """
    stored = find_request(tx, context.vault, number)
    if stored is None or not any(stored.email_index):
        msg = f"There is no person with request {number} any more."
        raise RequestRefused(msg)
    person = stored.request.person
    found = number_of_person(tx, context.vault, person)
    record(tx, context.vault, replace(doing, about=person), now)
    return found
