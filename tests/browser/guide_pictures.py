"""Takes the pictures of the guide at two walks over the desk: `python -m tests.browser.guide_pictures`.

They stand in docs/guide/pictures, small enough for a repository. A picture that no page of the guide names is
not kept.
"""

from __future__ import annotations

import io
import re
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from tests.browser.desk_site import desk_site
from tests.browser.desk_walks import Hand, marketer, officer
from tests.browser.front_door import front_door
from tests.chromium import ARGUMENTS, installed
from tests.house.requirements_table import ROOT
from tests.mail.server import certificate

GUIDE = ROOT / "docs" / "guide"
PICTURES = GUIDE / "pictures"
PICTURE = re.compile(r"!\[([^\]]*)\]\(pictures/([^)]+)\)")
WINDOW = (1280, 860)
WIDTH = 960  # pixels
QUALITY = 70


def named() -> dict[str, str]:
    """Return the pictures that the guide names, with what it says they show."""
    pages = (path.read_text("utf-8") for path in sorted(GUIDE.glob("*.md")))
    return {name: alt for page in pages for alt, name in PICTURE.findall(page)}


def shoot(page: Page, name: str) -> None:
    """Take a picture of what the window shows, if the guide names it."""
    file = PICTURES / f"{name}.webp"
    if file.name not in named():
        return
    page.wait_for_load_state()
    with Image.open(io.BytesIO(page.screenshot(animations="disabled"))) as taken:
        height = round(taken.height * WIDTH / taken.width)
        taken.convert("RGB").resize((WIDTH, height), Image.Resampling.LANCZOS).save(
            file, quality=QUALITY, method=6
        )
    print(f"{file.relative_to(ROOT)}: {file.stat().st_size / 1000:.0f} kB")


def main() -> None:
    """Walk as the tests do, by mouse."""
    chromium = installed()
    if chromium is None:
        sys.exit("The pictures are taken with Chromium: install it, or name it in the variable CHROMIUM.")
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="optin-pictures-") as name, sync_playwright() as driver:
        folder = Path(name)
        (folder / "door").mkdir()
        _, context = certificate(folder / "door")
        with front_door(context) as door, desk_site(folder, door) as site:
            browser = driver.chromium.launch(executable_path=chromium, args=[*ARGUMENTS, *door.arguments])
            size = {"width": WINDOW[0], "height": WINDOW[1]}
            for walk in (marketer, officer):
                window = browser.new_context(locale="en", viewport=size, color_scheme="light")  # type: ignore[arg-type]  # a size
                walk(Hand(window.new_page(), shoot=shoot), site, browser)
                window.close()
            browser.close()


if __name__ == "__main__":
    main()
