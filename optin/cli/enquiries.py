"""Commands for people who asked for a quote or an answer: add, extend, end, show (L4).

What is recorded is a statement of staff, and never a consent. The person is told of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path

import click

from optin.bases.enquiry import PART
from optin.cli.evidence_files import any_file
from optin.cli.installed_kinds import InstalledKinds, pass_kinds
from optin.cli.options_and_output import (
    READABLE_FILE,
    ChannelChoice,
    addresses_of,
    served_edition,
    site_option,
    who_option,
)
from optin.consent.channel import CHANNELS, MAILBOX, Channel
from optin.consent.held_basis import BasisAct, BasisEntry, BasisEntryId, BasisStatement, BasisTerm
from optin.consent.retention_period import RetentionPeriod
from optin.consent.status_transitions import EventKind
from optin.errors import RequestRefused
from optin.flows.bases.record_basis import Extension, indexes_of
from optin.flows.bases.record_notice import BY_MAIL
from optin.flows.rights.record_and_inform import (
    StaffAct,
    end_with_reason,
    entry_with_id,
    extend_and_inform,
    read_register,
    record_and_inform,
    record_spoken_notice,
)
from optin.services.installation import Installation
from optin.services.open_installation import open_installation
from optin.services.site_edition import Edition
from optin.site.findings import nearest

MOST_DAYS = 9_999  # a period has four digits
_ONLY = frozenset({PART.name})
_DAY = click.DateTime(["%Y-%m-%d"])


@click.group()
def enquiry() -> None:
    """Record enquiries: people who asked for a quote or an answer. Erased after some months."""


@contextmanager
def _opened(site: Path, kinds: InstalledKinds) -> Iterator[tuple[Edition, Installation]]:
    edition = served_edition(site, kinds)
    with open_installation(edition.site.settings, edition.policy, edition.kinds) as installation:
        yield edition, installation


@enquiry.command()
@click.argument("addresses", nargs=-1, required=True, metavar="EMAIL|NUMBER...")
@click.option("--about", required=True, help="What the person asked, in a line; the mail quotes it.")
@click.option(
    "--channel",
    "channels",
    type=ChannelChoice(),
    multiple=True,
    help="By which they may be answered; may be repeated. Default: by every address given.",
)
@click.option("--source", default="", help="How it came in, such as: telephone call of 30 November.")
@click.option("--name", default="", help="The person's name.")
@click.option("--lang", default="", help="Language of the person. Default: the first of the site.")
@click.option("--evidence", "files", type=READABLE_FILE, multiple=True, help="A file that shows it.")
@who_option
@site_option
@pass_kinds
def add(
    kinds: InstalledKinds,
    /,
    site: Path,
    addresses: tuple[str, ...],
    channels: tuple[Channel, ...],
    files: tuple[Path, ...],
    **said: str,
) -> None:
    """Record that a person asked something: EMAIL, NUMBER, or one of each.

    A mail tells the person what is kept, why and until when. If only a number is given, you tell the
    person: the command prints what to say.
    """
    with _opened(site, kinds) as (edition, installation):
        settings, now = edition.site.settings, installation.clock()
        found = addresses_of(addresses, settings.controller.country)
        statement = BasisStatement(
            basis=PART.name,
            at="",
            who=said["who"],
            addresses=found,
            term=BasisTerm(now.date(), settings.enquiries.keep.text),
            channels=_channels(channels, found),
            about=" ".join(said["about"].split()),
            source=said["source"].strip(),
            lang=_language(edition, said["lang"]),
            person={"name": said["name"].strip()} if said["name"].strip() else {},
        )
        evidence = [any_file(it) for it in files]
        entry = installation.run(record_and_inform, statement=statement, files=evidence, now=now)
        click.echo(f"Enquiry {entry.id.hex()}: erased on {_until(entry)} unless you extend it.")
        _say(edition, entry)


@enquiry.command()
@click.argument("entry")
@click.option("--until", type=_DAY, help="The day on which it is erased, YYYY-MM-DD.")
@click.option("--for", "period", default="", help='How long from today on, such as "2 months".')
@click.option("--why", required=True, help="Why it is kept longer; the person can read it.")
@who_option
@site_option
@pass_kinds
def extend(
    kinds: InstalledKinds,
    /,
    site: Path,
    entry: str,
    until: datetime | None,
    **said: str,
) -> None:
    """Keep the enquiry ENTRY longer, with a reason. The person is told the new end."""
    with _opened(site, kinds) as (edition, installation):
        now = installation.clock()
        longer = Extension(_term(now.date(), until, said["period"]), said["who"], said["why"].strip())
        changed = installation.run(
            extend_and_inform, entry_id=_entry(installation, entry), longer=longer, now=now
        )
        click.echo(f"Enquiry {changed.id.hex()}: erased on {_until(changed)} unless you extend it.")
        _say(edition, changed)


@enquiry.command()
@click.argument("entry")
@click.option("--why", required=True, help="Why it ends, such as: they bought elsewhere; it is recorded.")
@who_option
@site_option
@pass_kinds
def end(kinds: InstalledKinds, site: Path, entry: str, why: str, who: str) -> None:
    """Erase the enquiry ENTRY with its evidence now."""
    with _opened(site, kinds) as (_, installation):
        installation.run(
            end_with_reason,
            entry_id=_entry(installation, entry),
            act=StaffAct(who, why.strip()),
            now=installation.clock(),
        )
        installation.note_ending()
        installation.truncate_wal()
        click.echo("Erased, with its evidence.")


@enquiry.command()
@click.argument("entry")
@click.option("--how", required=True, help="How the person was told, such as: during the call.")
@who_option
@site_option
@pass_kinds
def told(kinds: InstalledKinds, site: Path, entry: str, how: str, who: str) -> None:
    """Record that you told the person of ENTRY what is kept, why and until when."""
    with _opened(site, kinds) as (_, installation):
        installation.run(
            record_spoken_notice,
            entry_id=_entry(installation, entry),
            act=StaffAct(who, how.strip()),
            now=installation.clock(),
        )
        click.echo("Recorded: the person was told.")


@enquiry.command()
@click.argument("address", metavar="EMAIL|NUMBER")
@click.option("--why", required=True, help="Why you look; it is recorded, and the person can read it.")
@who_option
@site_option
@pass_kinds
def show(kinds: InstalledKinds, site: Path, address: str, why: str, who: str) -> None:
    """Print the enquiries of EMAIL or NUMBER."""
    with _opened(site, kinds) as (edition, installation):
        found = addresses_of([address], edition.site.settings.controller.country)
        entries = installation.run(
            read_register,
            index=indexes_of(installation.vault, found)[0],
            bases=_ONLY,
            act=StaffAct(who, why.strip()),
            now=installation.clock(),
        )
    if not entries:
        msg = "There is no enquiry of this address."
        raise RequestRefused(msg)
    for entry in entries:
        click.echo("\n".join(_lines(entry)))


def _entry(installation: Installation, digits: str) -> BasisEntryId:
    return installation.run(entry_with_id, digits=digits, bases=_ONLY)


def _channels(asked: tuple[Channel, ...], addresses: dict[str, str]) -> tuple[str, ...]:
    """Return the channels by which the person may be answered. Raises RequestRefused."""
    for channel in asked:
        if channel.address.field not in addresses:
            msg = f"An answer by {channel.medium} needs the person's {channel.address.noun}; add it."
            raise RequestRefused(msg)
    able = (it for it in CHANNELS.values() if it.address.field in addresses)
    return tuple(dict.fromkeys(it.value for it in asked or able))


def _language(edition: Edition, lang: str) -> str:
    spoken = edition.site.settings.languages
    if lang and lang not in spoken:
        msg = f"The site does not speak {lang!r}. {nearest(lang, spoken)}"
        raise RequestRefused(msg)
    return lang or spoken[0]


def _term(today: date, until: datetime | None, period: str) -> BasisTerm:
    """Return the term that was asked for. Raises RequestRefused."""
    if (until is None) == (not period):
        msg = "Name the new end once: by --until or by --for."
        raise RequestRefused(msg)
    if until is not None:
        days = (until.date() - today).days
        if days <= 0:
            msg = f"{until:%Y-%m-%d} is not in the future."
            raise RequestRefused(msg)
        if days > MOST_DAYS:
            msg = f"{until:%Y-%m-%d} is too far away: an enquiry is kept for {MOST_DAYS} days more at most."
            raise RequestRefused(msg)
        period = f"{days} days"
    try:
        return BasisTerm(today, RetentionPeriod.parse(period).text)
    except ValueError as problem:
        msg = f"{problem}."
        raise RequestRefused(msg) from None


def _until(entry: BasisEntry) -> str:
    return f"{entry.until:%Y-%m-%d}" if entry.until else "no day"


def _say(edition: Edition, entry: BasisEntry) -> None:
    """Print how the person is told: by the mail that is queued, or in words for the telephone."""
    statement = entry.statement
    if statement.addresses.get(MAILBOX.field):
        click.echo("A mail tells the person what is kept, why and until when.")
        return
    settings, words = edition.site.settings, edition.theme.wording(statement.lang)
    click.echo("\nThere is no mail without an address. Say this to the person:\n")
    click.echo(
        words.text(
            f"held.{statement.basis}.spoken",
            about=statement.about,
            article=words.text("on-file.article", article=PART.article.removeprefix("GDPR ")),
            day=words.day(entry.until, "UTC") if entry.until else "",
            email=settings.controller.email,
            privacy=f"{settings.base_url}/privacy",
        )
    )
    click.echo(f'\nThen record it: optin enquiry told {entry.id.hex()[:12]} --how "during the call"')


def _lines(entry: BasisEntry) -> Iterator[str]:
    """Yield what staff are shown of an entry."""
    statement = entry.statement
    yield f"Enquiry {entry.id.hex()}"
    shown = {
        "about": statement.about,
        "name": statement.person.get("name", ""),
        **statement.addresses,
        "answer by": ", ".join(statement.channels),
        "source": statement.source,
        "recorded": f"{statement.at[:10]} by {statement.who}",
        "erased on": _until(entry),
        "evidence": ", ".join(note.name for note in statement.files),
    }
    yield from (f"  {name}: {value}" for name, value in shown.items() if value)
    yield from (f"  {_act(act)}" for act in entry.acts)
    if not any(act.kind is EventKind.BASIS_NOTIFIED for act in entry.acts):
        yield "  not told yet"


def _act(act: BasisAct) -> str:
    if act.kind is EventKind.BASIS_NOTIFIED:
        return f"told on {act.at[:10]} {'by mail' if act.who == BY_MAIL else f'by {act.who}: {act.why}'}"
    until = f"{act.term.until:%Y-%m-%d}" if act.term is not None and act.term.until else ""
    return f"extended on {act.at[:10]} by {act.who}, to {until}: {act.why}"
