"""Measure every page of this repository's own site: `python -m tests.pages FOLDER [LOOK …]` (make pages).

FOLDER: where npm put Lighthouse and the Nu HTML checker. The site is served by `optin serve` behind a proxy
that speaks TLS and HTTP/2. Every page and mail must be without a mistake for the Nu HTML checker and without
a barrier for axe, also at the desk; every page that can be asked for again must have all points of
Lighthouse, in each look. LOOK `desk`: the desk alone.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, sync_playwright

from optin.site.load_site import load_site
from tests.browser.front_door import FrontDoor
from tests.chromium import ARGUMENTS, installed
from tests.installed import KINDS
from tests.mail.server import Script, mail_server
from tests.pages.desk import measure_desk
from tests.pages.lighthouse import SHORT, Lighthouse, Scores
from tests.pages.nu import mistakes
from tests.pages.proxy import http2_proxy
from tests.pages.walk import Seen, Walk
from tests.ports import reserved_port
from tests.repository_site import copy_repository_site
from tests.serving import served

# A copy of a magnet in each state in which it has no form, by its address
WITHOUT_FORM = {"over": "until: 2026-01-01", "waits": "from: 2099-01-01", "archived": "status: archived"}
WINDOWS = ((360, 740), (1280, 860))
UNNAMED = ""  # the look that the site names
DESK = "desk"  # stands among the looks for the staff's website, which has one of its own


def main(folder: Path, looks: list[str]) -> None:
    """Measure every look; the status tells whether all is perfect."""
    chromium, program = installed(), folder / "node_modules" / ".bin" / "lighthouse"
    jar = folder / "node_modules" / "vnu-jar" / "build" / "dist" / "vnu.jar"
    if chromium is None or not program.exists() or not jar.exists() or shutil.which("java") is None:
        sys.exit("The pages are measured with Chromium, java, and what make pages installs by npm.")
    wrong: list[str] = []
    if not looks or DESK in looks:
        wrong += measure_desk(chromium, jar)
    for look in [it for it in looks if it != DESK] if looks else [UNNAMED]:
        with served_site(look) as (script, door, site):
            lighthouse = Lighthouse(program, chromium, (*ARGUMENTS, *door.arguments))
            wrong += measure_look(look or "as written", site, script, lighthouse, jar)
    print("\n".join(["", *wrong]) if wrong else "\nevery page is perfect")
    sys.exit(1 if wrong else 0)


@contextmanager
def served_site(look: str) -> Iterator[tuple[Script, FrontDoor, Path]]:
    """Serve a copy of this repository's site in a look; yield its mailbox, its proxy and its folder."""
    with tempfile.TemporaryDirectory(prefix="optin-pages-") as name:
        folder, script = Path(name), Script()
        site = folder / "site"
        site_in(site, look)
        store, keys = f"sqlite:///{folder}/optin.db", str(folder / "keys.json")
        with (
            reserved_port() as port,
            mail_server(script) as mail_port,
            served(site, port, store, f"smtp://127.0.0.1:{mail_port}", keys),
            http2_proxy(folder, port) as door,
        ):
            yield script, door, site


def site_in(site: Path, look: str) -> None:
    """Copy the site, in a look, with a magnet in each state that has no form."""
    copy_repository_site(site, look)
    of = next(it for it in sorted((site / "magnets").iterdir()) if any(it.glob("*.pdf")))
    for slug, line in WITHOUT_FORM.items():
        copy = shutil.copytree(of, site / "magnets" / slug) / "index.md"
        copy.write_text(copy.read_text("utf-8").replace("---\n", f"---\n{line}\n", 1), "utf-8")


def measure_look(look: str, root: Path, script: Script, lighthouse: Lighthouse, jar: Path) -> list[str]:
    """Print a line for each page; return what is not perfect."""
    site = load_site(root, KINDS.files).site
    if site is None:
        raise AssertionError(root)
    kinds = {str(slug): it.kind for slug, it in site.magnets.items() if slug not in WITHOUT_FORM}
    wrong, seen, measured = [], [], set[str]()
    print(f"\n{look:<44}{''.join(f'{it:>6}' for it in SHORT.values())}{'axe':>6}", flush=True)
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=lighthouse.chromium, args=[*lighthouse.arguments])
        context = browser.new_context(bypass_csp=True, ignore_https_errors=True, reduced_motion="reduce")
        page, checked = context.new_page(), context.new_page()  # the checker is a script
        for it in Walk(page, script).every_page(kinds, list(WITHOUT_FORM)):
            seen.append(it)
            barriers = barriers_of(checked if it.is_mail else page, it)
            scores = Scores({})
            step = it.name.partition(", ")[2]  # confirm, sent, …: alike for every magnet, so measured once
            if it.address and measured.isdisjoint({it.address, step}):
                measured |= {it.address, step} - {""}
                scores = lighthouse.scores(it.address, indexed='content="noindex"' not in it.html)
            shown = "".join(f"{scores.points.get(name, '–'):>6}" for name in SHORT)
            print(f"{it.name:<44}{shown}{len(barriers):>6}", flush=True)
            lowered = () if scores.perfect else scores.failed  # an audit may lose less than a point
            wrong += [f"{look}, {it.name}: {what}" for what in (*barriers, *lowered)]
        browser.close()
    mails = frozenset(it.name for it in seen if it.is_mail)
    found = mistakes(jar, {it.name: it.html for it in seen}, mails)
    print(f"Nu HTML checker: {sum(map(len, found.values()))} mistakes on {len(seen)} pages and mails")
    return [*wrong, *(f"{look}, {name}: {what}" for name, several in found.items() for what in several)]


def barriers_of(page: Page, seen: Seen) -> list[str]:
    """Return what axe finds on a page or in a mail, on a phone and on a desk, by day and by night."""
    found: set[str] = set()
    if seen.is_mail:
        page.set_content(seen.html)
    for width, height in WINDOWS:
        page.set_viewport_size({"width": width, "height": height})
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            for it in Axe().run(page).response["violations"]:
                found.add(f"axe: {it['id']}: {it['nodes'][0]['html'][:120]}")
    return sorted(found)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
