"""A quiz in Chromium: by mouse on a telephone and a desk, by keyboard alone, without barriers."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from optin.theme.languages import languages
from optin.web.security_headers import security_headers
from tests.browser.conftest import House
from tests.browser.test_languages import check_accessible
from tests.browser.test_prospect import someone
from tests.kinds.quiz.quizzes import REPORT
from tests.serving import BASE_URL, environment
from tests.started import run_optin
from tests.theme import gallery
from tests.web.static_host import static_host

STRONG = {"q1": 1, "q2": 2, "q3": 1}


def choose(page: Page, **numbers: int) -> None:
    """Choose answers by clicking their words, as people do."""
    for question, number in numbers.items():
        page.locator(f"label.box:has(#{question}-{number})").click()


def test_all_questions_on_one_page_and_the_report_by_mail(house: House, window: BrowserContext) -> None:
    """M2, F1, F5, F6: scripts off; a mistake, the result, the sign-up under it, the file by mail."""
    asked: list[str] = []
    window.on("request", lambda request: asked.append(request.url))
    page, address = window.new_page(), someone()
    page.goto(f"{house.base}/sterk-of-zwak")
    choose(page, q1=1, q2=2)
    page.click("form button")
    expect(page).to_have_title(re.compile("Fout"))
    expect(page.locator("#q1-1")).to_be_checked()
    expect(page.locator("#q2-2")).to_be_checked()
    expect(page.locator("#errors a")).to_have_text("Vraag 3: kies een antwoord.")
    choose(page, q2=1, q3=1)
    page.click("form button")
    expect(page.locator("h1")).to_have_text("Uw toestemmingen zijn sterk")
    expect(page.locator("input[type=checkbox]:checked")).to_have_count(0)
    expect(page.locator(".kept")).to_contain_text("Om u te adviseren.")
    page.fill("#field-email", "nobody")
    page.click("form button")
    expect(page).to_have_title(re.compile("Fout"))
    expect(page.locator("h1")).to_have_text("Uw toestemmingen zijn sterk")
    page.fill("#field-email", address)
    page.click("form button")
    expect(page.locator("h1")).to_have_text("Kijk in uw mailbox")
    words, _, link = house.letter(address, "Bevestig")
    assert "zijn sterk" not in words
    page.goto(link)
    page.click("form.now button")
    assert "/download/" in house.letter(address, "Uw uitslag")[2]
    with page.expect_download() as waiting:
        page.click("a.button")
    assert Path(waiting.value.path()).read_bytes() == REPORT
    page.goto(f"{house.base}/me")
    page.fill("#field-email", address)
    page.click("form button")
    page.goto(house.letter(address, "De link naar uw gegevens")[2])
    told = page.locator("main")
    for words in ("Uw uitslag", "Uw toestemmingen zijn sterk", "Vraagt u toestemming? — Altijd"):
        expect(told).to_contain_text(words)
    expect(page.locator("input[name=outcome], input[name=answers]")).to_have_count(0)  # no way to be reached
    assert window.cookies() == []
    assert all(url.startswith(house.base) for url in asked)


def test_one_question_a_page_with_back_and_reload(house: House, window: BrowserContext) -> None:
    """M2, E2, F5, F6: the browser's own back button, ours, and a reload keep what was chosen."""
    page, address = window.new_page(), someone()
    page.goto(f"{house.base}/stap-voor-stap")
    page.click("form button")
    expect(page.locator("#errors a")).to_have_text("Vraag 1: kies een antwoord.")
    choose(page, q1=2)
    page.click("form button")
    expect(page.locator("h1")).to_have_text("Vraag 2 van 3")
    page.reload()
    expect(page.locator("h1")).to_have_text("Vraag 2 van 3")
    page.click("text=Vorige vraag")
    expect(page.locator("#q1-2")).to_be_checked()
    page.click("form button")
    page.click("form button")
    expect(page.locator("h1")).to_have_text("Vraag 3 van 3")
    page.go_back()
    expect(page.locator("h1")).to_have_text("Vraag 2 van 3")
    page.go_forward()
    choose(page, q3=1)
    page.click("form button")
    expect(page).to_have_url(f"{house.base}/stap-voor-stap/result/zwak")
    page.fill("#field-email", address)
    page.check("input[value=tips-email]")
    page.click("form button")
    page.goto(house.letter(address, "Bevestig")[2])
    page.click("form.now button")
    expect(page.locator("main")).to_contain_text("per mail naar u onderweg")
    assert "Het lange zwakke verslag." in house.last_words(address, "Uw uitslag")
    (row,) = [row for row in exported(house) if row["email"] == address]
    assert (row["outcome"], row.get("answers", "")) == ("Uw toestemmingen zijn zwak", "")


def exported(house: House) -> list[dict[str, str]]:
    """Return the rows that an export would hand out now."""
    what = ["--purpose", "tips-email", "--channel", "email", "--to", "self", "--why", "test", "--out", "-"]
    words = ("export", "--site", str(house.site), *what, "--format", "jsonl")
    done = run_optin(*words, environment=environment(house.store, house.mail, house.keys))
    done.check_returncode()
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_by_keyboard_alone(house: House, browser: Browser) -> None:
    """M2, F6: tab, arrows, space and enter take the quiz and reach the form under the result."""
    page = browser.new_page()
    page.goto(f"{house.base}/sterk-of-zwak")
    focus(page, "q1-1")
    page.keyboard.press("ArrowDown")
    expect(page.locator("#q1-2")).to_be_checked()
    page.keyboard.press("ArrowUp")
    focus(page, "q2-1")
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    expect(page.locator("[role=alert]")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("#q3-1$"))
    focus(page, "q3-1")
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    page.wait_for_url("**/result/sterk?answers=*")
    focus(page, "field-email")
    page.close()


def focus(page: Page, name: str) -> None:
    """Press Tab until a field has the focus."""
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == name:
            return
    raise AssertionError(name)


@pytest.mark.parametrize("pages", ["sterk-of-zwak", "stap-voor-stap"])
def test_a_built_quiz_posts_to_the_app(
    house: House, window: BrowserContext, tmp_path: Path, pages: str
) -> None:
    """M2, M8: the first page from a plain file server; answers and result at the app."""
    words = ("build", "--site", str(house.site), "--out", str(tmp_path))
    run_optin(*words, environment=environment(house.store, house.mail, house.keys)).check_returncode()
    assert f"/{pages}</loc>" in (tmp_path / "sitemap.xml").read_text("utf-8")
    page = window.new_page()
    with static_host(tmp_path, security_headers(BASE_URL)) as host:
        page.goto(f"{host}/{pages}")
        for question, number in STRONG.items():
            choose(page, **{question: number})
            if pages == "stap-voor-stap" or question == "q3":
                page.click("form button")
        expect(page).to_have_url(re.compile(re.escape(f"{house.base}/{pages}/result/sterk")))


@pytest.mark.parametrize("lang", languages())
def test_no_page_of_a_quiz_has_a_barrier(browser: Browser, lang: str) -> None:
    """M2, F6, M9: axe finds nothing in any language, by day and by night, on a telephone and a desk."""
    for width in (360, 1280):
        check_accessible(browser, gallery.quizzes(lang), width, "light" if width == 360 else "dark")
