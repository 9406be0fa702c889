"""What every page about people begins with: a reason, a person, and a record of the look."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import wraps
from typing import ClassVar, TypeAlias

from starlette.responses import Response

from optin.consent.plain_text import whole_number
from optin.consent.rights_request import RightsRequest
from optin.desk.desk_page import DeskFrame, DeskPage
from optin.desk.desk_route import DeskHandler, StaffVisit
from optin.flows.rights.rights_requests import list_requests
from optin.flows.staff.person_file import PersonFile, find_person, view_person
from optin.flows.staff.person_visits import VisitReason, give_reason, reason_of, record_look


@dataclass(frozen=True)
class ReasonView(DeskPage):
    """The page that asks why somebody looks at a person. `before`: the reason that holds."""

    number: str
    requests: tuple[RightsRequest, ...]
    before: str = field(default="", repr=False)
    problem: bool = False
    template: ClassVar[str] = "desk/people/reason.html"


@dataclass(frozen=True)
class NobodyView(DeskPage):
    """A number that is nobody's, or nobody's any more."""

    number: str
    template: ClassVar[str] = "desk/people/nobody.html"


@dataclass(frozen=True)
class PersonPage(DeskPage):
    """A page about one person. `processors`, `purposes`, `labels`: names by ids."""

    person: PersonFile
    reason: VisitReason
    processors: Mapping[str, str]
    purposes: Mapping[str, str]
    labels: Mapping[str, str]

    @property
    def parts(
        self,
    ) -> tuple[DeskFrame, PersonFile, VisitReason, Mapping[str, str], Mapping[str, str], Mapping[str, str]]:
        """What every page about a person begins with, in the order of its fields."""
        return self.desk, self.person, self.reason, self.processors, self.purposes, self.labels

    @property
    def base(self) -> str:
        """The address of the person's page."""
        return f"/desk/people/{self.person.number}"

    @property
    def name(self) -> str:
        """What the person is called on this page: by their own words, else by the number."""
        data = self.person.data
        return data.email or data.number or self.person.number


PersonHandler: TypeAlias = Callable[[StaffVisit, PersonPage], Awaitable[Response]]


def number_in(visit: StaffVisit) -> str:
    """Return the number of a person in the address."""
    return str(visit.request.path_params["number"])


async def open_requests(visit: StaffVisit) -> tuple[RightsRequest, ...]:
    """Return the requests of people that wait for an answer, the most urgent first."""
    listed = await visit.view(list_requests, is_open=True, answered=False)
    return tuple(it.request for it in listed if it.request is not None)


def nobody(visit: StaffVisit) -> Response:
    """Answer that nobody has this number."""
    return visit.page(NobodyView(visit.frame, number_in(visit)), 404)


async def opened(visit: StaffVisit) -> PersonPage | Response:
    """Return the person of the address, their look recorded; or the page that asks for a reason first.

    Of a number that is nobody's: a page that says so.
    """
    index = await visit.view(find_person, number=number_in(visit))
    if index is None:
        return nobody(visit)
    reason = reason_of(visit.session, visit.now)
    if reason is None:
        return visit.page(ReasonView(visit.frame, number_in(visit), await open_requests(visit)))
    installation = visit.app_context.installation
    await visit.app_context.run(record_look, session=visit.session, index=index, reason=reason, now=visit.now)
    person = await visit.view(view_person, index=index, now=visit.now, endings_of=installation.endings_of)
    if not person.number or not person.has_anything:
        return nobody(visit)
    return PersonPage(visit.frame, person, reason, *_names(visit))


def about_person(handler: PersonHandler) -> DeskHandler:
    """Hand the person of the address to a handler; what `opened` answers instead is the answer."""

    @wraps(handler)
    async def handle(visit: StaffVisit) -> Response:
        page = await opened(visit)
        return page if isinstance(page, Response) else await handler(visit, page)

    return handle


def _names(visit: StaffVisit) -> tuple[Mapping[str, str], Mapping[str, str], Mapping[str, str]]:
    """Return the names of processors, purposes and fields, by their ids."""
    site, lang = visit.app_context.edition.site, visit.lang
    return (
        {name: it.name for name, it in site.settings.processors.items()},
        {name: it.text.get(lang, "") for name, it in site.settings.purposes.items()},
        {field.name: field.label for magnet in site.magnets.values() for field in magnet.fields},
    )


async def get_reason(visit: StaffVisit) -> Response:
    """Ask for another reason."""
    index = await visit.view(find_person, number=number_in(visit))
    if index is None:
        return nobody(visit)
    held = reason_of(visit.session, visit.now)
    before = "" if held is None else held.why
    return visit.page(ReasonView(visit.frame, number_in(visit), await open_requests(visit), before))


async def post_reason(visit: StaffVisit) -> Response:
    """Keep the reason of a visit, and show the person."""
    index = await visit.view(find_person, number=number_in(visit))
    if index is None:
        return nobody(visit)
    why, request = reason_posted(visit)
    if not why:
        view = ReasonView(visit.frame, number_in(visit), await open_requests(visit), problem=True)
        return visit.page(view, 422)
    await visit.app_context.run(give_reason, session=visit.session, why=why, request=request, now=visit.now)
    return visit.back(f"/people/{number_in(visit)}")


def reason_posted(visit: StaffVisit) -> tuple[str, int | None]:
    """Return the reason that was typed or chosen, and the number of a request that it is about."""
    text, chosen = " ".join(visit.value("why").split()), visit.value("request")
    request = whole_number(chosen)
    if request is not None:
        wording = visit.app_context.edition.theme.wording(visit.lang)
        named = wording.text("people.reason.request", number=request)
        text = f"{named}. {text}" if text else named
    return text, request
