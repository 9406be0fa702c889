"""Commands for objections to advertising, and for the company's own do-not-contact list (L7)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from optin.cli.installed_kinds import InstalledKinds, pass_kinds
from optin.cli.options_and_output import ChannelChoice, request_option, served_edition, site_option
from optin.consent.channel import CHANNELS, MAILBOX, Address, Channel, declared_addresses
from optin.consent.mail_domain import DomainRefused, is_shared_domain, parse_mail_domain
from optin.consent.objection import DOMAIN, EVERY_CHANNEL
from optin.errors import RequestRefused
from optin.flows.rights.do_not_contact import (
    FIRST,
    ListedContact,
    ObjectionReason,
    add_to_list,
    notify_about_domain,
    remove_from_list,
    view_list,
)
from optin.flows.rights.object_to_contact import ObjectionRecord, object_on_request
from optin.services.open_installation import open_installation

ALL_CHANNELS = "every channel"


def _recorded(command: Callable[..., None]) -> Any:
    """Add the options of whoever records something: channel, who, why."""
    for option in (
        click.option("--why", required=True, help="The reason, such as the letter's date; it is recorded."),
        click.option("--who", required=True, help="Your name, as it is recorded."),
        click.option("--channel", type=ChannelChoice(), help="Only this channel. Default: every channel."),
        site_option,
    ):
        command = option(command)
    return command


@click.command(name="object")
@click.argument("address", metavar="EMAIL|NUMBER")
@request_option
@_recorded
@pass_kinds
def object_command(  # noqa: PLR0913 - one parameter an option
    kinds: InstalledKinds,
    site: Path,
    channel: Channel | None,
    who: str,
    why: str,
    address: str,
    number: int | None,
) -> None:
    """Record that a person who wrote or called wants no advertising (GDPR 21(2)).

    It withdraws the consents, bars every other basis but a legal obligation, and stays after an erasure. Only
    the person lifts it, by signing up again.
    """
    edition = served_edition(site, kinds)
    country = edition.site.settings.controller.country
    kind, value = _address(address, country)
    record = ObjectionRecord(who, why, EVERY_CHANNEL if channel is None else channel.value, number)
    with open_installation(edition.site.settings, edition.policy, edition.kinds) as installation:
        done = installation.run(
            object_on_request, address=kind, value=value, record=record, now=installation.clock()
        )
        installation.note_ending()
    for question in done.ended:
        click.echo(f"withdrawn: {question.wording}")
    if done.broken:
        click.echo("Consents of this person cannot be read; they are barred all the same. See: optin audit")
    barred = channel.medium if channel else "any channel"
    if kind.declared and done.people != 1:
        known = f"{done.people} people on file have" if done.people else "Nobody on file with an address has"
        click.echo(f"{known} this number. To bar e-mail as well, name the e-mail address, too.")
        barred = " or ".join(it.medium for it in CHANNELS.values() if it.address is kind)
    click.echo(f"Recorded: no advertising by {barred}.")


@click.group(name="do-not-contact")
def do_not_contact() -> None:
    """Keep your own list of people not to contact, whatever they consent to."""


def _listed(command: Callable[..., None]) -> Any:
    """Add the argument and the option that say what an entry is about."""
    for option in (
        click.argument("address", metavar="[EMAIL|NUMBER]", required=False),
        click.option("--domain", help="In place of an address: a domain, with all domains below it."),
    ):
        command = option(command)
    return _recorded(command)


@do_not_contact.command()
@_listed
@pass_kinds
def add(  # noqa: PLR0913 - one parameter an option
    kinds: InstalledKinds,
    site: Path,
    channel: Channel | None,
    who: str,
    why: str,
    address: str | None,
    domain: str | None,
) -> None:
    """Add an e-mail address, a number or a domain to the list."""
    edition = served_edition(site, kinds)
    listed = _entry(address, domain, channel, edition.site.settings.controller.country)
    if listed.kind == DOMAIN and is_shared_domain(listed.value):
        click.echo(
            f"{listed.value} is a mail provider: this is about everybody who has an address there.", err=True
        )
    with open_installation(edition.site.settings, edition.policy, edition.kinds) as installation:
        installation.run(add_to_list, listed=listed, who=who, why=why, now=installation.clock())
        place: bytes | None = FIRST if listed.kind == DOMAIN else None
        while place is not None:
            place = installation.run(
                notify_about_domain, listed=listed, after=place, now=installation.clock()
            )
        installation.note_ending()
    click.echo("Added to the do-not-contact list.")


@do_not_contact.command()
@_listed
@pass_kinds
def remove(  # noqa: PLR0913 - one parameter an option
    kinds: InstalledKinds,
    site: Path,
    channel: Channel | None,
    who: str,
    why: str,
    address: str | None,
    domain: str | None,
) -> None:
    """Remove an entry from the list, with a reason. What a person objected to stays."""
    edition = served_edition(site, kinds)
    listed = _entry(address, domain, channel, edition.site.settings.controller.country)
    with open_installation(edition.site.settings, edition.policy, edition.kinds) as installation:
        gone = installation.run(remove_from_list, listed=listed, who=who, why=why, now=installation.clock())
        installation.note_ending()
    click.echo(f"Removed from the do-not-contact list: {gone} {'entry' if gone == 1 else 'entries'}.")


@do_not_contact.command(name="list")
@click.option("--all", "every", is_flag=True, help="Also entries that were removed, with the reason.")
@site_option
@pass_kinds
def list_command(kinds: InstalledKinds, site: Path, *, every: bool) -> None:
    """Print the list: domains, and the kind of each address or number, of which only a digest is kept."""
    edition = served_edition(site, kinds)
    with open_installation(edition.site.settings, edition.policy, edition.kinds) as installation:
        entries = installation.view(view_list)
    shown = [it for it in entries if every or it.ended_at is None]
    for it in shown:
        about = it.reason.domain or f"an address ({it.objection.kind})"
        channel = it.objection.channel or ALL_CHANNELS
        click.echo(f"{_day(it.objection.at)}  {about}, {channel}. {_said(it.reason)}")
        if it.ended_at is not None:
            click.echo(f"            removed {_day(it.ended_at)}. {_said(it.ended)}")
    if not shown:
        click.echo("The do-not-contact list is empty.")


def _day(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d}"


def _said(reason: ObjectionReason) -> str:
    """Return who and why in one line, without what a terminal would obey."""
    text = f"{reason.who}: {reason.why}" if reason.who or reason.why else "(who and why were erased)"
    return "".join(sign if sign.isprintable() else " " for sign in text)


def _entry(address: str | None, domain: str | None, channel: Channel | None, country: str) -> ListedContact:
    """Return what the arguments name. Raises RequestRefused."""
    name = EVERY_CHANNEL if channel is None else channel.value
    if (address is None) == (domain is None):
        msg = "Name an e-mail address or a number, or a domain with --domain; not both."
        raise RequestRefused(msg)
    if domain is not None:
        try:
            return ListedContact(DOMAIN, parse_mail_domain(domain), name)
        except DomainRefused as problem:
            raise RequestRefused(str(problem)) from None
    kind, value = _address(address or "", country)
    return ListedContact(kind.field, value, name)


def _address(text: str, country: str) -> tuple[Address, str]:
    """Return the kind of an address that was typed, and its normal form. Raises RequestRefused."""
    for kind in (MAILBOX,) if "@" in text else declared_addresses():
        try:
            return kind, kind.parse(text.strip(), country)
        except ValueError:
            continue
    msg = "This is neither an e-mail address nor a telephone number that can be called."
    raise RequestRefused(msg)
