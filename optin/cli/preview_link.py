"""The command that lets a colleague see a page that is not public yet."""

from __future__ import annotations

from pathlib import Path

import click

from optin.cli.installed_kinds import InstalledKinds, pass_kinds
from optin.cli.options_and_output import refuse, served_edition, site_option
from optin.errors import RequestRefused
from optin.services.open_installation import open_installation
from optin.services.preview_links import DAYS, MOST_DAYS, preview_link


@click.command()
@click.argument("slug")
@click.option(
    "--days",
    type=click.IntRange(1, MOST_DAYS),
    default=DAYS,
    show_default=True,
    help="How long the link works.",
)
@site_option
@pass_kinds
def preview(kinds: InstalledKinds, site: Path, slug: str, days: int) -> None:
    """Print a link that shows the draft SLUG, or a page before its day, to whoever has it.

    The server shows it once it has loaded the draft. The form of a preview takes nothing.
    """
    edition = served_edition(site, kinds)
    with open_installation(edition.site.settings, edition.policy, edition.kinds) as installation:
        try:
            link = preview_link(installation, edition, slug, days)
        except RequestRefused as problem:
            refuse(str(problem))
    click.echo(link)
