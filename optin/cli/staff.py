"""Commands for the accounts of staff at the desk: list, add, change, remove (K1)."""

from __future__ import annotations

import json
from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from optin.cli.installed_kinds import InstalledKinds, pass_kinds
from optin.cli.options_and_output import NO_SITE, address_of, root_of, served_edition, site_option
from optin.cli.rights_requests import open_served
from optin.consent.event_content import rfc3339
from optin.consent.staff_role import Role, as_text
from optin.flows.staff.accounts import (
    NewAccount,
    account_with_address,
    add_account,
    change_roles,
    list_accounts,
    remove_account,
)

role_option = click.option(
    "--role",
    "roles",
    required=True,
    multiple=True,
    type=click.Choice([it.value for it in Role]),
    help="What the person works on; once for each role.",
)


@click.group(invoke_without_command=True)
@click.option("--format", "shape", type=click.Choice(["table", "json"]), default="table", show_default=True)
@site_option
@click.pass_context
@pass_kinds
def staff(kinds: InstalledKinds, ctx: click.Context, site: Path, *, shape: str) -> None:
    """List who may use the desk, the staff's website at /desk, and in which roles."""
    if ctx.invoked_subcommand is not None:
        return
    edition = served_edition(root_of(None) if site == NO_SITE else site, kinds)
    with open_served(edition) as installation:
        found = installation.view(list_accounts)
    if shape == "json":
        listed = [
            {
                "email": it.email,
                "name": it.name,
                "roles": as_text(it.roles).split(),
                "added": rfc3339(it.added),
                "removed": None if it.removed is None else rfc3339(it.removed),
            }
            for it in found
        ]
        click.echo(json.dumps({"staff": listed}, ensure_ascii=False, indent=2))
        return
    if not found:
        click.echo("Nobody has an account. Add one: optin staff add EMAIL --role officer --role admin")
        return
    table = Table("Name", "Address", "Roles", "Since", "Closed")
    zone = edition.policy.zone
    for it in found:
        closed = "" if it.removed is None else f"{it.removed.astimezone(zone):%Y-%m-%d}"
        since = f"{it.added.astimezone(zone):%Y-%m-%d}"
        table.add_row(escape(it.name), escape(it.email), as_text(it.roles), since, closed)
    Console().print(table)


@staff.command()
@click.argument("email")
@role_option
@click.option("--name", default="", help="The name that the desk shows. Default: from the address.")
@site_option
@pass_kinds
def add(kinds: InstalledKinds, site: Path, email: str, roles: tuple[str, ...], name: str) -> None:
    """Give somebody an account. They sign in at /desk with a link that is mailed to this address.

    marketer: pages, statistics, exports to processors. sales: leads of their own magnets, and whether a
    person may be contacted. officer: people, their rights, evidence. admin: staff, and what is set.
    """
    edition, address = served_edition(site, kinds), address_of(email)
    new = NewAccount(address, frozenset(Role(it) for it in roles), name)
    with open_served(edition) as installation:
        account = installation.run(add_account, new=new, now=installation.clock())
    base_url = edition.site.settings.base_url
    click.echo(f"{account.name} may sign in at {base_url}/desk as {as_text(account.roles)}.")


@staff.command()
@click.argument("email")
@role_option
@site_option
@pass_kinds
def change(kinds: InstalledKinds, site: Path, email: str, roles: tuple[str, ...]) -> None:
    """Give an account these roles in place of those that it has; its sessions end."""
    edition, address = served_edition(site, kinds), address_of(email)
    with open_served(edition) as installation:
        known = installation.view(account_with_address, email=address)
        asked = frozenset(Role(it) for it in roles)
        account = installation.run(change_roles, staff_id=known.id, roles=asked, now=installation.clock())
    click.echo(f"{account.name}: {as_text(account.roles)}.")


@staff.command()
@click.argument("email")
@site_option
@pass_kinds
def remove(kinds: InstalledKinds, site: Path, email: str) -> None:
    """Close an account; its sessions end at once. What it did stays in the audit trail."""
    edition, address = served_edition(site, kinds), address_of(email)
    with open_served(edition) as installation:
        known = installation.view(account_with_address, email=address)
        account = installation.run(remove_account, staff_id=known.id, now=installation.clock())
    click.echo(f"{account.name} has no account any more.")
