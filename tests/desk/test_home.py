"""What each role sees first."""

from __future__ import annotations

import asyncio
import re
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from optin.consent.staff_role import Role
from optin.desk.held_counts import Held
from tests.desk.conftest import Browser, Desk

MINUTE = timedelta(minutes=1)
ENGLISH = {"accept-language": "en"}


def counted(browser: Browser, path: str) -> Any:
    """Return a page once its numbers are there: until then it asks for itself again."""
    while 'http-equiv="refresh"' in (answer := browser.get(path, **ENGLISH)).text:
        pass
    return answer


def words_of(browser: Browser, path: str = "/desk") -> str:
    """Return the words of a page, without marks; the page is one of at most 60 kB."""
    answer = counted(browser, path)
    assert answer.status_code == 200, answer.text[:500]
    assert len(answer.content) <= 60_000
    assert "style=" not in answer.text
    return " ".join(re.sub(r"<[^>]*>", " ", answer.text).split())


def test_a_marketer_sees_whether_the_week_is_normal(desk: Desk) -> None:
    """O4, K2: numbers with a verdict, eight weeks, magnets; nothing of staff or server."""
    desk.join("alice@example.com", consent="tips-email")
    desk.fill("bob@example.com")
    desk.wait(MINUTE)
    browser = desk.signed_in(Role.MARKETER)
    said = words_of(browser)
    assert "Too few sign-ups to say" in said
    assert "Sign-ups 2 last week 0 too few to say" in said
    assert "Confirmed 1 last week 0 too few to say 1 sign-up may still confirm" in said
    assert "tips-email by e-mail 1" in said
    assert "Het witboek" in said
    assert "Nothing waits for you." in said
    for words in ("Staff this week", "Set-up", "Consents in force"):
        assert words not in said


def test_the_numbers_say_since_when(desk: Desk) -> None:
    """O4: they are held for a minute, and counted again after it."""
    browser = desk.signed_in(Role.MARKETER)
    assert "Sign-ups 0" in words_of(browser)
    desk.fill("bob@example.com")
    assert "Sign-ups 0" in words_of(browser)
    desk.wait(MINUTE)
    said = words_of(browser)
    assert "Sign-ups 1" in said
    assert re.search(r"Counted at \d\d:\d\d\.", said)


def test_an_officer_sees_consents_and_staff(desk: Desk) -> None:
    """O4, K2: and a refusal counts."""
    desk.join("alice@example.com", consent="tips-email")
    desk.signed_in(Role.SALES).get("/desk/magnets")
    said = words_of(desk.signed_in(Role.OFFICER))
    assert "Consents in force" in said
    assert "tips-email by e-mail 1 1 0 0" in said
    assert "Sign-ins 2" in said
    assert "Refused 1" in said
    assert "Sign-ups by week" not in said


def test_an_administrator_sees_whether_it_runs(desk: Desk) -> None:
    """K2: and who may sign in, without a number of people."""
    said = words_of(desk.signed_in(Role.ADMIN))
    assert "The server is ready" in said
    assert "administrator 1 account" in said
    assert "Sign-ups" not in said


def test_several_roles_see_the_parts_of_each(desk: Desk) -> None:
    """K2: in one page."""
    said = words_of(desk.signed_in(*Role))
    for words in ("This week", "Consents in force", "Staff this week", "Set-up"):
        assert words in said


@pytest.mark.parametrize("lang", ["nl", "de", "fr"])
def test_the_pages_speak_each_language(desk: Desk, lang: str) -> None:
    """K2: home and list."""
    browser = desk.signed_in(*Role)
    for path in ("/desk", "/desk/magnets"):
        answer = browser.get(path, **{"accept-language": lang})
        assert f'<html lang="{lang}">' in answer.text


def test_a_magnet_with_a_mistake_waits_with_its_cure(desk: Desk) -> None:
    """O4, K2: the version before stays online; the link leads to the magnet."""
    path = desk.root / "magnets" / "paper" / "index.md"
    path.write_text(path.read_text().replace("purposes: [tips-email", "purposes: [nothing-of-that-name"))
    browser = desk.signed_in(Role.MARKETER)
    answer = counted(browser, "/desk")
    assert "1 thing waits for you." in answer.text
    assert 'href="/desk/magnets/paper"' in answer.text
    assert "the version before stays online" in answer.text


def test_what_takes_long_is_shown_as_it_was(desk: Desk) -> None:
    """O4: a page waits for no count; it asks again by itself while there is none."""
    gate = threading.Event()
    counted: list[int] = []

    def slow(_edition: object, _now: datetime) -> int:
        gate.wait(10)
        counted.append(1)
        return len(counted)

    async def ask() -> None:
        held: Held[int] = Held(slow)
        now = datetime(2026, 12, 1, tzinfo=UTC)
        edition = desk.app_context.edition
        assert await held.get(edition, now) is None
        gate.set()
        while await held.get(edition, now) is None:
            await asyncio.sleep(0.01)
        gate.clear()
        assert await held.get(edition, now + MINUTE * 10) == 1
        gate.set()

    asyncio.run(ask())
