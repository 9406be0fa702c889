"""The inbox of requests, the most urgent first, and the form for a letter or a call (K5, GDPR 12(3))."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import ClassVar

from starlette.responses import Response

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
    answered_lately,
    record_request,
    request_inbox,
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
    answered: bool
    counts: tuple[int, int]  # open, answered
    overdue: int
    soon: int
    lately: AnsweredLately
    more: int = 0  # answered ones that are not shown
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
    """Show the open requests."""
    return await _inbox(visit, answered=False)


async def get_answered(visit: StaffVisit) -> Response:
    """Show the answered requests, the newest first."""
    return await _inbox(visit, answered=True)


async def _inbox(visit: StaffVisit, *, answered: bool) -> Response:
    waiting = await visit.view(request_inbox, answered=False)
    done = await visit.view(request_inbox, answered=True)
    day = today(visit.app_context.installation.context, visit.now)
    left = [it.request.days_left(day) for it in waiting if it.request is not None]
    lines = done[::-1] if answered else waiting
    shown = tuple(lines[:MOST_SHOWN])
    frame = visit.frame
    overdue, soon = sum(it < 0 for it in left), sum(0 <= it <= SOON_DAYS for it in left)
    counts = (len(waiting), len(done))
    lately = answered_lately(done, day)
    return visit.page(
        InboxView(frame, shown, day, answered, counts, overdue, soon, lately, len(lines) - len(shown))
    )


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
