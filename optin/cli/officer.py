"""Commands of whoever answers for the data: export, exports."""

from __future__ import annotations

import getpass
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import chain, tee
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
from optin.export import tables
from optin.export.destination import destination
from optin.export.lists import PeopleList, open_list
from optin.export.presets import PRESETS
from optin.export.rows import Rows
from optin.export.writers import FOR_EXCEL, WRITERS, write_csv
from optin.flows.export import Harvest
from optin.flows.proving import Proven
from optin.flows.scrub import KEPT, Scrubber
from optin.flows.since import count_erased, ended_since, erased_since
from optin.site.findings import nearest
from optin.site.model import Site
from optin.store.exports import ExportRun, count_leads, find_export, list_exports, record_export
from optin.store.webhooks import webhook_states

SELF = "self"
excel_option = click.option(
    "--excel", is_flag=True, help="A CSV as Excel in Dutch, German or French opens it: with semicolons."
)


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
@site_option
def export(  # noqa: PLR0913 - one parameter an option
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
) -> None:
    """Export the leads whose consent for PURPOSE by CHANNEL is proven right now."""
    edition = asked_edition(site)
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
            open_office(edition.site.settings, edition.policy) as office,
            destination(out) as draft,
        ):
            now = office.clock()
            size = advance_log(office).size
            harvest = Harvest(office.store.read, office.write, office.vault, asked, Channel(channel), now)
            rows = Rows(office.vault, edition.site.settings.base_url, harvest.field_names(), now)
            leads = _with_progress(office, harvest)
            columns = rows.columns if tool is None else tool.columns(rows.columns)
            told = (rows.row(lead) for lead in leads)
            write(draft.file, columns, told if tool is None else map(tool.row, told))
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
            draft.released = True  # recorded first: what is recorded and did not leave harms nobody
    except RequestRefused as problem:
        if not number:
            raise
        msg = f"{problem} It is recorded as export {number}, although it did not leave whole."
        raise RequestRefused(msg) from None
    click.echo(f"Export {number}: {harvest.exported} proven consents to {processor}.", err=True)
    for reason, count in sorted(harvest.refused.items()):
        click.echo(f"  {count} refused: {reason}", err=True)


@click.command()
@click.option("--format", "shape", type=click.Choice(["table", "json"]), default="table")
@click.option("--since", "number", type=int, help="List who withdrew or was erased since export N.")
@click.option(
    "--file",
    "theirs",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The processor's file of export N: who of it was erased is found by it.",
)
@click.option("--column", help="Of --file: name or number of the column with the address.")
@click.option("--encoding", default="utf-8", show_default=True, help="Of --file, if it is a CSV.")
@click.option("--out", help="With --since: a CSV or XLSX to make.")
@excel_option
@site_option
def exports(
    site: Path,
    shape: str,
    number: int | None,
    theirs: Path | None,
    column: str | None,
    encoding: str,
    out: str | None,
    *,
    excel: bool,
) -> None:
    """List every export; or, since one of them, whom its processor must delete."""
    edition = asked_edition(site)
    with open_office(edition.site.settings, edition.policy) as office:
        if number is not None:
            people = None if theirs is None else open_list(theirs, Channel.EMAIL.value, column, encoding)
            _list_ended(office, number, people, _Out(out, shape, excel=excel))
            return
        runs = office.store.read(list_exports)
        told = office.store.read(webhook_states)
    if shape == "json":
        click.echo(json.dumps([_plain(run) for run in runs], indent=2, ensure_ascii=False))
        return
    table = Table("No.", "When (UTC)", "Who", "Why", "To", "What", "Exported", "Refused", "Log")
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
            "" if run.checkpoint is None else str(run.checkpoint),
        )
    Console().print(table if runs else "Nothing was exported yet.")
    for it in told:
        gone = "; it answered 410 and is left alone" if it.gone else ""
        click.echo(
            f"{it.processor} by webhook: told of {it.people} people; {it.waiting} messages wait,"
            f" {it.given_up} were given up{gone}."
        )


@dataclass(frozen=True)
class _Out:
    """Where a list goes: to a file, or as a table or JSON to standard output."""

    file: str | None
    shape: str
    excel: bool


