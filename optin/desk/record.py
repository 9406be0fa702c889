"""The record of processing: differences, who gets data, rules in force, what is deleted (L9, GDPR 30)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import ClassVar

from starlette.responses import Response

from optin.desk.desk_page import DeskPage
from optin.desk.desk_route import DeskRoute, StaffVisit
from optin.desk.leads.export_pages import may_see
from optin.desk.page_roles import MARKETERS, OFFICERS_AND_ADMINS
from optin.errors import PageUnknown
from optin.flows.exports.recorded_exports import view_exports
from optin.flows.staff.trail import ActKind
from optin.papers.agreements import SOON
from optin.papers.check_papers import paper_findings
from optin.papers.record import record
from optin.papers.write_papers import paper_site, papers
from optin.rules.contact_rule import CountryRules
from optin.rules.data_protection.law_data import CHECK_EVERY_DAYS
from optin.rules.rule_files import rule_book
from optin.services.planned_sweep import DueDeletion, due_deletions
from optin.settings.site import Processor
from optin.site.findings import Finding
from optin.site.markdown_to_html import read_prose

WITH_MARKETERS = OFFICERS_AND_ADMINS | MARKETERS
MOST_EXPORTS = 20
_TYPES: Mapping[str, str] = {
    "html": "text/html; charset=utf-8",
    "md": "text/markdown; charset=utf-8",
    "csv": "text/csv; charset=utf-8",
    "jsonld": "application/ld+json",
}


@dataclass(frozen=True)
class RecordPage(DeskPage):
    """The base of the pages of the record. `tabs`: those that the reader may open."""

    tabs: tuple[str, ...]


@dataclass(frozen=True)
class ProcessingView(RecordPage):
    """The record itself, and where the written statement differs from it."""

    differences: tuple[Finding, ...]
    record_html: str
    files: tuple[str, ...]
    template: ClassVar[str] = "desk/record.html"


@dataclass(frozen=True)
class ProcessorLine:
    """A processor. `state`: good, due (ends soon) or wrong (over); `last`: when it was last given people."""

    name: str
    agreement: str
    ends: date | None
    state: str
    purposes: tuple[str, ...]
    country: str
    last: datetime | None


@dataclass(frozen=True)
class ExportLine:
    """A recorded export, without who made it and why."""

    number: int
    at: datetime
    processor: str
    purpose: str
    count: int


@dataclass(frozen=True)
class ProcessorsView(RecordPage):
    """Processors with their agreements, and what they got lately."""

    processors: tuple[ProcessorLine, ...]
    exports: tuple[ExportLine, ...]
    template: ClassVar[str] = "desk/record-processors.html"


@dataclass(frozen=True)
class RulesView(RecordPage):
    """The rules of contact of a country that hold today, with their source and age."""

    country: CountryRules
    countries: tuple[tuple[str, str], ...]
    today: date
    is_stale: bool
    age_days: int
    template: ClassVar[str] = "desk/record-rules.html"


@dataclass(frozen=True)
class DeletionView(RecordPage):
    """What the sweep deletes tonight, and why."""

    rules: tuple[DueDeletion, ...]
    due: int
    template: ClassVar[str] = "desk/record-deletion.html"


def _tabs(visit: StaffVisit) -> tuple[str, ...]:
    return (
        ("processing", "processors", "rules", "deletion")
        if visit.may(*OFFICERS_AND_ADMINS)
        else ("processors",)
    )


async def get_record(visit: StaffVisit) -> Response:
    """Show the record; whoever is a marketer alone gets the processors."""
    if not visit.may(*OFFICERS_AND_ADMINS):
        return visit.back("/record/processors")
    edition = visit.app_context.edition
    day = edition.site.day_of(visit.now)
    differences = await asyncio.to_thread(paper_findings, edition.site, day)
    text = record(paper_site(edition.site, edition.kinds.files, visit.lang, day))
    statements = tuple(f"statement-{it}.html" for it in edition.site.settings.languages)
    files = ("index.html", "record.html", "record.csv", "record.jsonld", "agreements.html", *statements)
    files += ("requests.html", "breaches.html", "assessment.html")
    frame = visit.frame
    return visit.page(ProcessingView(frame, _tabs(visit), differences, read_prose(text).html, files))


async def get_paper(visit: StaffVisit) -> Response:
    """Hand out one paper, as `optin papers` writes it; that it was taken is in the trail."""
    edition = visit.app_context.edition
    name = str(visit.request.path_params["file"])
    day = edition.site.day_of(visit.now)
    made = await asyncio.to_thread(papers, edition.site, edition.kinds.files, edition.theme, day, visit.lang)
    if name not in made:
        raise PageUnknown
    await visit.note(visit.doing(ActKind.PAPERS_TAKEN, facts={"paper": name}))
    return visit.download(made[name], _TYPES[name.rpartition(".")[2]], name)


async def get_processors(visit: StaffVisit) -> Response:
    """Show who may get data, until when, and what they got."""
    edition = visit.app_context.edition
    day = edition.site.day_of(visit.now)
    exports = await visit.view(view_exports)
    last: dict[str, datetime] = {}
    for run in exports.runs:
        last[run.processor] = max(run.at, last.get(run.processor, run.at))
    lines = tuple(
        _processor(it, day, last.get(name)) for name, it in edition.site.settings.processors.items()
    )
    shown = tuple(
        ExportLine(it.number, it.at, it.processor, str(it.key.purpose), it.exported)
        for it in [it for it in exports.runs if may_see(visit, it)][:MOST_EXPORTS]
    )
    frame = visit.frame
    return visit.page(ProcessorsView(frame, _tabs(visit), lines, shown))


def _processor(it: Processor, day: date, last: datetime | None) -> ProcessorLine:
    state = "good"
    if it.ends is not None and it.ends - day <= SOON:
        state = "wrong" if it.is_over(day) else "due"
    purposes = dict.fromkeys((*(() if it.webhook is None else it.webhook.purposes), *it.lists, *it.may_ask))
    return ProcessorLine(
        it.name, it.agreement, it.ends, state, tuple(map(str, purposes)), it.country.upper(), last
    )


async def get_rules(visit: StaffVisit) -> Response:
    """Show the rules of a country that hold today: the controller's, or one that is asked for."""
    book, edition = rule_book(), visit.app_context.edition
    asked = visit.request.query_params.get("country", "").upper()
    own = edition.site.settings.controller.country.upper()
    code = next((it for it in (asked, own) if it in book.countries), next(iter(book.countries)))
    country, today = book.countries[code], edition.site.day_of(visit.now)
    age = (today - country.checked).days
    frame = visit.frame
    countries = tuple((code, it.name) for code, it in book.countries.items())
    return visit.page(RulesView(frame, _tabs(visit), country, countries, today, age > CHECK_EVERY_DAYS, age))


async def get_deletion(visit: StaffVisit) -> Response:
    """Show what goes tonight, and why."""
    found = await asyncio.to_thread(due_deletions, visit.app_context.installation)
    frame = visit.frame
    return visit.page(DeletionView(frame, _tabs(visit), tuple(found), sum(it.count for it in found)))


ROUTES = (
    DeskRoute("/record", get_record, WITH_MARKETERS, menu="record"),
    DeskRoute("/record/processors", get_processors, WITH_MARKETERS),
    DeskRoute("/record/rules", get_rules, OFFICERS_AND_ADMINS),
    DeskRoute("/record/deletion", get_deletion, OFFICERS_AND_ADMINS),
    DeskRoute("/record/papers/{file}", get_paper, OFFICERS_AND_ADMINS),
)
