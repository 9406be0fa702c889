"""Breaches of personal data, with the hours left to tell the authority (L9, GDPR 33 and 34)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar, TypeVar

from starlette.responses import Response

from optin.consent.breach import Breach, Notification
from optin.consent.plain_text import plain_text, whole_number
from optin.consent.time_zones import typed_day, typed_moment
from optin.desk.desk_page import DeskPage
from optin.desk.desk_route import DeskRoute, StaffVisit
from optin.desk.page_roles import OFFICERS
from optin.desk.typed_form import Typed
from optin.errors import PageUnknown, RequestRefused
from optin.flows.context_with_kinds import Flow
from optin.flows.rights.breaches import (
    BreachCorrection,
    BreachEnd,
    FoundBreach,
    ListedBreach,
    close_breach,
    correct_breach,
    list_breaches,
    note_notification,
)
from optin.flows.staff.breach_record import record_breach
from optin.flows.staff.trail import ActKind, Doing
from optin.papers.authority import authority_name
from optin.papers.paper_words import PaperWords

MOST_CHARACTERS = 2_000
Entry = TypeVar("Entry")  # of a breach


@dataclass(frozen=True)
class BreachesView(DeskPage):
    """Every breach, the newest first, with how many wait for the authority to be told."""

    breaches: tuple[ListedBreach, ...]
    now: datetime
    waiting: int
    least: int  # hours left of the most urgent one
    template: ClassVar[str] = "desk/breaches.html"


@dataclass(frozen=True)
class NewBreachView(DeskPage):
    """The form for a breach."""

    now: str  # the present moment as the field takes it
    typed: Typed = field(default_factory=Typed, repr=False)
    problems: Typed = field(default_factory=Typed)
    sentence: str = field(default="", repr=False)
    template: ClassVar[str] = "desk/breach-new.html"


@dataclass(frozen=True)
class BreachView(DeskPage):
    """One breach with its steps."""

    breach: Breach
    moment: datetime
    now: str
    discovered: str  # as the field takes it
    authority: str
    said: str = ""
    typed: Typed = field(default_factory=Typed, repr=False)
    problems: Typed = field(default_factory=Typed)
    sentence: str = field(default="", repr=False)
    untyped: Typed = field(default_factory=Typed)
    template: ClassVar[str] = "desk/breach.html"


async def get_breaches(visit: StaffVisit) -> Response:
    """Show the breaches."""
    found = await visit.view(list_breaches)
    waiting = [it.breach for it in found if it.breach is not None and it.breach.waits_for_notification]
    least = min((it.hours_left(visit.now) for it in waiting), default=0)
    frame = visit.frame
    return visit.page(BreachesView(frame, tuple(found[::-1]), visit.now, len(waiting), least))


async def get_new(visit: StaffVisit) -> Response:
    """Show the form for a breach."""
    return _form(visit)


def _form(
    visit: StaffVisit,
    typed: Mapping[str, str] | None = None,
    problems: Mapping[str, str] | None = None,
    sentence: str = "",
) -> Response:
    frame = visit.frame
    view = NewBreachView(frame, _field(visit, visit.now), Typed(typed or {}), Typed(problems or {}), sentence)
    return visit.page(view, 422 if problems or sentence else 200)


def _field(visit: StaffVisit, moment: datetime) -> str:
    """Return a moment as a field of a form takes it, by the clocks of the controller."""
    return f"{moment.astimezone(visit.app_context.edition.policy.zone):%Y-%m-%dT%H:%M}"


async def post_new(visit: StaffVisit) -> Response:
    """Write a breach down, and show it."""
    typed = _typed(visit, "what", "discovered", "people", "effects", "measures")
    problems = _too_long(typed)
    moment = _moment(visit, typed["discovered"], problems, "discovered")
    people = _people(typed["people"], problems)
    if not typed["what"]:
        problems["what"] = "empty"
    if problems or moment is None:
        return _form(visit, typed, problems)
    who = visit.session.account.name
    found = FoundBreach(moment, typed["what"], who, people, typed["effects"], typed["measures"])
    try:
        breach = await visit.app_context.run(
            record_breach, found, visit.doing(ActKind.BREACH_RECORDED), visit.now
        )
    except RequestRefused as problem:
        return _form(visit, typed, sentence=str(problem))
    return visit.back(f"/breaches/{breach.number}?new=1")


def _typed(visit: StaffVisit, *names: str) -> dict[str, str]:
    return {name: plain_text(visit.value(name)) for name in names}


def _too_long(typed: Mapping[str, str]) -> dict[str, str]:
    return {name: "long" for name, text in typed.items() if len(text) > MOST_CHARACTERS}


def _moment(visit: StaffVisit, text: str, problems: dict[str, str], name: str) -> datetime | None:
    """Return a typed moment that is over; else note the problem."""
    try:
        found = typed_moment(text, visit.app_context.edition.policy.zone)
    except ValueError:
        problems[name] = "moment"
        return None
    if found > visit.now:
        problems[name] = "moment"
        return None
    return found


def _people(text: str, problems: dict[str, str]) -> int | None:
    """Return a typed number of people; None: not known."""
    if not text:
        return None
    count = whole_number(text)
    if count is None:
        problems["people"] = "count"
    return count


async def get_breach(visit: StaffVisit) -> Response:
    """Show one breach."""
    said = next(
        (it for it in ("new", "notified", "corrected", "closed") if it in visit.request.query_params), ""
    )
    return _page(visit, await _breach(visit), said=said)


async def _breach(visit: StaffVisit) -> Breach:
    """Return the breach of the path. Raises PageUnknown."""
    text = str(visit.request.path_params["number"])
    for it in await visit.view(list_breaches):
        if str(it.number) == text and it.breach is not None:
            return it.breach
    raise PageUnknown


def _page(
    visit: StaffVisit,
    breach: Breach,
    *,
    said: str = "",
    typed: Mapping[str, str] | None = None,
    problems: Mapping[str, str] | None = None,
    sentence: str = "",
) -> Response:
    country = visit.app_context.edition.site.settings.controller.country
    view = BreachView(
        visit.frame,
        breach,
        visit.now,
        _field(visit, visit.now),
        _field(visit, breach.discovered),
        authority_name(country, PaperWords(visit.lang, {})),
        said,
        Typed(typed or {}),
        Typed(problems or {}),
        sentence,
    )
    return visit.page(view, 409 if sentence else 422 if problems else 200)


async def post_notified(visit: StaffVisit) -> Response:
    """Record that the authority was told."""
    breach = await _breach(visit)
    typed = _typed(visit, "authority", "at", "reference", "why-late")
    problems = _too_long(typed)
    moment = _moment(visit, typed["at"], problems, "at")
    if not typed["authority"]:
        problems["authority"] = "empty"
    if moment is not None and moment < breach.discovered:
        problems["at"] = "moment"
    is_late = moment is not None and moment > breach.due and not breach.notifications
    if is_late and not typed["why-late"]:
        problems["why-late"] = "empty"
    if problems or moment is None:
        return _page(visit, breach, typed=typed, problems=problems)
    who = visit.session.account.name
    told = Notification(moment, typed["authority"], typed["reference"], typed["why-late"], who)
    doing = visit.doing(ActKind.BREACH_NOTIFIED, facts={"breach": breach.number})
    return await _recorded(visit, doing, note_notification, told, typed)


async def _recorded(
    visit: StaffVisit,
    doing: Doing,
    flow: Flow[[int, Entry, datetime], Breach],
    entry: Entry,
    typed: Mapping[str, str],
) -> Response:
    """Add an entry to the breach of the path, and show it; where it is refused, the form says why."""
    breach = await _breach(visit)
    try:
        await visit.act(doing, flow, breach.number, entry, visit.now)
    except RequestRefused as problem:
        return _page(visit, await _breach(visit), typed=typed, sentence=str(problem))
    return visit.back(f"/breaches/{breach.number}?{doing.kind.removeprefix('breach-')}=1")


async def post_correct(visit: StaffVisit) -> Response:
    """Record a correction of what differs from what is on record; the earlier entries stay."""
    breach = await _breach(visit)
    typed = _typed(visit, "what", "discovered", "people", "effects", "measures", "why")
    problems = _too_long(typed)
    moment = _moment(visit, typed["discovered"], problems, "discovered")
    people = _people(typed["people"], problems)
    for name in ("what", "why"):
        if not typed[name]:
            problems[name] = "empty"
    if problems or moment is None:
        return _page(visit, breach, typed=typed, problems=problems)

    def changed(name: str, known: str) -> str | None:
        return None if typed[name] == known else typed[name]

    correction = BreachCorrection(
        typed["why"],
        visit.session.account.name,
        None if _field(visit, breach.discovered) == typed["discovered"] else moment,
        None if people == breach.people else people,
        changed("what", breach.what),
        changed("effects", breach.effects),
        changed("measures", breach.measures),
    )
    doing = visit.doing(ActKind.BREACH_CORRECTED, facts={"breach": breach.number}, why=typed["why"])
    return await _recorded(visit, doing, correct_breach, correction, typed)


async def post_close(visit: StaffVisit) -> Response:
    """Close a breach: what was not done needs its reason."""
    breach = await _breach(visit)
    typed = _typed(visit, "not-notified", "people-told", "people-not-told")
    problems = _too_long(typed)
    day = typed_day(typed["people-told"])
    if typed["people-told"] and day is None:
        problems["people-told"] = "day"
    if not problems and (day is None) == (not typed["people-not-told"]):
        problems["people-not-told"] = "one-of-two"
    if not breach.notifications and not typed["not-notified"]:
        problems["not-notified"] = "empty"
    if problems:
        return _page(visit, breach, typed=typed, problems=problems)
    why_not = "" if breach.notifications else typed["not-notified"]
    end = BreachEnd(visit.session.account.name, day, typed["people-not-told"], why_not)
    doing = visit.doing(ActKind.BREACH_CLOSED, facts={"breach": breach.number})
    return await _recorded(visit, doing, close_breach, end, typed)


ROUTES = (
    DeskRoute("/breaches", get_breaches, OFFICERS, menu="breaches"),
    DeskRoute("/breaches/new", get_new, OFFICERS),
    DeskRoute("/breaches/new", post_new, OFFICERS, method="POST"),
    DeskRoute("/breaches/{number}", get_breach, OFFICERS),
    DeskRoute("/breaches/{number}/notified", post_notified, OFFICERS, method="POST"),
    DeskRoute("/breaches/{number}/correct", post_correct, OFFICERS, method="POST"),
    DeskRoute("/breaches/{number}/close", post_close, OFFICERS, method="POST"),
)
