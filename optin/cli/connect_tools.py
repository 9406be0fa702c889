"""Commands for connected tools (mailing tools, CRMs): connect, pull."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

import click

from optin.cli.installed_kinds import InstalledKinds, pass_kinds
from optin.cli.options_and_output import load_edition_or_exit, refuse, served_edition, site_option
from optin.errors import RequestRefused
from optin.export.connectors.tool import ToolTrouble
from optin.flows.rights.withdrawals_in_tools import ToolEndings
from optin.jobs.pull_tool_endings import pull_endings
from optin.jobs.tool_receiver import ToolReceiver, tool_receivers
from optin.services.installation import Installation
from optin.services.open_installation import open_installation
from optin.services.tool_connection import open_connection
from optin.settings.site import Processor, SiteSettings
from optin.site.findings import nearest

SET_UP_SECONDS = 120.0
NONE = "No processor in optin.toml has a connected tool: write connect = … below one."


@click.command()
@click.argument("processor", required=False)
@site_option
@pass_kinds
def connect(kinds: InstalledKinds, site: Path, processor: str | None) -> None:
    """Check the token and lists of PROCESSOR's tool, or of every tool, and make missing fields there.

    No contact is sent to it.
    """
    settings = load_edition_or_exit(site, kinds).site.settings
    failed = [name for name, it in with_tool(settings, processor).items() if not _set_up(name, it, settings)]
    if failed:
        refuse(f"Not connected: {', '.join(failed)}.")


def with_tool(settings: SiteSettings, processor: str | None) -> Mapping[str, Processor]:
    """Return the processors with a tool, or one of them. Raises RequestRefused."""
    found = {name: it for name, it in settings.processors.items() if it.connect}
    if processor is None:
        if not found:
            click.echo(NONE)
        return found
    if processor not in found:
        msg = f"{processor!r} is not a processor with a tool in optin.toml. {nearest(processor, [*found])}"
        raise RequestRefused(msg)
    return {processor: found[processor]}


def _set_up(name: str, processor: Processor, settings: SiteSettings) -> bool:
    """Set one tool up and print what was done; return whether it works."""
    connection = open_connection(name, processor, settings.root)
    try:
        done = asyncio.run(connection.carry_out(connection.tool.set_up, SET_UP_SECONDS))
    except ToolTrouble as trouble:
        click.echo(f"{name} ({processor.connect}): {trouble.says}", err=True)
        return False
    for sentence in (*done, f"token and lists work ({', '.join(processor.lists)})"):
        click.echo(f"{name} ({processor.connect}): {sentence}")
    return True


@click.command()
@click.argument("processor", required=False)
@site_option
@pass_kinds
def pull(kinds: InstalledKinds, site: Path, processor: str | None) -> None:
    """Withdraw the consents of people who unsubscribed in PROCESSOR's tool, or in any connected tool.

    A server does so by itself every fifteen minutes.
    """
    edition = served_edition(site, kinds)
    settings = edition.site.settings
    receivers = tool_receivers(with_tool(settings, processor), settings.root)
    with open_installation(settings, edition.policy, edition.kinds) as installation:
        failed = [name for name, it in receivers.items() if not pull_tool(installation, name, it)]
    if failed:
        refuse(f"These tools could not be read: {', '.join(failed)}.")


def pull_tool(installation: Installation, name: str, receiver: ToolReceiver) -> bool:
    """Read who unsubscribed in one tool and print the counts; return whether it answered."""
    try:
        done = asyncio.run(pull_endings(installation, name, receiver)) or ToolEndings()
    except ToolTrouble as trouble:
        click.echo(f"{name} ({receiver.label}): {trouble.says}", err=True)
        return False
    click.echo(
        f"{name} ({receiver.label}): {done.withdrawn} consents withdrawn; {done.unknown} addresses"
        f" unknown here, {done.unreadable} values that are no address."
    )
    if done.broken:
        click.echo(
            f"{name} ({receiver.label}): the rows of {done.broken} people cannot be read: their"
            " addresses are suppressed, without an event in the log. See: optin audit",
            err=True,
        )
    return True
