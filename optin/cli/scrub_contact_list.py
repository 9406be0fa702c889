"""The command that cleans an old list: scrub."""

from __future__ import annotations

import getpass
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice, tee
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
from optin.consent.event_content import STAFF
from optin.consent.purpose import ConsentKey
from optin.export import table_writer
from optin.export.contact_list_reader import open_list
from optin.flows.exports.scrub_contact_list import KEPT, Row, Scrubber
from optin.flows.gate.answer_list import BATCH, MOST_NOTES, ListGate, ListQuestion, why_dropped
from optin.services.gate import keep_and_begin
from optin.services.installation import Installation
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
@click.option(
    "--suppress-only",
    is_flag=True,
    help="Drop only people who withdrew, objected, were erased or are on the do-not-contact list.",
)
@click.option(
    "--consent-only",
    is_flag=True,
    help="Keep proven consents alone: also drop customers and others on another basis.",
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
    consent_only: bool,
    excel: bool,
) -> None:
    """Keep only the rows of an old list (CSV, XLSX) that may be contacted for PURPOSE by CHANNEL.

    On a proven consent, or on another basis with its evidence, as "optin may" answers.
    """
    if suppress_only and consent_only:
        msg = "--suppress-only asks for no basis; leave one of the two."
        raise click.UsageError(msg)
    any_basis = not suppress_only and not consent_only
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
        country = edition.site.settings.controller.country
        scrubber = Scrubber(
            installation.store.read,
            installation.vault,
            key,
            address,
            installation.clock(),
            country,
            suppress_only=suppress_only,
            endings=installation.endings(),
        )
        asked = ListQuestion(key, address, scrubber.now, country, STAFF, getpass.getuser())
        told = (
            _by_any_basis(installation, scrubber, asked, addresses)
            if any_basis
            else ((reason, "") for reason in scrubber.judge(addresses))
        )
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


def _by_any_basis(
    installation: Installation, scrubber: Scrubber, asked: ListQuestion, rows: Iterable[Row]
) -> Iterator[tuple[str, str]]:
    """Yield why a row is dropped, or the basis on which it is kept: by the gate, whenever calls are allowed.

    People on file are told of it. Why somebody without a basis is dropped, the proof of the consent says.
    """
    gate = ListGate(installation.store.read, installation.context, asked, installation.endings())
    waiting = iter(rows)
    while batch := list(islice(waiting, BATCH)):
        answers = list(gate.answers(batch))
        refused = [row for row, it in zip(batch, answers, strict=True) if it is None or not it.may]
        reasons = scrubber.judge(refused)  # whoever is kept was proven once already
        for decided in answers:
            if decided is not None and decided.may:
                basis = decided.answer.basis
                yield KEPT, "" if basis is None else basis.value
            else:
                yield why_dropped(next(reasons), decided), ""
        if len(gate.notes.questions) >= MOST_NOTES:
            gate.notes = keep_and_begin(installation, gate.notes)
    keep_and_begin(installation, gate.notes)
