"""How pages look in a real Chromium: the font that is used, contrasts as painted, bundles from a folder."""

from __future__ import annotations

import io
import time
import zipfile
from pathlib import Path

import httpx2 as httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from optin.theme.look import Look
from optin.theme.palette import contrast
from optin.theme.theme import Theme
from optin.theme.typeface import parse_typeface
from tests.browser.conftest import House
from tests.browser.test_prospect import COLOURS, someone
from tests.conftest import THOROUGH
from tests.ports import NO_MAIL
from tests.serving import developed, environment, form_key, served
from tests.started import run_optin
from tests.theme import gallery
from tests.theme.font import EM_PER_LETTER, TWICE
from tests.waiting import SECONDS, wait_until
from tests.web.conftest import site_at

ACCENT = "rgb(11, 93, 75)"
MODES = ("light", "dark")
WIDE = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
# What is painted behind an element, and its border; colours as [red, green, blue]
PAINTED = """(element) => {
  const parts = (text) => text.match(/[\\d.]+/g).map(Number);
  const ground = (it) => {
    for (; it; it = it.parentElement) {
      const found = parts(getComputedStyle(it).backgroundColor);
      if (found.length === 3 || found[3] > 0) return found.slice(0, 3);
    }
    return matchMedia("(prefers-color-scheme: dark)").matches ? [18, 18, 18] : [255, 255, 255];
  };
  const style = getComputedStyle(element);
  return { ringed: style.outlineStyle !== "none", outline: parts(style.outlineColor).slice(0, 3),
    border: parts(style.borderTopColor).slice(0, 3), width: parseFloat(style.borderTopWidth),
    own: ground(element), behind: ground(element.parentElement) };
}"""


def fonts_used(page: Page, selector: str) -> set[str]:
    """Return the fonts with which Chromium really painted the words of an element."""
    session = page.context.new_cdp_session(page)
    session.send("DOM.enable")
    session.send("CSS.enable")
    root = session.send("DOM.getDocument")["root"]["nodeId"]
    node = session.send("DOM.querySelector", {"nodeId": root, "selector": selector})["nodeId"]
    return {
        font["familyName"] for font in session.send("CSS.getPlatformFontsForNode", {"nodeId": node})["fonts"]
    }


def typeface(site: Path, name: str) -> None:
    path = site / "optin.toml"
    path.write_text(path.read_text().replace('typeface = "sans"', f'typeface = "{name}"'))


@pytest.mark.parametrize("name", ["Poppins", "Source Serif 4"])
def test_a_typeface_that_nobody_has_shows_as_one_of_its_sort(browser: Browser, name: str) -> None:
    """F6: Chromium's own stand-in would be Times for both."""
    page = browser.new_page()
    painted = {}
    for written in (name, "serif" if "Serif" in name else "sans", "serif"):
        theme = Theme(Look(own_typeface=parse_typeface(written)))
        css = theme.assets[theme.asset_url("style.css")].data.decode()
        page.set_content(f"<style>{css}</style><h1>Words</h1>")
        painted[written] = fonts_used(page, "h1")
    assert painted[name] == painted["serif" if "Serif" in name else "sans"]
    assert (painted[name] == painted["serif"]) == ("Serif" in name)
    page.close()


def test_the_font_of_a_site_is_fetched_and_used(browser: Browser, tmp_path: Path, free_port: int) -> None:
    """F5, S1: under our own policy, without a complaint; nothing is asked for that is not there."""
    site_at(tmp_path / "site")
    typeface(tmp_path / "site", "Poppins")
    (tmp_path / "site" / "fonts").mkdir()
    (tmp_path / "site" / "fonts" / "Poppins-Regular.woff2").write_bytes(TWICE)
    store, keys = f"sqlite:///{tmp_path}/optin.db", str(tmp_path / "keys.json")
    page, said, missing = browser.new_page(), list[str](), list[str]()
    page.on("console", lambda message: said.append(message.text))
    page.on("response", lambda answer: missing.append(answer.url) if answer.status >= 400 else None)
    with served(tmp_path / "site", free_port, store, NO_MAIL, keys) as serving:
        page.goto(f"{serving.base}/paper", wait_until="networkidle")
        page.evaluate("document.fonts.ready")
        assert fonts_used(page, ".lead") == {"Twice"}
        style = page.evaluate(
            "(() => { const it = document.querySelector('.kind'), range = document.createRange();"
            " range.selectNodeContents(it); return [range.getBoundingClientRect().width,"
            " parseFloat(getComputedStyle(it).fontSize), parseFloat(getComputedStyle(it).letterSpacing),"
            " it.textContent.length]; })()"
        )
        width, size, spacing, letters = style
        assert width == pytest.approx(letters * (size * EM_PER_LETTER + spacing), rel=0.01)
    assert (said, missing) == ([], [])
    page.close()


ASKED_FOR = ("#ffee00", "#000000", *(("#ff3300", "#00aaff", "#0b5d4b") if THOROUGH else ()))
RECOMMENDED = [Look(colour).nearest_readable for colour in ASKED_FOR]


