"""A scanner of websites that we did not write: Wapiti follows links, fills in forms, and attacks both."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.house.requirements_table import ROOT

FOLDER = ROOT / ".venv" / "host" / "wapiti"
PROGRAM = FOLDER / "bin" / "wapiti"
RELEASE = "wapiti3==3.2.3"
# Without the attacks that need a server elsewhere, or lists that are fetched
ATTACKS = "xss,permanentxss,sql,exec,file,redirect,crlf,csrf,http_headers,csp,cookieflags,methods,upload"
MOST_CRAWL_SECONDS, MOST_ATTACK_SECONDS = 120, 30  # for all pages; for each kind of attack
SCAN_SECONDS = 1200


@dataclass(frozen=True)
class Scan:
    """What a scan found, by its name, and how many pages it looked at."""

    pages: int
    found: Mapping[str, Sequence[str]]


def fetch() -> str:
    """Install it beside the tests; return what is missing for it, in a sentence, or nothing."""
    if not PROGRAM.exists():
        subprocess.run([sys.executable, "-m", "venv", str(FOLDER)], check=True, stdout=sys.stderr)
        pip = [str(FOLDER / "bin" / "python"), "-m", "pip", "install", "--quiet", RELEASE]
        subprocess.run(pip, check=False, stdout=sys.stderr)
    return "" if PROGRAM.exists() else f"{RELEASE} could not be installed; see above."


def scan(folder: Path, address: str, cookies: str, more: Sequence[str], never: Sequence[str]) -> Scan:
    """Scan what is below an address, with the cookies of somebody who is signed in.

    `folder`: for its notes; `more`: addresses to begin with besides; `never`: those that it leaves alone.
    """
    report = folder / "report.json"
    words = ["-u", address, "--scope", "folder", "-H", f"Cookie: {cookies}", "-m", ATTACKS]
    words += [word for it in more for word in ("-s", it)]
    words += [word for it in never for word in ("-x", it)]
    words += ["--max-scan-time", f"{MOST_CRAWL_SECONDS}", "--max-attack-time", f"{MOST_ATTACK_SECONDS}"]
    words += ["--flush-session", "--no-bugreport", "-f", "json", "-o", str(report), "-v", "0"]
    own = {**os.environ, "HOME": str(folder)}
    done = subprocess.run(
        [str(PROGRAM), *words], env=own, capture_output=True, text=True, timeout=SCAN_SECONDS, check=False
    )
    assert report.exists(), done.stdout + done.stderr
    told = json.loads(report.read_text("utf-8"))
    found = {
        name: [f"{it['method']} {it['path']} {it['parameter']}: {it['info']}" for it in several]
        for part in ("vulnerabilities", "anomalies")
        for name, several in told[part].items()
        if several
    }
    return Scan(told["infos"]["crawled_pages_nbr"], found)
