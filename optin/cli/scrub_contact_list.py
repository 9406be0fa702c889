"""The command that cleans an old list: scrub."""

from __future__ import annotations

from collections import Counter
from itertools import tee
from pathlib import Path

import click

from optin.cli.installed_kinds import InstalledKinds, pass_kinds
from optin.cli.options_and_output import (
    READABLE_FILE,
    ChannelChoice,
    excel_option,
    known_purpose,
    served_edition,
    site_option,
)
from optin.consent.channel import Channel
from optin.consent.purpose import ConsentKey
from optin.export import table_writer
from optin.export.contact_list_reader import open_list
from optin.flows.exports.scrub_contact_list import KEPT, Scrubber
from optin.services.open_installation import open_installation


@click.command()
@click.argument("file", type=READABLE_FILE)
@click.option("--purpose", required=True, help="Id of the purpose, as in optin.toml.")
@click.option("--channel", required=True, type=ChannelChoice())
@click.option("--out", required=True, help="CSV or XLSX to make with the people who may be contacted.")
@click.option(
    "--dropped", help="CSV or XLSX to make with the other rows and the reasons. Default: OUT-dropped."
)
@click.option(
    "--by", type=ChannelChoice(), help="Which addresses the list contains. Default: those of CHANNEL."
)
@click.option("--column", help="Name or number of the column with the address. Default: found automatically.")
@click.option("--encoding", default="utf-8", show_default=True, help="Encoding of a CSV.")
@click.option("--sheet", help="Sheet of a spreadsheet with several sheets.")
@click.option("--suppress-only", is_flag=True, help="Drop only people who withdrew or were erased.")
@excel_option
@site_option
@pass_kinds
def scrub(  # noqa: PLR0913 - one parameter an option
    kinds: InstalledKinds,
    site: Path,
    file: Path,
    purpose: str,
    channel: Channel,
    out: str,
    dropped: str | None,
    by: Channel | None,
    column: str | None,
    encoding: str,
    sheet: str | None,
    *,
    suppress_only: bool,
    excel: bool,
) -> None:
    """Keep only the rows of an old list (CSV, XLSX) with a proven consent for PURPOSE by CHANNEL."""
    edition = served_edition(site, kinds)
    known = known_purpose(edition.site, purpose, channel)
    address = (by or channel).address
    dropped = dropped or str(Path(out).with_stem(f"{Path(out).stem}-dropped"))
    people = open_list(file, address.field, column, encoding, sheet)
    reasons: Counter[str] = Counter()
    with (
        open_installation(edition.site.settings, edition.policy, edition.kinds) as installation,
        table_writer.table(out, excel=excel) as kept,
        table_writer.table(dropped, excel=excel) as left,
    ):
        scrubber = Scrubber(
            installation.store.read,
            installation.vault,
            ConsentKey(known, channel),
            address,
            installation.clock(),
            edition.site.settings.controller.country,
            suppress_only=suppress_only,
            endings=installation.endings(),
        )
        if people.header is not None:
            kept.write(people.header)
        left.write(("line", address.field, "reason"))
        judged, values = tee(people.rows)
        told = scrubber.judge(people.addresses(it) for it in values)
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
