"""The page that a kind has about one magnet at the desk, if it has one: by role, in each language, clean."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import html5lib
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright
from starlette.testclient import TestClient

from optin.consent.kind_part_lookup import PartsByKind
from optin.consent.staff_role import Role
from optin.desk.all_routes import desk_routes
from optin.errors import RequestRefused
from optin.flows.context import Context
from optin.flows.kind_desk_hooks import (
    DeskAct,
    DeskFact,
    DeskPart,
    DeskTable,
    MagnetReport,
    Mood,
    Phrase,
    PublicLink,
    WaitingMagnet,
)
from optin.flows.staff.trail import ActKind
from optin.services.site_edition import Edition
from optin.store.database_interface import Tx
from optin.theme.languages import languages
from optin.web import timing_protection
from optin.web.app import build_app
from tests.chromium import ARGUMENTS, installed
from tests.desk.conftest import BASE, Browser, Desk, list_acts
from tests.kinds.installed import INSTALLED, KINDS, NAMES
from tests.kinds.journey import EMAIL, SLUG, TYPED, KindVisit
from tests.web.conftest import visited

PAGE = f"/desk/magnets/{SLUG}/kind"
PLAIN = "white-paper"
MARKUP = "<b>&\"'</b>"


@dataclass(repr=False)
class KindDesk(KindVisit, Desk):
    """A magnet of one kind with the desk of its site."""


def opened_desk(edition: Edition, store_url: str) -> Iterator[KindDesk]:
    with visited(edition, KindDesk, store_url, edition.site.root, INSTALLED) as opened:
        opened.store_url = store_url
        app = build_app(opened.app_context, INSTALLED.routes, desk_routes())
        opened.client = TestClient(app, base_url=BASE, follow_redirects=False, raise_server_exceptions=False)
        yield opened


@pytest.fixture
def desk(
    kind: str, store_url: str, edition_of: Callable[..., Edition], monkeypatch: pytest.MonkeyPatch
) -> Iterator[KindDesk]:
    """Open the desk of a site with a magnet of a kind, over each of the two databases."""
    monkeypatch.setattr(timing_protection, "PACE_SECONDS", 0.001)
    yield from opened_desk(edition_of(kind), store_url)


@pytest.fixture
def plain_desk(
    tmp_path: Any, edition_of: Callable[..., Edition], monkeypatch: pytest.MonkeyPatch
) -> Iterator[KindDesk]:
    """Open the desk of a site whose kinds a test gives other parts."""
    monkeypatch.setattr(timing_protection, "PACE_SECONDS", 0.001)
    yield from opened_desk(edition_of(PLAIN), f"sqlite:///{tmp_path}/optin.db")


def read_in(browser: Browser, lang: str, path: str = PAGE) -> Any:
    return browser.get(path, **{"accept-language": lang})


def test_the_page_of_a_kind_opens_by_role_and_names_nobody(kind: str, desk: KindDesk) -> None:
    """K2, M2: marketers and officers read it, in each language, without a word of anybody."""
    desk.confirmed()
    has_page = KINDS.desks[kind].has_report
    for role in Role:
        staff = desk.signed_in(role)
        answer = read_in(staff, "en")
        if role not in {Role.MARKETER, Role.OFFICER}:
            assert answer.status_code == 403
            continue
        assert answer.status_code == (200 if has_page else 404)
        front = read_in(staff, "en", f"/desk/magnets/{SLUG}").text
        assert (f'href="{PAGE}"' in front) == has_page
        for lang in languages() if has_page else ():
            text = read_in(staff, lang).text
            assert len(text) < 60_000
            assert f'<html lang="{lang}">' in text
            assert EMAIL not in text
            assert TYPED not in text
            html5lib.HTMLParser(strict=True).parse(text)


def test_no_page_of_a_kind_at_the_desk_has_a_barrier(
    tmp_path: Path, edition_of: Callable[..., Edition], monkeypatch: pytest.MonkeyPatch
) -> None:
    """K6, F6: axe finds none on the page of any kind in any language, with a value of each sort."""
    monkeypatch.setattr(timing_protection, "PACE_SECONDS", 0.001)
    pages: dict[str, str] = {}
    for kind in NAMES:
        for desk in opened_desk(edition_of(kind), f"sqlite:///{tmp_path}/{kind}.db"):
            desk.confirmed()
            if not KINDS.desks[kind].has_report:
                given(desk, kind, DeskPart(report=lambda *_: report_of()))
            staff, theme = desk.signed_in(Role.MARKETER), desk.app_context.edition.theme
            answers = {lang: read_in(staff, lang) for lang in languages()}
            assert {it.status_code for it in answers.values()} == {200}
            texts = {lang: it.text for lang, it in answers.items()}
            style = f"<style>{theme.assets[theme.asset_url('desk.css')].data.decode()}</style></head>"
            pages |= {f"{kind} {lang}": it.replace("</head>", style) for lang, it in texts.items()}
    path = installed()
    assert path is not None, "this test needs Chromium; make test installs it"
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=[*ARGUMENTS])
        page, found = browser.new_page(), {}
        for name, html in pages.items():
            page.set_content(html)
            answer = Axe().run(page)
            if answer.violations_count:
                found[name] = answer.generate_report()
        browser.close()
    assert len(pages) == len(NAMES) * len(languages())
    assert found == {}


def test_what_a_kind_tells_in_time_is_told(kind: str, desk: KindDesk) -> None:
    """K2, O4: whatever the day, its page and the first page are there."""
    desk.confirmed()
    for days in (1, 400, 4_000):
        desk.wait(timedelta(days=days))
        staff = desk.signed_in(Role.MARKETER, email=f"m{days}@example.com")
        assert staff.get(PAGE).status_code == (200 if KINDS.desks[kind].has_report else 404)
        assert staff.get("/desk").status_code == 200


def given(desk: KindDesk, kind: str, part: DeskPart) -> None:
    """Let the magnet's kind have this part at the desk."""
    kinds = desk.installation.kinds
    parts = {kind: part}
    desk.installation.kinds = replace(kinds, desks=PartsByKind(DeskPart(), lambda: tuple(parts), parts.get))


