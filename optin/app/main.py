"""The command line with the installed kinds."""

from __future__ import annotations

import click

from optin import __version__
from optin.app.kind_registry import installed_kinds
from optin.cli import Commands


@click.group(cls=Commands, kinds=installed_kinds, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="optin")
def main() -> None:
    """Lead-magnet opt-in pages whose consents hold up."""
