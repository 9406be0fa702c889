"""The leads, proven at this moment: fifty a page, as much of each as the reader's role may see (E1).

Officers see names and addresses; a marketer sees them shortened; sales see the leads of the magnets that
they own, with an address only for a reason that is recorded.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import ClassVar
from urllib.parse import urlencode

from starlette.responses import Response

from optin.consent.channel import declared_addresses
from optin.consent.staff_role import Role
from optin.desk.desk_page import DeskPage
from optin.desk.desk_route import DeskRoute, StaffVisit
from optin.desk.held_counts import held_counts
from optin.desk.leads.lead_choices import (
    SEE_ALL,
    PurposeChoice,
    addresses_of_magnets,
    full_name,
    magnets_for,
    own_magnets,
    purpose_choices,
    short_email,
    short_name,
)
from optin.errors import PageUnknown
from optin.flows.evidence.prove_consent import ProvenConsent
from optin.flows.exports.lead_list import (
    Downloader,
    LeadCounts,
    LeadFilter,
    ListedLead,
    Place,
    number_people,
    view_downloaders,
    view_lead,
    view_leads,
)
from optin.flows.staff.lead_looks import note_look
from optin.flows.staff.trail import ActKind
from optin.proof.canonical_json import Json
from optin.site.model import Magnet
from optin.store.database_interface import from_ms, to_ms

MOST_REASON = 300  # characters
MOST_CHOICES = 100  # magnets in a list to choose from; of more, the address is typed
_MOMENT = re.compile("[0-9]{1,13}")  # ms, until the year 2286
ROLES = frozenset({Role.MARKETER, Role.SALES, Role.OFFICER})


@dataclass(frozen=True)
class LeadRow:
    """A lead as the reader may see it. `number`: of the person; empty for who may not look further."""

    email: str = field(repr=False)
    name: str = field(repr=False)
    number: str
    magnet: str
    confirmed: datetime
    expires: datetime


@dataclass(frozen=True)
class LeadsView(DeskPage):
    """A page of leads, with what is held back. `asked`: the filters, as they were typed."""

    purposes: tuple[PurposeChoice, ...]
    magnets: tuple[Magnet, ...]
    chosen: PurposeChoice | None
    asked: Mapping[str, str]
    problem: str
    rows: tuple[LeadRow, ...]
    refused: Mapping[str, int]
    counts: LeadCounts | None
    older: str
    first: bool
    new_since: datetime | None = None  # the list holds what is new since then
    template: ClassVar[str] = "desk/leads.html"

    @property
    def names_magnet(self) -> bool:
        """Whether there are so many magnets that the address of one is typed."""
        return len(self.magnets) > MOST_CHOICES


@dataclass(frozen=True)
class OneLeadView(DeskPage):
    """One lead in full, or the question why it is looked at. `addresses`: by field."""

    row: LeadRow | None
    purpose: PurposeChoice
    number: str
    why: str = field(default="", repr=False)
    problem: str = ""
    addresses: Mapping[str, str] = field(default_factory=dict, repr=False)
    template: ClassVar[str] = "desk/lead.html"


@dataclass(frozen=True)
class DownloadersView(DeskPage):
    """People who downloaded and ticked no box; nothing on the page selects them."""

    people: tuple[Downloader, ...]
    older: str
    template: ClassVar[str] = "desk/downloaders.html"


async def get_leads(visit: StaffVisit) -> Response:
    """1. What is asked for. 2. A page of it, proven. 3. The counts. 4. As much as the reader may see."""
    # 1. What is asked for.
    query, magnets, purposes = visit.request.query_params, magnets_for(visit), purpose_choices(visit)
    asked = {name: query.get(name, "")[:200] for name in ("purpose", "magnet", "since", "from")}
    chosen = next((it for it in purposes if it.value == asked["purpose"]), next(iter(purposes), None))
    since, problem = _since(visit, asked["since"])
    new_since = _moment(asked["from"])
    frame = visit.frame
    place = Place.parse(query.get("before", ""))
    named = tuple(it for it in magnets if it.slug == asked["magnet"])
    rows: tuple[LeadRow, ...] = ()
    refused: Mapping[str, int] = {}
    older, counts = "", None
    if chosen is not None:
        # 2. A page of it, proven.
        whole = not named and not asked["magnet"] and visit.may(Role.OFFICER, Role.MARKETER)
        wanted = LeadFilter(
            chosen.key,
            None if whole else addresses_of_magnets(named if asked["magnet"] else magnets),
            max(since, to_ms(new_since) if new_since else 0),
        )
        endings_of = visit.app_context.installation.endings_of
        page = await visit.view(view_leads, wanted, place, visit.now, endings_of)
        refused, older = page.refused, page.older

        # 3. The counts, which are of everybody and so not for sales.
        if visit.may(Role.OFFICER, Role.MARKETER):
            counts = await held_counts(visit.request).leads(chosen.key)

        # 4. As much as the reader may see.
        numbers = await _numbers(visit, page.leads)
        rows = tuple(_row(visit, it.lead, numbers.get(it.person, "")) for it in page.leads)
        if rows and visit.may(*SEE_ALL, Role.SALES):
            facts: dict[str, Json] = {"purpose": chosen.value, "people": len(rows)}
            await visit.note(visit.doing(ActKind.LISTED_LEADS, facts=facts))
        if place == Place() and not (asked["magnet"] or asked["since"]):
            account = visit.session.account.id
            await visit.app_context.run(note_look, account, chosen.key.purpose, visit.now)
    older = urlencode({**{name: it for name, it in asked.items() if it}, "before": older}) if older else ""
    view = LeadsView(
        frame, purposes, magnets, chosen, asked, problem, rows, refused, counts, older,
        first=place == Place(), new_since=new_since,
    )  # fmt: skip
    return visit.page(view, 422 if problem else 200)


async def post_show(visit: StaffVisit) -> Response:
    """Show one lead in full, for a reason: a look at a person, on record before it is shown."""
    purposes = purpose_choices(visit)
    chosen = next((it for it in purposes if it.value == visit.value("purpose")), None)
    if chosen is None:
        raise PageUnknown
    magnets = None if visit.may(*SEE_ALL) else addresses_of_magnets(own_magnets(visit, magnets_for(visit)))
    number, why = visit.value("person"), " ".join(visit.value("why").split())[:MOST_REASON]
    endings_of = visit.app_context.installation.endings_of
    found = await visit.view(view_lead, LeadFilter(chosen.key, magnets), number, visit.now, endings_of)
    if found is None:
        raise PageUnknown
    frame = visit.frame
    if not why:
        tried = any(name == "why" for name, _ in visit.posted)
        view = OneLeadView(frame, None, chosen, number, problem="why" if tried else "")
        return visit.page(view, 422 if tried else 200)
    facts = {"purpose": chosen.value}
    await visit.note(visit.doing(ActKind.LOOKED_AT_PERSON, found.person, why, facts))
    lead, address = found.lead, chosen.key.channel.address
    addresses = {it.field: it.own(lead.fields) for it in declared_addresses() if it == address}
    row = LeadRow(lead.email, full_name(lead), number, _magnet(lead), lead.confirmed_at, lead.expires_at)
    return visit.page(OneLeadView(frame, row, chosen, number, why, addresses=addresses))


async def get_downloaders(visit: StaffVisit) -> Response:
    """List who downloaded without a box, as what it is: no basis to approach anybody."""
    place = Place.parse(visit.request.query_params.get("before", ""))
    people, older = await visit.view(view_downloaders, place)
    if people:
        await visit.note(visit.doing(ActKind.LISTED_LEADS, facts={"people": len(people)}))
    frame = visit.frame
    return visit.page(DownloadersView(frame, people, urlencode({"before": older}) if older else ""))


def _since(visit: StaffVisit, text: str) -> tuple[int, str]:
    """Return the moment at which a day of the site's calendar begins (ms), and what is wrong with it."""
    if not text:
        return 0, ""
    try:
        day = date.fromisoformat(text)
        return max(0, to_ms(datetime.combine(day, time(), visit.app_context.installation.policy.zone))), ""
    except (ValueError, OverflowError):
        return 0, "since"


