"""Commands for the mail of the site."""

from __future__ import annotations

from pathlib import Path

import click

from optin.cli.installed_kinds import InstalledKinds, pass_kinds
from optin.cli.options_and_output import served_edition, site_option
from optin.flows.delivery.retry_abandoned_mails import SkipReason
from optin.services.mail_retry import retry_all
from optin.services.open_installation import open_installation


@click.group()
def mail() -> None:
    """Manage the mail of the site."""


@mail.command()
@click.option("--dry-run", is_flag=True, help="Only print what would be sent again.")
@site_option
@pass_kinds
def retry(kinds: InstalledKinds, site: Path, *, dry_run: bool) -> None:
    """Queue failed mail again, and retry waiting mail now.

    Use it after the mail server was repaired; the running optin server sends the mail. Failed mail can be
    queued again for 30 days.
    """
    edition = served_edition(site, kinds)
    with open_installation(edition.site.settings, edition.policy, edition.kinds) as installation:
        done = retry_all(installation, dry_run=dry_run)
    again, left = sum(done.again.values()), sum(done.skipped.values())
    if not again and not left:
        click.echo("No mail is given up.")
    if again:
        counted = ", ".join(f"{count} {kind}" for kind, count in sorted(done.again.items()))
        click.echo(
            f"{_mails(again)} {'would be' if dry_run else _are(again)} put back to be sent: {counted}."
        )
    if left:
        click.echo(f"{_mails(left)} {'would not be' if dry_run else f'{_are(left)} not'}:")
        for reason, count in sorted(done.skipped.items()):
            names = ", ".join(f"{name[:60]!a}" for name in sorted(done.unknown))
            which = f" ({names})" if reason is SkipReason.UNKNOWN else ""
            click.echo(f"  {count}: {reason}{which}")
    if done.hurried:
        click.echo(f"{_mails(done.hurried)} that waited for another try {_are(done.hurried)} tried now.")
    if dry_run:
        click.echo("Nothing was changed.")


def _mails(count: int) -> str:
    return f"{count} mail" if count == 1 else f"{count} mails"


def _are(count: int) -> str:
    return "is" if count == 1 else "are"
