"""Commands for people who are contacted on a legitimate interest: add, told, end (L1, GDPR 6(1)(f)).

What is recorded is a statement of staff with its conditions, and never a consent.
"""

from __future__ import annotations

from pathlib import Path

import click

from optin.bases.basis_part import SUBSCRIBER
from optin.bases.interest import PART, TOLD_SOURCE
from optin.cli.evidence_files import any_file
from optin.cli.installed_kinds import InstalledKinds, pass_kinds
from optin.cli.options_and_output import (
    READABLE_FILE,
    ChannelChoice,
    addresses_of,
    known_purpose,
    served_edition,
    site_option,
    who_option,
)
from optin.consent.channel import Channel
from optin.consent.held_basis import BasisStatement, BasisTerm
from optin.errors import RequestRefused
from optin.flows.bases.record_basis import record_basis
from optin.flows.rights.record_and_inform import (
    StaffAct,
    end_with_reason,
    entry_with_id,
    record_spoken_notice,
)
from optin.rules.contact_rule import Subscriber
from optin.rules.rule_files import rule_book
from optin.services.open_installation import open_installation
from optin.site.findings import nearest

_ONLY = frozenset({PART.name})


@click.group()
def interest() -> None:
    """People whom you contact on a legitimate interest that you weighed against theirs (GDPR 6(1)(f))."""


@interest.command()
@click.argument("addresses", nargs=-1, required=True, metavar="EMAIL|NUMBER...")
@click.option("--purpose", required=True, help="Id of a purpose with an assessment in optin.toml.")
@click.option("--channel", type=ChannelChoice(), required=True, help="By which they may be contacted.")
@click.option("--source", required=True, help="Where the address is from, and whether that is public.")
@click.option("--told", default="", help="How the person was told whose data you have, from where, and why.")
@click.option(
    "--met",
    multiple=True,
    metavar="ID=TEXT",
    help="A condition of the rules that is met, and what shows it; see optin rules --words.",
)
@click.option("--subscriber", type=click.Choice([it.value for it in Subscriber]), help="Whose address it is.")
@click.option("--name", default="", help="The person's name.")
@click.option("--evidence", "files", type=READABLE_FILE, multiple=True, help="A file that shows it.")
@who_option
@site_option
@pass_kinds
def add(  # noqa: PLR0913 - one parameter an option
    kinds: InstalledKinds,
    site: Path,
    addresses: tuple[str, ...],
    purpose: str,
    channel: Channel,
    source: str,
    told: str,
    met: tuple[str, ...],
    subscriber: str | None,
    name: str,
    files: tuple[Path, ...],
    who: str,
) -> None:
    """Record that EMAIL or NUMBER may be of interest for a purpose: one of each at most.

    It is kept as long as a consent for the purpose would be. Whoever is not told within a month, and at the
    latest at the first contact, is not contacted (GDPR 14(3)).
    """
    edition = served_edition(site, kinds)
    settings = edition.site.settings
    known = known_purpose(edition.site, purpose, channel)
    if not settings.purposes[known].assessment:
        msg = (
            f"The purpose {known} has no assessment. Weigh your interest against theirs in a document, and"
            f' name it: [purposes.{known}] assessment = "privacy/assessment-{known}.md".'
        )
        raise RequestRefused(msg)
    if not source.strip():
        msg = "Say where the address is from: whoever is on file is told (GDPR 14(2)(f))."
        raise RequestRefused(msg)
    conditions = dict(map(_condition, met))
    if told.strip():
        conditions[TOLD_SOURCE] = told.strip()
    person = {"name": name.strip(), SUBSCRIBER: subscriber or ""}
    with open_installation(settings, edition.policy, edition.kinds) as installation:
        now = installation.clock()
        statement = BasisStatement(
            basis=PART.name,
            at="",
            who=who,
            addresses=addresses_of(addresses, settings.controller.country),
            term=BasisTerm(now.date(), settings.purposes[known].retention.text),
            purposes=(known,),
            channels=(channel.value,),
            source=source.strip(),
            lang=settings.languages[0],
            person={key: value for key, value in person.items() if value},
            met=conditions,
        )
        entry = installation.run(
            record_basis, statement=statement, files=[any_file(it) for it in files], now=now
        )
    click.echo(f"On record as entry {entry.id.hex()}.")
    if TOLD_SOURCE not in conditions:
        click.echo(f"Tell the person, then: optin interest told {entry.id.hex()[:12]} --how …")


@interest.command()
@click.argument("entry")
@click.option("--how", required=True, help="How the person was told, such as: letter of 2 December.")
@who_option
@site_option
@pass_kinds
def told(kinds: InstalledKinds, site: Path, entry: str, how: str, who: str) -> None:
    """Record that the person of ENTRY was told whose data you have, from where, and why (GDPR 14)."""
    _act(kinds, site, entry, StaffAct(who, how), ends=False)


@interest.command()
@click.argument("entry")
@click.option("--why", required=True, help="Why it ends; it is recorded.")
@who_option
@site_option
@pass_kinds
def end(kinds: InstalledKinds, site: Path, entry: str, why: str, who: str) -> None:
    """End ENTRY, and erase it with its evidence."""
    _act(kinds, site, entry, StaffAct(who, why), ends=True)


def _act(kinds: InstalledKinds, site: Path, digits: str, act: StaffAct, *, ends: bool) -> None:
    edition = served_edition(site, kinds)
    with open_installation(edition.site.settings, edition.policy, edition.kinds) as installation:
        entry_id = installation.view(entry_with_id, digits=digits, bases=_ONLY)
        flow = end_with_reason if ends else record_spoken_notice
        installation.run(flow, entry_id=entry_id, act=act, now=installation.clock())
        if ends:
            installation.note_ending()  # a restored backup must not bring it back
            installation.truncate_wal()
    click.echo("Ended and erased." if ends else "Recorded.")


def _condition(text: str) -> tuple[str, str]:
    """Return a condition's id and what shows it. Raises RequestRefused."""
    name, _, shown = (it.strip() for it in text.partition("="))
    conditions = rule_book().words.conditions
    if name not in conditions:
        msg = f"There is no condition {name!r}. {nearest(name, [*conditions])}"
        raise RequestRefused(msg)
    if not shown:
        msg = f"Say what shows that {conditions[name].text}: {name}=…"
        raise RequestRefused(msg)
    return name, shown
