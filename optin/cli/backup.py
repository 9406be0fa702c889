"""Commands that copy the store and restore a copy."""

from __future__ import annotations

from pathlib import Path

import click

from optin.cli.installed_kinds import InstalledKinds, pass_kinds
from optin.cli.options_and_output import READABLE_FILE, load_edition_or_exit, served_edition, site_option
from optin.errors import KeysUnusable, RequestRefused
from optin.keys import load_keys
from optin.services.backup import Journals, back_up
from optin.services.backup import restore as put_back
from optin.services.open_installation import open_installation
from optin.services.open_journal import journal_at
from optin.services.served_settings import journal_to_restore


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@site_option
@pass_kinds
def backup(kinds: InstalledKinds, site: Path, file: Path) -> None:
    """Copy the store to FILE while the server runs, and verify the copy."""
    edition = served_edition(site, kinds)
    with open_installation(edition.site.settings, edition.policy, edition.kinds) as installation:
        size = back_up(edition, installation, file)
    click.echo(f"{file} holds a log of {size} events; its pages and its signed root were checked.")
    click.echo("Only the key file decrypts it: keep that elsewhere, and the journal apart from both.")
    longest = edition.policy.retention.backups.text
    click.echo(f"Delete it within {longest} ([retention] backups): the journal goes back no further.")


@click.command()
@click.argument("file", type=READABLE_FILE)
@click.option(
    "--journal",
    "journal_file",
    type=READABLE_FILE,
    help="Journal of the withdrawals and erasures since the backup. Default: as in optin.toml.",
)
@click.option(
    "--without-journal",
    is_flag=True,
    help="Restore without replaying what happened since: people who withdrew or were erased come back.",
)
@click.option("--new-store", is_flag=True, help="Restore into another store than that of the last server.")
@site_option
@pass_kinds
def restore(
    kinds: InstalledKinds,
    site: Path,
    file: Path,
    journal_file: Path | None,
    *,
    without_journal: bool,
    new_store: bool,
) -> None:
    """Restore a backup, then replay every later withdrawal and erasure from the journal."""
    edition = load_edition_or_exit(site, kinds)
    settings = edition.site.settings
    kept = journal_to_restore(settings, elsewhere=new_store)
    found = load_keys(settings.keys, settings.root)
    if found is None:
        msg = f"The key file {settings.keys} is missing; put the one back that belongs to the backup."
        raise KeysUnusable(msg)
    path = journal_file or settings.path(kept)
    if not path.exists() and not without_journal:
        msg = (
            f"There is no journal at {path}: people who withdrew or were erased since the backup would come"
            " back. Name it with --journal, or use --without-journal."
        )
        raise RequestRefused(msg)
    told_by = None if without_journal else journal_at(path, found)
    journals = Journals(told_by, journal_at(settings.path(kept), found))
    done = put_back(edition, found, file, journals)
    told = ", ".join(f"{count} {kind}" for kind, count in sorted(done.told.items())) or "nothing"
    click.echo(f"{file} is restored. Replayed since it was made: {told}.")
    for kind, count in sorted(done.lost.items()):
        click.echo(f"{count} {kind} since then are lost: the journal only counts them and holds no data.")
