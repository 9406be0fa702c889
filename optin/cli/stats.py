"""The command that counts sign-ups: stats."""

from __future__ import annotations

import io
from datetime import datetime
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from optin.cli.installed_kinds import InstalledKinds, pass_kinds
from optin.cli.options_and_output import served_edition, site_option
from optin.consent.compare_variants import Comparison, ObservedVariant
from optin.export.destination import STANDARD_OUTPUT, write_whole
from optin.export.statistics_json import as_json
from optin.export.weekly_chart import as_svg
from optin.flows.reports.statistics import Rate, Statistics, StatisticsCount
from optin.flows.reports.week_count import WeekCount, week_name
from optin.services.open_installation import open_installation

WIDTH = 120  # of a table in a file
WRITERS = {"json": as_json, "svg": as_svg}


@click.command()
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), help="Count from the week of this day (UTC).")
@click.option("--magnet", metavar="SLUG", help="Count this magnet only.")
@click.option("--format", "shape", type=click.Choice(["table", *WRITERS]), default="table", show_default=True)
@click.option("--out", help="File to make. Default: standard output.")
@site_option
@pass_kinds
def stats(
    kinds: InstalledKinds, site: Path, since: datetime | None, magnet: str | None, shape: str, out: str | None
) -> None:
    """Count views, requests, confirmations and consents by week, magnet, version. No visitor is tracked."""
    edition = served_edition(site, kinds)
    with open_installation(edition.site.settings, edition.policy, edition.kinds) as installation:
        day = None if since is None else since.date()
        counted = StatisticsCount(
            installation.store.read, edition.policy, installation.clock(), day, magnet
        ).run()
    if shape in WRITERS:
        write_whole(out or STANDARD_OUTPUT, WRITERS[shape](counted))
    elif out is None:
        _print(counted, Console())
    else:
        text = io.StringIO()
        _print(counted, Console(file=text, width=WIDTH))
        write_whole(out, text.getvalue().encode())


def _print(counted: Statistics, console: Console) -> None:
    if counted.weeks:
        console.print(_weeks(counted))
        console.print(_rates(counted))
        for comparison in counted.comparisons:
            console.print(_wordings(comparison))
            for line in (*comparison.said, comparison.method):
                console.print(line, markup=False, highlight=False)
    else:
        console.print("Nobody has sent a form in this time.")
    if counted.funnels:
        console.print(_funnels(counted))
    if counted.sources:
        console.print(_sources(counted))
    if counted.letters:
        console.print(_letters(counted))
    if counted.returned:
        console.print(_returned(counted))
    for note in counted.notes:
        console.print(note, markup=False, highlight=False)


def _weeks(counted: Statistics) -> Table:
    table = Table(
        "Week", "Magnet", "Requests", "Confirmed", "Downloads", "Consents: asked, confirmed, withdrawn"
    )
    for week in counted.weeks:
        table.add_row(
            week.week,
            _version(week),
            str(week.requests),
            str(week.confirmed),
            str(week.downloads),
            _consents(week),
        )
    return table


def _consents(week: WeekCount) -> str:
    return "\n".join(
        f"{it.purpose} by {it.channel}: {it.asked}, {it.confirmed}, {it.withdrawn}" for it in week.consents
    )


def _rates(counted: Statistics) -> Table:
    table = Table("Magnet", "Asked", "Confirmed of those", "Share", "With 95 % confidence")
    for rate in counted.rates:
        table.add_row(_version(rate), str(rate.asked), str(rate.confirmed), *_share(rate))
    return table


def _funnels(counted: Statistics) -> Table:
    table = Table(
        "Magnet", "Since", "Views", "Requests", "Confirmed", "Downloads", title="From view to download"
    )
    for it in counted.funnels:
        requests, confirmed = _part(it.requests, it.views), _part(it.confirmed, it.requests)
        table.add_row(it.magnet, week_name(it.since), str(it.views), requests, confirmed, str(it.downloads))
    return table


def _sources(counted: Statistics) -> Table:
    table = Table("Magnet", "Source", "Views", "Requests", title="Where leads come from")
    for it in counted.sources:
        magnet = f"{it.magnet} ({it.variant})" if it.variant else it.magnet
        table.add_row(magnet, it.source or "none", str(it.views), _part(it.requests, it.views))
    return table


def _letters(counted: Statistics) -> Table:
    table = Table("Week", "Purpose", "Letter", "Sent", title="Letters")
    for it in counted.letters:
        table.add_row(it.week, it.purpose, it.name, str(it.sent))
    return table


def _returned(counted: Statistics) -> Table:
    table = Table("Week", "What", "Told by", "Count", title="Mails that came back, and complaints")
    for it in counted.returned:
        table.add_row(it.week, it.cause, it.source, str(it.count))
    return table


def _part(count: int, whole: int) -> str:
    """Return a number, and its share of the step before where there is one."""
    return f"{count} ({count / whole:.0%})" if whole >= count and whole else str(count)


def _version(counted: WeekCount | Rate) -> str:
    variant = f" ({counted.variant})" if counted.variant else ""
    return f"{counted.magnet} {counted.version}{variant}"


def _wordings(comparison: Comparison) -> Table:
    since = f"{comparison.since:%Y-%m-%d %H:%M} UTC"
    title = f"Wordings of {comparison.magnet}, since all are served ({since})"
    table = Table("Wording", "Asked", "Confirmed of those", "Share", "Interval", title=title)
    for it in comparison.wordings:
        name = f"{it.name} {it.version}"
        table.add_row(name, str(it.asked), str(it.confirmed), *_share(it))
    return table


def _share(rate: Rate | ObservedVariant) -> tuple[str, str]:
    if rate.share is None:
        return "–", "–"
    return f"{rate.share:.0%}", f"{rate.low:.0%} to {rate.high:.0%}"
