"""For a kind's command; import this only in the command's own module, since it loads slowly."""

from optin.cli.installed_kinds import InstalledKinds, pass_kinds
from optin.cli.options_and_output import served_edition, site_option
from optin.export.destination import STANDARD_OUTPUT, write_whole
from optin.export.table_writer import table
from optin.services.event_log_signer import advance_log
from optin.services.installation import Installation
from optin.services.open_installation import open_installation

__all__ = [
    "STANDARD_OUTPUT",
    "Installation",
    "InstalledKinds",
    "advance_log",
    "open_installation",
    "pass_kinds",
    "served_edition",
    "site_option",
    "table",
    "write_whole",
]
