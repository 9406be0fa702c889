"""Two people at their desk: a marketer who never saw a terminal, and a privacy officer.

The tests walk with their hands on a mouse without script, and by keyboard alone; the command that makes the
guide's pictures walks once more, and takes one at each step that has a name.
"""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from playwright.sync_api import Browser, Download, Locator, Page, expect

from tests.browser.desk_site import SLUG, DeskSite
from tests.house.requirements_table import ROOT
from tests.started import run_optin

MOST_TABS = 250
STALE = timedelta(minutes=11)  # since when one signed in: exports and the like ask again
TOM, EVA, CAROL = "tom@example.com", "eva@example.com", "carol@example.com"
EXPORT = ("--purpose", "tips-email", "--channel", "email", "--to", "mailer", "--why", "The first tip")
COPY = "calling-in-spring"
TITLE = "Calling in spring without annoying anybody"


def no_picture(page: Page, name: str) -> None:
    """Take no picture."""


@dataclass
class Hand:
    """Whoever uses a browser: by mouse, or by keyboard alone. `shoot`: takes a picture of a page."""

    page: Page
    keys: bool = False
    shoot: Callable[[Page, str], None] = no_picture

    def reach(self, target: Locator) -> None:
        """Press Tab until a control has the focus, and can be seen to have it."""
        expect(target).to_be_visible()
        for _ in range(MOST_TABS):
            if target.evaluate("it => it === document.activeElement"):
                break
            self.page.keyboard.press("Tab")
        else:
            raise AssertionError(target)
        assert target.evaluate("it => getComputedStyle(it).outlineStyle") != "none", target

    def press(self, target: Locator) -> None:
        """Follow a link or press a button that leads to a page."""
        if not self.keys:
            target.click()
            return
        self.reach(target)
        with self.page.expect_navigation(wait_until="domcontentloaded"):
            self.page.keyboard.press("Enter")

    def open(self, target: Locator) -> None:
        """Press what leads to no other page: a fold, a file."""
        if not self.keys:
            target.click()
            return
        self.reach(target)
        self.page.keyboard.press("Enter")

    def fill(self, target: Locator, text: str) -> None:
        """Write into a field, in place of what it holds."""
        if not self.keys:
            target.fill(text)
            return
        self.reach(target)
        self.page.keyboard.press("Control+A")
        if target.get_attribute("type") == "date":
            self.page.keyboard.type(
                date.fromisoformat(text).strftime("%m%d%Y")
            )  # as Chromium asks in English
        else:
            self.page.keyboard.insert_text(text)
        expect(target).to_have_value(text)

    def tick(self, target: Locator) -> None:
        """Tick a box, or choose one of several: arrows move between those."""
        if not self.keys:
            target.check()
            return
        if target.get_attribute("type") == "checkbox":
            self.reach(target)
            self.page.keyboard.press("Space")
        else:
            self._choose(target)
        expect(target).to_be_checked()

    def _choose(self, target: Locator) -> None:
        name = target.get_attribute("name")
        for _ in range(MOST_TABS):
            self.page.keyboard.press("Tab")
            if self.page.evaluate("document.activeElement.name") == name:
                break
        else:
            raise AssertionError(target)
        for _ in range(MOST_TABS):
            if target.evaluate("it => it === document.activeElement"):
                break
            self.page.keyboard.press("ArrowDown")
        if not target.is_checked():
            self.page.keyboard.press("Space")

    def select(self, target: Locator, value: str) -> None:
        """Choose an entry of a list."""
        if not self.keys:
            target.select_option(value)
            return
        self.reach(target)
        self.page.keyboard.press("Home")
        for _ in range(MOST_TABS):
            if target.input_value() == value:
                return
            self.page.keyboard.press("ArrowDown")
        raise AssertionError(value)

    def upload(self, target: Locator, path: Path) -> None:
        """Choose a file."""
        with self.page.expect_file_chooser() as chooser:
            self.open(target)
        chooser.value.set_files(path)

    def download(self, target: Locator) -> Download:
        """Press what hands out a file; return it."""
        with self.page.expect_download() as begun:
            self.open(target)
        return begun.value

    def button(self, action: str) -> Locator:
        """Return the first button of the form that is sent to an address."""
        return self.page.locator(f"form[action='{action}'] button").first

    def at(self, path: str) -> None:
        """See that the page of a path is shown."""
        expect(self.page).to_have_url(re.compile(rf"^https://[^/]+{path}(\?.*|#.*)?$"))

    def field(self, name: str) -> Locator:
        """Return a field of the page by its name."""
        return self.page.locator(f"main [name='{name}']")


