"""The audit trail: who did what, about whom by number, and why; at the desk and at the terminal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import ClassVar
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from starlette.responses import Response

from optin.consent.staff_role import Role
from optin.consent.time_zones import typed_day
from optin.desk.desk_page import DeskPage
from optin.desk.desk_route import DeskRoute, StaffVisit
from optin.desk.page_roles import OFFICERS_AND_ADMINS
from optin.desk.typed_form import Typed
from optin.flows.staff.accounts import list_accounts
from optin.flows.staff.trail import ActKind
from optin.flows.staff.whole_trail import (
    EXPORTED,
    OFFICER_KINDS,
    TrailFilter,
    TrailPlace,
    WholeTrailLine,
    whole_trail,
)

PAGE_LINES = 50
TERMINAL = "terminal"
_FIELDS = ("who", "kind", "from", "to")


@dataclass(frozen=True)
class TrailView(DeskPage):
    """A page of the trail. `shown`: for each line, its sentence's key. `older`: the address of the next."""

    lines: tuple[tuple[WholeTrailLine, str], ...]
    asked: Typed
    people: tuple[tuple[str, str], ...] = field(repr=False)
    kinds: tuple[tuple[str, str], ...]
    of_staff: bool  # the reader sees what staff did about staff, and no reasons
    is_first: bool
    older: str
    template: ClassVar[str] = "desk/trail.html"


async def get_trail(visit: StaffVisit) -> Response:
    """Show a page of the trail: all of it to officers, what concerns staff to administrators."""
    params = visit.request.query_params
    asked = Typed({name: params.get(name, "") for name in _FIELDS})
    place = TrailPlace.parse(params.get("before", ""))
    of_staff = not visit.may(Role.OFFICER)
    accounts = await visit.view(list_accounts)
    zone = visit.app_context.edition.policy.zone
    since, until = _start_of(asked["from"], zone), _start_of(asked["to"], zone, days=1)
    staff = next((it.id for it in accounts if it.id.hex() == asked["who"]), None)
    wanted = TrailFilter(staff, asked["who"] == TERMINAL, asked["kind"], since, until, of_staff)
    lines = await visit.view(whole_trail, wanted, place, PAGE_LINES + 1)
    shown = lines[:PAGE_LINES]
    older = ""
    if len(lines) > PAGE_LINES:
        kept = {name: text for name, text in asked.items() if text}
        older = "/desk/trail?" + urlencode({**kept, "before": str(shown[-1].place)})
    words = visit.app_context.edition.theme.wording(visit.lang)
    view = TrailView(
        visit.frame,
        tuple((it, _sentence(it, words.has)) for it in shown),
        asked,
        tuple((it.id.hex(), it.name) for it in accounts),
        tuple((kind, key) for kind, key in _kinds(of_staff=of_staff) if words.has(key)),
        of_staff,
        place is None,
        older,
    )
    return visit.page(view)


def _start_of(text: str, zone: ZoneInfo, days: int = 0) -> datetime | None:
    """Return the moment at which a typed day begins, or one so many days later; None for none."""
    day = typed_day(text)
    if day is None or not 2000 <= day.year < 9999:  # noqa: PLR2004 - years that there is a trail of
        return None
    return datetime.combine(day + timedelta(days=days), datetime.min.time(), zone).astimezone(UTC)


def _sentence(line: WholeTrailLine, known: Callable[[str], bool]) -> str:
    """Return the key of a line's words; of an act that this version has no words for, a general one."""
    by_desk = line.at_desk or line.kind in {*ActKind}
    key = f"trail.{'act' if by_desk else 'shell'}.{line.kind}"
    return key if known(key) else "trail.act.other"


def _kinds(*, of_staff: bool) -> list[tuple[str, str]]:
    found = [(it.value, f"trail.act.{it.value}") for it in ActKind]
    if not of_staff:
        found += [(it, f"trail.shell.{it}") for it in (*OFFICER_KINDS, EXPORTED)]
    return found


ROUTES = (DeskRoute("/trail", get_trail, OFFICERS_AND_ADMINS, menu="trail"),)
