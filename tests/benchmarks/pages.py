"""The landing page over HTTP, against a bare Starlette route with the same bytes, and static files."""

from __future__ import annotations

import asyncio
import gzip
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx2 as httpx
from granian.constants import Interfaces
from granian.server.embed import Server
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from optin.consent.form_version import Slug
from optin.services.site_edition import load_edition
from tests.benchmarks.load import pages_per_second
from tests.installed import KINDS
from tests.own_site import add_settings
from tests.ports import NO_MAIL, reserved_port
from tests.serving import start
from tests.web.conftest import site_at

ROUNDS = 5
PAIRS = 15  # of servers that differ by a few percent


def bare(folder: Path, port: int) -> None:
    """Serve the same bytes from a bare route, and as a file, on the same server. Ends with its parent."""
    page = (folder / "page.html").read_bytes()

    async def answer(_request: Request) -> Response:
        return Response(page, media_type="text/html")

    app = Starlette(routes=[Route("/page", answer)])

    async def serve() -> None:
        server = Server(
            app,
            port=port,
            interface=Interfaces.ASGINL,
            backlog=1024,
            backpressure=512,
            log_enabled=False,
            static_path_route=["/files"],
            static_path_mount=[folder],
        )
        await asyncio.wait_for(server.serve(), 120)

    asyncio.run(serve())


def main() -> None:
    """Print the ratios."""
    with tempfile.TemporaryDirectory() as name, reserved_port() as port, reserved_port() as bare_port:
        folder = Path(name)
        site_at(folder / "site")
        edition, _ = load_edition(folder / "site", KINDS)
        if edition is None:
            raise AssertionError(name)
        page = edition.publication.forms[Slug("paper")].page
        (folder / "files").mkdir()
        (folder / "files" / "page.html").write_bytes(page)
        style = edition.theme.assets[edition.theme.asset_url("style.css")].data
        weight = len(gzip.compress(page, 9)) + len(gzip.compress(style, 9))
        print(f"page with stylesheet, compressed: {weight} bytes (14,000 allowed)")
        command = [sys.executable, "-c"]
        code = "import pathlib as p, sys; from tests.benchmarks.pages import bare;"
        code += " bare(p.Path(sys.argv[1]), int(sys.argv[2]))"
        other = subprocess.Popen([*command, code, str(folder / "files"), str(bare_port)])
        store, keys = f"sqlite:///{folder}/optin.db", str(folder / "keys.json")
        serving = start(folder / "site", port, store, NO_MAIL, keys)
        try:
            wait_for(bare_port)
            ratios, files = [], []
            for _ in range(ROUNDS):
                ours = pages_per_second(port, "/paper")
                route = pages_per_second(bare_port, "/page")
                static = pages_per_second(bare_port, "/files/page.html")
                ratios.append(ours / route)
                files.append(ours / static)
                print(f"  landing {ours:,.0f}/s   bare route {route:,.0f}/s   static file {static:,.0f}/s")
            print(f"landing page / bare Starlette route: {statistics.median(ratios):.2f} (at least 1.0)")
            print(f"landing page / the server's static file: {statistics.median(files):.2f}")
        finally:
            serving.stop()
            other.terminate()
            other.wait()
        cost_of_views(folder)


def cost_of_views(folder: Path) -> None:
    """Print what counting costs: two servers that differ by one setting, asked in turns."""
    with reserved_port() as port, reserved_port() as silent_port:
        servers = []
        try:
            for name, at, views in (("counting", port, "true"), ("silent", silent_port, "false")):
                site_at(folder / name / "site")
                sources = f'\n[sources]\nnames = ["linkedin", "beurs-2027"]\nviews = {views}\n'
                add_settings(folder / name / "site", sources)
                store, keys = f"sqlite:///{folder}/{name}/optin.db", str(folder / name / "keys.json")
                servers.append(start(folder / name / "site", at, store, NO_MAIL, keys))
            for path in ("/paper", "/paper?utm_source=linkedin&utm_medium=social"):
                ratios = []
                for turn in range(PAIRS):
                    order = (port, silent_port) if turn % 2 else (silent_port, port)
                    rates = {at: pages_per_second(at, path) for at in order}
                    ratios.append(rates[port] / rates[silent_port])
                print(f"{path}: {rates[port]:,.0f}/s with views counted")
                print(f"  of that without: {statistics.median(ratios):.3f} (at least 0.97)")
        finally:
            for serving in servers:
                serving.stop()


def wait_for(port: int) -> None:
    for _ in range(200):
        try:
            httpx.get(f"http://127.0.0.1:{port}/page")
        except httpx.HTTPError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError(port)
