"""The command line with the installed kinds."""

from __future__ import annotations

import click

from optin import __version__
from optin.app.kinds import installed_kinds
from optin.cli import Commands

KINDS = installed_kinds()


@click.group(cls=Commands, kinds=KINDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="optin")
@click.pass_context
def main(context: click.Context) -> None:
    """Lead-magnet opt-in pages whose consents hold up."""
    context.obj = KINDS
