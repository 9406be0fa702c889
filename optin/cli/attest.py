"""Commands for consents from elsewhere and on paper: kept as attested, and never as proven (L6)."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from optin.bases.attested import AttestedConsent, Grade
from optin.cards.read_card import ReadBox, answers, read_card
from optin.cards.ticked_boxes import LookedAt, ticked_boxes
from optin.cli.evidence_files import any_file
from optin.cli.installed_kinds import InstalledKinds, pass_kinds
from optin.cli.options_and_output import (
    READABLE_FILE,
    ChannelChoice,
    address_of,
    addresses_of,
    known_purpose,
    served_edition,
    site_option,
    who_option,
)
from optin.consent.channel import Channel
from optin.consent.purpose import ConsentKey, ConsentQuestion
from optin.errors import CardRefused
from optin.flows.bases.record_attested import RecordedAttestation, record_attested
from optin.flows.bases.record_basis import FILE_BYTES
from optin.flows.bases.record_card import FilledCard, card_form, record_card
from optin.flows.consents.ask_attested import PersonToAsk, ask_to_confirm
from optin.services.open_installation import open_installation
from optin.services.site_edition import keep_edition

NEVER = (
    "It is attested, not proven: it is never exported, and `optin may` says no. Only the person can confirm."
)


@click.group()
def attest() -> None:
    """Keep evidence of consents from elsewhere or on paper. It never counts as proven."""


@attest.command()
@click.argument("email")
@click.option("--purpose", required=True, help="Id of the purpose, as in optin.toml.")
@click.option("--channel", type=ChannelChoice(), required=True, help="By which the person may be contacted.")
@click.option(
    "--evidence", required=True, type=READABLE_FILE, help="The file that shows it, about EMAIL alone."
)
@click.option(
    "--grade",
    type=click.Choice([it.value for it in Grade]),
    required=True,
    help="signed: the person's own hand; recorded: a tool's record with moment and form; stated: a word.",
)
@who_option
@click.option("--on", "day", type=click.DateTime(["%Y-%m-%d"]), help="The day it was given. Default: today.")
@click.option("--phone", default="", help="The telephone number, for a purpose by telephone.")
@click.option("--words", default="", help="The sentence that was shown to the person.")
@click.option("--source", default="", help='Where it comes from, such as "export of the old tool".')
@site_option
@pass_kinds
def add(  # noqa: PLR0913 - one parameter an option
    kinds: InstalledKinds,
    site: Path,
    email: str,
    purpose: str,
    channel: Channel,
    evidence: Path,
    grade: str,
    who: str,
    day: datetime | None,
    phone: str,
    words: str,
    source: str,
) -> None:
    """Keep evidence that EMAIL consented elsewhere or on paper.

    It is kept as long from that day as a consent for the purpose is.
    """
    edition = served_edition(site, kinds)
    settings = edition.site.settings
    known = known_purpose(edition.site, purpose, channel)
    addresses = addresses_of([email, *([phone] if phone else [])], settings.controller.country)
    file = any_file(evidence)
    with open_installation(settings, edition.policy, edition.kinds) as installation:
        now = installation.clock()
        stated = AttestedConsent(
            who=who,
            key=ConsentKey(known, channel),
            grade=Grade(grade),
            day=now.date() if day is None else day.date(),
            kept=settings.purposes[known].retention,
            addresses=addresses,
            source=source.strip(),
            words=" ".join(words.split()),
            lang=settings.languages[0],
        )
        recorded = installation.run(record_attested, stated=stated, file=file, now=now)
    _show(recorded, known)
    click.echo(NEVER)


@attest.command()
@click.argument("scan", type=READABLE_FILE)
@click.option("--email", default="", help="The address on the card. Without it nothing is kept.")
@click.option("--phone", default="", help="The telephone number on the card, for a box about calls.")
@click.option("--on", "day", type=click.DateTime(["%Y-%m-%d"]), help="The day on the card. Default: today.")
@who_option
@click.option("--ticked", multiple=True, metavar="ID", help="An unclear box that is ticked, by its purpose.")
@click.option("--empty", multiple=True, metavar="ID", help="A box that is not ticked, by its purpose.")
@site_option
@pass_kinds
def card(  # noqa: PLR0913 - one parameter an option
    kinds: InstalledKinds,
    site: Path,
    scan: Path,
    email: str,
    phone: str,
    day: datetime | None,
    who: str,
    ticked: tuple[str, ...],
    empty: tuple[str, ...],
) -> None:
    """Read a SCAN of a reply card, and keep each ticked box with the picture.

    SCAN is a picture or a PDF. The card names its form version; its sentences and terms are those of then.
    """
    edition = served_edition(site, kinds)
    settings = edition.site.settings
    typed = [it for it in (email, phone) if it]
    addresses = addresses_of(typed, settings.controller.country)
    file = any_file(scan)
    if len(file.data) > FILE_BYTES:
        raise CardRefused(file.name, f"is larger than {FILE_BYTES // 1_000_000} MB", "Scan it at 300 dpi.")
    read = read_card(file.data, file.name, settings.base_url)
    with open_installation(settings, edition.policy, edition.kinds) as installation:
        now = installation.clock()
        form = installation.view(card_form, digest=read.digest)
        answered = answers(read, None if form is None else form.version.declaration, file.name)
        for question, box in answered:
            click.echo(_box_line(question, box))
        if not email:
            click.echo("Nothing is kept; add --email with the address on the card.")
            return
        filled = FilledCard(
            form=read.digest,
            ticked=ticked_boxes(answered, LookedAt(ticked, empty), file.name),
            day=now.date() if day is None else day.date(),
            who=who,
            addresses=addresses,
        )
        recorded = installation.run(record_card, card=filled, scan=file, now=now)
    for entry in recorded:
        _show(entry, entry.entry.statement.purposes[0])
    click.echo(NEVER)


def _box_line(question: ConsentQuestion, box: ReadBox) -> str:
    return f"{box.state:8} {question.purpose}: {question.wording}"


@attest.command()
@click.argument("email")
@click.option("--purpose", required=True, help="Id of the purpose, as in optin.toml.")
@click.option("--channel", type=ChannelChoice(), default="email", show_default=True, help="Of the consent.")
@click.option("--country", default="", help="Country of the person, such as DE, if you know it.")
@who_option
@site_option
@pass_kinds
def ask(  # noqa: PLR0913 - one parameter an option
    kinds: InstalledKinds, site: Path, email: str, purpose: str, channel: Channel, country: str, who: str
) -> None:
    """Ask EMAIL, by one mail, to confirm what is attested; only where the law lets you ask.

    Once confirmed, the consent is proven by the confirmation. Nobody is asked twice.
    """
    edition = served_edition(site, kinds)
    key = ConsentKey(known_purpose(edition.site, purpose, channel), channel)
    asking = PersonToAsk(address_of(email), key, who, country.strip())
    with open_installation(edition.site.settings, edition.policy, edition.kinds) as installation:
        now = installation.clock()
        keep_edition(installation.store, edition, now)  # the form that is confirmed is on record
        rules = installation.run(ask_to_confirm, asking=asking, now=now)
    for rule in rules:
        click.echo(f"Allowed by {rule.id}: {rule.article}. {rule.source}.")
    click.echo("One mail asks the person to confirm; it leaves with the next mails of the server.")


def _show(recorded: RecordedAttestation, purpose: str) -> None:
    entry = recorded.entry
    until = f"{entry.until:%Y-%m-%d}" if entry.until else "further notice"
    said = "Known already" if recorded.known else "On record"
    click.echo(f"{said}: {purpose} as entry {entry.id.hex()}, kept until {until}.")
