"""The tools that optin connects to (W11): a line each. `settings.tools` has their names, too."""

from __future__ import annotations

from collections.abc import Mapping

from optin.export.connectors.brevo import BREVO
from optin.export.connectors.hubspot import HUBSPOT
from optin.export.connectors.listmonk import LISTMONK
from optin.export.connectors.mailchimp import MAILCHIMP
from optin.export.connectors.mailerlite import MAILERLITE
from optin.export.connectors.tool import Tool

TOOLS: Mapping[str, Tool] = {it.name: it for it in (BREVO, HUBSPOT, LISTMONK, MAILCHIMP, MAILERLITE)}
