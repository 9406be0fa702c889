"""The command that takes a mail that came back, from the pipe of a mail server (O6)."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any, BinaryIO

import click

from optin.cli.installed_kinds import InstalledKinds, pass_kinds
from optin.cli.options_and_output import served_edition, site_option
from optin.errors import OptinError
from optin.services.open_installation import open_installation
from optin.services.returned_mails import MOST_KEPT, take_returned_mail

PIPE = "pipe"
CHUNK_BYTES = 1 << 16


class _TriedAgain(click.Command):
    """Ends with EX_TEMPFAIL whenever the message was not taken: the mail server keeps it and tries again."""

    def make_context(self, *args: Any, **settings: Any) -> click.Context:
        try:
            return super().make_context(*args, **settings)
        except click.UsageError as problem:
            problem.show()
            raise click.exceptions.Exit(os.EX_TEMPFAIL) from None

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except click.exceptions.Exit:
            raise
        except SystemExit:  # a site with errors, which were printed
            ctx.exit(os.EX_TEMPFAIL)
        except OptinError as problem:
            click.secho(problem.log_line, err=True)
        except Exception as problem:  # noqa: BLE001 - a pipe shows a traceback to whoever wrote the message
            click.secho(f"not taken: {type(problem).__name__}", err=True)
        return ctx.exit(os.EX_TEMPFAIL)


@click.command("bounce", cls=_TriedAgain)
@site_option
@pass_kinds
def bounce(kinds: InstalledKinds, site: Path) -> None:
    """Read one mail that came back from standard input, as mail servers give it to a program.

    Exit status: 0 read, even if it concerns no mail of this site; 75 not now, give it again. What it
    meant and changed is printed.
    """
    message = read_bounded(sys.stdin.buffer)
    edition = served_edition(site, kinds)
    with open_installation(edition.site.settings, edition.policy, edition.kinds) as installation:
        click.echo(str(take_returned_mail(installation, message, PIPE)))


def read_bounded(stream: BinaryIO) -> bytes:
    """Return the first MOST_KEPT bytes of a message; read the rest too: a pipe's writer waits for it."""
    kept = stream.read(MOST_KEPT)
    while stream.read(CHUNK_BYTES):
        pass
    return kept
