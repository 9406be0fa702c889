"""Record requests of people about their data, and the answers, within the month of GDPR 12(3).

An answer is recorded here, not carried out: `optin subject` does that, and answers in the same transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from optin.consent.channel import MAILBOX, declared_addresses
from optin.consent.plain_text import plain_text
from optin.consent.rights_request import Answer, ArrivalWay, Extension, Outcome, Right, RightsRequest
from optin.errors import RequestRefused
from optin.flows.context import Context
from optin.flows.rights.requests_of_person import people_of
from optin.flows.unreadable_rows import BROKEN, error_name_of
from optin.rules.deadlines import DeadlineName, deadline_on, months_after
from optin.store.database_interface import Row, Tx
from optin.store.rights_requests import (
    StoredRequest,
    add_answer,
    add_extension,
    add_request,
    answered_rows,
    find_request,
    open_request_rows,
    open_row,
    requests_about,
)


@dataclass(frozen=True)
class AskedRight:
    """A request as it arrived. `person`: keyed digest of the address; `who`: who records it."""

    person: bytes
    address: str = field(repr=False)
    right: Right
    arrived: date
    via: ArrivalWay
    who: str
    note: str = field(default="", repr=False)


@dataclass(frozen=True)
class Reply:
    """The answer to the person, by whom, and on which day; None: today."""

    outcome: Outcome
    who: str
    what: str = field(repr=False)
    why: str = field(default="", repr=False)
    on: date | None = None


@dataclass(frozen=True)
class ListedRequest:
    """A request in a list; None: its row cannot be read, `problem` says why."""

    number: int
    request: RightsRequest | None
    problem: str = ""


def today(context: Context, now: datetime) -> date:
    """Return the calendar day in the controller's time zone."""
    return now.astimezone(context.policy.zone).date()


def asked_address(context: Context, text: str, country: str) -> tuple[bytes, str] | None:
    """Return the digest and the normal form of the address of whoever asks; None for what is no address.

    `country`: by whose rules national telephone numbers are read.
    """
    for kind in (MAILBOX, *declared_addresses()):
        try:
            normal = kind.parse(text.strip(), country)
        except ValueError:
            continue
        return context.vault.address_index(kind, normal), normal
    return None


def note_request(tx: Tx, context: Context, asked: AskedRight, now: datetime) -> RightsRequest:
    """Record a request that arrived; return it with its number and last day.

    Raises RequestRefused for a day that is not over the past, and for one that is written down already.
    """
    day = today(context, now)
    if asked.arrived > day:
        msg = (
            f"{asked.arrived} has not come yet; today is {day} in {context.policy.zone}. Nothing was stored."
        )
        raise RequestRefused(msg)
    answer = deadline_on(DeadlineName.REQUEST_ANSWER, asked.arrived)
    if answer is None:
        msg = f"On {asked.arrived} the GDPR did not apply yet; name the day on which the request came."
        raise RequestRefused(msg)
    tx.hold(b"rights-request:" + asked.person)
    for stored in requests_about(tx, context.vault, [asked.person]):
        known = stored.request
        if known.answer is None and (known.right, known.arrived) == (asked.right, asked.arrived):
            msg = f"This request is number {known.number} already; its last day is {known.due}."
            raise RequestRefused(msg)
    due = months_after(asked.arrived, answer.months)
    who, note = _said(asked.who, "--who"), plain_text(asked.note)
    request = RightsRequest(
        0, asked.person, asked.right, asked.arrived, due, asked.via, who, asked.address, note
    )
    number = add_request(tx, context.vault, request, now)
    return _found(tx, context, number).request


def extend_request(
    tx: Tx, context: Context, number: int, extension: tuple[int, date | None, str, str], now: datetime
) -> RightsRequest:
    """Record that the person was told of a longer term; return the request with its new last day.

    `extension`: months, the day on which the person was told (None: today), who told, and why. Raises
    RequestRefused for more months than the law gives, and when it was not told within the first month.
    """
    months, on, who, why = extension
    stored = _open(tx, context, number)
    known, day = stored.request, today(context, now)
    told = day if on is None else on
    most = deadline_on(DeadlineName.REQUEST_EXTENSION, known.arrived)
    first = deadline_on(DeadlineName.REQUEST_ANSWER, known.arrived)
    if most is None or first is None or not 1 <= months <= most.months:
        msg = f"A term is extended by {0 if most is None else most.months} months at most (GDPR 12(3))."
        raise RequestRefused(msg)
    if known.extension is not None:
        msg = f"Request {number} was extended already, until {known.due}; the law knows one extension."
        raise RequestRefused(msg)
    _refuse_day(told, known, day)
    if told > known.first_due:
        msg = (
            "An extension must be told within the first month, which ended on"
            f" {known.first_due} (GDPR 12(3)); answer the request now."
        )
        raise RequestRefused(msg)
    due = months_after(known.arrived, first.months + months)
    add_extension(
        tx, context.vault, stored, Extension(told, due, _said(who, "--who"), _said(why, "--why")), now
    )
    return _found(tx, context, number).request


