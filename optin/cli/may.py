"""The command that tells whether somebody may be contacted: may."""

from __future__ import annotations

import getpass
import json
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import tee
from pathlib import Path

import click

from optin.cli.installed_kinds import InstalledKinds, pass_kinds
from optin.cli.options_and_output import (
    READABLE_FILE,
    ChannelChoice,
    excel_option,
    served_edition,
    site_option,
)
from optin.consent.channel import CHANNELS, Channel
from optin.consent.event_content import STAFF, rfc3339
from optin.consent.purpose import ConsentKey, PurposeId
from optin.consent.time_zones import zone_of
from optin.errors import QuestionUnreadable
from optin.export import table_writer
from optin.export.contact_list_reader import PeopleList, open_list
from optin.flows.gate.answer import SignedAnswer
from optin.flows.gate.answer_list import MOST_NOTES, NO_ADDRESS, ListGate, ListQuestion
from optin.flows.gate.decide import GateDecision
from optin.flows.gate.question import QuestionText, read_question
from optin.services.gate import ask, keep_and_begin
from optin.services.installation import Installation
from optin.services.open_installation import open_installation
from optin.settings.site import SiteSettings
from optin.theme.zones import zone_of_country

MAY_NOT = 1
YES = "yes"
ANSWER_COLUMNS = ("may", "reason", "basis", "rule", "evidence", "until", "what_to_do")
NOW = timedelta(minutes=1)  # a moment so near is now
YEARS = range(1900, 2200)  # of a moment that is asked about


