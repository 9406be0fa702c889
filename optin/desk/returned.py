"""Mails that came back, and complaints about mails: numbers by week, and how they are told (O4, O6)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from starlette.responses import Response

from optin.consent.staff_role import Role
from optin.desk.desk_page import DeskPage
from optin.desk.desk_route import DeskRoute, StaffVisit
from optin.desk.page_roles import MARKETERS_AND_OFFICERS, OFFICERS_AND_ADMINS
from optin.flows.staff.returned_counts import ReturnedCounts, returned_counts

READERS = MARKETERS_AND_OFFICERS | OFFICERS_AND_ADMINS


@dataclass(frozen=True)
class ReturnedView(DeskPage):
    """The numbers."""

    counts: ReturnedCounts
    is_officer: bool
    template: ClassVar[str] = "desk/returned.html"


async def get_returned(visit: StaffVisit) -> Response:
    """Show what came back."""
    counts = await visit.view(returned_counts, visit.now)
    return visit.page(ReturnedView(visit.frame, counts, visit.may(Role.OFFICER)))


ROUTES = (DeskRoute("/returned", get_returned, READERS),)
