"""Commands of whoever answers for the data: export, exports."""

from __future__ import annotations

import getpass
import json
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn
from rich.table import Table

from optin.bootstrap.office import Office, advance_log, open_office
from optin.cli.terminal import asked_edition, site_option
from optin.consent.event import rfc3339
from optin.consent.purpose import Channel, PurposeId
from optin.errors import RequestRefused
from optin.export.destination import destination
from optin.export.rows import Rows
from optin.export.writers import WRITERS
from optin.flows.export import Harvest
from optin.flows.proving import Proven
from optin.site.findings import nearest
from optin.site.model import Site
from optin.store.exports import ExportRun, count_leads, list_exports, record_export

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
@click.option("--out", required=True, help="File to make, or - for standard output.")
@site_option
def export(site: Path, purpose: str, channel: str, processor: str, why: str, shape: str, out: str) -> None:
    """Export the leads whose consent for PURPOSE by CHANNEL is proven right now."""
    edition = asked_edition(site)
    asked = _checked(edition.site, purpose, channel, processor, why)
    with (
        open_office(edition.site.settings, edition.policy) as office,
        destination(out) as draft,
    ):
        now = office.clock()
        size = advance_log(office).size
        harvest = Harvest(office.store.read, office.write, office.vault, asked, Channel(channel), now)
        rows = Rows(office.vault, edition.site.settings.base_url, harvest.field_names(), now)
        leads = _with_progress(office, harvest)
        WRITERS[shape](draft.file, rows.columns, (rows.row(lead) for lead in leads))
        draft.file.flush()
        run = ExportRun(
            at=now,
            who=getpass.getuser(),
            why=why.strip(),
            processor=processor,
            purpose=purpose,
            channel=channel,
            format=shape,
            exported=harvest.exported,
            refused=harvest.refused,
            checkpoint=size,
            members=harvest.run,
        )
        number = office.write(partial(record_export, vault=office.vault, run=run))
        draft.released = True
    click.echo(f"Export {number}: {harvest.exported} proven consents to {processor}.", err=True)
    for reason, count in sorted(harvest.refused.items()):
        click.echo(f"  {count} refused: {reason}", err=True)


@click.command()
@click.option("--format", "shape", type=click.Choice(["table", "json"]), default="table")
@site_option
def exports(site: Path, shape: str) -> None:
    """List every export: who, when, why, to whom, how many."""
    edition = asked_edition(site)
    with open_office(edition.site.settings, edition.policy) as office:
        runs = office.store.read(list_exports)
    if shape == "json":
        click.echo(json.dumps([_plain(run) for run in runs], indent=2, ensure_ascii=False))
        return
    table = Table("No.", "When (UTC)", "Who", "Why", "To", "What", "Exported", "Refused")
    for run in runs:
        table.add_row(
            str(run.number),
            f"{run.at:%Y-%m-%d %H:%M}",
            run.who,
            run.why,
            run.processor,
            f"{run.purpose} by {run.channel}, {run.format}",
            str(run.exported),
            ", ".join(f"{count} {reason}" for reason, count in sorted(run.refused.items())),
        )
    Console().print(table if runs else "Nothing was exported yet.")


def _checked(site: Site, purpose: str, channel: str, processor: str, why: str) -> PurposeId:
    """See that the site knows what is asked, and may do it (E1, E7). Raises RequestRefused."""
    known = site.purposes.get(PurposeId(purpose))
    if known is None:
        msg = f"There is no purpose {purpose!r}. {nearest(purpose, [*site.purposes])}"
        raise RequestRefused(msg)
    if known.channel.value != channel:
        msg = f"The purpose {purpose!r} is for {known.channel.value}, not for {channel}."
        raise RequestRefused(msg)
    if processor != SELF and processor not in site.processors:
        known_names = [*site.processors, SELF]
        msg = (
            f"{processor!r} is no processor with an agreement in optin.toml (GDPR 28)."
            f" {nearest(processor, known_names)}"
        )
        raise RequestRefused(msg)
    if not why.strip():
        msg = "--why is empty; say what the export is for, it is recorded."
        raise RequestRefused(msg)
    return known.id


def _with_progress(office: Office, harvest: Harvest) -> Iterable[Proven]:
    """Show how far it is, on a terminal only."""
    console = Console(stderr=True)
    if not console.is_terminal:
        return harvest.proven()
    total = office.store.read(partial(count_leads, purpose=harvest.purpose, channel=harvest.channel.value))

    def shown() -> Iterator[Proven]:
        columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=console, transient=True) as progress:
            task = progress.add_task("export", total=total)
            for lead in harvest.proven():
                yield lead
                progress.update(task, completed=harvest.exported + harvest.refused.total())

    return shown()


def _plain(run: ExportRun) -> dict[str, object]:
    return {**vars(run), "at": rfc3339(run.at), "refused": dict(run.refused), "members": run.members.hex()}
