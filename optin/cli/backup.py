"""Commands that copy the store and restore a copy."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TypedDict, Unpack

import click

from optin.cli.installed_kinds import InstalledKinds, pass_kinds
from optin.cli.options_and_output import (
    READABLE_FILE,
    load_edition_or_exit,
    refuse,
    served_edition,
    site_option,
)
from optin.cli.progress import with_progress
from optin.errors import KeysUnusable, RequestRefused
from optin.keys import KeyRing, load_keys
from optin.services.backup import Journals, back_up, moments_of
from optin.services.backup import restore as put_back
from optin.services.installation import Installation
from optin.services.open_installation import open_installation
from optin.services.open_journal import journal_at
from optin.services.rehearse_restore import keep_rehearsal, rehearse
from optin.services.scheduled_backup import newest_backup
from optin.services.served_settings import journal_to_restore
from optin.services.site_edition import Edition
from optin.services.steady_clock import utc_now
from optin.services.withdrawal_journal import Journal


@click.command()
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option(
    "--last", is_flag=True, help="Make none; print when the last was made, and when one was proved."
)
@site_option
@pass_kinds
def backup(kinds: InstalledKinds, site: Path, file: Path | None, *, last: bool) -> None:
    """Copy the store to FILE while the server runs, and verify the copy."""
    if last == (file is not None):
        msg = "name the FILE to write, or use --last alone"
        raise click.UsageError(msg)
    edition = served_edition(site, kinds)
    if file is None:
        with open_installation(edition.site.settings, edition.policy, edition.kinds) as installation:
            _print_last(installation)
        return
    with open_installation(edition.site.settings, edition.policy, edition.kinds) as installation:
        size = back_up(edition, installation, file)
    click.echo(f"{file} holds a log of {size} events; its pages and its signed root were checked.")
    click.echo("Only the key file decrypts it: keep that elsewhere, and the journal apart from both.")
    longest = edition.policy.retention.backups.text
    click.echo(f"Delete it within {longest} ([retention] backups): the journal goes back no further.")


def _print_last(installation: Installation) -> None:
    """Print when a copy was last made and proved. Exit status 1: none was ever made."""
    moments = moments_of(installation)
    if moments.made is None:
        refuse("No backup was made by optin yet. Make one: optin backup FILE")
    click.echo(f"Last backup: {moments.made:%Y-%m-%d %H:%M} UTC")
    if moments.failed is not None:
        click.echo(f"Failed since: {moments.failed:%Y-%m-%d %H:%M} UTC. {moments.failure}")
    if moments.last is not None:
        click.echo(f"  {moments.last.file}, {moments.last.size} bytes, a log of {moments.last.events} events")
    if moments.rehearsed is None:
        click.echo("No backup was proved yet. Prove one: optin restore --rehearse FILE")
    else:
        click.echo(f"Last proved: {moments.rehearsed:%Y-%m-%d %H:%M} UTC")


class HowToRestore(TypedDict):
    """The flags of `optin restore`."""

    without_journal: bool
    new_store: bool
    rehearsal: bool


@click.command()
@click.argument("file", type=READABLE_FILE, required=False)
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
@click.option(
    "--rehearse",
    "rehearsal",
    is_flag=True,
    help=(
        "Prove FILE, or the newest backup of the server, in a temporary folder. The live store stays as it"
        " is, but for the time of the proof."
    ),
)
@site_option
@pass_kinds
def restore(
    kinds: InstalledKinds,
    site: Path,
    file: Path | None,
    journal_file: Path | None,
    **how: Unpack[HowToRestore],
) -> None:
    """Restore a backup, then replay every later withdrawal and erasure from the journal."""
    if file is None and not how["rehearsal"]:
        msg = "name the FILE to restore; only --rehearse finds one by itself"
        raise click.UsageError(msg)
    edition = load_edition_or_exit(site, kinds)
    settings = edition.site.settings
    file = file or newest_backup(settings, utc_now())
    kept = journal_to_restore(settings, elsewhere=how["new_store"])
    found = load_keys(settings.keys, settings.root)
    if found is None:
        msg = f"The key file {settings.keys} is missing; put the one back that belongs to the backup."
        raise KeysUnusable(msg)
    path = journal_file or settings.path(kept)
    if not path.exists() and not how["without_journal"]:
        msg = (
            f"There is no journal at {path}: people who withdrew or were erased since the backup would come"
            " back. Name it with --journal, or use --without-journal."
        )
        raise RequestRefused(msg)
    told_by = None if how["without_journal"] else journal_at(path, found)
    if how["rehearsal"]:
        _rehearse(edition, found, file, told_by)
        return
    journals = Journals(told_by, journal_at(settings.path(kept), found))
    done = put_back(edition, found, file, journals)
    click.echo(f"{file} is restored. Replayed since it was made: {_sums(done.told)}.")
    for kind, count in sorted(done.lost.items()):
        click.echo(f"{count} {kind} since then are lost: the journal only counts them and holds no data.")


def _rehearse(edition: Edition, keys: KeyRing, file: Path, told_by: Journal | None) -> None:
    """Prove a backup, and print what was proved and what was not. Exit status 1: it cannot be trusted."""
    done = rehearse(edition, keys, file, told_by, with_progress)
    click.echo(f"{file} was made on {done.made:%Y-%m-%d %H:%M} UTC. Proved in a temporary folder:")
    click.echo(f"- Its pages are sound, and its log of {done.events} events is the one that was signed.")
    if done.older_by:
        click.echo(
            f"- Its schema was of an earlier version; {done.older_by} migrations brought it up to date."
        )
    click.echo(f"- The present keys belong to it, and opened {done.opened} sealed values.")
    click.echo(f"- It holds {', '.join(f'{count} rows of {table}' for table, count in done.counts.items())}.")
    if done.with_journal:
        click.echo(f"- The journal fits. Replayed since it was made: {_sums(done.told)}.")
    for finding in done.findings:
        click.secho(f"FOUND  {finding}", fg="red")
    if done.findings:
        refuse("The audit of the restored copy found what is not right; this backup was not proved.")
    click.echo("- The audit recomputed everything from the events, and all of it matches.")
    click.echo("Not proved: files outside the database (site folder, key file, journal), and other backups.")
    if not done.with_journal:
        click.echo("Not proved: that who withdrew or was erased since stays so. No journal was read.")
    for kind, count in sorted(done.lost.items()):
        click.echo(
            f"{count} {kind} since then would be lost: the journal only counts them and holds no data."
        )
    if not keep_rehearsal(edition, keys):
        click.echo(
            "There is no live store that could be opened here, so the moment of this proof is not kept."
        )


def _sums(told: Counter[str]) -> str:
    return ", ".join(f"{count} {kind}" for kind, count in sorted(told.items())) or "nothing"
