"""/desk/magnets/{slug}: what one magnet brings, where people are lost, and what could be better."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import date, datetime
from typing import ClassVar

from starlette.responses import Response

from optin.consent.compare_variants import Comparison
from optin.consent.form_version import Slug
from optin.consent.staff_role import Role
from optin.desk.desk_route import DeskRoute, StaffVisit
from optin.desk.held_counts import held_counts
from optin.desk.magnets.magnet_page import MagnetPage, has_report
from optin.desk.magnets.rows import MagnetRow, Share, row_of, share_of
from optin.desk.magnets.standing import Standing, StandingMagnet, standing_of
from optin.desk.page_roles import MARKETERS_AND_OFFICERS
from optin.errors import PageUnknown
from optin.flows.reports.recent_weeks import WEEKS_COUNTED, RecentWeeks, VersionCount
from optin.flows.staff.trail import ActKind
from optin.services.preview_links import DAYS, preview_link
from optin.services.site_edition import Edition
from optin.site.findings import Finding
from optin.site.hints import hints_of_magnet

MOST_SOURCES = 12
MOST_VERSIONS = 50


@dataclass(frozen=True)
class Step:
    """A step of the funnel. `width`: of its bar, in percent of the first; `share`: of the step before."""

    key: str
    count: int
    width: float
    share: Share | None = None


@dataclass(frozen=True)
class SourceRow:
    """Sign-ups by a source; without one it is empty. `share`: of all of them."""

    name: str
    count: int
    width: float
    share: float


@dataclass(frozen=True)
class WordingRow:
    """A wording with its share on a scale, in percent of its width."""

    name: str
    asked: int
    confirmed: int
    share: float | None
    interval: tuple[float, float]
    at: float
    low: float
    high: float


@dataclass(frozen=True)
class MagnetView(MagnetPage):
    """One magnet. `shown`: there is a page of it to preview; `link`: a preview link that was just made."""

    row: MagnetRow
    steps: tuple[Step, ...]
    comparison: Comparison | None
    wordings: tuple[WordingRow, ...]
    scale: tuple[int, int]  # the ends of the wordings' scale, in percent
    sources: tuple[SourceRow, ...]
    versions: tuple[VersionCount, ...]  # the newest first
    findings: tuple[Finding, ...]
    hints: tuple[Finding, ...]
    since: date | None
    counted_at: datetime | None
    counting: bool
    shown: bool
    public_url: str
    link: str = ""
    days: int = DAYS
    template: ClassVar[str] = "desk/magnets/one.html"

    @property
    def may_link(self) -> bool:
        """Whether a preview link makes sense: nobody sees the page without one."""
        return self.shown and self.it.standing in {Standing.DRAFT, Standing.WAITING}


async def get_magnet(visit: StaffVisit) -> Response:
    """Show one magnet. Raises PageUnknown."""
    return await _page(visit)


async def post_link(visit: StaffVisit) -> Response:
    """Show the page with a new preview link, which stands nowhere else. Raises RequestRefused."""
    slug = visit.request.path_params["slug"]
    link = preview_link(visit.app_context.installation, visit.app_context.edition, slug)
    await visit.note(visit.doing(ActKind.PREVIEW_LINK, facts={"magnet": slug}))
    return await _page(visit, link)


async def _page(visit: StaffVisit, link: str = "") -> Response:
    held, edition = held_counts(visit.request), visit.app_context.edition
    recent = await held.recent.get(edition, visit.now)
    written = await held.written.get(edition, visit.now)
    slug = str(visit.request.path_params["slug"])
    it = standing_of(slug, edition, written, visit.now)
    if it is None:
        raise PageUnknown
    findings = () if written is None else tuple(written.findings.get(slug, ()))
    comparison = None if recent is None else recent.comparisons.get(slug)
    wordings, scale = wordings_of(comparison)
    row = row_of(it, recent, WEEKS_COUNTED)
    return visit.page(
        MagnetView(
            visit.frame,
            it,
            has_report(visit, it),
            row,
            steps_of(row),
            comparison,
            wordings,
            scale,
            sources_of(slug, recent),
            _versions(slug, recent),
            findings,
            await asyncio.to_thread(_hints, edition, it),
            None if recent is None else recent.mondays[-WEEKS_COUNTED],
            None if recent is None else recent.at,
            recent is None or written is None,
            edition.publication.preview(Slug(slug)) is not None,
            f"{edition.site.settings.base_url}/{slug}" if it.is_served else "",
            link,
        )
    )


def _hints(edition: Edition, it: StandingMagnet) -> tuple[Finding, ...]:
    if it.magnet is None or it.standing is Standing.MISTAKES:
        return ()
    return hints_of_magnet(edition.site, it.magnet, edition.kinds.files)


def _versions(slug: str, recent: RecentWeeks | None) -> tuple[VersionCount, ...]:
    found = () if recent is None else recent.versions.get(slug, ())
    return tuple(reversed(found))[:MOST_VERSIONS]


def steps_of(row: MagnetRow) -> tuple[Step, ...]:
    """Return the funnel: it begins at sign-ups, since a view is a page sent and no person."""
    sums = row.sums
    most = max(1, sums.sign_ups, sums.downloads)
    return (
        Step("sign-ups", sums.sign_ups, 100 * sums.sign_ups / most, share_of(sums.sign_ups, sums.views))
        if sums.views >= sums.sign_ups
        else Step("sign-ups", sums.sign_ups, 100 * sums.sign_ups / most),
        Step("confirmed", sums.confirmed, 100 * sums.confirmed / most, row.share),
        Step("downloads", sums.downloads, 100 * sums.downloads / most),
    )


def sources_of(slug: str, recent: RecentWeeks | None) -> tuple[SourceRow, ...]:
    """Return where sign-ups came from, most first; the rest is one row."""
    counts = {} if recent is None else dict(recent.sources.get(slug, {}))
    whole = sum(counts.values())
    ordered = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    if len(ordered) > MOST_SOURCES:
        rest = sum(count for _, count in ordered[MOST_SOURCES:])
        ordered = [*ordered[:MOST_SOURCES], ("…", rest)]
    most = max((count for _, count in ordered), default=1)
    return tuple(
        SourceRow(name, count, 100 * count / most, count / whole) for name, count in ordered if count
    )


def wordings_of(comparison: Comparison | None) -> tuple[tuple[WordingRow, ...], tuple[int, int]]:
    """Return the wordings on one scale, and its ends in percent: the tens around all intervals."""
    if comparison is None:
        return (), (0, 100)
    low = min(int(it.low * 10) * 10 for it in comparison.wordings)
    high = max(-int(-it.high * 10 // 1) * 10 for it in comparison.wordings)
    width = max(10, high - low)

    def placed(share: float) -> float:
        return round(min(100.0, max(0.0, (100 * share - low) / width * 100)), 1)

    rows = (
        WordingRow(
            it.name,
            it.asked,
            it.confirmed,
            it.share,
            (it.low, it.high),
            placed(it.share or 0.0),
            placed(it.low),
            placed(it.high),
        )
        for it in comparison.wordings
    )
    return tuple(rows), (low, low + width)


ROUTES = (
    DeskRoute("/magnets/{slug}", get_magnet, MARKETERS_AND_OFFICERS),
    DeskRoute("/magnets/{slug}/link", post_link, frozenset({Role.MARKETER}), method="POST"),
)