def _list_ended(office: Office, number: int, people: PeopleList | None, out: _Out) -> None:
    run = office.store.read(partial(find_export, number=number))
    if run is None:
        msg = f"There is no export {number}; see: optin exports"
        raise RequestRefused(msg)
    ended = ended_since(office.store.read, office.vault, run, office.clock())
    if people is not None:
        addresses = (text for line in people.rows for text in (people.value(line), *people.others(line)))
        ended = chain(ended, erased_since(office.store.read, office.vault, run, addresses))
    columns = ("email", "phone", "what", "at")
    rows = ((it.email, it.phone, it.what, rfc3339(it.at)) for it in ended)
    if out.file is not None:
        with tables.table(out.file, excel=out.excel) as file:
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
    erased = count_erased(office.store.read, run)
    if erased and people is None:
        click.echo(
            f"{erased} people of export {number} were erased since; no address of them is kept."
            f" Find them in the processor's own file: --file FILE",
            err=True,
        )


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--purpose", required=True, help="Id of the purpose, as in optin.toml.")
@click.option("--channel", required=True, type=click.Choice([kind.value for kind in Channel]))
@click.option("--out", required=True, help="CSV or XLSX to make, with who may be approached.")
@click.option("--dropped", help="CSV or XLSX with who may not, and why. Default: OUT-dropped.")
@click.option(
    "--by", type=click.Choice([kind.value for kind in Channel]), help="What the list has: default, CHANNEL."
)
@click.option("--column", help="Name or number of the column with the address; by default it is found.")
@click.option("--encoding", default="utf-8", show_default=True, help="Of a CSV.")
@click.option("--suppress-only", is_flag=True, help="Drop only who withdrew or was erased.")
@excel_option
@site_option
def scrub(  # noqa: PLR0913 - one parameter an option
    site: Path,
    file: Path,
    purpose: str,
    channel: str,
    out: str,
    dropped: str | None,
    by: str | None,
    column: str | None,
    encoding: str,
    *,
    suppress_only: bool,
    excel: bool,
) -> None:
    """Drop from an old list (CSV, XLSX) whoever has no proven consent for PURPOSE by CHANNEL."""
    edition = asked_edition(site)
    known = _known_purpose(edition.site, purpose, channel)
    kind = Channel(by or channel)
    dropped = dropped or str(Path(out).with_stem(f"{Path(out).stem}-dropped"))
    people = open_list(file, kind.value, column, encoding)
    reasons: Counter[str] = Counter()
    with (
        open_office(edition.site.settings, edition.policy) as office,
        tables.table(out, excel=excel) as kept,
        tables.table(dropped, excel=excel) as left,
    ):
        scrubber = Scrubber(
            office.store.read,
            office.vault,
            known,
            Channel(channel),
            kind,
            office.clock(),
            edition.site.country,
            suppress_only=suppress_only,
        )
        if people.header is not None:
            kept.write(people.header)
        left.write(("line", kind.value, "reason"))
        judged, values = tee(people.rows)
        told = (
            scrubber.judge_rows((people.value(it), *people.others(it)) for it in values)
            if suppress_only
            else scrubber.judge(people.value(it) for it in values)
        )
        for line, reason in zip(judged, told, strict=True):
            reasons[reason] += 1
            if reason:
                left.write((str(line.number), people.value(line), reason))
            else:
                kept.write(line.cells)
    click.echo(f"{reasons.pop(KEPT, 0)} rows kept in {out}.", err=True)
    for reason, count in sorted(reasons.items()):
        click.echo(f"  {count} dropped: {reason}", err=True)
    click.echo(f"Why each was dropped: {dropped}. Nothing of the list was stored.", err=True)


def _checked(site: Site, purpose: str, channel: str, processor: str, why: str) -> PurposeId:
    """See that the site knows what is asked, and may do it (E1, E7). Raises RequestRefused."""
    known = _known_purpose(site, purpose, channel)
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
    return known


def _known_purpose(site: Site, purpose: str, channel: str) -> PurposeId:
    """See that the site has this purpose, for this channel. Raises RequestRefused."""
    known = site.purposes.get(PurposeId(purpose))
    if known is None:
        msg = f"There is no purpose {purpose!r}. {nearest(purpose, [*site.purposes])}"
        raise RequestRefused(msg)
    if known.channel.value != channel:
        msg = f"The purpose {purpose!r} is for {known.channel.value}, not for {channel}."
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
