"""The command that brings the schema up to date."""

from __future__ import annotations

from pathlib import Path

import click

from optin.cli.installed_kinds import InstalledKinds, pass_kinds
from optin.cli.options_and_output import load_edition_or_exit, site_option
from optin.services.migrate import drop_tables_of, grant, migrate, plan_grant
from optin.services.open_store import due_in

MAY = (
    "It may add evidence and read it, blank an event and delete a mail once their erasure is recorded, and"
    " change what is no evidence. It may not change or delete other evidence, nor make, alter or drop"
    " anything."
)


@click.command("migrate")
@click.option("--plan", is_flag=True, help="Only show what would be done; change nothing.")
@click.option(
    "--grant", "role", metavar="ROLE", help="Afterwards let ROLE serve, with the least rights (PostgreSQL)."
)
@click.option(
    "--drop-kind",
    "kind",
    metavar="KIND",
    help="Drop the tables of a kind whose package was removed, for good; the log notes it.",
)
@click.option("--yes", is_flag=True, help="With --drop-kind: do it, after --plan showed what would go.")
@site_option
@pass_kinds
def migrate_command(
    kinds: InstalledKinds, site: Path, role: str | None, kind: str | None, *, plan: bool, yes: bool
) -> None:
    """Bring the schema of the database up to date, as the role in OPTIN_STORE.

    `optin serve` does so by itself, unless its role may not change the schema (PostgreSQL).
    """
    edition = load_edition_or_exit(site, kinds)
    settings = edition.site.settings
    if kind is not None:
        if plan == yes or role is not None:
            msg = "--drop-kind needs --plan, to see what would go, or --yes, to do it; and no --grant."
            raise click.UsageError(msg)
        dropped = drop_tables_of(settings, edition.policy, edition.kinds, kind, dry_run=plan)
        what = "would be dropped" if plan else "dropped"
        click.echo("\n".join(f"{name}  {count} rows  {what}" for name, count in dropped.items()))
        click.echo("Nothing was changed." if plan else "Consents and their evidence are as they were.")
        return
    if plan:
        if role is not None:
            plan_grant(settings, role)
        due = due_in(settings.store, settings.root, kinds.parts.schema)
        click.echo("\n".join(f"{name}  due" for name in due) if due else "No migration is due.")
        if role is not None:
            click.echo(f"{role} would be allowed to serve. {MAY}")
        return
    done = migrate(settings, kinds.parts.schema, role)
    click.echo("\n".join(f"{name}  done" for name in done) if done else "No migration was due.")
    if role is not None:
        grant(settings, kinds.parts.schema, role)
        click.echo(f"{role} may serve. {MAY}")
