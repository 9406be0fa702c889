"""promtool of Prometheus: that of this machine, or the one in Debian's package."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.host.nginx import UNPACKED as OF_NGINX

UNPACKED = OF_NGINX.parent / "prometheus"


def program() -> str | None:
    """Return the program; None where it is not here."""
    fetched = UNPACKED / "usr" / "bin" / "promtool"
    return shutil.which("promtool") or (str(fetched) if fetched.exists() else None)


def fetch() -> str:
    """Fetch Debian's package, without installing it: that would start a server. Return what is missing."""
    UNPACKED.parent.mkdir(parents=True, exist_ok=True)
    if program() is None and shutil.which("apt-get") and shutil.which("dpkg"):
        with tempfile.TemporaryDirectory() as folder:
            words = ["apt-get", "download", "-q", "prometheus"]
            subprocess.run(words, cwd=folder, check=False, stdout=sys.stderr)
            for package in Path(folder).glob("prometheus_*.deb"):
                subprocess.run(["dpkg", "-x", str(package), str(UNPACKED)], check=True)
    missing = "The tests need promtool: install it (apt-get install prometheus), and try again."
    return "" if program() else missing
