"""The command that brings the schema up to date."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from optin.cli.installed_kinds import InstalledKinds, pass_kinds
from optin.cli.options_and_output import load_edition_or_exit, site_option
from optin.services.migrate import drop_tables_of, grant, migrate, plan, plan_grant
from optin.services.migration_plan_text import plan_lines, plan_status
from optin.services.site_edition import Edition

MAY = (
    "It may add evidence and read it, blank an event and delete a mail once their erasure is recorded, and"
    " change what is no evidence. It may not change or delete other evidence, nor make, alter or drop"
    " anything."
)


@click.command("migrate")
@click.option(
    "--plan", "planning", is_flag=True, help="Only show what would be done, and how long; change nothing."
)
@click.option("--json", "as_json", is_flag=True, help="With --plan: print one JSON object.")
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
    kinds: InstalledKinds, /, site: Path, role: str | None, kind: str | None, **flags: bool
) -> None:
    """Bring the schema of the database up to date, as the role in OPTIN_STORE.

    `optin serve` does so by itself, unless its role may not change the schema (PostgreSQL).

    With --plan the exit status is 0 when nothing is due, 3 when servers of the version before may go on
    meanwhile, 4 when every server must be stopped first.
    """
    planning = flags["planning"]
    if flags["as_json"] and (kind is not None or not planning):
        msg = "--json needs --plan, and no --drop-kind."
        raise click.UsageError(msg)
    edition = load_edition_or_exit(site, kinds)
    if kind is not None:
        if planning == flags["yes"] or role is not None:
            msg = "--drop-kind needs --plan, to see what would go, or --yes, to do it; and no --grant."
            raise click.UsageError(msg)
        _drop(edition, kind, planning=planning)
    elif planning:
        _show_plan(edition, role, as_json=flags["as_json"])
    else:
        settings = edition.site.settings
        done = migrate(settings, kinds.parts.schema, role)
        click.echo("\n".join(f"{name}  done" for name in done) if done else "No migration was due.")
        if role is not None:
            grant(settings, kinds.parts.schema, role)
            click.echo(f"{role} may serve. {MAY}")


def _drop(edition: Edition, kind: str, *, planning: bool) -> None:
    dropped = drop_tables_of(edition.site.settings, edition.policy, edition.kinds, kind, dry_run=planning)
    what = "would be dropped" if planning else "dropped"
    click.echo("\n".join(f"{name}  {count} rows  {what}" for name, count in dropped.items()))
    click.echo("Nothing was changed." if planning else "Consents and their evidence are as they were.")


def _show_plan(edition: Edition, role: str | None, *, as_json: bool) -> None:
    settings = edition.site.settings
    if role is not None:
        plan_grant(settings, role)
    planned = plan(settings, edition.kinds.schema)
    if as_json:
        whole = {"status": int(plan_status(planned)), **planned.as_json(), "grant": role}
        click.echo(json.dumps(whole, indent=2))
    else:
        click.echo("\n".join(plan_lines(planned)))
        if role is not None:
            click.echo(f"{role} would be allowed to serve. {MAY}")
    sys.exit(plan_status(planned))
