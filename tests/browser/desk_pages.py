"""Every page of the desk, as its links and its forms lead to it; of a site where people did things."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Error, Page, expect
from starlette.routing import Route

from optin.desk.all_routes import desk_routes
from tests.browser.desk_site import SLUG, DeskSite
from tests.browser.desk_walks import EXPORT, Prospect, prospect

PATTERNS = [it for it in desk_routes() if isinstance(it, Route) and "GET" in (it.methods or ())]
MOST_PAGES = 200
MOST_BYTES = 60_000
ALICE = Prospect(
    "alice@example.com", "Alice <b>& Son</b>", ("tips-email", "follow-up-phone"), "020 7946 0018"
)


def people_come(site: DeskSite, browser: Browser) -> None:
    """Let people sign up, write, call and object; leads are exported, a breach is written down."""
    prospect(browser, site, SLUG, ALICE)
    prospect(browser, site, SLUG, replace(ALICE, email="bob@example.com", boxes=(), phone=""))
    prospect(browser, site, SLUG, replace(ALICE, email="dora@example.com", confirms=False))
    site.optin("export", *EXPORT, "--out", str(site.site.parent / "leads.csv"))
    asks = ("--asks", "access", "--arrived", site.day(-3), "--via", "letter", "--note", "Of 4 pages")
    site.optin("requests", "add", ALICE.email, *asks)
    site.optin(
        "requests", "add", "bob@example.com", *(*asks[:1], "erasure", "--arrived", site.day(-40), *asks[4:])
    )
    site.optin("enquiry", "add", ALICE.email, "--about", "Twenty seats", "--source", "telephone call")
    words = (
        "--what",
        "A list in the wrong mailbox",
        "--discovered",
        f"{site.day(-2)}T09:00",
        "--people",
        "3",
    )
    site.optin("breaches", "add", *words)
    site.optin("object", "bob@example.com", "--who", "Eva", "--why", "letter of this week")


def pattern_of(address: str) -> str:
    """Return the route that answers an address; empty for none of the desk's."""
    path = urlsplit(address).path
    return next((it.path for it in PATTERNS if it.path_regex.match(path)), "")


def linked_pages(page: Page, base: str, *more: str) -> Iterator[str]:
    """Follow every link of the desk; show one page of each route, and yield its pattern.

    `more`: addresses to begin with, beside the first page.
    """
    shown: set[str] = set()
    seen: set[str] = set()
    waiting = [*more, f"{base}/desk"]
    while waiting and len(seen) < MOST_PAGES:
        address = waiting.pop(0)
        if address in seen or pattern_of(address) in shown:
            continue
        seen.add(address)
        try:
            answer = page.goto(address)
        except Error as problem:  # a file to download is no page
            assert "Download is starting" in problem.message, address
            continue
        assert answer is not None
        assert answer.status < 500, address
        assert len(answer.body()) <= MOST_BYTES, address
        expect(page.locator("meta[http-equiv=refresh]")).to_have_count(0)  # what is counted is there now
        links = page.locator("a[href^='/desk']").evaluate_all("all => all.map(it => it.href.split('#')[0])")
        pattern = pattern_of(page.url)
        if answer.status == 200 and pattern not in shown:
            shown.add(pattern)
            yield pattern
        waiting += [it for it in dict.fromkeys(links) if pattern_of(it)]


def person_found(page: Page, base: str, who: str) -> str:
    """Search for somebody; return the address of their page. The page shows what was found."""
    page.goto(f"{base}/desk/people")
    page.fill("main [name=text]", who)
    page.fill("main [name=why]", "A look at every page")
    page.click("form[action='/desk/people'] button")
    found = page.locator("tbody a", has_text=who)
    expect(found).to_be_visible()
    return f"{base}{found.get_attribute('href')}"


def pages_with_mistakes(page: Page, base: str, person: str) -> Iterator[str]:
    """Send every form with a mistake; show what it answers, and yield which form it was."""
    for path in ("leads/export", "requests/new", "breaches/new", "people", "staff/new"):
        page.goto(f"{base}/desk/{path}")
        page.click(f"form[action='/desk/{path}'] button")
        expect(page.locator("main .wrong").first).to_be_visible()
        yield f"{path}, sent empty"
    for act in ("hold", "object"):
        page.goto(f"{person}/{act}")
        page.locator("main input[type=checkbox]").evaluate_all("all => all.forEach(it => it.checked = false)")
        page.click(f"form[action$='/{act}'] button >> nth=0")
        yield f"person, {act}"
    page.goto(f"{base}/desk/magnets/{SLUG}/edit")
    page.fill("[name='key.until']", "next Friday")
    page.fill("[name='key.headline']", "Words that change")
    page.click("button[value=save]")
    expect(page.locator(".field .wrong").first).to_be_visible()
    page.click("details summary >> nth=-1")
    yield "editor, mistakes"
    page.goto(f"{base}/desk/magnets/new")
    page.fill("[name=slug]", "Not an address")
    page.click("form[action='/desk/magnets/new'] button")
    expect(page.locator(".notice.wrong")).to_be_visible()
    yield "new magnet, a mistake"
    page.goto(f"{base}/desk/requests/1")
    page.click("form[action$='/answer'] button")
    expect(page.locator("#wrong-what")).to_be_visible()
    yield "request, a letter with brackets"
