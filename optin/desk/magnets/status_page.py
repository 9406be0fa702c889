"""/desk/magnets/{slug}/status: draft, publish, from and until a day, archive, and back.

The change is written into the magnet's own file, as a person would write it.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import ClassVar

from starlette.responses import Response

from optin.desk.desk_page import DeskPage
from optin.desk.desk_route import DeskRoute, StaffVisit
from optin.desk.held_counts import held_counts
from optin.desk.magnets.standing import StandingMagnet, standing_of
from optin.desk.page_roles import MARKETERS
from optin.errors import PageUnknown
from optin.flows.staff.trail import ActKind
from optin.services.commit_edit import Author
from optin.services.edit_site import SiteEditor, SiteHasMistakes
from optin.site.edit_file import ChangedMeanwhile, EditRefused
from optin.site.findings import Finding
from optin.site.front_matter_edit import CannotEdit
from optin.site.magnet_life import MagnetStatus
from optin.site.toml_and_markdown_reader import Document

MOST_CHARACTERS = 40  # of a day


@dataclass(frozen=True)
class Written:
    """The status and the days of a magnet, as its file has them. `digest`: of the file's bytes."""

    status: str
    opens: str
    ends: str
    digest: str = ""


@dataclass(frozen=True)
class StatusView(DeskPage):
    """The form. `may_edit`: whether the site lets marketers write its files."""

    it: StandingMagnet
    written: Written
    may_edit: bool
    findings: tuple[Finding, ...] = ()
    problem: str = ""  # in English, as commands say it
    is_stale: bool = False  # the file was changed meanwhile
    statuses: tuple[MagnetStatus, ...] = tuple(MagnetStatus)
    template: ClassVar[str] = "desk/magnets/status.html"


async def get_status(visit: StaffVisit) -> Response:
    """Show the status and the days. Raises PageUnknown."""
    it = await _magnet(visit)
    try:
        return _page(visit, it, await asyncio.to_thread(_read, _editor(visit), it.slug))
    except EditRefused as problem:
        return _page(visit, it, Written(MagnetStatus.LIVE, "", ""), problem=str(problem))


async def post_status(visit: StaffVisit) -> Response:
    """Write the status and the days into the file; what is wrong stands beside what was typed."""
    it, editor = await _magnet(visit), _editor(visit)
    typed = Written(
        visit.value("status"),
        visit.value("from").strip()[:MOST_CHARACTERS],
        visit.value("until").strip()[:MOST_CHARACTERS],
        visit.value("digest"),
    )
    if not visit.app_context.edition.site.settings.desk.edit or typed.status not in set(MagnetStatus):
        return _page(visit, it, typed)
    account = visit.session.account
    try:
        before = await asyncio.to_thread(_read, editor, it.slug)
        if before.digest != typed.digest:
            return _page(visit, it, before, is_stale=True)
        changes = {
            "status": None if typed.status == MagnetStatus.LIVE else typed.status,
            "from": typed.opens or None,
            "until": typed.ends or None,
        }
        await visit.note_file(it.slug)
        await asyncio.to_thread(editor.change, it.slug, changes, Author(account.name, account.email))
    except SiteHasMistakes as problem:
        return _page(visit, it, typed, findings=problem.checked.errors)
    except ChangedMeanwhile:
        now = await asyncio.to_thread(_read, editor, it.slug)
        return _page(visit, it, now, is_stale=True)
    except (EditRefused, CannotEdit) as problem:
        return _page(visit, it, typed, problem=str(problem))
    if visit.app_context.reload is not None:
        await visit.app_context.reload()
    held_counts(visit.request).written.forget()
    facts = {"magnet": it.slug, "status": typed.status, "before": before.status}
    await visit.note(visit.doing(ActKind.MAGNET_STATUS, facts=facts))
    return visit.back(f"/magnets/{it.slug}")


def _page(
    visit: StaffVisit,
    it: StandingMagnet,
    written: Written,
    *,
    findings: tuple[Finding, ...] = (),
    problem: str = "",
    is_stale: bool = False,
) -> Response:
    status = 409 if is_stale else 422 if visit.request.method == "POST" else 200
    frame = visit.frame
    may_edit = visit.app_context.edition.site.settings.desk.edit
    return visit.page(StatusView(frame, it, written, may_edit, findings, problem, is_stale), status)


async def _magnet(visit: StaffVisit) -> StandingMagnet:
    edition, slug = visit.app_context.edition, str(visit.request.path_params["slug"])
    written = await held_counts(visit.request).written.get(edition, visit.now)
    it = standing_of(slug, edition, written, visit.now)
    if it is None:
        raise PageUnknown
    return it


def _editor(visit: StaffVisit) -> SiteEditor:
    return visit.app_context.editor


def _read(editor: SiteEditor, slug: str) -> Written:
    """Return what the file says. Raises EditRefused."""
    opened = editor.open(slug)
    values = opened.document.values if isinstance(opened.document, Document) else {}
    status, opens, ends = (str(values.get(key) or "") for key in ("status", "from", "until"))
    return Written(status or MagnetStatus.LIVE, opens, ends, opened.digest)


ROUTES = (
    DeskRoute("/magnets/{slug}/status", get_status, MARKETERS),
    DeskRoute("/magnets/{slug}/status", post_status, MARKETERS, method="POST"),
)
