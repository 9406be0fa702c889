"""Another program that judges the records of a sender: checkdmarc, in an environment of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

from tests.house.requirements_table import ROOT

FOLDER = ROOT / ".venv" / "host" / "checkdmarc"
PYTHON = FOLDER / "bin" / "python"
INSTALLED = FOLDER / "bin" / "checkdmarc"
RELEASE = "checkdmarc==6.0.4"
ASK = """
import json, sys
import dns.resolver
from checkdmarc.dmarc import check_dmarc
from checkdmarc.smtp import check_mx
from checkdmarc.spf import check_spf

resolver = dns.resolver.Resolver(configure=False)
resolver.nameservers, resolver.port = [sys.argv[1]], int(sys.argv[2])
how = {"resolver": resolver, "timeout": 2.0}
domain = sys.argv[3]
found = {"spf": check_spf(domain, **how), "dmarc": check_dmarc(domain, **how), "mx": check_mx(domain, **how)}
json.dump(found, sys.stdout, default=str)
"""


@dataclass(frozen=True)
class Judged:
    """What it says of a domain. `look_ups`: of its SPF record; None where that is broken."""

    spf: bool
    look_ups: int | None
    dmarc: bool
    policy: str
    mx: bool
    told: dict[str, Any]


def fetch() -> str:
    """Install it beside the tests; return what is missing for it, in a sentence, or nothing."""
    if not INSTALLED.exists():
        subprocess.run([sys.executable, "-m", "venv", str(FOLDER)], check=True, stdout=sys.stderr)
        pip = [str(PYTHON), "-m", "pip", "install", "--quiet", RELEASE]
        subprocess.run(pip, check=False, stdout=sys.stderr)
    return "" if INSTALLED.exists() else f"{RELEASE} could not be installed; see above."


def judge(domain: str, resolver: str) -> Judged:
    """Return what it says of a domain, by a DNS server at ADDRESS:PORT."""
    address, _, port = resolver.rpartition(":")
    done = subprocess.run(
        [str(PYTHON), "-c", ASK, address, port, domain], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    hosts = told["mx"].get("hosts") or []
    tags = told["dmarc"].get("tags") or {}
    return Judged(
        bool(told["spf"]["valid"]),
        told["spf"].get("dns_lookups"),
        bool(told["dmarc"]["valid"]),
        str(tags.get("p", {}).get("value", "")),
        bool(hosts) and all(it.get("addresses") for it in hosts) and not told["mx"].get("error"),
        told,
    )
