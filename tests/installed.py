"""The kinds of magnets that are installed where the tests run."""

from optin import cli
from optin.app.kind_registry import installed_kinds

INSTALLED = installed_kinds()
KINDS = INSTALLED.parts
TABLES = tuple((it.table, it.model) for _, it in KINDS.files.items() if it.model is not None)
COMMANDS = (*cli.COMMANDS, *INSTALLED.commands())
