"""A webinar in Chromium and by mail: registered, in the calendar, given up; every page in every language."""

from __future__ import annotations

import re
import uuid
from email import message_from_bytes, policy

import pytest
from icalendar import Calendar
from playwright.sync_api import Browser, BrowserContext, expect

from optin.theme.languages import languages
from tests.browser.conftest import House
from tests.browser.test_languages import check_accessible
from tests.theme import gallery

PLACE = "https://meet.example.com/bellen"


@pytest.mark.parametrize("lang", languages())
def test_every_page_of_a_webinar_bars_nobody(browser: Browser, lang: str) -> None:
    """M2, F5, F6: WCAG 2.2 AA by axe: the form, the closed page, the seat in each state."""
    views = [(name, view) for name, view in gallery.pages(lang) if "webinar" in name or "place-" in name]
    assert len(views) >= 15
    check_accessible(browser, views)


def test_from_the_page_to_the_calendar_and_out_again(house: House, window: BrowserContext) -> None:
    """M2, D2: the place is nowhere before the confirmation; then on page, in mail, in the calendar file."""
    page, address = window.new_page(), f"{uuid.uuid4().hex[:10]}@example.com"
    page.goto(f"{house.base}/bellen")
    expect(page.locator("main")).to_contain_text("Europe/Amsterdam")
    assert PLACE not in page.content()
    page.fill("#field-email", address)
    page.click("button.big")
    words, _, link = house.letter(address, "Bevestig")
    assert PLACE not in words
    page.goto(link)
    assert PLACE not in page.content()
    page.locator("form.now button").click()
    expect(page.locator(f'a[href="{PLACE}"]')).to_have_count(1)
    assert PLACE in house.last_words(address, "Uw webinar")
    mails = [message_from_bytes(data, policy=policy.default) for data in house.script.mails]
    entries = [
        part.get_payload(decode=True)
        for mail in mails
        if mail["To"] == address
        for part in mail.walk()
        if part.get_content_type() == "text/calendar"
    ]
    assert isinstance(entries[0], bytes)
    (event,) = Calendar.from_ical(entries[0]).walk("VEVENT")
    assert event["LOCATION"] == PLACE
    assert event["ATTENDEE"] == f"mailto:{address}"
    page.get_by_role("link", name=re.compile("opgeven")).click()
    page.get_by_role("button", name="Geef mijn plaats op").click()
    expect(page.locator("main")).to_contain_text("opgegeven")
    expect(page.locator(f'a[href="{PLACE}"]')).to_have_count(0)