def _moment(text: str) -> datetime | None:
    """Return the moment (ms) that a link of the home page names; None for anything else."""
    return from_ms(int(text)) if _MOMENT.fullmatch(text) else None


async def _numbers(visit: StaffVisit, leads: tuple[ListedLead, ...]) -> dict[bytes, str]:
    """Return the numbers of those whom the reader may look at; none for a marketer."""
    if not visit.may(Role.OFFICER, Role.SALES):
        return {}
    if not visit.may(*SEE_ALL):
        own = addresses_of_magnets(own_magnets(visit, magnets_for(visit)))
        leads = tuple(it for it in leads if it.lead.form.version.declaration.magnet in own)
    numbers = {it.person: it.number for it in leads if it.number}
    lacking = [it.person for it in leads if not it.number]
    return numbers | (await visit.app_context.run(number_people, lacking) if lacking else {})


def _row(visit: StaffVisit, lead: ProvenConsent, number: str) -> LeadRow:
    whole = visit.may(*SEE_ALL)
    name = full_name(lead) if whole or not visit.may(Role.MARKETER) else short_name(lead)
    email = lead.email if whole else short_email(lead.email)
    return LeadRow(email, name, number, _magnet(lead), lead.confirmed_at, lead.expires_at)


def _magnet(lead: ProvenConsent) -> str:
    return f"{lead.form.version.declaration.magnet}, {lead.form.label}"


ROUTES = (
    DeskRoute("/leads", get_leads, ROLES, menu="leads"),
    DeskRoute("/leads/show", post_show, frozenset({Role.SALES, Role.OFFICER}), method="POST"),
    DeskRoute("/leads/downloads", get_downloaders, frozenset({Role.OFFICER})),
)