def sign_in(hand: Hand, site: DeskSite, who: str) -> None:
    """Open the desk, type the address, press the button behind the mailed link."""
    hand.page.goto(f"{site.base}/desk")
    hand.at("/desk/sign-in")
    hand.fill(hand.field("email"), who)
    before = len(site.links_to(who, "desk/sign-in"))
    hand.shoot(hand.page, "desk-sign-in")
    hand.press(hand.page.locator("form.card button").first)
    hand.at("/desk/sign-in")
    hand.page.goto(site.link_to(who, "desk/sign-in", before))
    hand.press(hand.page.locator("form.card button"))
    hand.at("/desk")


def prove_again(hand: Hand, site: DeskSite, who: str) -> None:
    """Prove again who one is, by a link in a mail."""
    hand.at("/desk/again")
    before = len(site.links_to(who, "desk/sign-in"))
    hand.press(hand.button("/desk/again"))
    expect(hand.page.locator(".notice.good")).to_contain_text(who)
    hand.page.goto(site.link_to(who, "desk/sign-in", before))
    hand.press(hand.page.locator("form.card button"))


@dataclass(frozen=True)
class Prospect:
    """Somebody who signs up: with which boxes ticked, and whether they confirm."""

    email: str
    name: str
    boxes: tuple[str, ...] = ("tips-email",)
    phone: str = ""
    confirms: bool = True


def prospect(browser: Browser, site: DeskSite, slug: str, who: Prospect) -> None:
    """Sign up on a public page without script, and confirm by the mailed link."""
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{site.base}/{slug}")
    page.fill("#field-email", who.email)
    page.fill("#field-first_name", who.name)
    for box in who.boxes:
        page.check(f"input[value={box}]")
    if who.phone:
        page.fill("#field-phone", who.phone)
    page.click("main form button")
    link = site.link_to(who.email, "confirm")
    if who.confirms:
        page.goto(link)
        page.click("form.now button")
        expect(page.locator("h1")).to_contain_text("onfirmed")
    context.close()


def marketer(hand: Hand, site: DeskSite, browser: Browser, who: str = TOM, slug: str = COPY) -> None:
    """Invited; duplicates a white paper, edits and publishes it; a lead arrives and is exported."""
    page, lead = hand.page, f"prospect-of-{slug}@example.com"
    site.optin("staff", "add", who, "--role", "marketer", "--name", "Tom Baker")
    sign_in(hand, site, who)
    duplicate(hand, slug)
    mistake(hand, site, slug)
    edit(hand, site, slug)
    look(hand, slug)
    publish(hand, site, slug)

    prospect(browser, site, slug, Prospect(lead, "Iris"))
    hand.press(page.locator("nav.rail a[href='/desk/leads']"))
    row = page.locator("tbody tr", has_text=slug)
    expect(row).to_have_count(1)
    expect(row).not_to_contain_text(lead)  # a marketer sees addresses shortened
    hand.shoot(page, "desk-leads")

    assert lead in exported(hand, site, who)


def duplicate(hand: Hand, slug: str) -> None:
    """Make a copy of the white paper: a draft."""
    page = hand.page
    hand.press(page.locator("nav.rail a[href='/desk/magnets']"))
    hand.press(page.locator(f"main a[href='/desk/magnets/{SLUG}']"))
    hand.press(page.locator(f"main a[href='/desk/magnets/{SLUG}/edit']"))
    hand.press(page.locator(f"a[href='/desk/magnets/new?copy={SLUG}']"))
    hand.fill(hand.field("slug"), slug)
    hand.press(hand.button("/desk/magnets/new"))
    hand.at(f"/desk/magnets/{slug}/edit")
    expect(page.locator(".notice.good")).to_contain_text("draft")


