"""/desk: what each role sees first. Whoever has several roles sees the parts of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import ClassVar

from starlette.responses import Response

from optin.consent.staff_role import Role
from optin.desk.desk_page import DeskPage
from optin.desk.desk_route import DESK, DeskRoute, StaffVisit
from optin.desk.held_counts import held_counts
from optin.desk.home.week import Week, magnets_waiting, week_of
from optin.desk.leads.lead_choices import new_lead_filters
from optin.desk.magnets.kind_page import speaking_kinds, waiting_magnets
from optin.desk.magnets.standing import StandingMagnet
from optin.desk.returned import READERS
from optin.flows.delivery.waiting_matters import WaitingMatter
from optin.flows.kind_desk_hooks import WaitingMagnet
from optin.flows.reports.recent_weeks import RecentWeeks
from optin.flows.staff.lead_looks import NewLeads, new_leads
from optin.flows.staff.returned_counts import ReturnedCounts, returned_counts
from optin.flows.staff.week_of_staff import accounts_by_role, acts_since, matters_for
from optin.services.health import ReadinessReport
from optin.services.setup_health import HealthFinding, faults_of_proof
from optin.site.findings import Finding
from optin.store.database_interface import to_ms

# where what waits is cured, by the beginning of its key
CURES = {"requests": "/requests", "breach": "/breaches", "mails": "/health#mail", "returned": "/health"}
FAULT_CURES = {"rules": "/record/rules"}
LOG = "/health#log"
OTHER_CURES = "/health"
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Matter:
    """What waits, with the page that cures it; empty: the reader may open none."""

    matter: WaitingMatter
    cure: str


@dataclass(frozen=True)
class Fault:
    """What is wrong with log, witnesses, audit or rules, with the page that cures it."""

    finding: HealthFinding
    cure: str


@dataclass(frozen=True)
class HomeView(DeskPage):
    """What somebody sees first. Parts of roles that the reader lacks are None or empty.

    `counting`: the numbers are being counted for the first time since the server started.
    """

    at: datetime
    week: Week | None
    counting: bool
    magnets: tuple[StandingMagnet, ...]
    own: tuple[WaitingMagnet, ...]  # what kinds tell of theirs
    matters: tuple[Matter, ...]
    faults: tuple[Fault, ...]
    papers: tuple[Finding, ...]
    consents: RecentWeeks | None
    acts: Mapping[str, int]
    accounts: Mapping[Role, int]
    readiness: ReadinessReport | None
    new_leads: tuple[NewLeads, ...] | None
    returned: ReturnedCounts | None
    template: ClassVar[str] = "desk/home/page.html"

    def opens(self, path: str) -> str:
        """Return the address of a page below the desk if the reader may open it; else nothing."""
        address = f"{DESK}{path}"
        return address if any(it.path == address for it in self.desk.menu) else ""

    @staticmethod
    def ms(moment: datetime) -> int:
        """Return a moment as addresses name it."""
        return to_ms(moment)

    @property
    def waiting(self) -> int:
        """How much waits."""
        return len(self.matters) + len(self.faults) + len(self.magnets) + len(self.own) + len(self.papers)

    def acts_of(self, *kinds: str) -> int:
        """Return how many acts of some kinds there were this week."""
        return sum(self.acts.get(kind, 0) for kind in kinds)


async def get_home(visit: StaffVisit) -> Response:
    """Show the parts of the reader's roles."""
    now, edition, held = visit.now, visit.app_context.edition, held_counts(visit.request)
    marketer, officer, admin = (visit.may(it) for it in (Role.MARKETER, Role.OFFICER, Role.ADMIN))
    recent = await held.recent.get(edition, now) if marketer or officer else None
    written = await held.written.get(edition, now) if marketer or officer else None
    matters = (
        await visit.view(matters_for, now, speaking_kinds(visit), of_all=officer or admin)
        if marketer or officer or admin
        else ()
    )
    faults = await visit.view(faults_of_proof, edition, now) if officer or admin else ()
    news = await _new_leads(visit) if visit.may(Role.MARKETER, Role.SALES) else None
    frame = visit.frame
    open_to = {it.path for it in frame.menu}
    today = now.astimezone(UTC).date()
    monday = datetime.combine(today, time(), UTC) - today.weekday() * DAY
    return visit.page(
        HomeView(
            frame,
            now,
            week_of(recent, edition, written) if marketer and recent is not None else None,
            (marketer or officer) and (recent is None or written is None),
            magnets_waiting(edition, written, recent) if marketer else (),
            await waiting_magnets(visit) if marketer or officer or admin else (),
            tuple(Matter(it, _cure(it, open_to)) for it in matters),
            tuple(Fault(it, f"{DESK}{FAULT_CURES.get(it.code, LOG)}") for it in faults),
            () if written is None or not officer else tuple(written.papers),
            recent if officer else None,
            await visit.view(acts_since, since=monday) if officer else {},
            await visit.view(accounts_by_role) if admin else {},
            await visit.app_context.readiness.report() if admin else None,
            news,
            await visit.view(returned_counts, now) if visit.may(*READERS) else None,
        )
    )


async def _new_leads(visit: StaffVisit) -> tuple[NewLeads, ...]:
    endings_of = visit.app_context.installation.endings_of
    return await visit.view(new_leads, new_lead_filters(visit), visit.now, endings_of)


def _cure(it: WaitingMatter, open_to: set[str]) -> str:
    place = next((page for start, page in CURES.items() if it.key.startswith(start)), OTHER_CURES)
    address = f"{DESK}{place}"
    return address if address.partition("#")[0] in open_to else ""


ROUTES = (DeskRoute("", get_home, menu="home"),)
