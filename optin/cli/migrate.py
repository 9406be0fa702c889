"""The command that brings the schema up to date."""

from __future__ import annotations

from pathlib import Path

import click

from optin.cli.installed_kinds import InstalledKinds, pass_kinds
from optin.cli.terminal import load_edition_or_exit, site_option
from optin.services.migrate import grant, migrate
from optin.services.open_store import due_in

MAY = (
    "It may add evidence and read it, blank an event and delete a mail once their erasure is recorded, and"
    " change what is no evidence. It may not change or delete other evidence, nor make, alter or drop"
    " anything."
)


@click.command("migrate")
@click.option("--plan", is_flag=True, help="Only show the migrations that are due; change nothing.")
@click.option(
    "--grant", "role", metavar="ROLE", help="Afterwards let ROLE serve, with the least rights (PostgreSQL)."
)
@site_option
@pass_kinds
def migrate_command(kinds: InstalledKinds, site: Path, role: str | None, *, plan: bool) -> None:
    """Bring the schema of the database up to date, as the role in OPTIN_STORE.

    `optin serve` does so by itself, unless its role may not change the schema (PostgreSQL).
    """
    settings = load_edition_or_exit(site, kinds).site.settings
    if plan:
        due = due_in(settings.store, settings.root, kinds.parts.schema)
        click.echo("\n".join(f"{name}  due" for name in due) if due else "No migration is due.")
        return
    done = migrate(settings, kinds.parts.schema, role)
    click.echo("\n".join(f"{name}  done" for name in done) if done else "No migration was due.")
    if role is not None:
        grant(settings, kinds.parts.schema, role)
        click.echo(f"{role} may serve. {MAY}")
