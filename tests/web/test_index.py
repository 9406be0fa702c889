"""The cards of the index: kind, cover, language."""

from __future__ import annotations

import io

import html5lib
import pytest
from PIL import Image

from optin.consent.form_version import Slug
from optin.services.site_edition import Edition, load_edition
from optin.theme.look import Look
from optin.theme.theme import Theme
from optin.theme.views import Card, IndexView
from optin.web.crawler_files import crawler_files
from optin.web.page_cache import cached_contents
from tests.installed import INSTALLED
from tests.theme import gallery
from tests.web.conftest import Visit

THEME = Theme(Look())
KINDS = ("white-paper", "tip-booklet", "checklist", "newsletter", "webinar", "quiz", "prize-draw")
LETTER = """---
kind: newsletter
lang: en
title: Plain Consent
description: One letter a month.
purposes: [tips-email]
---
Text.
"""


def cards(page: str) -> dict[str, dict[str, str]]:
    """Return what each card of an index says, by its address."""
    tree = html5lib.parse(page, namespaceHTMLElements=False)
    found = {}
    for card in tree.findall(".//a[@class='card sheet']"):
        first, *more = card.findall(".//p[@class='kind']/span")
        picture = card.find(".//img")
        found[card.get("href")] = {
            "kind": first.text,
            "kind lang": first.get("lang") or "",
            "language": more[0].text if more else "",
            "language lang": more[0].get("lang") if more else "",
            "picture": "" if picture is None else picture.get("src"),
            "title lang": card.find(".//h2").get("lang"),
            "drawn": "".join(it.text for it in card.findall(".//div[@class='cover drawn']/b")),
        }
    return found


@pytest.mark.parametrize("lang", ["nl", "en", "de", "fr"])
@pytest.mark.parametrize("other", ["nl", "en"])
def test_a_card_says_its_kind_in_the_language_of_the_page(lang: str, other: str) -> None:
    """M9: whatever language the magnet has; that is said where it is another."""
    shown = tuple(Card(f"/{kind}", kind, other, "T", "D", "" if other == lang else "X") for kind in KINDS)
    page = THEME.page(IndexView(gallery.frame(lang), shown))
    for kind in KINDS:
        card = cards(page)[f"/{kind}"]
        assert card["kind"] == THEME.text(lang, f"kind.{kind}")
        assert card["kind lang"] == ""  # that of the page
        assert (card["language"], card["title lang"]) == ("" if other == lang else "X", other)


def edition_of(visit: Visit) -> Edition:
    edition, findings = load_edition(visit.root, INSTALLED.parts)
    assert edition is not None, findings
    return edition


def index_of(edition: Edition, visit: Visit) -> str:
    return cached_contents(edition, visit.moment)["/"].data.decode()


def test_the_index_of_a_site_shows_covers_and_languages(visit: Visit) -> None:
    """M2, M9, W1: the cover that the magnet has; else the look draws one with kind and title."""
    (visit.root / "magnets" / "letter.md").write_text(LETTER)
    before = cards(index_of(edition_of(visit), visit))
    assert (
        before["/letter"] | {"kind": "Nieuwsbrief", "language": "English", "language lang": "en"}
        == before["/letter"]
    )
    assert before["/paper"]["kind"] == "Whitepaper"
    assert before["/paper"]["language"] == ""
    assert {card["picture"] for card in before.values()} == {""}
    assert before["/paper"]["drawn"] == "Het witboek"
    folder = visit.root / "magnets" / "paper"
    out = io.BytesIO()
    Image.new("RGB", (60, 80)).save(out, "PNG")
    (folder / "cover.png").write_bytes(out.getvalue())
    text = (folder / "index.md").read_text()
    text = text.replace(
        "lang: nl\n",
        'lang: nl\npicture: {file: cover.png, alt: De kaft}\ntexts: {"kind.white-paper": "Gids"}\n',
    )
    (folder / "index.md").write_text(text)
    edition = edition_of(visit)
    after = cards(index_of(edition, visit))
    assert after["/paper"]["picture"] in edition.theme.assets
    assert after["/paper"]["kind"] == "Gids"
    assert (after["/letter"]["picture"], after["/letter"]["drawn"]) == ("", "Plain Consent")
    assert after["/paper"]["drawn"] == ""
    assert 'width="60" height="80" loading="lazy"' in index_of(edition, visit)


def test_the_index_is_sorted_and_hides_what_is_not_listed(visit: Visit) -> None:
    """M2: smaller numbers first, then the others; an unlisted page has an address, but is on no list."""
    for name, front in (
        ("last", ""),
        ("first", "order: -1\n"),
        ("second", "order: 2\n"),
        ("quiet", "listed: false\n"),
    ):
        (visit.root / "magnets" / f"{name}.md").write_text(LETTER.replace("lang: en\n", f"lang: en\n{front}"))
    edition = edition_of(visit)
    shown = list(cards(index_of(edition, visit)))
    assert shown[:2] == ["/first", "/second"]
    assert {"/last", "/paper", "/tips"} <= {*shown[2:]}
    assert "/quiet" not in shown
    _, sitemap = crawler_files(edition, visit.moment)
    assert ("/last<" in sitemap, "/quiet<" in sitemap) == (True, False)
    assert Slug("quiet") in edition.publication.forms
