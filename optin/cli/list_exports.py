"""The command that lists exports, and people whom a processor must delete: exports."""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from optin.cli.installed_kinds import InstalledKinds, pass_kinds
from optin.cli.options_and_output import READABLE_FILE, excel_option, served_edition, site_option
from optin.consent.channel import MAILBOX, declared_addresses
from optin.consent.event_content import rfc3339
from optin.export import table_writer
from optin.export.contact_list_reader import PeopleList, open_list
from optin.flows.exports.people_to_delete import FileReading, count_erased, ended_since, erased_since
from optin.flows.exports.recorded_exports import view_export, view_exports
from optin.flows.gate.export_by_basis import ended_entries
from optin.services.installation import Installation
from optin.services.open_installation import open_installation


@click.command()
@click.option("--format", "shape", type=click.Choice(["table", "json"]), default="table")
@click.option("--since", "number", type=int, help="List who withdrew or was erased since export N.")
@click.option(
    "--file",
    "theirs",
    type=READABLE_FILE,
    help="The processor's file of export N, in which erased people are found.",
)
@click.option("--column", help="Name or number of the column with the address in --file.")
@click.option("--encoding", default="utf-8", show_default=True, help="Encoding of --file, if it is a CSV.")
@click.option("--sheet", help="Sheet of --file, if it is a spreadsheet with several sheets.")
@click.option("--out", help="CSV or XLSX to make with the list of --since.")
@excel_option
@site_option
@pass_kinds
def exports(  # noqa: PLR0913 - one parameter an option
    kinds: InstalledKinds,
    site: Path,
    shape: str,
    number: int | None,
    theirs: Path | None,
    column: str | None,
    encoding: str,
    sheet: str | None,
    out: str | None,
    *,
    excel: bool,
) -> None:
    """List every export; with --since, list the people whom its processor must delete."""
    edition = served_edition(site, kinds)
    with open_installation(edition.site.settings, edition.policy, edition.kinds) as installation:
        if number is not None:
            people = None if theirs is None else open_list(theirs, MAILBOX.field, column, encoding, sheet)
            reading = FileReading()
            _list_ended(installation, number, people, reading, _Out(out, shape, excel=excel))
            if theirs is not None:
                _tell_reading(theirs, reading)
            return
        made = installation.view(view_exports)
    if shape == "json":
        click.echo(json.dumps(made.as_json(), indent=2, ensure_ascii=False))
        return
    table = Table("No.", "When (UTC)", "Who", "Why", "To", "What", "Exported", "Refused", "Log")
    for run in made.runs:
        table.add_row(
            str(run.number),
            f"{run.at:%Y-%m-%d %H:%M}",
            run.who,
            run.why,
            run.processor,
            f"{run.key}, {run.format}",
            str(run.exported),
            ", ".join(f"{count} {reason}" for reason, count in sorted(run.refused.items())),
            "" if run.checkpoint is None else str(run.checkpoint),
        )
    Console().print(table if made.runs else "Nothing has been exported yet.")
    tools = {name: it.connect for name, it in edition.site.settings.processors.items()}
    for it in made.webhooks:
        gone = "; it answered 410, so nothing more is sent" if it.gone else ""
        click.echo(
            f"{it.processor} by {tools.get(it.processor) or 'webhook'}: told of {it.people} people;"
            f" {it.waiting} messages wait, {it.given_up} were given up{gone}."
        )
        for reason, count in it.refused.items():
            click.echo(f"  {count} refused by {it.processor}: {reason}")


def _tell_reading(theirs: Path, reading: FileReading) -> None:
    """Print how many rows of a file were read, and which lines to check."""
    click.echo(f"{theirs.name}: {reading.rows} rows read.", err=True)
    if reading.unreadable:
        lines = ", ".join(map(str, reading.first_lines))
        more = " and others" if reading.unreadable > len(reading.first_lines) else ""
        click.echo(
            f"{reading.unreadable} of them hold no readable address, in line {lines}{more}; check them"
            " yourself.",
            err=True,
        )


@dataclass(frozen=True)
class _Out:
    """The destination of a list: a file, or standard output as a table or JSON."""

    file: str | None
    shape: str
    excel: bool


def _list_ended(
    installation: Installation, number: int, people: PeopleList | None, reading: FileReading, out: _Out
) -> None:
    run = installation.view(view_export, number=number)
    read, now = installation.store.read, installation.clock()
    ended = chain(
        ended_since(read, installation.vault, run, now),
        ended_entries(read, installation.context, run, now, installation.endings()),
    )
    if people is not None:
        told = ((line.number, *people.addresses(line)) for line in people.rows)
        ended = chain(ended, erased_since(installation.store.read, installation.vault, run, told, reading))
    others = [it.field for it in declared_addresses()]
    columns = (MAILBOX.field, *others, "what", "at")
    rows = (
        (it.email, *(it.addresses.get(name, "") for name in others), it.what, rfc3339(it.at)) for it in ended
    )
    if out.file is not None:
        with table_writer.table(out.file, excel=out.excel) as file:
            file.write(columns)
            for row in rows:
                file.write(row)
    elif out.shape == "json":
        click.echo(json.dumps([dict(zip(columns, row, strict=True)) for row in rows], indent=2))
    else:
        table = Table(*columns)
        for row in rows:
            table.add_row(*row)
        Console().print(table)
    erased = count_erased(installation.store.read, run)
    if erased and people is None:
        click.echo(
            f"{erased} people of export {number} were erased since; their addresses are not stored."
            f" Find them in the processor's own file: --file FILE",
            err=True,
        )
