"""/desk/magnets: every magnet with its status and what it brings."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import ClassVar
from urllib.parse import urlencode

from starlette.responses import Response

from optin.consent.plain_text import whole_number
from optin.desk.desk_page import DeskPage
from optin.desk.desk_route import DeskRoute, StaffVisit
from optin.desk.held_counts import held_counts
from optin.desk.magnets.rows import MagnetRow, row_of
from optin.desk.magnets.standing import Standing, StandingMagnet, every_magnet
from optin.desk.page_roles import MARKETERS_AND_OFFICERS
from optin.flows.reports.recent_weeks import WEEKS_COUNTED

PAGE = 50
MOST_WORDS = 100  # characters of a search


@dataclass(frozen=True)
class Chosen:
    """What the reader asked for; empty: all. `status`: empty: all but archived ones."""

    status: str = ""
    kind: str = ""
    lang: str = ""
    words: str = ""

    def fits(self, it: StandingMagnet) -> bool:
        """Return whether a magnet is asked for."""
        if self.status in {"", "all"}:
            of_status = bool(self.status) or it.standing is not Standing.ARCHIVED
        else:
            of_status = it.standing == self.status
        words = self.words.casefold()
        return (
            of_status
            and self.kind in {"", it.kind}
            and self.lang in {"", it.lang}
            and (words in it.title.casefold() or words in it.slug)
        )

    @property
    def is_all(self) -> bool:
        """Whether nothing was chosen."""
        return self == Chosen()


@dataclass(frozen=True)
class MagnetsView(DeskPage):
    """The list. `counts`: how many magnets have each status; `before`, `after`: addresses of other pages."""

    chosen: Chosen
    rows: tuple[MagnetRow, ...]
    found: int
    counts: tuple[tuple[Standing, int], ...]
    total: int
    kinds: tuple[str, ...]
    languages: tuple[str, ...]
    since: date | None
    counted_at: datetime | None
    counting: bool
    before: str = ""
    after: str = ""
    template: ClassVar[str] = "desk/magnets/list.html"


async def get_magnets(visit: StaffVisit) -> Response:
    """Show the magnets asked for, those with mistakes first, then by what they bring."""
    held, edition = held_counts(visit.request), visit.app_context.edition
    recent = await held.recent.get(edition, visit.now)
    written = await held.written.get(edition, visit.now)
    query = visit.request.query_params
    chosen = Chosen(*(query.get(name, "")[:MOST_WORDS].strip() for name in ("status", "kind", "lang", "q")))
    every = tuple(every_magnet(edition, written, visit.now))
    fitting = [it for it in every if chosen.fits(it)]
    fitting.sort(
        key=lambda it: (
            it.standing is not Standing.MISTAKES,
            0 if recent is None else -recent.of(it.slug).sign_ups,
            it.title.casefold(),
        )
    )
    page = _page(query.get("page", ""), len(fitting))
    shown = fitting[PAGE * page : PAGE * (page + 1)]
    counts = ((it, sum(magnet.standing is it for magnet in every)) for it in Standing)
    view = MagnetsView(
        visit.frame,
        chosen,
        tuple(row_of(it, recent, WEEKS_COUNTED) for it in shown),
        len(fitting),
        tuple(it for it in counts if it[1]),
        len(every),
        tuple(sorted({it.kind for it in every if it.kind})),
        tuple(sorted({it.lang for it in every if it.lang})),
        None if recent is None else recent.mondays[-WEEKS_COUNTED],
        None if recent is None else recent.at,
        recent is None or written is None,
        before=_address(chosen, page - 1) if page else "",
        after=_address(chosen, page + 1) if PAGE * (page + 1) < len(fitting) else "",
    )
    return visit.page(view)


def _page(asked: str, found: int) -> int:
    last = max(0, (found - 1) // PAGE)
    return min(max((whole_number(asked) or 1) - 1, 0), last)


def _address(chosen: Chosen, page: int) -> str:
    pairs = (("status", chosen.status), ("kind", chosen.kind), ("lang", chosen.lang), ("q", chosen.words))
    query = urlencode([it for it in (*pairs, ("page", str(page + 1) if page else "")) if it[1]])
    return f"/desk/magnets?{query}" if query else "/desk/magnets"


ROUTES = (DeskRoute("/magnets", get_magnets, MARKETERS_AND_OFFICERS, menu="magnets"),)
