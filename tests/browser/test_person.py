"""Somebody's whole way in Chromium: from the sign-up to the erasure, and back."""

from __future__ import annotations

import json

from playwright.sync_api import Browser, expect

from tests.browser.conftest import House
from tests.browser.test_prospect import someone
from tests.serving import environment
from tests.started import run_optin


def exported(house: House, purpose: str, channel: str) -> set[str]:
    """Return the addresses that an export would hand out now."""
    what = ["--purpose", purpose, "--channel", channel, "--to", "self", "--why", "test", "--format", "jsonl"]
    words = ("export", "--site", str(house.site), *what, "--out", "-")
    done = run_optin(*words, environment=environment(house.store, house.mail, house.keys))
    done.check_returncode()
    return {json.loads(line)["email"] for line in done.stdout.splitlines()}


def test_a_person_comes_sees_corrects_leaves_and_comes_back(house: House, browser: Browser) -> None:
    """R1, R2, R3, R4, R5, R7: everything with scripts off, each step seen in the export."""
    context = browser.new_context(java_script_enabled=False, locale="nl-NL")
    page, address = context.new_page(), someone()

    # signs up for both, confirms
    page.goto(f"{house.base}/paper")
    page.fill("#field-email", address)
    page.fill("#field-first_name", "Alice")
    page.check("input[value=tips-email]")
    page.check("input[value=follow-up-phone]")
    page.fill("#field-phone", "020 123 4567")
    page.click("form button")
    page.goto(house.letter(address, "Bevestig")[2])
    page.click("form.now button")
    assert address in exported(house, "tips-email", "email")
    assert address in exported(house, "follow-up-phone", "phone")

    # finds the way to the personal page in the mail
    words = house.letter(address, "Uw whitepaper")[0]
    assert any(line.strip().endswith("/me") for line in words.splitlines())
    page.goto(f"{house.base}/me")
    page.fill("#field-email", address)
    page.click("form button")
    link = house.letter(address, "De link naar uw gegevens")[2]
    page.goto(link)
    expect(page.locator("h1")).to_have_text("Uw gegevens")

    # withdraws one of two
    page.locator(".given", has_text="Bel mij").locator("button[value=withdraw]").click()
    expect(page.locator("[role=status]")).to_be_visible()
    assert address not in exported(house, "follow-up-phone", "phone")
    assert address in exported(house, "tips-email", "email")

    # gives it anew: nothing before the mail's button
    page.click("button[value=give]")
    assert address not in exported(house, "follow-up-phone", "phone")
    page.goto(house.letter(address, "Wilt u dit")[2])
    page.click("form.now button")
    assert address in exported(house, "follow-up-phone", "phone")

    # corrects the name
    page.goto(link)
    page.fill("#field-first_name", "Alicia")
    page.click("button[value=correct]")
    expect(page.locator("#field-first_name")).to_have_value("Alicia")

    # takes it along
    with page.expect_download() as download:
        page.click("button[value=json]")
    taken = json.loads(download.value.path().read_text())
    assert taken["contact"]["first_name"] == "Alicia"

    # has everything erased
    page.click("a[href$='erase=1']")
    page.click("button[value=erase]")
    expect(page.locator("h1")).to_have_text("Uw gegevens zijn gewist")
    assert "gewist" in house.last_words(address, "Uw gegevens zijn gewist")
    assert address not in exported(house, "tips-email", "email")

    # and comes back
    page.goto(f"{house.base}/paper")
    page.fill("#field-email", address)
    page.check("input[value=tips-email]")
    before = house.count(address)
    page.click("form button")
    page.goto(house.letter(address, "Bevestig", before)[2])
    page.click("form.now button")
    assert address in exported(house, "tips-email", "email")
    context.close()
