"""`optin` as a program whose calls to tools arrive on this machine; only the walk to a CRM starts it.

TOOLS_PORT: where every tool listens. Its certificate is verified as ever, against SSL_CERT_FILE.
"""

from __future__ import annotations

import os
import sys
from typing import Any

import httpcore2

from optin.app.main import main
from optin.services import http_client


async def connect_tcp(_backend: object, *, host: str, port: int, **named: Any) -> Any:
    """Connect to this machine in place of a public server."""
    del host, port
    there = int(os.environ["TOOLS_PORT"])
    return await httpcore2.AnyIOBackend().connect_tcp("127.0.0.1", there, **named)


http_client._PinnedBackend.connect_tcp = connect_tcp  # type: ignore[assignment,method-assign]  # noqa: SLF001 - its seam
sys.argv[0] = "optin"
main()
