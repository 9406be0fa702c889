"""What differs between two form versions of a magnet, in words and side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from starlette.responses import Response

from optin.consent.form_differences import Difference, SentenceRow, declared_differences, side_by_side
from optin.consent.plain_text import whole_number
from optin.desk.desk_page import DeskPage
from optin.desk.desk_route import DeskRoute, StaffVisit
from optin.desk.page_roles import MARKETERS_AND_OFFICERS
from optin.errors import PageUnknown
from optin.flows.reports.form_versions import StoredForm, two_versions

MOST_BYTES = 45_000  # of sentences on the page


@dataclass(frozen=True)
class VersionsView(DeskPage):
    """Two versions. `more`: how many changed sentences the page has no room for."""

    slug: str
    title: str
    before: StoredForm
    after: StoredForm
    differences: tuple[Difference, ...]
    rows: tuple[SentenceRow, ...]
    more: int
    template: ClassVar[str] = "desk/magnets/versions.html"


async def get_versions(visit: StaffVisit) -> Response:
    """Show what differs between two versions. Raises PageUnknown."""
    slug = visit.request.path_params["slug"]
    before, after = (whole_number(visit.request.path_params[it]) or 0 for it in ("a", "b"))
    found = await visit.view(two_versions, magnet=slug, before=before, after=after)
    if found is None:
        raise PageUnknown
    old, new = found
    rows = side_by_side(old.version.page, new.version.page)
    shown = _fitting(rows)
    return visit.page(
        VersionsView(
            visit.frame,
            slug,
            new.version.declaration.title,
            old,
            new,
            tuple(declared_differences(old.version.declaration, new.version.declaration)),
            shown,
            sum(it.is_changed for it in rows[len(shown) :]),
        )
    )


def _fitting(rows: list[SentenceRow]) -> tuple[SentenceRow, ...]:
    room, found = MOST_BYTES, []
    for it in rows:
        room -= len(f"{it.before}{it.after}".encode()) + 120
        if room < 0:
            break
        found.append(it)
    return tuple(found)


ROUTES = (DeskRoute("/magnets/{slug}/versions/{a}/{b}", get_versions, MARKETERS_AND_OFFICERS),)