def report_of(*acts: DeskAct) -> MagnetReport:
    """Return a page with a value of each sort."""
    words = Phrase(f"kind.{PLAIN}")
    moment = datetime.fromisoformat("2026-12-01T12:00:00+00:00")
    facts = tuple(DeskFact(words, it) for it in (MARKUP, "", 12_345, 0.25, moment, words))
    link = DeskFact(words, PublicLink(f"/{SLUG}", words))
    table = DeskTable(words, (words, words), ((MARKUP, 7), ("b", 8)))
    return MagnetReport(words, Mood.DUE, (*facts, link), (table, DeskTable(words, (words,), ())), acts)


def test_values_are_shown_as_the_desk_shows_its_own(plain_desk: KindDesk) -> None:
    """M2, S1: texts stay text; numbers, shares and moments are in the reader's way."""
    given(plain_desk, PLAIN, DeskPart(report=lambda *_: report_of()))
    text = read_in(plain_desk.signed_in(Role.OFFICER), "en").text
    assert MARKUP not in text
    assert "&lt;b&gt;" in text
    for shown in ("12,345", "25%", "1 December", f'href="{BASE}/{SLUG}"', "answer due"):
        assert shown in text, shown
    html5lib.HTMLParser(strict=True).parse(text)


def test_an_act_asks_first_and_is_on_record(plain_desk: KindDesk) -> None:
    """K1, K2: by a marketer alone, with what was typed, in one transaction with its line of the trail."""
    done: list[tuple[str, str]] = []

    def run(_tx: Tx, _context: Context, magnet: str, typed: str, _now: datetime) -> None:
        if typed == "no":
            raise RequestRefused("It is not the time.")  # noqa: TRY003 - of a test
        if typed == "bug":
            raise ZeroDivisionError
        done.append((magnet, typed))

    words = Phrase(f"kind.{PLAIN}")
    act = DeskAct("weigh", words, words, run, words)
    given(plain_desk, PLAIN, DeskPart(report=lambda *_: report_of(act)))
    staff, path = plain_desk.signed_in(Role.MARKETER), f"{PAGE}/weigh"
    assert f'href="{path}"' in staff.get(PAGE).text
    assert 'name="typed"' in staff.get(path).text
    assert staff.post(path, {"typed": "12 34"}).headers["location"] == f"{PAGE}?done=1"
    assert done == [(SLUG, "12 34")]
    refused = staff.post(path, {"typed": "no"})
    assert refused.status_code == 409
    assert "It is not the time." in refused.text
    assert staff.post(path, {"typed": "bug"}).status_code == 503
    lines = [it for it in plain_desk.installation.view(list_acts) if it.kind == ActKind.KIND_ACT]
    assert [it.facts for it in lines] == [{"magnet": SLUG, "act": "weigh"}]
    assert staff.get(f"{PAGE}/other").status_code == 404
    officer = plain_desk.signed_in(Role.OFFICER)
    assert officer.get(path).status_code == 403
    assert path not in officer.get(PAGE).text


def test_a_kind_that_fails_keeps_the_desk_working(
    plain_desk: KindDesk, caplog: pytest.LogCaptureFixture
) -> None:
    """S6: its page says so, the first page leaves it out, and the log names the kind and nobody."""

    def fail(*_: object) -> Any:
        raise ZeroDivisionError(EMAIL)

    given(plain_desk, PLAIN, DeskPart(report=fail, waits=fail))
    staff = plain_desk.signed_in(Role.MARKETER)
    with caplog.at_level(logging.WARNING):
        answer = read_in(staff, "en")
        assert answer.status_code == 503
        assert "cannot show its page" in answer.text
        assert staff.get("/desk").status_code == 200
    assert "the kind white-paper failed" in caplog.text
    assert EMAIL not in caplog.text


def test_what_waits_leads_to_the_page(plain_desk: KindDesk) -> None:
    """O4: on the first page, in the reader's language, in place of the operator's sentence."""
    waiting = (WaitingMagnet(SLUG, Phrase(f"kind.{PLAIN}")),)
    given(plain_desk, PLAIN, DeskPart(report=lambda *_: report_of(), waits=lambda *_: waiting))
    staff = plain_desk.signed_in(Role.MARKETER)
    while 'http-equiv="refresh"' in (page := read_in(staff, "en", "/desk").text):
        pass
    assert f'<a href="{PAGE}">White paper</a>' in page
    assert "1 thing waits for you." in page
