"""Finds what the system must provide, or installs it, or stops with a sentence; then runs the tests with it.

`make test-host` calls it; CONTRIBUTING.md says what it needs. Three parts: the tests in this folder; those
of store and flows on every other version of PostgreSQL; the same through a pgbouncer.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

from tests.host import (
    checkdmarc,
    foreign_witness,
    knot,
    machines,
    n8n,
    nginx,
    pgbouncer,
    postfix,
    promtool,
    proxies,
    servers,
    wapiti,
    wordpress,
    wrong_time,
)

TOO_OLD = min(servers.RELEASES)
ON_EACH = ("tests/store", "tests/flows", "tests/export", "tests/kinds/prize_draw/test_draw_flows.py")
THE_SERVER = "postgres and not older_postgres"


def install_pgbouncer() -> None:
    """Install Debian's package, where that can be done."""
    if shutil.which("apt-get") and os.geteuid() == 0:
        for step in (["update", "-q"], ["install", "-q", "-y", "--no-install-recommends", "pgbouncer"]):
            subprocess.run(["apt-get", *step], check=False, stdout=sys.stderr)


def main() -> None:
    """Run every part; the status tells whether all of them passed."""
    if pgbouncer.installed() is None:
        install_pgbouncer()
    if pgbouncer.installed() is None:
        sys.exit("The tests need pgbouncer: install it (apt-get install pgbouncer), and try again.")
    parts = (
        servers,
        foreign_witness,
        nginx,
        proxies,
        promtool,
        knot,
        checkdmarc,
        postfix,
        wapiti,
        wordpress,
        machines,
    )
    missing = next(filter(None, (it.fetch() for it in parts)), "")
    if not missing and n8n.WANTED:
        missing = n8n.fetch()
    missing = missing or wrong_time.fetch()
    if missing:
        sys.exit(missing)
    passed = [run("what needs the system", {}, "tests/host")]
    for version in servers.RELEASES:
        if version != TOO_OLD:
            named = {"POSTGRES_PROGRAMS": str(servers.programs_of(version))}
            passed.append(run(f"PostgreSQL {version}", named, *ON_EACH, "-k", THE_SERVER))
    passed.append(run("through pgbouncer", {"POSTGRES_POOLED": "yes"}, *ON_EACH, "-k", THE_SERVER))
    sys.exit(0 if all(passed) else 1)


def run(what: str, more: dict[str, str], *words: str) -> bool:
    """Run some tests; tell whether they passed."""
    print(f"== {what}", flush=True)
    command = [sys.executable, "-m", "pytest", "-q", *words]
    return subprocess.run(command, check=False, env={**os.environ, **more}).returncode == 0


if __name__ == "__main__":
    main()
