"""What a server that nobody asks for it does not hold in memory (O5, P5)."""

from __future__ import annotations

import subprocess
import sys

# each costs every start milliseconds and every process mebibytes, and few sites use it
SELDOM_USED = {
    "PIL",
    "aiosmtpd",
    "apprise",
    "fpdf",
    "greenlet",
    "opentelemetry",
    "psycopg",
    "pygments",
    "rfc3161_client",
    "rich",
    "structlog",
    "webauthn",
}


def test_a_start_imports_nothing_that_few_sites_use() -> None:
    """O5: lines for programs, time-stamps (P5) and the like are imported by the server that uses them."""
    code = "import sys, optin.app.main, optin.cli.serve; print(*{it.partition('.')[0] for it in sys.modules})"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not SELDOM_USED & set(told.stdout.split())
