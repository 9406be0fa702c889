"""One export of before: its record, its file while that is kept, and whom its processor must delete (E5)."""

from __future__ import annotations

import asyncio
import io
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import ClassVar

from starlette.responses import Response

from optin.consent.channel import MAILBOX, declared_addresses
from optin.consent.event_content import rfc3339
from optin.consent.plain_text import whole_number
from optin.desk.desk_page import DeskPage
from optin.desk.desk_route import DeskRoute, StaffVisit
from optin.desk.leads.export_pages import TYPES, export_jobs, may_see, receiver_names
from optin.desk.page_roles import MARKETERS_AND_OFFICERS
from optin.errors import PageUnknown, RequestRefused
from optin.export.writers import FOR_PROGRAMS, CsvWriter
from optin.flows.exports.people_to_delete import PersonToDelete, count_erased, ended_since
from optin.flows.exports.recorded_exports import ExportRun, view_export
from optin.flows.gate.export_by_basis import ended_entries
from optin.flows.staff.trail import ActKind
from optin.proof.canonical_json import Json
from optin.services.export_jobs import ExportJob
from optin.services.installation import Installation


@dataclass(frozen=True)
class RecordedView(DeskPage):
    """The record of an export; `job`: its file, while whoever ordered it can fetch it."""

    run: ExportRun
    job: ExportJob | None
    names: Mapping[str, str]  # of receivers, by id
    template: ClassVar[str] = "desk/recorded-export.html"


@dataclass(frozen=True)
class DeletionsView(DeskPage):
    """How many of an export its processor must delete, by reason. `erased`: of whom no address is left."""

    run: ExportRun
    ended: Mapping[str, int]
    erased: int
    names: Mapping[str, str]  # of receivers, by id
    template: ClassVar[str] = "desk/deletions.html"


async def get_export(visit: StaffVisit) -> Response:
    """Show the record of an export."""
    jobs, run = export_jobs(visit), await _run(visit)
    await asyncio.to_thread(jobs.tidy)
    job = await asyncio.to_thread(jobs.of_number, run.number, visit.session.account.id.hex())
    return visit.page(RecordedView(visit.frame, run, job, receiver_names(visit)))


async def get_deletions(visit: StaffVisit) -> Response:
    """Count whom the processor must delete: who withdrew, ended or was erased since."""
    run, installation = await _run(visit), visit.app_context.installation
    ended = await asyncio.to_thread(lambda: Counter(it.what for it in _ended(installation, run)))
    erased = await asyncio.to_thread(count_erased, installation.store.read, run)
    return visit.page(DeletionsView(visit.frame, run, ended, erased, receiver_names(visit)))


async def post_deletions(visit: StaffVisit) -> Response:
    """Hand out the list for the processor, as `optin exports --since` writes it."""
    run, installation = await _run(visit), visit.app_context.installation
    data = await asyncio.to_thread(lambda: _written(_ended(installation, run)))
    facts: Mapping[str, Json] = {"export": run.number, "processor": run.processor}
    await visit.note(visit.doing(ActKind.DELETIONS_FETCHED, facts=facts))
    name = f"delete-since-export-{run.number}.csv"
    return visit.download(data, TYPES["csv"], name)


async def _run(visit: StaffVisit) -> ExportRun:
    try:
        run = await visit.view(view_export, whole_number(visit.request.path_params["n"]) or 0)
    except RequestRefused:
        raise PageUnknown from None
    if not may_see(visit, run):
        raise PageUnknown
    return run


def _ended(installation: Installation, run: ExportRun) -> Iterable[PersonToDelete]:
    read, now = installation.store.read, installation.clock()
    return chain(
        ended_since(read, installation.vault, run, now),
        ended_entries(read, installation.context, run, now, installation.endings()),
    )


def _written(people: Iterable[PersonToDelete]) -> bytes:
    others, text = [it.field for it in declared_addresses()], io.StringIO(newline="")
    table = CsvWriter(text, FOR_PROGRAMS)
    table.write((MAILBOX.field, *others, "what", "at"))
    for it in people:
        table.write((it.email, *(it.addresses.get(name, "") for name in others), it.what, rfc3339(it.at)))
    return text.getvalue().encode()


ROUTES = (
    DeskRoute("/exports/{n}", get_export, MARKETERS_AND_OFFICERS),
    DeskRoute("/exports/{n}/deletions", get_deletions, MARKETERS_AND_OFFICERS),
    DeskRoute("/exports/{n}/deletions", post_deletions, MARKETERS_AND_OFFICERS, method="POST", again=True),
)
