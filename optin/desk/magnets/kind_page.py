"""/desk/magnets/{slug}/kind: what a kind shows of one magnet, and what a marketer may do with it.

The kind gives values; the pages are the same for every kind.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from starlette.responses import RedirectResponse, Response

from optin.consent.staff_role import Role
from optin.desk.desk_page import DeskPage
from optin.desk.desk_route import DESK, DeskRoute, StaffVisit
from optin.desk.held_counts import held_counts
from optin.desk.magnets.magnet_page import MagnetPage, has_report
from optin.desk.magnets.standing import StandingMagnet, standing_of
from optin.desk.page_roles import MARKETERS_AND_OFFICERS
from optin.errors import KindFailed, PageUnknown
from optin.flows.context_with_kinds import SiteContext
from optin.flows.kind_desk_hooks import DeskAct, DeskPart, MagnetReport, WaitingMagnet
from optin.flows.kind_errors import as_kind_failed
from optin.flows.staff.trail import ActKind
from optin.store.database_interface import Tx

MOST_TYPED = 500  # characters
log = logging.getLogger("optin.kinds")


@dataclass(frozen=True)
class KindView(MagnetPage):
    """What a kind shows of a magnet. `report`: None when the kind fails; `kind`: also of a removed one."""

    kind: str
    report: MagnetReport | None
    done: bool
    template: ClassVar[str] = "desk/magnets/kind.html"


@dataclass(frozen=True)
class ActView(DeskPage):
    """The question before an act of a kind. `title`: of the magnet."""

    slug: str
    title: str
    act: DeskAct
    template: ClassVar[str] = "desk/magnets/kind-act.html"


async def get_report(visit: StaffVisit) -> Response:
    """Show what the kind of a magnet tells of it. Raises PageUnknown."""
    known = _known(visit)
    if known.slug != visit.request.path_params["slug"]:
        return RedirectResponse(f"{DESK}/magnets/{known.slug}/kind", 303)
    try:
        report = await _report(visit, known)
    except KindFailed as problem:
        log.warning("the page of a magnet is left out: %s", problem.log_line)
        report = None
    it = await _standing(visit, known)
    done = "done" in visit.request.query_params
    view = KindView(visit.frame, it, has_report(visit, it), known.kind, report, done)
    return visit.page(view, 200 if report else 503)


async def get_act(visit: StaffVisit) -> Response:
    """Ask before an act. Raises PageUnknown for one that cannot be done now."""
    known, act = await _act(visit)
    return visit.page(ActView(visit.frame, known.slug, (await _standing(visit, known)).title, act))


async def post_act(visit: StaffVisit) -> Response:
    """Do it, and record it in the trail in the same transaction. Raises RequestRefused, PageUnknown."""
    known, act = await _act(visit)
    typed = visit.value("typed")[:MOST_TYPED] if act.field else ""
    doing = visit.doing(ActKind.KIND_ACT, facts={"magnet": known.slug, "act": act.name})
    await visit.act(doing, _run, known, act, typed, visit.now)
    return visit.back(f"/magnets/{known.slug}/kind?done=1")


def speaking_kinds(visit: StaffVisit) -> frozenset[str]:
    """Return the kinds that tell the desk by themselves what waits."""
    desks = visit.app_context.installation.kinds.desks
    return frozenset(kind for kind, part in desks.items() if part.tells_what_waits)


async def waiting_magnets(visit: StaffVisit) -> tuple[WaitingMagnet, ...]:
    """Return the magnets of every kind with which somebody has to do something."""
    found: list[WaitingMagnet] = []
    for kind, part in visit.app_context.installation.kinds.desks.items():
        if part.tells_what_waits:
            try:
                found += await visit.view(_waits, kind, part, visit.now)
            except KindFailed as problem:
                log.warning("what waits is left out: %s", problem.log_line)
    return tuple(found)


@dataclass(frozen=True)
class _Reported:
    """A magnet that was served, by its present address, with its kind."""

    kind: str
    slug: str


def _known(visit: StaffVisit) -> _Reported:
    """Return a magnet whose kind has a page of its own. Raises PageUnknown."""
    installation, slug = visit.app_context.installation, visit.request.path_params["slug"]
    served, known = (
        visit.app_context.edition.site.magnets.get(slug),
        installation.policy.magnets.get(slug),  # by a former address, or removed
    )
    if served is not None:
        found = _Reported(served.kind, served.slug)
    elif known is not None:
        found = _Reported(known.kind, known.slug)
    else:
        raise PageUnknown
    if not installation.kinds.desks[found.kind].has_report:
        raise PageUnknown
    return found


async def _act(visit: StaffVisit) -> tuple[_Reported, DeskAct]:
    known = _known(visit)
    report = await _report(visit, known)
    act = next((it for it in report.acts if it.name == visit.request.path_params["act"]), None)
    if act is None:
        raise PageUnknown
    return known, act


async def _report(visit: StaffVisit, known: _Reported) -> MagnetReport:
    """Return what the kind tells. Raises PageUnknown, KindFailed."""
    part = visit.app_context.installation.kinds.desks[known.kind]
    report = await visit.view(_report_of, part, known, visit.now)
    if report is None:
        raise PageUnknown
    return report


def _report_of(
    tx: Tx, context: SiteContext, part: DeskPart, known: _Reported, now: datetime
) -> MagnetReport | None:
    with as_kind_failed(known.kind):
        return part.report(tx, context, known.slug, now)


def _waits(
    tx: Tx, context: SiteContext, kind: str, part: DeskPart, now: datetime
) -> tuple[WaitingMagnet, ...]:
    with as_kind_failed(kind):
        return tuple(part.waits(tx, context, now))


def _run(tx: Tx, context: SiteContext, known: _Reported, act: DeskAct, typed: str, now: datetime) -> None:
    with as_kind_failed(known.kind):
        act.run(tx, context, known.slug, typed, now)


async def _standing(visit: StaffVisit, known: _Reported) -> StandingMagnet:
    """Return how the magnet stands; one that was removed is over."""
    edition = visit.app_context.edition
    written = await held_counts(visit.request).written.get(edition, visit.now)
    return standing_of(known.slug, edition, written, visit.now) or StandingMagnet.removed(known.slug)


ROUTES = (
    DeskRoute("/magnets/{slug}/kind", get_report, MARKETERS_AND_OFFICERS),
    DeskRoute("/magnets/{slug}/kind/{act}", get_act, frozenset({Role.MARKETER})),
    DeskRoute("/magnets/{slug}/kind/{act}", post_act, frozenset({Role.MARKETER}), method="POST"),
)
