"""Names of the tools that have a connector, for the settings (W11).

The connectors themselves stand in `export.connectors`; a test keeps both lists equal.
"""

from __future__ import annotations

import re

TOOL_NAMES = frozenset({"brevo", "hubspot", "listmonk", "mailchimp", "mailerlite"})
OWN_SERVERS = frozenset({"listmonk"})  # a company runs these itself, so their address is a setting
MORE_COLUMNS = frozenset({"basis"})  # what tools can be told beside the columns of an export
TOKEN_VARIABLE = "OPTIN_TOKEN_"  # noqa: S105 - what the names of these variables begin with


def token_variable(processor: str) -> str:
    """Return the environment variable that holds a processor's token when no setting names another."""
    return TOKEN_VARIABLE + re.sub(r"[^A-Z0-9]+", "_", processor.upper())