@pytest.mark.parametrize("scheme", MODES)
@pytest.mark.parametrize("colour", RECOMMENDED)
def test_a_recommended_colour_can_be_read_as_painted(browser: Browser, colour: str, scheme: str) -> None:
    """F6: axe measures each word of each page; focus rings and borders of controls have 3 to 1."""
    theme = Theme(Look(colour))
    style = f"<style>{theme.assets[theme.asset_url('style.css')].data.decode()}</style>"
    context = browser.new_context(color_scheme="dark" if scheme == "dark" else "light")
    page, rings = context.new_page(), 0
    shown = {
        name: view
        for name, view in gallery.pages("nl")
        if not name.startswith(("error-", "place-", "personal-"))
    }
    names = ("landing-white-paper", "landing-email-invalid", "landing-draw-age", "index", "privacy")
    for name in [
        it for it in shown if it in names or it.startswith(("quiz", "sent", "confirmed-full", "personal"))
    ]:
        html = theme.page(shown[name])
        page.set_content(html.replace("</head>", f"{style}</head>"))
        found = Axe().run(page, options={"runOnly": COLOURS})
        assert found.violations_count == 0, f"{name}: {found.generate_report()}"
        for control in page.query_selector_all("main input:not([type=hidden]), main button"):
            control.focus()
            seen = control.evaluate(PAINTED)
            around = control.evaluate_handle("(it) => it.closest('.box') || it").as_element()
            assert around is not None
            ring = around.evaluate(PAINTED)
            if control.evaluate("(it) => it.tagName") == "INPUT":
                assert seen["width"] >= 1
                ticked = control.evaluate("(it) => it.checked")
                for ground in (seen["behind"],) if ticked else (seen["own"], seen["behind"]):
                    assert contrast(tuple(seen["border"]), tuple(ground)) >= 3, (name, seen)
            if ring["ringed"]:
                rings += 1
                assert contrast(tuple(ring["outline"]), tuple(ring["behind"])) >= 3, (name, ring)
    assert rings > 20
    context.close()


@pytest.mark.parametrize("scheme", MODES)
def test_an_empty_box_looks_as_if_it_can_be_ticked(browser: Browser, scheme: str) -> None:
    """F1, F6: its border is seen (WCAG 1.4.11), its inside is that of the form; a ticked one is filled."""
    theme = Theme(Look())
    style = f"<style>{theme.assets[theme.asset_url('style.css')].data.decode()}</style>"
    context = browser.new_context(color_scheme="dark" if scheme == "dark" else "light")
    page = context.new_page()
    for name, kind in (("landing-white-paper", "checkbox"), ("quiz-one-2-0", "radio")):
        html = theme.page(dict(gallery.pages("nl"))[name])
        page.set_content(html.replace("</head>", f"{style}</head>"))
        box = page.locator(f"input[type={kind}]").first
        empty = pixels(box.screenshot())
        assert contrast(empty["edge"], empty["inside"]) >= 3, name
        seen = box.evaluate(PAINTED)
        assert contrast(empty["edge"], tuple(seen["behind"])) >= 3
        assert contrast(empty["inside"], tuple(seen["behind"])) < 1.3  # grey inside says: not for you
        box.check()
        page.mouse.move(0, 0)
        ticked = pixels(box.screenshot())
        assert contrast(ticked["corner"], tuple(seen["behind"])) >= 3
        assert contrast(ticked["corner"], ticked["mark"]) >= 4.5
    context.close()