def mistake(hand: Hand, site: DeskSite, slug: str) -> None:
    """Write a day that is none: told beside its field, and nothing is saved."""
    page, file = hand.page, site.site / "magnets" / slug / "index.md"
    before = file.read_bytes()
    hand.fill(hand.field("key.title"), TITLE)
    hand.fill(hand.field("key.until"), "next Friday")
    hand.press(page.locator("button[value=save]"))
    until = page.locator(".field", has=page.locator("[name='key.until']"))
    expect(until.locator(".wrong")).to_contain_text("is no moment")
    expect(page.locator(".notice.wrong").first).to_be_visible()
    expect(hand.field("key.title")).to_have_value(TITLE)
    assert file.read_bytes() == before
    hand.field("key.from").scroll_into_view_if_needed()
    hand.shoot(page, "desk-mistake")
    hand.fill(hand.field("key.until"), "")


def edit(hand: Hand, site: DeskSite, slug: str) -> None:
    """Change words and picture; the file has them, under the name of whoever saved."""
    page, file = hand.page, site.site / "magnets" / slug / "index.md"
    hand.fill(hand.field("key.headline"), "Be welcome this spring")
    hand.fill(
        hand.field("body"),
        "Spring is when people pick up the telephone.\n\n## What is inside\n\n- Whom you may call",
    )
    hand.press(page.locator("button[value=save]"))
    expect(page.locator(".notice.good")).to_be_visible()
    hand.upload(page.locator("#picture"), ROOT / "magnets" / "plain-consent" / "cover.webp")
    hand.press(hand.button(f"/desk/magnets/{slug}/edit/picture"))
    hand.at(f"/desk/magnets/{slug}/edit")
    names = page.locator("#pictures option").evaluate_all("all => all.map(it => it.value)")
    (added,) = {*names} - {"cover.webp"}
    hand.fill(hand.field("key.picture.file"), added)
    hand.fill(hand.field("key.picture.alt"), "The cover: an envelope.")
    hand.press(page.locator("button[value=save]"))
    expect(page.locator(".notice.good")).to_be_visible()
    hand.open(page.locator("button[data-preview]"))
    expect(page.frame_locator("iframe[name=preview]").locator("h1")).to_contain_text("Be welcome this spring")
    page.evaluate("scrollTo(0, 0)")
    hand.shoot(page, "desk-editor")
    text = file.read_text("utf-8")
    for words in ("# Agreed with sales in March", TITLE, "Be welcome this spring", f"file: {added}"):
        assert words in text
    assert site.git("log", "-1", "--format=%an") == "Tom Baker\n"


def look(hand: Hand, slug: str) -> None:
    """See the page at three widths, and every mail."""
    page, here = hand.page, f"/desk/magnets/{slug}"
    hand.press(page.locator(f"main a[href='{here}']").first)
    hand.at(here)
    hand.press(page.locator(f"a[href='{here}/preview']"))
    frames = page.locator("iframe.fixed")
    assert frames.evaluate_all("all => all.map(it => it.width)") == ["360", "768", "1280"]
    for frame in frames.all():
        frame.scroll_into_view_if_needed()
        expect(frame.content_frame.locator("h1")).to_contain_text("Be welcome this spring")
    page.evaluate("scrollTo(0, 0)")
    hand.shoot(page, "desk-preview")
    hand.press(page.locator(f"a[href='{here}/mails']"))
    first = page.locator("main iframe").first
    expect(first.content_frame.locator("body")).to_contain_text(TITLE)
    hand.shoot(page, "desk-mails")


