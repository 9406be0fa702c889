"""The list of magnets at the desk."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from optin.consent.staff_role import Role
from tests.desk.conftest import Desk
from tests.desk.test_home import MINUTE, counted, words_of

MORE = """---
kind: white-paper
lang: {lang}
title: {title}
description: Wat er in staat.
file: witboek.pdf
purposes: [tips-email]
{more}
---
Tekst.
"""


def write(root: Path, slug: str, title: str = "Nog een", more: str = "", lang: str = "nl") -> None:
    folder = root / "magnets" / slug
    folder.mkdir(exist_ok=True)
    (folder / "index.md").write_text(MORE.format(title=title, more=more, lang=lang))
    (folder / "witboek.pdf").write_bytes(b"%PDF-1.4 the very file")


def test_each_status_has_its_words(desk: Desk) -> None:
    """O4, K2: a draft, one that waits, one that is over, an archived one, one with mistakes."""
    write(desk.root, "one", "Concept", "status: draft")
    write(desk.root, "two", "Later", "from: 2199-01-01")
    write(desk.root, "three", "Eerder", "until: 2020-01-01")
    write(desk.root, "four", "Oud", "status: archived")
    desk.serve_again()
    write(desk.root, "five", "Fout", "status: nonsense")
    write(desk.root, "six", "Nieuw")
    browser = desk.signed_in(Role.MARKETER)
    said = words_of(browser, "/desk/magnets")
    assert "8 magnets, 1 with mistakes, 1 not loaded yet, 1 scheduled, 2 online, 1 over, 1 draft" in said
    for words in (
        "○ Scheduled from 1 January 2199",
        "■ 1 mistake",
        "○ Draft",
        "● Online",
        "▲ Not loaded yet",
    ):
        assert words in said
    assert "Oud" not in said
    assert "Oud" in words_of(browser, "/desk/magnets?status=archived")
    assert "Oud" in words_of(browser, "/desk/magnets?status=all")


def test_the_list_is_filtered_and_searched(desk: Desk) -> None:
    """K2: by status, kind, language and words; an unknown choice finds nothing and says so."""
    write(desk.root, "other", "<b>Heel</b> anders")
    desk.serve_again()
    browser = desk.signed_in(Role.OFFICER)
    assert "Het witboek" not in words_of(browser, "/desk/magnets?q=heel")
    assert "&lt;b&gt;Heel" in counted(browser, "/desk/magnets?q=heel").text
    assert "1 magnet found." in words_of(browser, "/desk/magnets?q=HET%20WIT")
    for query in ("kind=none", "lang=xx", "status=nonsense", "q=%25", "q=*"):
        assert "No magnet fits" in words_of(browser, f"/desk/magnets?{query}")
    for page in ("0", "-1", "99999999999999999999", "x", "²"):
        assert "Het witboek" in words_of(browser, f"/desk/magnets?page={page}")


def test_a_share_is_told_of_twenty_sign_ups_or_more(desk: Desk) -> None:
    """O4: with its interval; of fewer nothing is said."""
    for number in range(20):
        desk.fill(f"p{number}@example.com")
    desk.wait(MINUTE)
    browser = desk.signed_in(Role.MARKETER)
    assert "20 0 0" in words_of(browser, "/desk/magnets")
    assert "0% 0% to 16%" in words_of(browser, "/desk/magnets")
    assert "Sign-ups by week: 0, 0, 0, 0, 0, 0, 0, 20" in counted(browser, "/desk/magnets").text


def test_a_thousand_magnets_are_shown_in_pages(desk: Desk) -> None:
    """O4: of fifty, each page within 60 kB."""
    for number in range(120):
        write(desk.root, f"m{number:03}", f"Een titel die even lang is als andere titels, nummer {number}")
    desk.serve_again()
    browser = desk.signed_in(Role.MARKETER)
    browser.get("/desk/magnets")
    desk.wait(timedelta(minutes=10))
    pages = [counted(browser, f"/desk/magnets?page={page}").text for page in (1, 2, 3)]
    assert [it.count('role="rowheader"') for it in pages] == [50, 50, 22]
    assert all(len(it.encode()) <= 60_000 for it in pages)
    assert "Next page" not in pages[2]
