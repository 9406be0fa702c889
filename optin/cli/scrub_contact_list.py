"""The command that cleans an old list: scrub."""

from __future__ import annotations

import getpass
from collections import Counter
from collections.abc import Iterable, Iterator
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
from optin.consent.channel import Address, Channel
from optin.consent.event_content import STAFF
from optin.consent.purpose import ConsentKey
from optin.export import table_writer
from optin.export.contact_list_reader import open_list
from optin.flows.exports.scrub_contact_list import KEPT, NO_ADDRESS, Row, Scrubber
from optin.flows.gate.answer_list import MOST_NOTES, ListGate, ListQuestion
from optin.services.gate import keep_and_begin
from optin.services.installation import Installation
from optin.services.open_installation import open_installation
from optin.services.site_edition import Edition


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
@click.option(
    "--any-basis",
    is_flag=True,
    help="Keep also people who may be contacted by another basis, such as customers; adds a column basis.",
)
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
    any_basis: bool,
    excel: bool,
) -> None:
    """Keep only the rows of an old list (CSV, XLSX) with a proven consent for PURPOSE by CHANNEL."""
    if suppress_only and any_basis:
        msg = "--suppress-only asks for no basis; leave one of the two."
        raise click.UsageError(msg)
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
        key = ConsentKey(known, channel)
        if people.header is not None:
            kept.write((*people.header, "basis") if any_basis else people.header)
        left.write(("line", address.field, "reason"))
        judged, values = tee(people.rows)
        addresses = (people.addresses(it) for it in values)
        judge = _by_any_basis if any_basis else _by_consent
        told = judge(installation, edition, key, address, addresses, suppress_only=suppress_only)
        for line, (reason, basis) in zip(judged, told, strict=True):
            reasons[reason] += 1
            if reason:
                left.write((str(line.number), people.value(line), reason))
            else:
                kept.write((*line.cells, basis) if any_basis else line.cells)
    click.echo(f"{reasons.pop(KEPT, 0)} rows kept in {out}.", err=True)
    for reason, count in sorted(reasons.items()):
        click.echo(f"  {count} dropped: {reason}", err=True)
    click.echo(f"Why each was dropped: {dropped}. Nothing of the list was stored.", err=True)


Told = Iterator[tuple[str, str]]  # why a row is dropped, or the basis of one that is kept


def _by_consent(
    installation: Installation,
    edition: Edition,
    key: ConsentKey,
    by: Address,
    rows: Iterable[Row],
    *,
    suppress_only: bool,
) -> Told:
    scrubber = Scrubber(
        installation.store.read,
        installation.vault,
        key,
        by,
        installation.clock(),
        edition.site.settings.controller.country,
        suppress_only=suppress_only,
        endings=installation.endings(),
    )
    yield from ((reason, "") for reason in scrubber.judge(rows))


def _by_any_basis(
    installation: Installation,
    edition: Edition,
    key: ConsentKey,
    by: Address,
    rows: Iterable[Row],
    *,
    suppress_only: bool,  # noqa: ARG001 - the other judge's
) -> Told:
    """Judge by the gate, for a contact whenever calls are allowed; people on file are told of it."""
    country = edition.site.settings.controller.country
    asked = ListQuestion(key, by, installation.clock(), country, STAFF, getpass.getuser())
    gate = ListGate(installation.store.read, installation.context, asked, installation.endings())
    for decided in gate.answers(rows):
        if len(gate.notes.questions) >= MOST_NOTES:
            gate.notes = keep_and_begin(installation, gate.notes)
        if decided is None:
            yield NO_ADDRESS, ""
        else:
            refusal, basis = decided.answer.refusal, decided.answer.basis
            yield "" if refusal is None else refusal.value, "" if basis is None else basis.value
    keep_and_begin(installation, gate.notes)
