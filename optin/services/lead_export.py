"""Export leads: write the proven ones, record the export, and only then release it (E1, E5)."""

from __future__ import annotations

import getpass
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import partial
from typing import Any

from optin.consent.purpose import ConsentKey
from optin.errors import RequestRefused
from optin.export.basis_row import BASIS_COLUMNS, basis_row
from optin.export.column_presets import Preset
from optin.export.destination import UnreleasedFile
from optin.export.lead_row import LeadRows
from optin.export.writers import FOR_EXCEL, WRITERS, Writer, write_csv, write_xlsx
from optin.flows.evidence.prove_consent import ProvenConsent
from optin.flows.exports.export_leads import LeadExport
from optin.flows.gate.export_by_basis import BasisExport
from optin.services.event_log_signer import advance_log
from optin.services.installation import Installation
from optin.site.findings import nearest
from optin.site.model import Site
from optin.store.event_log import latest_checkpoint
from optin.store.export_records import ExportRun, record_export
from optin.store.leads import count_leads

SELF = "self"  # in place of a processor: the controller


@dataclass(frozen=True)
class ExportOrder:
    """Which leads to export, to which processor, why, and in which format."""

    key: ConsentKey
    processor: str
    why: str
    format: str
    preset: Preset | None = None  # columns as a tool wants them
    excel: bool = False  # a CSV that Excel opens by itself
    basis: str = ""  # of the register of bases; empty: a proven consent
    who: str = ""  # gave the order; empty: the user of the shell
    in_memory: bool = False  # writes no temporary file that another process could read


Watch = Callable[[Callable[[], int], Iterable[tuple[int, ProvenConsent]]], Iterable[ProvenConsent]]


def export_leads(
    installation: Installation,
    order: ExportOrder,
    draft: UnreleasedFile,
    watch: Watch,
    *,
    compare: bool = True,
) -> ExportRun:
    """Write an export to a draft and release it; return its record, with its number.

    1. Sign a checkpoint over what the log has: the export is recorded under it.
    2. Write every lead whose consent is proven now. `watch` gets a function that counts the leads, and each
       proven one with how many were looked at.
    3. Record the export, then release the draft: what is recorded and did not leave harms nobody.

    `compare`: the log with the journal that is kept apart. Without its memory the signer signs nothing.
    """
    # 1. Sign a checkpoint.
    now = installation.clock()
    latest = advance_log(installation) if compare else installation.store.read(latest_checkpoint)

    # 2. Write everybody who may be contacted.
    people, columns, written = (
        _by_basis(installation, order, now) if order.basis else _proven(installation, order, now, watch)
    )
    _writer(order)(draft.file, columns, written)
    draft.file.flush()

    # 3. Record the export, then release the draft.
    run = ExportRun(
        at=now,
        who=order.who or getpass.getuser(),
        why=f"{order.why} (basis: {order.basis})" if order.basis else order.why,
        processor=order.processor,
        key=order.key,
        format=order.format,
        exported=people.exported,
        refused=people.refused,
        checkpoint=None if latest is None else latest.size,
        members=people.run,
    )
    number = installation.write(record_export, vault=installation.vault, run=run)
    draft.released = True
    return replace(run, number=number)


def require_agreement(site: Site, processor: str, day: date) -> None:
    """Check that a processor has an agreement that lasts on a day (E1, E7). Raises RequestRefused.

    `processor`: its id, or SELF for the controller, who needs none.
    """
    if processor == SELF:
        return
    agreed = site.settings.processors.get(processor)
    if agreed is None:
        known_names = [*site.settings.processors, SELF]
        msg = (
            f"{processor!r} is not a processor with an agreement in optin.toml (GDPR 28)."
            f" {nearest(processor, known_names)}"
        )
        raise RequestRefused(msg)
    if agreed.is_over(day):
        msg = (
            f"The agreement with {processor!r} ended on {agreed.ends}, so nothing may go to it (GDPR 28)."
            " Write its new last day into optin.toml."
        )
        raise RequestRefused(msg)


def count_export(installation: Installation, order: ExportOrder, watch: Watch) -> LeadExport:
    """Prove every lead of an order as its export will: who would leave, and why not the rest.

    `watch`: as in `export_leads`.
    """
    nobody: Any = _remember_nobody
    read, key = installation.store.read, order.key
    leads = LeadExport(
        read,
        nobody,
        installation.vault,
        installation.kinds.details,
        key,
        installation.clock(),
        installation.endings(),
    )
    for _ in watch(lambda: read(count_leads, key=key), _counted(leads)):
        pass
    return leads


def _remember_nobody(_operation: object, **of_run: Any) -> Any:
    """Return the people of a page, as if they were written down as part of an export."""
    return frozenset(of_run["subjects"])


def _writer(order: ExportOrder) -> Writer:
    if order.excel:
        return partial(write_csv, shape=FOR_EXCEL)
    if order.in_memory and WRITERS[order.format] is write_xlsx:
        return partial(write_xlsx, in_memory=True)
    return WRITERS[order.format]


Written = tuple[LeadExport | BasisExport, tuple[str, ...], Iterable[dict[str, str]]]


def _proven(installation: Installation, order: ExportOrder, now: datetime, watch: Watch) -> Written:
    """Return the leads with a proven consent, their columns and rows; a row is made when it is read."""
    read, write, vault, key = installation.store.read, installation.write, installation.vault, order.key
    leads = LeadExport(read, write, vault, installation.kinds.details, key, now, installation.endings())
    rows = LeadRows(vault, installation.policy.base_url, leads.field_names(), now)
    written = map(rows.row, watch(lambda: read(count_leads, key=key), _counted(leads)))
    if order.preset is None:
        return leads, rows.columns, written
    return leads, order.preset.columns(rows.columns), map(order.preset.row, written)


def _by_basis(installation: Installation, order: ExportOrder, now: datetime) -> Written:
    """Return the people of the register of bases who may be contacted, likewise."""
    read, write, base_url = installation.store.read, installation.write, installation.policy.base_url
    context, endings = installation.context, installation.endings()
    people = BasisExport(read, write, context, order.key, order.basis, now, endings)
    return people, BASIS_COLUMNS, (basis_row(it, order.key, base_url) for it in people.allowed())


def _counted(leads: LeadExport) -> Iterator[tuple[int, ProvenConsent]]:
    for lead in leads.proven():
        yield leads.exported + leads.refused.total(), lead
