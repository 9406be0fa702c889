"""A real Knot DNS server, an authority whose answers are not of our own making."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from dnslib import RR

from optin.server_addresses import DNS_PORT
from tests.host.servers import FOLDER
from tests.ports import reserved_port

UNPACKED = FOLDER / "knot"
PACKAGES = ("knot", "libknot13", "libdnssec9", "libzscanner4", "liburcu8", "libxdp1", "libbpf1", "liblmdb0")
SETTINGS = """
server:
    listen: {host}@{port}
    rundir: {folder}
database:
    storage: {folder}
log:
  - target: stderr
    any: warning
zone:
  - domain: .
    storage: {folder}
    file: all.zone
"""
HEAD = """. 60 IN SOA ns. hostmaster. 1 60 60 60 60
. 60 IN NS ns.
ns. 60 IN A 127.0.0.1
"""


def program() -> str | None:
    """Return the program: that of this machine, else the one that was fetched."""
    here = shutil.which("knotd", path="/usr/sbin:/usr/local/sbin:/usr/bin")
    fetched = UNPACKED / "usr" / "sbin" / "knotd"
    return here or (str(fetched) if fetched.exists() else None)


def fetch() -> str:
    """Fetch Debian's packages, without installing them: that would start a server. Return what is missing."""
    UNPACKED.parent.mkdir(parents=True, exist_ok=True)
    if program() is None and shutil.which("apt-get") and shutil.which("dpkg"):
        with tempfile.TemporaryDirectory() as folder:
            for name in PACKAGES:  # one that this release has under another name is not needed there
                subprocess.run(
                    ["apt-get", "download", "-q", name], cwd=folder, check=False, stdout=sys.stderr
                )
            for package in Path(folder).glob("*.deb"):
                subprocess.run(["dpkg", "-x", str(package), str(UNPACKED)], check=True)
    return "" if program() else "The tests need Knot DNS: install it (apt-get install knot), and try again."


@contextmanager
def knot(records: Iterable[RR], at: str = "") -> Iterator[str]:
    """Serve records, whatever their names; yield ADDRESS:PORT. `at`: an address with port 53, for root."""
    runs = program()
    assert runs is not None, "Knot DNS is not installed; make test-host fetches it"
    with tempfile.TemporaryDirectory(prefix="optin-knot-") as name, reserved_port() as any_port:
        host, port = (at, DNS_PORT) if at else ("127.0.0.1", any_port)
        folder = Path(name)
        (folder / "knot.conf").write_text(SETTINGS.format(folder=folder, host=host, port=port))
        lines = "\n".join(it.toZone() for it in records)
        (folder / "all.zone").write_text(f"{HEAD}{lines}\n")
        libraries = ":".join(map(str, (UNPACKED / "usr" / "lib").glob("*")))
        environment = {**os.environ, "LD_LIBRARY_PATH": libraries}
        with (folder / "log").open("wb") as log:
            command = [runs, "-c", str(folder / "knot.conf")]
            process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        try:
            _wait(host, port, folder / "log")
            yield f"{host}:{port}"
        finally:
            process.terminate()
            process.wait(30)


def _wait(host: str, port: int, log: Path) -> None:
    from dns.resolver import Resolver  # noqa: PLC0415 - heavy to import, and here alone

    resolver = Resolver(configure=False)
    resolver.nameservers, resolver.port, resolver.lifetime = [host], port, 0.5
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            resolver.resolve("ns.", "A")
        except Exception:  # noqa: BLE001 - whatever it is, it is not there yet
            time.sleep(0.05)
        else:
            return
    raise AssertionError(log.read_text())
