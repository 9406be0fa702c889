"""The gallery of `optin dev` in a browser."""

from __future__ import annotations

import time
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Frame, Page

from tests.serving import developed
from tests.waiting import SECONDS
from tests.web.conftest import site_at

EVERY = "of=paper&page=Sent&width=360&width=768&width=1280&scheme=light&scheme=dark"
GROUND = "getComputedStyle(document.body).backgroundColor"


def brightness(frame: Frame) -> int:
    """Return the sum of red, green and blue of a page's ground."""
    numbers = frame.evaluate(GROUND).removeprefix("rgb(").removesuffix(")")
    return sum(int(it) for it in numbers.split(","))


def shown(page: Page, scheme: str) -> list[Frame]:
    """Return the frames of one scheme that have come: those in sight do, the others need not."""
    deadline = time.monotonic() + SECONDS
    frames: list[Frame] = []
    while not frames and time.monotonic() < deadline:
        page.wait_for_timeout(50)
        frames = [it for it in page.frames[1:] if f"scheme={scheme}" in it.url]
    for frame in frames:
        frame.wait_for_load_state()
    return frames


def test_frames_are_light_and_dark_at_once(browser: Browser, tmp_path: Path, free_port: int) -> None:
    """W3, F6: whatever the machine prefers; axe finds nothing, and no page is wider than its window."""
    site = tmp_path / "site"
    site_at(site)
    text = (site / "optin.toml").read_text().replace('base_url = "https://optin.example.com"\n', "")
    (site / "optin.toml").write_text(text)
    with developed(site, free_port) as base:
        for width, prefers in ((360, "light"), (1280, "dark")):
            context = browser.new_context(
                viewport={"width": width, "height": 900},
                color_scheme="dark" if prefers == "dark" else "light",
            )
            page = context.new_page()
            for query in (EVERY, "show=mails&of=new:webinar&scheme=light&scheme=dark"):
                page.goto(f"{base}/dev/gallery?{query}")
                light, dark = shown(page, "light"), shown(page, "dark")
                assert light
                assert dark
                assert min(map(brightness, light)) > 600
                assert max(map(brightness, dark)) < 200
                assert page.evaluate("document.documentElement.scrollWidth") <= width
                answer = Axe().run(page, options={"iframes": False})
                assert answer.violations_count == 0, answer.generate_report()
            context.close()
