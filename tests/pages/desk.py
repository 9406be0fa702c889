"""Every page of the desk for the Nu HTML checker and axe: in every language, forms with mistakes too."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Response, sync_playwright

from optin.consent.staff_role import Role
from optin.theme.languages import languages
from tests.browser.desk_pages import ALICE, linked_pages, pages_with_mistakes, people_come, person_found
from tests.browser.desk_site import DeskSite, desk_site
from tests.browser.desk_walks import Hand, sign_in
from tests.browser.front_door import front_door
from tests.chromium import ARGUMENTS
from tests.mail.server import certificate
from tests.pages.nu import mistakes

WINDOWS = ((360, 740), (1280, 860))
SCHEMES = ("light", "dark")


def measure_desk(chromium: str, jar: Path) -> list[str]:
    """Print a line for each language; return what is not perfect."""
    wrong: list[str] = []
    with tempfile.TemporaryDirectory(prefix="optin-desk-") as name, sync_playwright() as driver:
        folder = Path(name)
        (folder / "door").mkdir()
        _, context = certificate(folder / "door")
        with front_door(context) as door, desk_site(folder, door) as site:
            browser = driver.chromium.launch(executable_path=chromium, args=[*ARGUMENTS, *door.arguments])
            people_come(site, browser)
            for lang in languages():
                wrong += _measure_language(site, browser, lang, jar)
            browser.close()
    return wrong


def _measure_language(site: DeskSite, browser: Browser, lang: str, jar: Path) -> list[str]:
    """Check the pages in a language; their colours and widths are the same in all of them: axe sees one."""
    context = browser.new_context(locale=lang)
    page, html, barriers = context.new_page(), dict[str, str](), list[str]()
    answers: list[Response] = []

    def note(answer: Response) -> None:
        if answer.frame == page.main_frame and answer.request.is_navigation_request():
            answers.append(answer)

    page.on("response", note)
    for name in _every_page(page, site, lang):
        html[f"desk, {lang}: {name}"] = answers[-1].text()
        if lang == languages()[0]:
            barriers += [f"desk: {name}: {it}" for it in _barriers(page)]
    context.close()
    found = mistakes(jar, html, frozenset())
    count = sum(map(len, found.values()))
    print(f"desk, {lang}: {count} mistakes, {len(barriers)} barriers on {len(html)} pages", flush=True)
    return [*barriers, *(f"{name}: {what}" for name, several in found.items() for what in several)]


def _every_page(page: Page, site: DeskSite, lang: str) -> Iterator[str]:
    """Sign in as somebody with every role; yield the name of each page while it is shown."""
    who = f"checker-{lang}@example.com"
    page.goto(f"{site.base}/desk")
    yield "sign in"
    site.optin("staff", "add", who, *(word for role in Role for word in ("--role", role.value)))
    sign_in(Hand(page), site, who)
    person = person_found(page, site.base, ALICE.email)
    yield "search"
    yield from linked_pages(page, site.base, person)
    yield from pages_with_mistakes(page, site.base, person)


def _barriers(page: Page) -> list[str]:
    """Return what axe finds, on a phone and on a desktop, by day and by night."""
    found: set[str] = set()
    for width, height in WINDOWS:
        page.set_viewport_size({"width": width, "height": height})
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]  # one of two words
            for it in Axe().run(page).response["violations"]:
                found.add(f"axe: {it['id']}: {it['nodes'][0]['html'][:120]}")
    return sorted(found)
