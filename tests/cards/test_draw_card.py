"""Reply cards: what is printed, and the code that names the form version."""

from __future__ import annotations

from pathlib import Path

import pypdfium2
import pytest
import zxingcpp
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from optin.app.main import main
from optin.cards.card_code import SIZES, CardCode, origin_of, parse_card_code
from optin.cards.card_geometry import CardPlaces
from optin.consent.form_version import FormDigest, Slug
from optin.errors import CardRefused
from optin.services.open_installation import open_installation
from optin.store.stored_forms import form_by_digest
from tests.cards.paper import SITE, TITLES, drawn, form, printed
from tests.installed import KINDS
from tests.started import run_optin
from tests.web.conftest import site_at

CODE = CardCode(SITE, FormDigest("0f" * 32), "A5", (77.1, 93.5))


def text_of(card: bytes) -> str:
    with pypdfium2.PdfDocument(card) as document:
        return " ".join(document[0].get_textpage().get_text_bounded().split())


def code_on(card: bytes) -> CardCode:
    found = [parse_card_code(it.text) for it in zxingcpp.read_barcodes(printed(card))]
    assert len(found) == 1
    assert found[0] is not None
    return found[0]


@pytest.mark.parametrize("lang", TITLES)
def test_a_card_asks_what_the_page_asks_in_its_words(lang: str) -> None:
    """L6, F3: the exact words of each question, who asks, how to withdraw, and the privacy statement."""
    version = form(lang)
    shown = text_of(drawn(version))
    declared = version.declaration
    for it in declared.questions:
        assert it.wording in shown
    assert declared.title in shown
    assert declared.controller.name in shown
    assert f"{SITE}/me" in shown
    assert f"{SITE}/privacy/cccccccccccc" in shown
    assert version.digest[:12] in shown
    assert "lead-source" not in shown


@pytest.mark.parametrize("size", ["A4", "A5"])
def test_the_code_names_the_form_version_and_its_boxes(size: str) -> None:
    """L6, P2: a card leads to exactly what was asked."""
    version = form()
    card = drawn(version, size)
    code = code_on(card)
    assert (code.origin, code.digest, code.size) == (SITE, version.digest, size)
    assert len(code.edges) == len(version.declaration.questions)
    paper, mm = printed(card), 150 / 25.4
    for edge in code.edges:  # empty, and edged in black where the code says
        inner = paper.crop((round(15 * mm), round((edge + 1) * mm), round(19 * mm), round((edge + 5) * mm)))
        assert inner.getextrema() == (255, 255)
        assert paper.getpixel((round(17 * mm), round(edge * mm))) < 128  # type: ignore[operator]  # grey: a number
    assert {paper.getpixel((round(x * mm), round(y * mm))) for x, y in CardPlaces(*SIZES[size]).marks} == {0}


def test_the_same_form_gives_the_same_bytes(tmp_path: Path) -> None:
    """L6: a card that was lost is made again from its declaration, by another process too."""
    assert drawn() == drawn()
    root = tmp_path / "site"
    site_at(root)
    for name in ("one.pdf", "two.pdf"):
        done = run_optin("card", "paper", "--out", str(tmp_path / name), "--site", str(root))
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "one.pdf").read_bytes() == (tmp_path / "two.pdf").read_bytes()


def test_a_card_that_has_no_room_says_which_paper_has() -> None:
    """L6: nothing is left out to make a form fit."""
    with pytest.raises(CardRefused, match=r"no room for all of its form on A6\. Choose A5\."):
        drawn(size="A6")
    with pytest.raises(CardRefused, match=r"on A4\. Ask for less\."):
        drawn(form(count=18), "A4")
    assert code_on(drawn(form(count=1), "A6")).size == "A6"


def test_a_form_that_asks_no_consent_has_no_card() -> None:
    """L6: there is nothing to tick."""
    with pytest.raises(CardRefused, match="asks no consent"):
        drawn(form(count=0))


def test_a_printed_card_is_of_a_version_that_the_store_knows(tmp_path: Path) -> None:
    """L6, P2: what comes back can be held against what was asked, whatever the page says by then."""
    root = tmp_path / "site"
    edition = site_at(root)
    done = CliRunner().invoke(main, ["card", "paper", "--out", str(tmp_path / "a.pdf"), "--site", str(root)])
    assert done.exit_code == 0, done.output
    code = code_on((tmp_path / "a.pdf").read_bytes())
    assert code.origin == "https://optin.example.com"
    with open_installation(edition.site.settings, edition.policy, KINDS) as installation:
        known = installation.store.read(lambda tx: form_by_digest(tx, code.digest))
    assert known is not None
    assert known.version.declaration == edition.publication.forms[Slug("paper")].declaration
    again = CliRunner().invoke(main, ["card", "paper", "--out", str(tmp_path / "a.pdf"), "--site", str(root)])
    assert (again.exit_code, "already exists" in again.output) == (1, True)
    other = CliRunner().invoke(main, ["card", "papre", "--out", "-", "--site", str(root)])
    assert (other.exit_code, "no magnet 'papre'" in other.output) == (1, True)


@given(st.lists(st.integers(0, 2_000), min_size=1, max_size=20), st.binary(min_size=32, max_size=32))
def test_a_code_reads_as_it_was_written(tenths: list[int], digest: bytes) -> None:
    """L6: whatever the form."""
    code = CardCode(SITE, FormDigest(digest.hex()), "A5", tuple(it / 10 for it in tenths))
    assert parse_card_code(code.as_text()) == code


@pytest.mark.parametrize(
    "text",
    [
        "",
        "https://tips.example.com",
        CODE.as_text()[:-1],
        CODE.as_text().replace("771", "772"),
        CODE.as_text().replace("TIPS", "TAPS"),
        CODE.as_text().replace("V1", "V2"),
        CODE.as_text().lower(),
        CardCode(SITE, CODE.digest, "A5", (1.0,) * 21).as_text(),
        CardCode(SITE, CODE.digest, "A6", (149.0,)).as_text(),
    ],
)
def test_a_code_of_something_else_is_none(text: str) -> None:
    """L6: a wrong digit is noticed, and no other code is taken for a card."""
    assert parse_card_code(text) is None


def test_the_origin_is_written_in_one_form() -> None:
    """L6: a site with a path or with letters of its language has one origin."""
    assert origin_of("https://Tips.example.com/a/") == SITE
    assert origin_of("http://bücher.example:8080") == "http://xn--bcher-kva.example:8080"
