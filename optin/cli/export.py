"""The command of whoever hands data to a processor: export."""

from __future__ import annotations

import getpass
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

from optin.cli.installed_kinds import InstalledKinds, pass_kinds
from optin.cli.terminal import excel_option, known_purpose, served_edition, site_option
from optin.consent.purpose import Channel, PurposeId
from optin.errors import RequestRefused
from optin.export.destination import destination
from optin.export.presets import PRESETS
from optin.export.rows import Rows
from optin.export.writers import FOR_EXCEL, WRITERS, write_csv
from optin.flows.evidence.prove_consent import Proven
from optin.flows.exports.export_leads import LeadExport
from optin.jobs.log_keeper import advance_log
from optin.services.installation import Installation, open_installation
from optin.site.findings import nearest
from optin.site.model import Site
from optin.store.exports import ExportRun, count_leads, record_export
from optin.store.log import latest_checkpoint

SELF = "self"


@click.command()
@click.option("--purpose", required=True, help="Id of the purpose, as in optin.toml.")
@click.option(
    "--channel",
    required=True,
    type=click.Choice([kind.value for kind in Channel]),
    help="Its channel.",
)
@click.option("--to", "processor", required=True, help="A processor of optin.toml, or self.")
@click.option("--why", required=True, help="What for; it is recorded.")
@click.option("--format", "shape", type=click.Choice([*WRITERS]), default="csv", show_default=True)
@click.option("--preset", type=click.Choice([*PRESETS]), help="Columns as this tool wants them.")
@excel_option
@click.option("--out", required=True, help="File to make, or - for standard output.")
@click.option(
    "--without-journal", is_flag=True, help="Do not compare the log with the journal, because that is lost."
)
@site_option
@pass_kinds
def export(  # noqa: PLR0913 - one parameter an option
    kinds: InstalledKinds,
    site: Path,
    purpose: str,
    channel: str,
    processor: str,
    why: str,
    shape: str,
    preset: str | None,
    out: str,
    *,
    excel: bool,
    without_journal: bool,
) -> None:
    """Export the leads whose consent for PURPOSE by CHANNEL is proven right now."""
    edition = served_edition(site, kinds)
    asked = _checked(edition.site, purpose, channel, processor, why)
    tool = None if preset is None else PRESETS[preset]
    if tool is not None and shape not in tool.formats:
        msg = f"{preset} reads {' or '.join(tool.formats)}, not {shape}."
        raise RequestRefused(msg)
    if excel and (tool is not None or shape != "csv"):
        msg = (
            "--excel is a CSV of its own; leave --preset and --format. An XLSX opens in every Excel as it is."
        )
        raise RequestRefused(msg)
    write = partial(write_csv, shape=FOR_EXCEL) if excel else WRITERS[shape]
    number = 0
    try:
        with (
            open_installation(
                edition.site.settings, edition.policy, edition.kinds, with_journal=not without_journal
            ) as installation,
            destination(out) as draft,
        ):
            now = installation.clock()
            # without its memory the signer signs nothing: the export is recorded under what is signed already
            latest = (
                installation.store.read(latest_checkpoint) if without_journal else advance_log(installation)
            )
            lead_export = LeadExport(
                installation.store.read,
                installation.write,
                installation.vault,
                asked,
                Channel(channel),
                now,
                installation.endings(),
            )
            rows = Rows(installation.vault, edition.site.settings.base_url, lead_export.field_names(), now)
            leads = _with_progress(installation, lead_export)
            columns = rows.columns if tool is None else tool.columns(rows.columns)
            written = (rows.row(lead) for lead in leads)
            write(draft.file, columns, written if tool is None else map(tool.row, written))
            draft.file.flush()
            run = ExportRun(
                at=now,
                who=getpass.getuser(),
                why=why.strip(),
                processor=processor,
                purpose=purpose,
                channel=channel,
                format=shape,
                exported=lead_export.exported,
                refused=lead_export.refused,
                checkpoint=None if latest is None else latest.size,
                members=lead_export.run,
            )
            number = installation.write(record_export, vault=installation.vault, run=run)
            draft.released = True  # recorded first: what is recorded and did not leave harms nobody
    except RequestRefused as problem:
        if not number:
            raise
        msg = f"{problem} It is recorded as export {number}, although it did not leave whole."
        raise RequestRefused(msg) from None
    click.echo(f"Export {number}: {lead_export.exported} proven consents to {processor}.", err=True)
    for reason, count in sorted(lead_export.refused.items()):
        click.echo(f"  {count} refused: {reason}", err=True)
    if without_journal:
        click.echo(
            "The journal was not compared: somebody whose withdrawal was cut out of the log may be in it.",
            err=True,
        )


def _checked(site: Site, purpose: str, channel: str, processor: str, why: str) -> PurposeId:
    """See that the site knows what is asked, and may do it (E1, E7). Raises RequestRefused."""
    known = known_purpose(site, purpose, channel)
    if processor != SELF and processor not in site.settings.processors:
        known_names = [*site.settings.processors, SELF]
        msg = (
            f"{processor!r} is no processor with an agreement in optin.toml (GDPR 28)."
            f" {nearest(processor, known_names)}"
        )
        raise RequestRefused(msg)
    if not why.strip():
        msg = "--why is empty; say what the export is for, it is recorded."
        raise RequestRefused(msg)
    return known


def _with_progress(installation: Installation, lead_export: LeadExport) -> Iterable[Proven]:
    """Show how far it is, on a terminal only."""
    console = Console(stderr=True)
    if not console.is_terminal:
        return lead_export.proven()
    total = installation.store.read(
        count_leads, purpose=lead_export.purpose, channel=lead_export.channel.value
    )

    def shown() -> Iterator[Proven]:
        columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=console, transient=True) as progress:
            task = progress.add_task("export", total=total)
            for lead in lead_export.proven():
                yield lead
                progress.update(task, completed=lead_export.exported + lead_export.refused.total())

    return shown()