@click.command()
@click.argument("who", metavar="[EMAIL|NUMBER]", required=False)
@click.option("--purpose", required=True, help="Id of the purpose, as in optin.toml.")
@click.option("--channel", required=True, help=f"{' or '.join(CHANNELS)}.")
@click.option("--country", default="", help="Country of the person, such as BE, if you know it.")
@click.option("--at", "moment", help='Another moment, such as "2026-12-24 19:00"; it permits nothing.')
@click.option("--who", "asker", help="Your name, as it is recorded. Default: your user name.")
@click.option("--format", "shape", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("--list", "file", type=READABLE_FILE, help="Answer every row of a list, CSV or XLSX.")
@click.option("--out", help="With --list: CSV or XLSX to make with the rows and their answers.")
@click.option("--by", type=ChannelChoice(), help="With --list: the list's addresses. Default: of CHANNEL.")
@click.option("--column", help="With --list: name or number of the column. Default: found automatically.")
@click.option("--encoding", default="utf-8", show_default=True, help="With --list: encoding of a CSV.")
@click.option("--sheet", help="With --list: sheet of a spreadsheet with several sheets.")
@excel_option
@site_option
@pass_kinds
def may(  # noqa: PLR0913 - one parameter an option
    kinds: InstalledKinds,
    site: Path,
    who: str | None,
    purpose: str,
    channel: str,
    country: str,
    moment: str | None,
    asker: str | None,
    shape: str,
    file: Path | None,
    out: str | None,
    by: Channel | None,
    column: str | None,
    encoding: str,
    sheet: str | None,
    *,
    excel: bool,
) -> None:
    """Tell whether a person may be contacted now. Exit status: 0 yes, 1 no, 2 wrong use.

    With --list: each row of a file, for a contact whenever calls are allowed.
    """
    if (who is None) == (file is None) or (file is None) != (out is None):
        msg = "Name one person, or a file with --list and --out."
        raise click.UsageError(msg)
    edition = served_edition(site, kinds)
    settings, name = edition.site.settings, asker or getpass.getuser()
    at = None if moment is None else _moment(moment, settings)
    policy = edition.policy
    if file is not None and out is not None:
        if (known := CHANNELS.get(channel)) is None or PurposeId(purpose) not in policy.gate.purposes:
            msg = "There is no such purpose or channel."
            raise click.UsageError(msg)
        people = open_list(file, (by or known).address.field, column, encoding, sheet)
        with (
            open_installation(settings, policy, edition.kinds) as installation,
            table_writer.table(out, excel=excel) as table,
        ):
            asked = ListQuestion(
                ConsentKey(PurposeId(purpose), known), (by or known).address, installation.clock(),
                policy.gate.country, STAFF, name, country.upper(), at,
            )  # fmt: skip
            _answer_list(installation, asked, people, table)
        click.echo(f"Written to {out}. No row is a permission: ask again at each contact.", err=True)
        return
    try:
        text = QuestionText(who or "", purpose, channel, country)
        question = read_question(policy.gate, text, STAFF, name)
    except QuestionUnreadable as problem:
        raise click.UsageError(str(problem)) from None
    with open_installation(settings, policy, edition.kinds) as installation:
        if at is not None and abs(at - installation.clock()) < NOW:
            at = None
        answer = ask(installation, question, at)
        installation.store_questions()
    click.echo(json.dumps(answer.as_json, indent=2, ensure_ascii=False) if shape == "json" else _say(answer))
    if not answer.may:
        sys.exit(MAY_NOT)


def _answer_list(
    installation: Installation, asked: ListQuestion, people: PeopleList, table: table_writer.Table
) -> None:
    """Write each row with its answer; say how many got which."""
    gate = ListGate(installation.store.read, installation.context, asked, installation.endings())
    said: Counter[str] = Counter()
    if people.header is not None:
        table.write((*people.header, *ANSWER_COLUMNS))
    rows, again = tee(people.rows)
    for row, decided in zip(rows, gate.answers(people.addresses(it) for it in again), strict=True):
        cells = _cells(decided)
        said[cells[0] if cells[0] == YES else cells[1]] += 1
        table.write((*row.cells, *cells))
        if len(gate.notes.questions) >= MOST_NOTES:
            gate.notes = keep_and_begin(installation, gate.notes)
    keep_and_begin(installation, gate.notes)
    for reason, count in sorted(said.items()):
        click.echo(f"  {count} {reason}", err=True)


def _cells(decided: GateDecision | None) -> tuple[str, ...]:
    if decided is None:
        return ("no", NO_ADDRESS, "", "", "", "", "")
    answer = decided.answer
    return (
        YES if decided.may else "no",
        "" if answer.refusal is None else answer.refusal.value,
        "" if answer.basis is None else answer.basis.value,
        answer.rule,
        answer.evidence,
        "" if answer.until is None else rfc3339(answer.until),
        answer.cure,
    )


def _moment(text: str, settings: SiteSettings) -> datetime:
    """Return a moment in UTC; without a zone it is by the clocks of the site."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        msg = f'{text!r} is no moment; write it like "2026-12-24 19:00".'
        raise click.BadParameter(msg, param_hint="--at") from None
    if found.year not in YEARS:
        msg = f"{text!r} is of a year that no rule knows; name one from {YEARS[0]} to {YEARS[-1]}."
        raise click.BadParameter(msg, param_hint="--at")
    if found.tzinfo is not None:
        return found.astimezone(UTC)
    zone = zone_of(settings.time_zone or zone_of_country(settings.controller.country))
    return found.replace(tzinfo=zone or UTC).astimezone(UTC)


def _say(answer: SignedAnswer) -> str:
    said = answer.content
    lines = ["Yes." if answer.may else f"No: {said['reason']}."]
    if answer.signature is None:
        lines = [f"At {said['at']}, by the rules of that moment and what is on file now: {lines[0].lower()}"]
        lines.append("This is no permission: ask again at the moment of the contact.")
    lines += [f"  {it}" for it in _texts(said["reasons"])]
    rows = {
        "what to do": said["cure"],
        "basis": said["basis"],
        "evidence": said["evidence"],
        "until": said["until"],
        "rule": said["rule"],
        "law": said["article"],
        "valid until": said["valid_until"],
    }
    lines += [f"  {title:<12} {value}" for title, value in rows.items() if value]
    duties = said["duties"]
    if isinstance(duties, list) and duties:
        lines += ["  In the contact:", *(f"    {it['text']}" for it in duties if isinstance(it, dict))]
    return "\n".join(lines)


def _texts(value: object) -> list[str]:
    return [str(it) for it in value] if isinstance(value, list) else []
