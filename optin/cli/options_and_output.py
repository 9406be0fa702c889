"""Options and output common to all commands."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NoReturn

import click

from optin.cli.installed_kinds import InstalledKinds
from optin.consent.channel import CHANNELS, MAILBOX, Address, Channel, declared_addresses
from optin.consent.email_and_telephone import EmailAddress, parse_email
from optin.consent.purpose import PurposeId
from optin.errors import RequestRefused
from optin.services.served_settings import require_served_site, require_server_settings, settings_of_server
from optin.services.site_edition import Edition, load_edition
from optin.settings.installation import ServedSettings
from optin.settings.site import WAITS
from optin.site.findings import Finding, as_text, nearest
from optin.site.load_site import find_root
from optin.site.model import Site

REFUSED = 1
NO_SITE = Path()  # of a group of commands whose --site was not given
LAST_PORT = 65_535
READABLE_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
COLOURS = {"error": "red", "warning": "yellow", "hint": "cyan"}


def _root(context: click.Context, _parameter: click.Parameter, value: Path | None) -> Path:
    if value is None and isinstance(context.command, click.Group):
        return NO_SITE  # a command of the group has an option of its own, and is asked next
    of_group = None if context.parent is None else context.parent.params.get("site")
    return root_of(of_group if value is None and of_group != NO_SITE else value)


def root_of(value: Path | None) -> Path:
    """Return the folder of the site that was named; None: here or upward. Raises click.UsageError."""
    start = value or Path()
    root = find_root(start) if value is None else start.resolve()
    if root is None or not (root / "optin.toml").is_file():
        msg = f"there is no optin.toml in {start} or above it; make a site with: optin init DIR"
        raise click.UsageError(msg)
    return root


def site_option(command: Any) -> Any:
    """Add `--site DIR`; the default is the site that contains the current folder."""
    return click.option(
        "--site",
        type=click.Path(path_type=Path, file_okay=False),
        callback=_root,
        help="Folder of the site. Default: here or upward.",
    )(command)


def who_option(command: Any) -> Any:
    """Add `--who NAME`: the member of staff that a record names; the default is the user of the shell."""
    return click.option(
        "--who",
        default="",
        callback=lambda _context, _parameter, value: value.strip() or getpass.getuser(),
        help="Your name, as it is recorded. Default: your user name.",
    )(command)


def request_option(command: Any) -> Any:
    """Add `--request ID`: the written-down request of a person that the command answers."""
    return click.option(
        "--request",
        "number",
        type=click.IntRange(1, 2**62),
        metavar="ID",
        help="The request that this answers; see optin requests.",
    )(command)


def tell_if_nobody_hears(site: Site) -> None:
    """Say on standard error when no member of staff is told of what waits."""
    if not any(WAITS in it.events for it in site.settings.notify.values()):
        text = 'Nobody is told when time runs out: see [notify] with events = ["waits"], docs/guide/notify.md'
        click.echo(text, err=True)


def address_of(email: str) -> EmailAddress:
    """Return the address that was typed. Raises RequestRefused."""
    try:
        return parse_email(email)
    except ValueError:
        msg = "This is not an e-mail address."
        raise RequestRefused(msg) from None


def addresses_of(texts: Iterable[str], country: str) -> dict[str, str]:
    """Return the addresses that were typed, by their fields: one of each kind at most.

    `country`: by whose rules national numbers are read. Raises RequestRefused.
    """
    found: dict[str, str] = {}
    for text in texts:
        address, value = _address_of(text.strip(), country)
        if address.field in found:
            msg = f"There are two of a kind; name one {address.noun} at most."
            raise RequestRefused(msg)
        found[address.field] = value
    return found


def _address_of(text: str, country: str) -> tuple[Address, str]:
    for address in (MAILBOX, *declared_addresses()):
        try:
            return address, address.parse(text, country)
        except ValueError:
            continue
    msg = f"This is no {' and no '.join(it.noun for it in (MAILBOX, *declared_addresses()))}."
    raise RequestRefused(msg)


def port_option(command: Any) -> Any:
    """Add `--port NUMBER`, a port that a browser can open."""
    return click.option(
        "--port",
        type=click.IntRange(1, LAST_PORT),
        default=8000,
        show_default=True,
        help="Port to listen on.",
    )(command)


def load_edition_or_exit(root: Path, kinds: InstalledKinds) -> Edition:
    """Load the site, or print its errors and exit."""
    edition, findings = load_edition(root, kinds.parts)
    if edition is None:
        show_findings(findings)
        refuse("Correct optin.toml first.")
    return edition


def served_edition(root: Path, kinds: InstalledKinds) -> Edition:
    """Load the site with its server's settings, for a command that uses its data. Raises SetupRefused.

    A setting that this shell lacks is that of the server; one that differs is refused.
    """
    edition = load_edition_or_exit(root, kinds)
    settings = edition.site.settings
    served = require_served_site(settings, settings_of_server(settings, kinds.parts.schema))
    require_server_settings(settings, served)
    return with_settings_of(served, edition)


def with_settings_of(served: ServedSettings, edition: Edition) -> Edition:
    """Return the edition with the server's settings where this shell sets none."""
    settings = edition.site.settings
    if all(getattr(settings, name) == value for name, value in served.values.items()):
        return edition
    again, _ = load_edition(settings.root, edition.kinds, served=served)
    return edition if again is None else again


def as_served(edition: Edition) -> Edition:
    """Return the edition with the server's base address when this shell sets none. Raises SetupRefused.

    `optin dev` says nothing about where the public's server is: then the address set here holds.
    """
    settings = edition.site.settings
    served = settings_of_server(settings, edition.kinds.schema)
    if served is None:
        return edition
    if not served.over_file:
        require_server_settings(settings, served)
    elif settings.differing_from(served) or "base_url" in settings.in_file:
        return edition
    return with_settings_of(served, edition)


def show_findings(findings: Iterable[Finding]) -> None:
    """Write findings to standard error, in colour on a terminal."""
    for finding in findings:
        colour = COLOURS[finding.severity]
        first, _, rest = as_text([finding]).partition("\n")
        click.secho(first, fg=colour, err=True)
        if rest:
            click.echo(rest, err=True)


def refuse(sentence: str) -> NoReturn:
    """Print the reason of a refusal, and exit with status 1."""
    click.secho(sentence, fg="red", err=True)
    sys.exit(REFUSED)


excel_option = click.option(
    "--excel", is_flag=True, help="A CSV as Excel in Dutch, German or French opens it: with semicolons."
)


class ChannelChoice(click.Choice[str]):
    """The name of a channel."""

    def __init__(self) -> None:
        """Offer every channel."""
        super().__init__([*CHANNELS])

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the channel. Raises click.BadParameter."""
        self.choices = (*CHANNELS,)
        return CHANNELS[super().convert(str(value), param, ctx)]


def known_purpose(site: Site, purpose: str, channel: Channel) -> PurposeId:
    """Check that the site has this purpose, for this channel. Raises RequestRefused."""
    name = PurposeId(purpose)
    known = site.settings.purposes.get(name)
    if known is None:
        msg = f"There is no purpose {purpose!r}. {nearest(purpose, [*site.settings.purposes])}"
        raise RequestRefused(msg)
    if known.channel != channel:
        msg = f"The purpose {purpose!r} is for {known.channel}, not for {channel}."
        raise RequestRefused(msg)
    return name