def publish(hand: Hand, site: DeskSite, slug: str) -> None:
    """Publish the draft: until then nobody sees it."""
    page, here = hand.page, f"/desk/magnets/{slug}"
    assert site.status(f"/{slug}") == 404
    hand.press(page.locator(".tabs a").first)
    hand.press(page.locator(f"main a[href='{here}/status']"))
    hand.tick(page.locator("input[name=status][value=live]"))
    hand.press(hand.button(f"{here}/status"))
    hand.at(here)
    assert site.status(f"/{slug}") == 200


def exported(hand: Hand, site: DeskSite, who: str) -> set[str]:
    """Export leads to a processor, having signed in again; return the addresses in the file."""
    page = hand.page
    site.wait(STALE)
    hand.press(page.locator("main a[href='/desk/leads/export']"))
    prove_again(hand, site, who)
    hand.at("/desk/leads/export")
    hand.tick(page.locator("input[name=purpose]").first)
    hand.tick(page.locator("input[name=to][value=mailer]"))
    hand.fill(hand.field("why"), "The tip of December")
    hand.press(hand.button("/desk/leads/export"))
    go = page.locator("form[action$='/go'] button")
    expect(go).to_be_visible()  # counted, and the page renewed itself meanwhile
    expect(page.locator("nav.rail [aria-current]")).to_have_attribute("href", "/desk/leads")
    hand.shoot(page, "desk-export")
    hand.press(go)
    fetch = page.locator("form[action$='/file'] button")
    expect(fetch).to_be_visible()
    with hand.download(fetch).path().open(encoding="utf-8", newline="") as file:
        return {row["email"] for row in csv.DictReader(file)}


def officer(hand: Hand, site: DeskSite, browser: Browser, who: str = EVA, person: str = CAROL) -> None:
    """Answers a letter, proves a consent to an authority, erases somebody who asks for it."""
    site.optin("staff", "add", who, "--role", "officer", "--name", "Eva Marsh")
    prospect(browser, site, SLUG, Prospect(person, "Carol"))
    out = site.site.parent / f"{person}.csv"
    site.optin("export", *EXPORT, "--out", str(out))
    assert site.told_of(person, 1) == ["consent.confirmed"]
    sign_in(hand, site, who)

    answer_letter(hand, person)
    bundle = proven(hand, site, who, person)
    verify(bundle)
    erase(hand, person)
    is_gone(hand, site, person)


def write_down(hand: Hand, person: str, right: str, way: str) -> None:
    """Write down what somebody asks, who wrote or called three days ago."""
    hand.press(hand.page.locator("nav.rail a[href='/desk/requests']"))
    hand.press(hand.page.locator("main a[href='/desk/requests/new']"))
    hand.fill(hand.field("address"), person)
    hand.select(hand.field("right"), right)
    hand.select(hand.field("via"), way)
    came = date.fromisoformat(hand.field("arrived").input_value()) - timedelta(days=3)
    hand.fill(hand.field("arrived"), came.isoformat())
    hand.fill(hand.field("note"), f"Asks for {right}; kept in the folder of this year.")
    hand.press(hand.button("/desk/requests/new"))
    hand.at(r"/desk/requests/\d+")
    expect(hand.page.locator("section.answer")).to_contain_text("left")


def answer_letter(hand: Hand, person: str) -> None:
    """Answer a letter in time, with the template of that right."""
    page = hand.page
    write_down(hand, person, "access", "letter")
    hand.shoot(page, "desk-request")
    hand.fill(hand.field("how"), "Called back by the number that we had")
    hand.press(page.locator("form[action$='/identity'] button"))
    letter = hand.field("what").input_value()
    assert person not in letter
    assert "you asked us to see the data" in letter
    hand.press(page.locator("form[action$='/answer'] button"))
    expect(page.locator("#wrong-what")).to_be_visible()  # what stands in brackets is not filled in
    hand.fill(hand.field("what"), re.sub(r"\[[^]]*\]", "It is enclosed.", letter))
    hand.press(page.locator("form[action$='/answer'] button"))
    expect(page.locator("section.answer")).to_contain_text("Eva Marsh")
    expect(page.locator("section.answer")).not_to_contain_text("late")
    expect(page.locator("#answer")).to_contain_text("It is enclosed.")


