"""The command that writes leads for a processor: export."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

from optin.bases.all_bases import BASES
from optin.cli.installed_kinds import InstalledKinds, pass_kinds
from optin.cli.options_and_output import (
    ChannelChoice,
    excel_option,
    known_purpose,
    served_edition,
    site_option,
)
from optin.consent.channel import Channel
from optin.consent.purpose import ConsentKey
from optin.errors import RequestRefused
from optin.export.column_presets import PRESETS
from optin.export.destination import destination
from optin.export.writers import WRITERS
from optin.flows.evidence.prove_consent import ProvenConsent
from optin.rules.contact_rule import LawfulBasis
from optin.services.lead_export import ExportOrder, export_leads, require_agreement
from optin.services.open_installation import open_installation
from optin.services.steady_clock import utc_now
from optin.site.model import Site

CONSENT = LawfulBasis.CONSENT.value


@click.command()
@click.option("--purpose", required=True, help="Id of the purpose, as in optin.toml.")
@click.option("--channel", required=True, type=ChannelChoice(), help="Its channel.")
@click.option("--to", "processor", required=True, help="A processor of optin.toml, or self.")
@click.option("--why", required=True, help="Reason for the export; it is recorded.")
@click.option("--format", "shape", type=click.Choice([*WRITERS]), default="csv", show_default=True)
@click.option("--preset", type=click.Choice([*PRESETS]), help="Columns in the format of this tool.")
@click.option(
    "--basis",
    type=click.Choice([CONSENT, *BASES]),
    default=CONSENT,
    show_default=True,
    help="On which basis; another than consent has columns of its own, and its duties.",
)
@excel_option
@click.option("--out", required=True, help="File to make, or - for standard output.")
@click.option(
    "--without-journal",
    is_flag=True,
    help="Do not compare the log with the journal, because the journal is lost.",
)
@site_option
@pass_kinds
def export(  # noqa: PLR0913 - one parameter an option
    kinds: InstalledKinds,
    site: Path,
    purpose: str,
    channel: Channel,
    processor: str,
    why: str,
    shape: str,
    preset: str | None,
    basis: str,
    out: str,
    *,
    excel: bool,
    without_journal: bool,
) -> None:
    """Export the people who may be contacted for PURPOSE by CHANNEL: with a proven consent, or on --basis."""
    if basis != CONSENT and preset is not None:
        msg = "Presets are for proven consents: tools would take other people for them. Leave out --preset."
        raise RequestRefused(msg)
    edition = served_edition(site, kinds)
    key = _checked(edition.site, purpose, channel, processor, why)
    tool = None if preset is None else PRESETS[preset]
    if tool is not None and shape not in tool.formats:
        msg = f"{preset} reads {' or '.join(tool.formats)}, not {shape}."
        raise RequestRefused(msg)
    if excel and (tool is not None or shape != "csv"):
        msg = (
            "--excel writes a CSV of its own; leave out --preset and --format. An XLSX opens in every Excel"
            " as it is."
        )
        raise RequestRefused(msg)
    other = "" if basis == CONSENT else basis
    order = ExportOrder(key, processor, why.strip(), shape, tool, excel=excel, basis=other)
    run = None
    try:
        with (
            open_installation(
                edition.site.settings, edition.policy, edition.kinds, with_journal=not without_journal
            ) as installation,
            destination(out) as draft,
        ):
            run = export_leads(installation, order, draft, _with_progress, compare=not without_journal)
    except RequestRefused as problem:
        if run is None:
            raise
        msg = f"{problem} It is recorded as export {run.number}, although it is incomplete."
        raise RequestRefused(msg) from None
    what = f"people by {basis}" if other else "proven consents"
    click.echo(f"Export {run.number}: {run.exported} {what} to {processor}.", err=True)
    for reason, count in sorted(run.refused.items()):
        click.echo(f"  {count} refused: {reason}", err=True)
    if without_journal:
        click.echo(
            "The journal was not compared: the export may contain somebody whose withdrawal was removed from"
            " the log.",
            err=True,
        )


def _checked(site: Site, purpose: str, channel: Channel, processor: str, why: str) -> ConsentKey:
    """Check that the site has purpose and processor, with an agreement that lasts (E1, E7).

    Raises RequestRefused.
    """
    known = known_purpose(site, purpose, channel)
    require_agreement(site, processor, site.day_of(utc_now()))
    if not why.strip():
        msg = "--why is empty; say what the export is for, it is recorded."
        raise RequestRefused(msg)
    return ConsentKey(known, channel)


def _with_progress(
    total: Callable[[], int], leads: Iterable[tuple[int, ProvenConsent]]
) -> Iterator[ProvenConsent]:
    """Show progress, on a terminal only."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield from (lead for _, lead in leads)
        return
    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("export", total=total())
        for done, lead in leads:
            yield lead
            progress.update(task, completed=done)
