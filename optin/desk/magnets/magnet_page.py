"""What the pages about one magnet have in common: the magnet, and the tabs between them."""

from __future__ import annotations

from dataclasses import dataclass

from optin.desk.desk_page import DeskPage
from optin.desk.desk_route import StaffVisit
from optin.desk.magnets.standing import StandingMagnet


@dataclass(frozen=True)
class MagnetPage(DeskPage):
    """A page about one magnet. `has_report`: its kind has a page of its own about it."""

    it: StandingMagnet
    has_report: bool


def has_report(visit: StaffVisit, it: StandingMagnet) -> bool:
    """Return whether the kind of a magnet that was served has a page of its own about it."""
    is_served = it.slug in visit.app_context.edition.site.magnets
    return is_served and visit.app_context.installation.kinds.desks[it.kind].has_report
