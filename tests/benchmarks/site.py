"""A site of many magnets: what check and build cost each, how soon an edit is seen, how fast it is served."""

from __future__ import annotations

import asyncio
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import httpx2 as httpx

from optin.keys import KeyRing
from optin.services.site_edition import keep_edition, load_edition
from optin.site.output_folder import write_folder
from optin.store.encryption import Vault
from optin.theme.social_card import draw_card
from optin.web.static_site import static_files
from tests.benchmarks.load import ask
from tests.installed import KINDS
from tests.ports import NO_MAIL, reserved_port
from tests.serving import start
from tests.stores import open_store
from tests.web.conftest import PAPER, site_at

FEW, SOME, MANY = 10, 100, 1_000
SERVED = 3
ROUNDS, EDITS, REQUESTS = 5, 15, 6_000
PROSE = "\n\n## Kop\n\nAlinea met **nadruk** en [een link](/tips).\n\n- een\n- twee\n" * 3


def site_of(root: Path, count: int) -> list[str]:
    """Make a site of so many magnets; return the paths of their pages."""
    site_at(root)
    for at in range(count - 2):
        folder = root / "magnets" / f"paper-{at}"
        folder.mkdir()
        text = PAPER.replace("Het witboek", f"Het witboek {at}")
        (folder / "index.md").write_text(text + PROSE, "utf-8")
        (folder / "witboek.pdf").write_bytes(b"%PDF-1.4")
    return ["/paper", "/tips", *(f"/paper-{at}" for at in range(count - 2))]


def main() -> None:
    """Print the ratios."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sites = {count: folder / f"site-{count}" for count in (FEW, SOME, MANY, SERVED)}
        paths = {count: site_of(root, count) for count, root in sites.items()}
        load_edition(sites[FEW], KINDS)  # what is loaded once
        each = [_check_and_build(sites[count], folder / f"out-{count}", count) for count in (FEW, SOME, MANY)]
        for what in range(2):
            few, some, many = (times[what] for times in each)
            called = ("check", "build")[what]
            print(
                f"{called}, for each magnet: {few * 1000:.1f} ms of {FEW}, {some * 1000:.1f} ms of {SOME},"
                f" {many * 1000:.1f} ms of {MANY}; {many / some:.2f} times (about 1)",
                flush=True,
            )
        with reserved_port() as port:
            seen = _edits(sites[MANY], folder, port)
        print(
            f"an edit of one in {MANY} is seen after {statistics.median(seen) * 1000:.0f} ms (below 300);"
            f" slowest of {EDITS}: {max(seen) * 1000:.0f} ms",
            flush=True,
        )
        _served(folder, sites, paths)


def _check_and_build(root: Path, out: Path, count: int) -> tuple[float, float]:
    """Return the seconds of a check and of a first build, for each magnet."""
    begun = time.perf_counter()
    edition, findings = load_edition(root, KINDS)
    checked = time.perf_counter() - begun
    if edition is None or findings:
        raise AssertionError(findings)
    store = open_store(f"sqlite:///{out}.db", root.parent, Vault(KeyRing.fresh("dev")))
    draw_card.cache_clear()
    begun = time.perf_counter()
    edition, _ = load_edition(root, KINDS)
    if edition is None:
        raise AssertionError(root)
    now = datetime.now(UTC)
    keep_edition(store, edition, now)
    write_folder(out, static_files(edition, now))
    built = time.perf_counter() - begun
    store.close()
    return checked / count, built / count


def _edits(root: Path, folder: Path, port: int) -> list[float]:
    """Run optin dev; return the seconds from each edit until the page shows it."""
    command = [sys.executable, "-m", "optin", "dev", "--site", str(root), "--port", str(port)]
    own = {"OPTIN_STORE": f"sqlite:///{folder}/dev.db", "OPTIN_KEYS": str(folder / "dev-keys.json")}
    with (folder / "dev.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, **own})
    page, seen = root / "magnets" / "paper-7" / "index.md", []
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
            _wait(client)
            time.sleep(3)  # until the files that were made just now have settled
            version = client.get("/dev/changes?since=-1").json()
            for at in range(EDITS + 1):
                text = page.read_text("utf-8").partition("Stempel")[0]
                begun = time.perf_counter()
                page.write_text(f"{text}Stempel {at}.\n", "utf-8")
                while f"Stempel {at}." not in client.get("/paper-7").text:
                    version = client.get(f"/dev/changes?since={version}").json()
                seen.append(time.perf_counter() - begun)
                time.sleep(0.3)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)
    return seen[1:]  # the first edit reads what had not settled when the server started


def _wait(client: httpx.Client) -> None:
    for _ in range(600):
        try:
            client.get("/health")
        except httpx.HTTPError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError(client.base_url)


def _served(folder: Path, sites: dict[int, Path], paths: dict[int, list[str]]) -> None:
    """Print at which rate the pages of many magnets are served, against those of three."""
    with ExitStack() as reserved:
        ports = {count: reserved.enter_context(reserved_port()) for count in (SERVED, MANY)}
        for count, port in ports.items():
            store, keys = f"sqlite:///{folder}/{port}.db", str(folder / f"{port}.json")
            reserved.callback(start(sites[count], port, store, NO_MAIL, keys).stop)
        ratios = []
        for _ in range(ROUNDS):
            few, many = (
                asyncio.run(ask(port, _asking(paths[count]), REQUESTS, b"HTTP/1.1 200")).rate
                for count, port in ports.items()
            )
            ratios.append(many / few)
            print(f"  pages of {SERVED}: {few:,.0f}/s, of {MANY}: {many:,.0f}/s", flush=True)
        print(f"pages of {MANY} magnets / of {SERVED}: {statistics.median(ratios):.2f} (about 1)")


def _asking(paths: list[str]) -> Callable[[int], bytes]:
    return lambda number: f"GET {paths[number % len(paths)]} HTTP/1.1\r\nhost: x\r\n\r\n".encode()
