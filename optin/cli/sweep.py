"""The command that deletes or expires data past its retention."""

from __future__ import annotations

import getpass
from datetime import datetime
from pathlib import Path
from typing import TypedDict

import click
from rich.console import Console
from rich.table import Table

from optin.cli.installed_kinds import InstalledKinds, pass_kinds
from optin.cli.options_and_output import served_edition, site_option
from optin.errors import RequestRefused
from optin.flows.delivery.magnet_changes import notify_kinds
from optin.flows.retention.clock_correction import accept_clock as accept
from optin.flows.retention.sweep_daily_limit import record_beyond, share_backlog
from optin.flows.retention.sweep_rules import plan, sweep_rules
from optin.flows.sweep_context import SweepContext
from optin.jobs.sweep_runner import DISAGREED, FILES, sweep
from optin.services.installation import Installation
from optin.services.open_installation import open_installation


class _OfficerStatement(TypedDict):
    """An officer's name and reason for an exception."""

    who: str
    why: str
    now: datetime


@click.command("sweep")
@click.option("--dry-run", is_flag=True, help="Only show what would be deleted, and why; change nothing.")
@click.option("--accept-clock", is_flag=True, help="First accept the clock as right, after optin doubted it.")
@click.option("--beyond-share", is_flag=True, help="Exceed the share of people who lose data in one day.")
@click.option("--why", help="Why you accept the clock or exceed the share; it is recorded.")
@site_option
@pass_kinds
def sweep_command(
    kinds: InstalledKinds,
    site: Path,
    *,
    dry_run: bool,
    accept_clock: bool,
    beyond_share: bool,
    why: str | None,
) -> None:
    """Delete or expire data past its retention. A running server does this by itself.

    Nothing is deleted while the clock is doubted, and only a share of the people loses data in one day.
    """
    why = (why or "").strip()
    if (accept_clock or beyond_share) and not why:
        msg = "--why is empty; say why you accept the clock or exceed the share: it is recorded."
        raise RequestRefused(msg)
    edition = served_edition(site, kinds)
    with open_installation(edition.site.settings, edition.policy, edition.kinds) as installation:
        if accept_clock and not dry_run:
            _accept_clock(installation, why)
        if beyond_share and not dry_run:
            installation.run(record_beyond, **_word(installation, why))
        look, context = (
            installation.read_clock(),
            SweepContext(installation.vault, installation.policy, installation.clock()),
        )
        rules = sweep_rules(edition.kinds.flows)
        planned = installation.store.read(plan, context=context, rules=rules)
        backlog = installation.store.read(share_backlog, context=context, rules=rules)
        installation.clock_doubted = look.doubted  # this command says so itself, below or as it is refused
        if not dry_run:
            installation.write(notify_kinds, policy=edition.policy, kinds=edition.kinds.flows)
        done = {} if dry_run else sweep(installation, beyond=beyond_share)
        files = installation.unneeded_files() if dry_run else done[FILES]
    table = Table("What", "Would go" if dry_run else "Gone", "Why")
    for line in planned:
        rule, count = line.rule, line.count if dry_run else done[line.rule.name]
        table.add_row(f"{rule.name}: {rule.what}", str(count), rule.reason(edition.policy))
    table.add_row(f"{FILES}: copies of files", str(files), "no magnet hands them out, no link leads to them")
    Console().print(table)
    if refused := done.get(DISAGREED, 0):
        click.echo(f"{refused} refused, and why is above. See: optin audit", err=True)
    if look.doubted:
        click.secho(look.sentence, fg="yellow", err=True)
    if backlog is not None and not beyond_share:
        click.secho(backlog.sentence, fg="yellow", err=True)
    if dry_run:
        click.echo("Nothing was changed.")


def _accept_clock(installation: Installation, why: str) -> None:
    look = installation.run(accept, **_word(installation, why))
    if look.doubted:
        installation.say_clock(installation.read_clock())
        click.echo(f"The clock is accepted: {look.now:%Y-%m-%d %H:%M} UTC.")
    else:
        click.echo("The clock was not doubted; there was nothing to accept.")


def _word(installation: Installation, why: str) -> _OfficerStatement:
    return {"who": getpass.getuser(), "why": why, "now": installation.clock()}
