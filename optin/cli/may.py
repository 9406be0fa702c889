"""The command that tells whether somebody may be contacted: may."""

from __future__ import annotations

import getpass
import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from optin.cli.installed_kinds import InstalledKinds, pass_kinds
from optin.cli.options_and_output import served_edition, site_option
from optin.consent.channel import CHANNELS
from optin.consent.event_content import STAFF
from optin.consent.time_zones import zone_of
from optin.errors import QuestionUnreadable
from optin.flows.gate.answer import SignedAnswer
from optin.flows.gate.question import QuestionText, read_question
from optin.services.gate import ask
from optin.services.open_installation import open_installation
from optin.settings.site import SiteSettings
from optin.theme.zones import zone_of_country

MAY_NOT = 1
NOW = timedelta(minutes=1)  # a moment so near is now


@click.command()
@click.argument("who", metavar="EMAIL|NUMBER")
@click.option("--purpose", required=True, help="Id of the purpose, as in optin.toml.")
@click.option("--channel", required=True, help=f"{' or '.join(CHANNELS)}.")
@click.option("--country", default="", help="Country of the person, such as BE, if you know it.")
@click.option(
    "--at", "moment", help='Another moment, such as "2026-12-24 19:00"; the answer permits nothing.'
)
@click.option("--who", "asker", help="Who asks. Default: the name of the user on this computer.")
@click.option("--format", "shape", type=click.Choice(["text", "json"]), default="text", show_default=True)
@site_option
@pass_kinds
def may(  # noqa: PLR0913 - one parameter an option
    kinds: InstalledKinds,
    site: Path,
    who: str,
    purpose: str,
    channel: str,
    country: str,
    moment: str | None,
    asker: str | None,
    shape: str,
) -> None:
    """Tell whether a person may be contacted now. Exit status: 0 yes, 1 no, 2 wrong use."""
    edition = served_edition(site, kinds)
    at = None if moment is None else _moment(moment, edition.site.settings)
    text = QuestionText(who, purpose, channel, country)
    try:
        question = read_question(edition.policy.gate, text, STAFF, asker or getpass.getuser())
    except QuestionUnreadable as problem:
        raise click.UsageError(str(problem)) from None
    with open_installation(edition.site.settings, edition.policy, edition.kinds) as installation:
        if at is not None and abs(at - installation.clock()) < NOW:
            at = None
        answer = ask(installation, question, at)
        installation.keep_questions()
    click.echo(json.dumps(answer.as_json, indent=2, ensure_ascii=False) if shape == "json" else _say(answer))
    if not answer.may:
        sys.exit(MAY_NOT)


def _moment(text: str, settings: SiteSettings) -> datetime:
    """Return a moment in UTC; without a zone it is by the clocks of the site."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        msg = f'{text!r} is no moment; write it like "2026-12-24 19:00".'
        raise click.BadParameter(msg, param_hint="--at") from None
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
