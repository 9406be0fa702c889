"""The kinds of magnets that are installed where the tests run."""

from optin.app.kinds import installed_kinds

INSTALLED = installed_kinds()
KINDS = INSTALLED.parts
