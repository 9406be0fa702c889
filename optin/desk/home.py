"""The first page of the desk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from starlette.responses import Response

from optin.desk.desk_page import DeskPage, desk_frame
from optin.desk.desk_route import DeskRoute, StaffVisit


@dataclass(frozen=True)
class HomeView(DeskPage):
    """What somebody sees first."""

    template: ClassVar[str] = "desk/home.html"


async def get_home(visit: StaffVisit) -> Response:
    """Show what the reader's roles may open."""
    return visit.page(HomeView(desk_frame(visit.request, visit.app_context, visit.session, visit.lang)))


ROUTES = (DeskRoute("", get_home, menu="home"),)
