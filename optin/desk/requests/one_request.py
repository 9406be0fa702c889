"""One request: who asks, what was done, the answer and its letter, a longer term (K5, GDPR 12(3) and (4))."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import ClassVar

from starlette.responses import Response

from optin.consent.plain_text import plain_text, whole_number
from optin.consent.rights_request import Outcome, RightsRequest
from optin.consent.time_zones import typed_day
from optin.desk.desk_page import DeskPage
from optin.desk.desk_route import DeskRoute, StaffVisit
from optin.desk.page_roles import OFFICERS
from optin.desk.requests.answer_letters import LetterKind, answer_letter
from optin.desk.typed_form import Typed
from optin.errors import PageUnknown, RequestRefused
from optin.flows.rights.rights_requests import Reply, answer_request, extend_request, today
from optin.flows.staff.person_visits import give_reason
from optin.flows.staff.request_inbox import REQUEST, RequestFile, open_person_of_request, request_file
from optin.flows.staff.trail import ActKind, TrailLine
from optin.theme.languages import languages

MOST_LETTER_CHARACTERS = 6_000
MOST_REASON_CHARACTERS = 1_000
HIDDEN = frozenset({ActKind.REQUEST_READ})  # of what happened: looking changes nothing
MONTHS = (1, 2)  # by which a term may grow (GDPR 12(3))


@dataclass(frozen=True)
class RequestView(DeskPage):
    """One request. `said`: what was just done; `clash`: somebody else answered it meanwhile."""

    request: RightsRequest
    person: str
    acts: tuple[TrailLine, ...]
    today: date
    identity: str  # how it was made sure who asks
    looked_up: bool
    letter: str = field(repr=False)
    letter_kind: str
    letter_lang: str
    said: str = ""
    typed: Typed = field(default_factory=Typed, repr=False)
    problems: Typed = field(default_factory=Typed)
    sentence: str = field(default="", repr=False)
    clash: bool = False
    kinds: tuple[str, ...] = tuple(LetterKind)
    langs: tuple[str, ...] = languages()
    months: tuple[int, ...] = MONTHS
    template: ClassVar[str] = "desk/request.html"


async def get_request(visit: StaffVisit) -> Response:
    """Show a request; that it was read is in the trail."""
    file = await _file(visit)
    await visit.note(
        visit.doing(ActKind.REQUEST_READ, file.request.person, facts={REQUEST: file.request.number})
    )
    said = next(
        (it for it in ("new", "identity", "extended", "answered") if it in visit.request.query_params), ""
    )
    return _page(visit, file, said=said)


async def _file(visit: StaffVisit) -> RequestFile:
    """Return the request of the path. Raises PageUnknown."""
    file = await visit.view(request_file, _number(visit))
    if file is None:
        raise PageUnknown
    return file


def _number(visit: StaffVisit) -> int:
    number = whole_number(str(visit.request.path_params["number"]))
    if number is None:
        raise PageUnknown
    return number


def _page(
    visit: StaffVisit,
    file: RequestFile,
    *,
    said: str = "",
    typed: Mapping[str, str] | None = None,
    problems: Mapping[str, str] | None = None,
    clash: str = "",
) -> Response:
    """Answer with the page of a request. `clash`: why the store refused what was posted."""
    params = visit.request.query_params
    lang = params.get("lang", "")
    kind = params.get("letter", "")
    lang = lang if lang in languages() else visit.lang
    chosen = LetterKind(kind) if kind in {*LetterKind} else LetterKind.DONE
    request = file.request
    identity = next((it.why for it in file.acts if it.kind == ActKind.REQUEST_IDENTITY), "")
    answered = request.answer is not None
    view = RequestView(
        visit.frame,
        request,
        file.person,
        tuple(it for it in file.acts if it.kind not in HIDDEN),
        today(visit.app_context.installation.context, visit.now),
        identity,
        file.has(ActKind.REQUEST_LOOKED_UP),
        answer_letter(visit.app_context.edition, request, chosen, lang),
        chosen.value,
        lang,
        said,
        Typed(typed or {}),
        Typed(problems or {}),
        "" if answered else clash,
        bool(clash) and answered,
    )
    return visit.page(view, 409 if view.clash else 422 if problems or clash else 200)


async def post_identity(visit: StaffVisit) -> Response:
    """Record how it was made sure who asks."""
    file = await _file(visit)
    how = plain_text(visit.value("how"))
    if not how or len(how) > MOST_REASON_CHARACTERS:
        return _page(visit, file, typed={"how": how}, problems={"how": "empty" if not how else "long"})
    facts = {REQUEST: file.request.number}
    await visit.note(visit.doing(ActKind.REQUEST_IDENTITY, file.request.person, how, facts))
    return visit.back(f"/requests/{file.request.number}?identity=1")


async def post_person(visit: StaffVisit) -> Response:
    """Go to the page of whoever asks; the request is the reason of the visit."""
    number = _number(visit)
    doing = visit.doing(ActKind.REQUEST_LOOKED_UP, facts={REQUEST: number})
    person = await visit.app_context.run(open_person_of_request, number, doing, visit.now)
    words = visit.app_context.edition.theme.wording(visit.lang)
    why = words.text("people.reason.request", number=number)
    await visit.app_context.run(give_reason, session=visit.session, why=why, request=number, now=visit.now)
    return visit.back(f"/people/{person}")


async def post_extend(visit: StaffVisit) -> Response:
    """Record that the person was told of a longer term."""
    file = await _file(visit)
    why, on = plain_text(visit.value("why")), typed_day(visit.value("on"))
    months = visit.value("months")
    typed = {"extend-why": why, "extend-on": visit.value("on"), "months": months}
    problems: dict[str, str] = {}
    if not why or len(why) > MOST_REASON_CHARACTERS:
        problems["extend-why"] = "long" if why else "empty"
    if not _is_past(visit, file.request, on):
        problems["extend-on"] = "day"
    if months not in {str(it) for it in MONTHS}:
        problems["months"] = "choose"
    if problems:
        return _page(visit, file, typed=typed, problems=problems)
    number = file.request.number
    doing = visit.doing(ActKind.REQUEST_EXTENDED, file.request.person, why, {REQUEST: number})
    extension = (int(months), on, visit.session.account.name, why)
    try:
        await visit.act(doing, extend_request, number, extension, visit.now)
    except RequestRefused as problem:
        return _page(visit, await _file(visit), typed=typed, clash=str(problem))
    return visit.back(f"/requests/{number}?extended=1")


async def post_answer(visit: StaffVisit) -> Response:
    """Record the answer that went out. Of two officers who answer at once, the first is recorded."""
    file = await _file(visit)
    what, why = plain_text(visit.value("what")), plain_text(visit.value("why"))
    refused, on = visit.value("outcome") == Outcome.REFUSED, typed_day(visit.value("on"))
    typed = {"what": what, "why": why, "on": visit.value("on"), "outcome": visit.value("outcome")}
    problems: dict[str, str] = {}
    if not what or len(what) > MOST_LETTER_CHARACTERS:
        problems["what"] = "long" if what else "empty"
    if "[" in what and "]" in what:
        problems["what"] = "brackets"
    if len(why) > MOST_REASON_CHARACTERS or (refused and not why):
        problems["why"] = "long" if why else "empty"
    if not _is_past(visit, file.request, on):
        problems["on"] = "day"
    if problems:
        return _page(visit, file, typed=typed, problems=problems)
    number = file.request.number
    outcome = Outcome.REFUSED if refused else Outcome.DONE
    reply = Reply(outcome, visit.session.account.name, what, why, on)
    facts = {REQUEST: number, "outcome": outcome.value}
    doing = visit.doing(ActKind.REQUEST_ANSWERED, file.request.person, why, facts)
    try:
        await visit.act(doing, answer_request, number, reply, visit.now)
    except RequestRefused as problem:
        return _page(visit, await _file(visit), typed=typed, clash=str(problem))
    return visit.back(f"/requests/{number}?answered=1")


def _is_past(visit: StaffVisit, request: RightsRequest, day: date | None) -> bool:
    now = today(visit.app_context.installation.context, visit.now)
    return day is not None and request.arrived <= day <= now


ROUTES = (
    DeskRoute("/requests/{number}", get_request, OFFICERS),
    DeskRoute("/requests/{number}/identity", post_identity, OFFICERS, method="POST"),
    DeskRoute("/requests/{number}/person", post_person, OFFICERS, method="POST"),
    DeskRoute("/requests/{number}/extend", post_extend, OFFICERS, method="POST"),
    DeskRoute("/requests/{number}/answer", post_answer, OFFICERS, method="POST"),
)
