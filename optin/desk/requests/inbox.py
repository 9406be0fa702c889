"""The inbox of requests, the most urgent first, and the form for a letter or a call (K5, GDPR 12(3))."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, ClassVar

from starlette.responses import Response

from optin.consent.plain_text import whole_number
from optin.consent.rights_request import ArrivalWay, Right
from optin.consent.time_zones import typed_day
from optin.desk.desk_page import DeskPage
from optin.desk.desk_route import DeskRoute, StaffVisit
from optin.desk.page_roles import OFFICERS
from optin.desk.typed_form import Typed
from optin.errors import RequestRefused
from optin.flows.rights.rights_requests import AskedRight, asked_address, today
from optin.flows.staff.request_inbox import (
    AnsweredLately,
    InboxLine,
    answered_inbox,
    answered_lately,
    open_inbox,
    record_request,
)
from optin.flows.staff.trail import ActKind

SOON_DAYS = 7
MOST_SHOWN = 100
MOST_NOTE_CHARACTERS = 2_000


@dataclass(frozen=True)
class InboxView(DeskPage):
    """The open requests, or the answered ones, with how many wait."""

    lines: tuple[InboxLine, ...]
    today: date
    counts: tuple[int, int]  # open, answered
    overdue: int
    soon: int
    lately: AnsweredLately
    answered: bool = False
    older: int = 0  # answered ones with a lower number are on the next page; 0: there is none
    is_first: bool = True
    template: ClassVar[str] = "desk/requests.html"


@dataclass(frozen=True)
class NewRequestView(DeskPage):
    """The form for a request that came by letter, telephone or mail."""

    today: date
    typed: Typed = field(default_factory=Typed, repr=False)
    problems: Typed = field(default_factory=Typed)
    sentence: str = field(default="", repr=False)
    rights: tuple[str, ...] = tuple(Right)
    ways: tuple[str, ...] = tuple(ArrivalWay)
    template: ClassVar[str] = "desk/request-new.html"


async def get_inbox(visit: StaffVisit) -> Response:
    """Show the open requests, every one: each waits for an answer."""
    waiting = await visit.view(open_inbox)
    _, answered = await visit.view(answered_inbox, None, 0)
    return await _inbox(visit, waiting, (len(waiting), answered), waiting)


async def get_answered(visit: StaffVisit) -> Response:
    """Show a page of the answered requests, the newest first."""
    waiting = await visit.view(open_inbox)
    before = whole_number(visit.request.query_params.get("before", ""))
    lines, count = await visit.view(answered_inbox, before, MOST_SHOWN + 1)
    shown = lines[:MOST_SHOWN]
    older = shown[-1].number if len(lines) > MOST_SHOWN else 0
    counts = (len(waiting), count)
    return await _inbox(visit, shown, counts, waiting, answered=True, older=older, is_first=before is None)


async def _inbox(
    visit: StaffVisit,
    shown: Sequence[InboxLine],
    counts: tuple[int, int],
    waiting: Sequence[InboxLine],
    **more: Any,
) -> Response:
    day = today(visit.app_context.installation.context, visit.now)
    lately = await visit.view(answered_lately, day)
    left = [it.request.days_left(day) for it in waiting if it.request is not None]
    overdue, soon = sum(it < 0 for it in left), sum(0 <= it <= SOON_DAYS for it in left)
    return visit.page(InboxView(visit.frame, tuple(shown), day, counts, overdue, soon, lately, **more))


async def get_new(visit: StaffVisit) -> Response:
    """Show the form for a letter or a call."""
    return _form(visit)


def _form(
    visit: StaffVisit,
    typed: Mapping[str, str] | None = None,
    problems: Mapping[str, str] | None = None,
    sentence: str = "",
) -> Response:
    frame = visit.frame
    day = today(visit.app_context.installation.context, visit.now)
    status = 422 if problems or sentence else 200
    return visit.page(NewRequestView(frame, day, Typed(typed or {}), Typed(problems or {}), sentence), status)


async def post_new(visit: StaffVisit) -> Response:
    """Write a request down, and show it."""
    names = ("address", "right", "via", "arrived", "note")
    typed = {name: visit.value(name).strip()[: MOST_NOTE_CHARACTERS * 2] for name in names}
    context = visit.app_context.installation.context
    country = visit.app_context.edition.site.settings.controller.country
    person = asked_address(context, typed["address"], country)
    arrived = typed_day(typed["arrived"])
    problems: dict[str, str] = {}
    if person is None:
        problems["address"] = "address"
    if typed["right"] not in {*Right}:
        problems["right"] = "choose"
    if typed["via"] not in {*ArrivalWay}:
        problems["via"] = "choose"
    if arrived is None or arrived > today(context, visit.now):
        problems["arrived"] = "day"
    if len(typed["note"]) > MOST_NOTE_CHARACTERS:
        problems["note"] = "long"
    if problems or person is None or arrived is None:
        return _form(visit, typed, problems)
    asked = AskedRight(
        *person,
        Right(typed["right"]),
        arrived,
        ArrivalWay(typed["via"]),
        visit.session.account.name,
        typed["note"],
    )
    doing = visit.doing(ActKind.REQUEST_RECORDED)
    try:
        found = await visit.app_context.run(record_request, asked, doing, visit.now)
    except RequestRefused as problem:  # it is written down already, or older than the law
        return _form(visit, typed, sentence=str(problem))
    return visit.back(f"/requests/{found.number}?new=1")


ROUTES = (
    DeskRoute("/requests", get_inbox, OFFICERS, menu="requests"),
    DeskRoute("/requests/answered", get_answered, OFFICERS),
    DeskRoute("/requests/new", get_new, OFFICERS),
    DeskRoute("/requests/new", post_new, OFFICERS, method="POST"),
)