def pixels(picture: bytes) -> dict[str, tuple[int, int, int]]:
    """Return the colours of a box: as painted: its edge, its middle, and what stands out in it."""
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    middle = image.height // 2

    def at(x: int, y: int) -> tuple[int, int, int]:
        found = image.getpixel((x, y))
        assert isinstance(found, tuple)
        return found[0], found[1], found[2]

    corner, inner = at(middle, 3), range(image.height // 4, image.height * 3 // 4)
    mark = max((at(x, y) for x in inner for y in inner), key=lambda it: contrast(it, corner))
    return {"edge": at(1, middle), "inside": at(middle, middle), "corner": corner, "mark": mark}


@pytest.mark.parametrize("width", [320, 360])
def test_no_page_of_dev_is_wider_than_a_telephone(
    browser: Browser, tmp_path: Path, free_port: int, width: int
) -> None:
    """O2: mailbox, mail, errors; with addresses and paths as long as they come."""
    site = tmp_path / "site"
    site_at(site)
    text = (site / "optin.toml").read_text().replace('base_url = "https://optin.example.com"\n', "")
    (site / "optin.toml").write_text(text)
    page = browser.new_page(viewport={"width": width, "height": 640})
    page.route("**/dev/reload.js", lambda it: it.abort())  # its pages are looked at, not reloaded
    with developed(site, free_port) as base, httpx.Client(base_url=base, timeout=SECONDS) as client:
        long = "eva.maria.van-den-hoogen-ter-braak@" + "langenaam" * 5 + ".example.com"
        assert client.post("/paper", data={"form": form_key(client), "email": long}).status_code == 303
        wait_until(lambda: "/dev/mail/" in client.get("/dev/mail").text)
        page.goto(f"{base}/dev/mail")
        expect(page.locator("main")).to_contain_text(long)
        assert not page.evaluate(WIDE)
        page.click("main a[href^='/dev/mail/']")
        page.wait_for_url("**/dev/mail/*.eml")
        for summary in page.query_selector_all("summary"):
            summary.click()
        assert not page.evaluate(WIDE)
        frame = page.frames[-1]
        assert frame.url.endswith("/html")
        assert not frame.evaluate(WIDE)
        slug = "een-naam-van-een-pagina-die-niet-ophoudt-" * 3 + "x"
        (site / "magnets" / f"{slug}.md").write_text(f"---\nkind: {'x' * 90}\n---\n")
        wait_until(lambda: client.get(f"/{slug}").status_code == 500)
        page.goto(f"{base}/{slug}")
        expect(page.locator("h1")).to_contain_text("cannot be shown yet")
        assert not page.evaluate(WIDE)
        assert client.get("/favicon.ico").status_code == 200
        (site / "optin.toml").write_text("broken")
        time.sleep(1)
        assert client.get("/tips").status_code == 500
        assert client.get("/favicon.ico").status_code == 200
    page.close()


def bundle_of(house: House, browser: Browser, folder: Path) -> None:
    """Sign up, confirm, let the evidence be written, unpack it."""
    page, address = browser.new_page(), someone()
    page.goto(f"{house.base}/paper")
    page.fill("#field-email", address)
    page.check("input[value=tips-email]")
    page.click("form button")
    _, _, link = house.letter(address, "Bevestig")
    page.goto(link)
    page.click("form.now button")
    house.letter(address, "Uw whitepaper")
    page.close()
    out = folder.with_suffix(".zip")
    words = ("evidence", address, "--out", str(out), "--site", str(house.site))
    run_optin(*words, environment=environment(house.store, house.mail, house.keys)).check_returncode()
    done = run_optin("verify", str(out))
    done.check_returncode()
    assert "copies to look at show the exact pages and mails" in done.stdout
    with zipfile.ZipFile(out) as archive:
        archive.extractall(folder)


def test_a_bundle_shows_from_a_folder_as_it_was_shown(house: House, browser: Browser, tmp_path: Path) -> None:
    """P6: page, statement and mails with their looks inside, opened by file://; nobody is asked."""
    bundle_of(house, browser, tmp_path / "bundle")
    asked: list[str] = []
    page = browser.new_page(viewport={"width": 1000, "height": 800})
    page.on("request", lambda request: asked.append(request.url))
    barred: list[str] = []  # the pictures of a mail: the copy's policy lets none of them be asked for
    page.on("requestfailed", lambda it: barred.append(it.url) if it.failure == "csp" else None)
    page.goto(f"file://{tmp_path}/bundle/index.html")
    inside = page.frames[-1]
    assert inside.evaluate("getComputedStyle(document.querySelector('button')).backgroundColor") == ACCENT
    for selector, words in (("a[href^='view/form']", "Het witboek"), ("a[href^='view/privacy']", "Privacy")):
        page.goto(f"file://{tmp_path}/bundle/index.html")
        page.click(selector)
        expect(page.locator("h1")).to_contain_text(words)
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(245, 247, 244)"
        assert page.evaluate("document.querySelector('link[rel=icon]').href").startswith("data:image/svg+xml")
    page.goto(f"file://{tmp_path}/bundle/index.html")
    page.click("a[href^='view/form']")
    page.locator("form a").click()  # to the statement that was in force
    expect(page.locator("h1")).to_contain_text("Privacy")
    page.go_back()
    exact = next((tmp_path / "bundle" / "forms").glob("*.html"))
    expect(page.locator("form button")).to_be_visible()
    here = page.url
    page.fill("#field-email", "somebody@example.com")
    page.click("form button", no_wait_after=True)
    page.wait_for_timeout(300)
    stayed = page.url.partition("?")[0]  # nothing is sent: there is no page to wait for
    assert stayed == here
    boxes = page.locator("input[type=checkbox]").count()
    assert boxes == exact.read_text().count('type="checkbox"')
    mails = sorted((tmp_path / "bundle" / "view").glob("mail-*.html"))
    assert len(mails) == 2
    for mail in mails:
        page.goto(f"file://{mail}")
        expect(page.locator("table").first).to_contain_text("tips@example.com")
        expect(page.locator("a[href]")).to_have_count(0)
        assert (
            page.evaluate("getComputedStyle(document.querySelector('td.sheet')).backgroundColor")
            == "rgb(255, 255, 255)"
        )
    assert [url for url in asked if not url.startswith(("file://", "data:")) and url not in barred] == []
    page.close()
