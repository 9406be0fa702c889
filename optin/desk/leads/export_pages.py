"""Export leads at the desk: choose, count, confirm, fetch; and the exports of before (E1, E5).

The desk and `optin export` use one procedure. A marketer exports to processors alone; only an officer may
export for the company itself. What was posted is checked again when the file is about to be written.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import ClassVar

from starlette.responses import Response

from optin.consent.plain_text import whole_number
from optin.consent.staff_role import Role
from optin.desk.desk_page import DeskFrame, DeskPage
from optin.desk.desk_route import DeskRoute, StaffVisit
from optin.desk.leads.lead_choices import PurposeChoice, purpose_choices
from optin.desk.page_roles import MARKETERS_AND_OFFICERS
from optin.errors import PageUnknown, RequestRefused
from optin.export.column_presets import PRESETS
from optin.export.writers import WRITERS
from optin.flows.exports.recorded_exports import ExportRun, view_exports
from optin.flows.staff.trail import ActKind
from optin.services.export_jobs import COUNTED, DONE, FOLDER, ExportJob, ExportJobs, new_name
from optin.services.lead_export import SELF, require_agreement
from optin.store.database_interface import to_ms

EXCEL = "excel"
PAGE = 50
MOST_REASON = 300  # characters
MOST_XLSX_ROWS = 100_000  # at the desk, where a sheet is made in memory
TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "jsonl": "application/jsonl",
}


@dataclass(frozen=True)
class ProcessorChoice:
    """Somebody who may get leads. `ended`: on that day the agreement ended, so nothing goes there."""

    id: str
    name: str
    agreement: str
    ends: date | None
    ended: bool


@dataclass(frozen=True)
class ExportForm(DeskPage):
    """The form of an export. `typed`: what was filled in; `problems`: by field."""

    purposes: tuple[PurposeChoice, ...]
    processors: tuple[ProcessorChoice, ...]
    formats: tuple[str, ...]
    presets: tuple[str, ...]
    typed: Mapping[str, str] = field(default_factory=dict)
    problems: Mapping[str, str] = field(default_factory=dict)
    template: ClassVar[str] = "desk/export.html"


@dataclass(frozen=True)
class JobView(DeskPage):
    """An export that is counted, written, over, or waits to be confirmed. `names`: of receivers, by id."""

    job: ExportJob
    names: Mapping[str, str]
    template: ClassVar[str] = "desk/export-job.html"


@dataclass(frozen=True)
class ExportsView(DeskPage):
    """The exports of before, the newest first. `names`: of receivers, by id."""

    runs: tuple[ExportRun, ...]
    older: str
    names: Mapping[str, str]
    template: ClassVar[str] = "desk/exports.html"


def export_jobs(visit: StaffVisit) -> ExportJobs:
    """Return the exports that run on this machine."""
    settings = visit.app_context.edition.site.settings
    return ExportJobs(visit.app_context.installation, settings.path(FOLDER))


async def get_form(visit: StaffVisit) -> Response:
    """Show the form."""
    query = visit.request.query_params
    return _form(visit, {"purpose": query.get("purpose", "")[:200]}, {})


async def post_form(visit: StaffVisit) -> Response:
    """1. What is asked for, and whether it may go there. 2. Count it: nothing leaves yet."""
    # 1. What is asked for.
    names = ("purpose", "to", "why", "format", "preset")
    typed = {name: " ".join(visit.value(name).split())[:MOST_REASON] for name in names}
    purpose = next((it for it in purpose_choices(visit) if it.value == typed["purpose"]), None)
    problems = _problems(visit, typed)
    if purpose is None or problems:
        return _form(visit, typed, {**problems, **({} if purpose else {"purpose": "purpose"})})

    # 2. Count it.
    jobs = export_jobs(visit)
    await asyncio.to_thread(jobs.tidy)
    job = ExportJob(
        id=new_name(),
        staff=visit.session.account.id.hex(),
        purpose=purpose.key.purpose,
        channel=purpose.key.channel.value,
        processor=typed["to"],
        why=typed["why"],
        who=visit.session.account.name,
        format="csv" if typed["format"] == EXCEL else typed["format"],
        preset=typed["preset"],
        excel=typed["format"] == EXCEL,
        at=to_ms(visit.now),
    )
    await asyncio.to_thread(jobs.begin, job)
    return visit.back(f"/exports/running/{job.id}")


async def get_job(visit: StaffVisit) -> Response:
    """Show how far an export is; one that is over, at the address of its record."""
    jobs = export_jobs(visit)
    await asyncio.to_thread(jobs.tidy)
    job = _job(visit, jobs)
    if job.phase == DONE:
        return visit.back(f"/exports/{job.number}")
    return visit.page(JobView(visit.frame, job, receiver_names(visit)))


async def post_go(visit: StaffVisit) -> Response:
    """Write the file, if what was chosen may still go there."""
    jobs = export_jobs(visit)
    job = _job(visit, jobs)
    _require_receiver(visit, job.processor)
    if job.phase == COUNTED and job.format == "xlsx" and job.exported > MOST_XLSX_ROWS:
        msg = f"A sheet holds {MOST_XLSX_ROWS:,} leads at most here; choose CSV."
        raise RequestRefused(msg)
    await asyncio.to_thread(jobs.go, job)
    return visit.back(f"/exports/running/{job.id}")


async def post_stop(visit: StaffVisit) -> Response:
    """Stop an export, or delete its file."""
    jobs = export_jobs(visit)
    job = _job(visit, jobs)
    await asyncio.to_thread(jobs.stop, job)
    return visit.back(f"/exports/running/{job.id}" if job.is_running else "/exports")


async def post_file(visit: StaffVisit) -> Response:
    """Hand the file to whoever ordered it, while it is kept; each time is on record."""
    jobs = export_jobs(visit)
    await asyncio.to_thread(jobs.tidy)
    job = _job(visit, jobs)
    if job.phase != DONE:
        raise PageUnknown
    _require_receiver(visit, job.processor)
    await visit.note(visit.doing(ActKind.EXPORT_FETCHED, facts={**job.facts, "export": job.number}))
    name = f"export-{job.number}-{job.purpose}.{job.format}"
    return visit.download(_pieces(jobs.content(job)), TYPES[job.format], name)


async def get_exports(visit: StaffVisit) -> Response:
    """List the exports of before; those for the company itself to officers alone."""
    before = whole_number(visit.request.query_params.get("before", ""))
    made = await visit.view(view_exports)
    runs = [it for it in made.runs if (before is None or it.number < before) and may_see(visit, it)]
    older = str(runs[PAGE - 1].number) if len(runs) > PAGE else ""
    return visit.page(ExportsView(visit.frame, tuple(runs[:PAGE]), older, receiver_names(visit)))


def may_see(visit: StaffVisit, run: ExportRun) -> bool:
    """Return whether somebody may see the record of an export."""
    return run.processor != SELF or visit.may(Role.OFFICER)


def receiver_names(visit: StaffVisit) -> Mapping[str, str]:
    """Return the names of those who may get leads, by their ids."""
    settings = visit.app_context.edition.site.settings
    return {SELF: settings.controller.name, **{id_: it.name for id_, it in settings.processors.items()}}


def _require_receiver(visit: StaffVisit, processor: str) -> None:
    """Check that leads may go there now, by this visitor. Raises RequestRefused."""
    if processor == SELF and not visit.may(Role.OFFICER):
        msg = "Only a privacy officer exports for the company itself."
        raise RequestRefused(msg)
    site = visit.app_context.edition.site
    require_agreement(site, processor, site.day_of(visit.now))


def _problems(visit: StaffVisit, typed: Mapping[str, str]) -> dict[str, str]:
    """Return what is wrong, by field."""
    problems: dict[str, str] = {}
    choice = next((it for it in _processors(visit) if it.id == typed["to"]), None)
    if choice is None:
        own = typed["to"] == SELF and not visit.may(Role.OFFICER)
        problems["to"] = "self" if own else "to"
    elif choice.ended:
        problems["to"] = "ended"
    if not typed["why"]:
        problems["why"] = "why"
    preset = PRESETS.get(typed["preset"])
    if typed["preset"] and preset is None:
        problems["preset"] = "preset"
    if typed["format"] not in (*WRITERS, EXCEL):
        problems["format"] = "format"
    elif preset is not None and typed["format"] not in preset.formats:
        problems["format"] = "format-of-preset"
    return problems


def _processors(visit: StaffVisit) -> tuple[ProcessorChoice, ...]:
    site = visit.app_context.edition.site
    today = site.day_of(visit.now)
    found = [
        ProcessorChoice(id_, it.name, str(it.agreement), it.ends, it.is_over(today))
        for id_, it in site.settings.processors.items()
    ]
    own = ProcessorChoice(SELF, site.settings.controller.name, "", None, ended=False)
    return (*found, own) if visit.may(Role.OFFICER) else tuple(found)


def _form(visit: StaffVisit, typed: Mapping[str, str], problems: Mapping[str, str]) -> Response:
    view = ExportForm(
        visit.frame,
        purpose_choices(visit),
        _processors(visit),
        (*WRITERS, EXCEL),
        tuple(PRESETS),
        typed,
        problems,
    )
    return visit.page(view, 422 if problems else 200)


def _job(visit: StaffVisit, jobs: ExportJobs) -> ExportJob:
    job = jobs.find(visit.request.path_params["id"], visit.session.account.id.hex())
    if job is None:
        raise PageUnknown
    return job


def _frame(visit: StaffVisit) -> DeskFrame:
    return visit.frame


async def _pieces(content: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Yield a file that is read in a thread, piece by piece."""
    while (piece := await asyncio.to_thread(next, content, None)) is not None:
        yield piece


ROUTES = (
    # before anything is typed, which would be lost
    DeskRoute("/leads/export", get_form, MARKETERS_AND_OFFICERS, again=True),
    DeskRoute("/leads/export", post_form, MARKETERS_AND_OFFICERS, method="POST", again=True),
    DeskRoute("/exports", get_exports, MARKETERS_AND_OFFICERS),
    DeskRoute("/exports/running/{id}", get_job, MARKETERS_AND_OFFICERS),
    DeskRoute("/exports/running/{id}/go", post_go, MARKETERS_AND_OFFICERS, method="POST", again=True),
    DeskRoute("/exports/running/{id}/stop", post_stop, MARKETERS_AND_OFFICERS, method="POST"),
    DeskRoute("/exports/running/{id}/file", post_file, MARKETERS_AND_OFFICERS, method="POST", again=True),
)
