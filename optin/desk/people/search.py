"""Search for people: by a whole address or number at once, by a part of anything with progress (K4)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import ClassVar

from starlette.responses import Response

from optin.consent.rights_request import RightsRequest
from optin.desk.desk_page import DeskPage
from optin.desk.desk_route import DeskRoute, StaffVisit
from optin.desk.page_roles import OFFICERS
from optin.desk.people.visit import open_requests, reason_posted
from optin.flows.staff.find_people import (
    LEAST_LETTERS,
    MOST_LETTERS,
    SearchOnPage,
    begin_search,
    end_search,
    fold,
    view_search,
)
from optin.flows.staff.person_visits import give_reason, keep_note, reason_of
from optin.flows.staff.trail import ActKind
from optin.services.search_people import start_comparing

REFRESH_SECONDS = 2
_ID = re.compile(r"[0-9a-f]{32}")
DONE = frozenset({"erased", "nothing-left", "forgotten"})


@dataclass(frozen=True)
class PeopleView(DeskPage):
    """The page that searches: the form, and one search with what it found so far.

    `why`: the reason that holds already. `problem`: which field is wrong, "text" or "why".
    """

    requests: tuple[RightsRequest, ...]
    why: str = field(default="", repr=False)
    text: str = field(default="", repr=False)
    problem: str = ""
    done: str = ""
    found: SearchOnPage | None = field(default=None, repr=False)
    search_id: str = ""
    template: ClassVar[str] = "desk/people/search.html"

    @property
    def refresh(self) -> int:
        """After how many seconds the page asks again; 0: never."""
        return REFRESH_SECONDS if self.found is not None and self.found.runs else 0

    @property
    def percent(self) -> int:
        """How much of a search is done."""
        if self.found is None or not self.found.search.total:
            return 0
        return min(100, 100 * self.found.search.looked // self.found.search.total)


LISTED = "listed"  # in the notes of a session: the list that is on record


async def get_people(visit: StaffVisit) -> Response:
    """Show the form, and what people wait for; never a list of everybody."""
    done = visit.request.query_params.get("done", "")
    return await _form(visit, done=done if done in DONE else "")


async def _form(
    visit: StaffVisit, text: str = "", problem: str = "", done: str = "", status: int = 200
) -> Response:
    held = reason_of(visit.session, visit.now)
    why = visit.value("why") if problem else "" if held is None else held.why
    view = PeopleView(visit.frame, await open_requests(visit), why, text, problem, done)
    return visit.page(view, status)


async def post_search(visit: StaffVisit) -> Response:
    """Begin a search, with its reason; what is looked for is in no address and no trail."""
    text, (why, request) = visit.value("text"), reason_posted(visit)
    if not LEAST_LETTERS <= len(fold(text)) <= MOST_LETTERS:
        return await _form(visit, text, "text", status=422)
    if not why:
        return await _form(visit, text, "why", status=422)
    held = reason_of(visit.session, visit.now)
    if held is None or held.why != why:
        await visit.app_context.run(
            give_reason, session=visit.session, why=why, request=request, now=visit.now
        )
    facts = {} if request is None else {"request": request}
    search = await visit.act(
        visit.doing(ActKind.SEARCHED, why=why, facts=facts),
        begin_search,
        session=visit.session.digest,
        text=text,
        now=visit.now,
    )
    if not search.wanted.exact:
        start_comparing(visit.app_context.installation, search)
    return visit.back(f"/people/searches/{search.id.hex()}")


async def get_search(visit: StaffVisit) -> Response:
    """Show a search of this session with what it found so far."""
    found = await _found(visit)
    if found is None:
        return visit.back("/people?done=forgotten")
    held = reason_of(visit.session, visit.now)
    why = "" if held is None else held.why
    await _note_list(visit, found)
    text, name = found.search.wanted.text, found.search.id.hex()
    view = PeopleView(visit.frame, await open_requests(visit), why, text, found=found, search_id=name)
    return visit.page(view)


async def _note_list(visit: StaffVisit, found: SearchOnPage) -> None:
    """Record whom a search shows, each list once: by their numbers, which go with the people."""
    numbers = [it.number for it in found.people if it.number]
    listed = f"{found.search.id.hex()} {len(numbers)}"
    if numbers and visit.session.notes.get(LISTED) != listed:
        doing = visit.doing(
            ActKind.LISTED_PEOPLE, facts={"people": len(numbers), "numbers": " ".join(numbers)}
        )
        await visit.act(doing, keep_note, session=visit.session, name=LISTED, text=listed)


async def post_stop(visit: StaffVisit) -> Response:
    """Stop a search; what it found stays."""
    found = await _found(visit)
    if found is None:
        return visit.back("/people?done=forgotten")
    await visit.app_context.run(end_search, search_id=found.search.id, session=visit.session.digest)
    return visit.back(f"/people/searches/{found.search.id.hex()}")


async def _found(visit: StaffVisit) -> SearchOnPage | None:
    """Return the search of the address, if it is one of this session and its time is not over."""
    name = str(visit.request.path_params["id"])
    if _ID.fullmatch(name) is None:
        return None
    found = await visit.view(view_search, search_id=bytes.fromhex(name), now=visit.now)
    return found if found is not None and found.search.session == visit.session.digest else None


ROUTES = (
    DeskRoute("/people", get_people, OFFICERS, menu="people"),
    DeskRoute("/people", post_search, OFFICERS, "POST"),
    DeskRoute("/people/searches/{id}", get_search, OFFICERS),
    DeskRoute("/people/searches/{id}/stop", post_stop, OFFICERS, "POST"),
)