def answer_request(tx: Tx, context: Context, number: int, reply: Reply, now: datetime) -> RightsRequest:
    """Record the answer to a request; return it. Raises RequestRefused.

    A refusal needs its reasons, which the person is told within the same month (GDPR 12(4)).
    """
    stored = _open(tx, context, number)
    known, day = stored.request, today(context, now)
    on = day if reply.on is None else reply.on
    _refuse_day(on, known, day)
    why = _said(reply.why, "--why") if reply.outcome is Outcome.REFUSED else plain_text(reply.why)
    answer = Answer(on, day, reply.outcome, _said(reply.who, "--who"), _said(reply.what, "--what"), why)
    add_answer(tx, context.vault, stored, answer, now)
    return _found(tx, context, number).request


def check_answer_by_act(
    tx: Tx, context: Context, number: int, person: bytes, rights: Sequence[Right]
) -> RightsRequest:
    """Return the open request that an officer's act for a person is to answer.

    `rights`: those that the act serves. Raises RequestRefused for another person's request or another right.
    """
    known = _checked(find_request(tx, context.vault, number), number).request
    if known.person not in people_of(tx, person):
        msg = f"Request {number} is another person's. Nothing was done."
        raise RequestRefused(msg)
    if known.right not in rights:
        served = " or ".join(rights)
        msg = f"Request {number} asks for {known.right}, and this command answers {served}. Nothing was done."
        raise RequestRefused(msg)
    return known


def list_requests(tx: Tx, context: Context, *, is_open: bool, answered: bool) -> list[ListedRequest]:
    """Return the open requests, the most urgent first, and the answered ones; changes nothing."""
    return list_rows(
        context, [*(open_request_rows(tx) if is_open else ()), *(answered_rows(tx) if answered else ())]
    )


def list_rows(context: Context, rows: Sequence[Row]) -> list[ListedRequest]:
    """Return stored rows as requests; of one that cannot be read, why."""
    found: list[ListedRequest] = []
    for row in rows:
        try:
            found.append(ListedRequest(row[0], open_row(context.vault, row).request))
        except BROKEN as problem:
            found.append(ListedRequest(row[0], None, error_name_of(problem)))
    return found


def _open(tx: Tx, context: Context, number: int) -> StoredRequest:
    return _checked(find_request(tx, context.vault, number, lock=tx.for_update), number)


def _checked(stored: StoredRequest | None, number: int) -> StoredRequest:
    """Return a request that waits for its answer. Raises RequestRefused for any other."""
    if stored is None:
        msg = f"There is no request {number}; see: optin requests"
        raise RequestRefused(msg)
    for fault in stored.faults():
        msg = f"Request {number} {fault}: somebody changed the database. Run: optin audit"
        raise RequestRefused(msg)
    if (answer := stored.request.answer) is not None:
        msg = f"Request {number} was answered on {answer.on}."
        raise RequestRefused(msg)
    return stored


def _found(tx: Tx, context: Context, number: int) -> StoredRequest:
    stored = find_request(tx, context.vault, number)
    if stored is None:
        raise LookupError(number)
    return stored


def _refuse_day(day: date, known: RightsRequest, now: date) -> None:
    if day > now:
        msg = f"{day} has not come yet; today is {now}. Nothing was stored."
        raise RequestRefused(msg)
    if day < known.arrived:
        msg = f"{day} is before the request came, on {known.arrived}. Nothing was stored."
        raise RequestRefused(msg)


def _said(text: str, option: str) -> str:
    said = plain_text(text)
    if not said:
        msg = f"{option} is empty; it is recorded with the request."
        raise RequestRefused(msg)
    return said