def proven(hand: Hand, site: DeskSite, who: str, person: str) -> Path:
    """Find a person, verify the proof now, take the bundle having signed in again; return its file."""
    page = hand.page
    hand.press(page.locator("nav.rail a[href='/desk/people']"))
    hand.fill(hand.field("text"), person)
    hand.fill(hand.field("why"), "The authority asks about a consent, letter 2026-114")
    hand.press(hand.button("/desk/people"))
    hand.press(page.locator("tbody a", has_text=person))
    expect(page).not_to_have_url(re.compile(re.escape(person)))
    expect(page).not_to_have_title(re.compile(re.escape(person)))
    hand.press(page.locator("form[action$='/verify'] button"))
    expect(page.locator("form[action$='/verify'] .status.good")).to_be_visible()
    expect(page.locator(".timeline")).not_to_contain_text("Something was recorded")
    page.locator("h1").scroll_into_view_if_needed()
    hand.shoot(page, "desk-person")
    site.wait(STALE)
    hand.press(page.locator("main a[href$='/evidence']"))
    prove_again(hand, site, who)
    hand.at(r"/desk/people/\w+/evidence")
    got = hand.download(page.locator("form[action$='/evidence'] button"))
    folder = site.site.parent / f"authority-{got.suggested_filename}"
    folder.mkdir()
    got.save_as(folder / got.suggested_filename)
    return folder / got.suggested_filename


def verify(bundle: Path) -> None:
    """Verify the bundle as an authority does: in another folder, without the site."""
    bare = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "HOME": str(bundle.parent)}
    done = run_optin("verify", bundle.name, environment=bare, cwd=bundle.parent)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "PROVEN" in done.stdout
    assert "Mail me a tip" in done.stdout


def erase(hand: Hand, person: str) -> None:
    """Erase somebody who called: told first what is lost, what stays, and who else is told."""
    page = hand.page
    write_down(hand, person, "erasure", "phone")
    hand.press(page.locator("form[action$='/person'] button"))
    hand.at(r"/desk/people/\w+")
    hand.open(page.locator("details.menu summary"))
    hand.press(page.locator("details.menu a[href$='/erase']"))
    expect(page.locator("[aria-labelledby=lost]")).to_contain_text("tips-email")
    expect(page.locator("[aria-labelledby=lost]")).to_contain_text("proof")
    told = page.locator("[aria-labelledby=told]")
    for name in ("Sample CRM Ltd", "Sample Mailings Ltd"):
        expect(told).to_contain_text(name)
    hand.shoot(page, "desk-erase")
    expect(hand.field("request").locator("option:checked")).to_contain_text(
        "erasure"
    )  # of which it is the answer
    hand.press(page.locator("form[action$='/erase'] button"))
    hand.at("/desk/people")
    expect(page.locator(".notice.good")).to_be_visible()


def is_gone(hand: Hand, site: DeskSite, person: str) -> None:
    """Nobody finds them any more; the request is answered; processors are told."""
    page = hand.page
    hand.fill(hand.field("text"), person)
    hand.fill(hand.field("why"), "Is everything gone?")
    hand.press(hand.button("/desk/people"))
    expect(page.locator("tbody tr")).to_contain_text("erased")
    expect(page.locator("tbody a")).to_have_count(0)
    hand.press(page.locator("nav.rail a[href='/desk/leads']"))
    expect(page.locator("main")).not_to_contain_text(person)
    hand.press(page.locator("nav.rail a[href='/desk/requests']"))
    expect(page.locator(".tabs a").first).to_contain_text("(0)")
    hand.press(page.locator("nav.rail a[href='/desk/trail']"))
    expect(page.locator("main")).to_contain_text("erased")
    expect(page.locator("main")).not_to_contain_text(person)
    hand.shoot(page, "desk-trail")
    assert site.told_of(person, 2) == ["consent.confirmed", "consent.erased"]
    assert person not in site.optin("export", *EXPORT, "--out", "-")
