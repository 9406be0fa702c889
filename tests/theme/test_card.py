"""The card of a page: readable in every language, drawn late, named after its words."""

from __future__ import annotations

import io
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from optin.theme import lettering
from optin.theme.catalogue import catalogue
from optin.theme.languages import languages
from optin.theme.social_card import HEIGHT, WIDTH, SocialCard, draw_card

CARD = SocialCard("White paper", "Koud bellen onder de AVG", "Voorbeeld B.V.", "#0b5d4b")


def pixels(card: SocialCard) -> Image.Image:
    return Image.open(io.BytesIO(draw_card(card))).convert("RGB")


def test_a_card_has_the_size_that_is_announced_and_the_colour_of_the_site() -> None:
    """M8: a PNG of 1200 by 630; the ground is the site's colour, the words white, nothing at the edge."""
    picture = pixels(CARD)
    assert picture.size == (WIDTH, HEIGHT)
    assert picture.getpixel((5, 5)) == (11, 93, 75)
    colours = {colour for _, colour in picture.getcolors(WIDTH * HEIGHT) or ()}
    assert (255, 255, 255) in colours
    edge = picture.crop((WIDTH - 40, 0, WIDTH, HEIGHT)).getcolors()
    assert len(edge or ()) == 2  # ground and foot
    assert len(draw_card(CARD)) < 60_000


def test_its_name_depends_on_what_is_on_it_and_on_nothing_else() -> None:
    """M8, P2: the page names the card, so another Pillow makes no other form version."""
    assert CARD.url == "/static/card-5e2b9624bfd35e86409cad662cb5f229.png"
    others = {
        SocialCard("x", CARD.title, CARD.name, CARD.colour).url,
        SocialCard(CARD.kind, "x", CARD.name, CARD.colour).url,
        SocialCard(CARD.kind, CARD.title, "x", CARD.colour).url,
        SocialCard(CARD.kind, CARD.title, CARD.name, "#123a7a").url,
    }
    assert len(others - {CARD.url}) == 4


@pytest.mark.parametrize("lang", languages())
def test_every_word_of_a_language_can_be_written(lang: str) -> None:
    """M8, M9: no letter is left out; accents are put on their letters."""
    known = "".join(sorted(set("".join(catalogue(lang).values()))))
    letters = [sign for sign in known if sign.isalpha()]
    assert len(letters) > 40
    assert all(lettering.writable_text(sign) for sign in letters)


def test_an_accent_is_seen() -> None:
    """M9: another picture than without it."""
    plain = {
        word: draw_card(SocialCard("", word, "", "#000000")) for word in ("e", "é", "è", "ê", "ë", "ç", "c")
    }
    assert len(set(plain.values())) == len(plain)


def test_what_the_typeface_lacks_is_left_out() -> None:
    """M8, M9: Greek and Cyrillic are there; a hyphen that breaks no line is written as a hyphen."""
    assert lettering.writable_text("Œuvre Ωμέγα Жизнь ĳ") == "Œuvre Ωμέγα Жизнь ĳ"
    assert lettering.writable_text("e\u0301") == "é"
    assert lettering.writable_text("A\u2011B\u00a0漢字 C") == "A-B C"


@given(st.text(max_size=200), st.text(max_size=200))
def test_whatever_the_words_are_there_is_a_card(title: str, name: str) -> None:
    """M8, M4: also without a letter that can be written; nothing runs over the edge."""
    picture = pixels(SocialCard("Checklist", title, name, "#222222"))
    assert picture.size == (WIDTH, HEIGHT)
    assert len(picture.crop((WIDTH - 40, 0, WIDTH, HEIGHT)).getcolors(1_000) or ()) == 2


def test_a_word_that_never_fits_is_cut() -> None:
    """M8: with dots, within the edge."""
    picture = pixels(SocialCard("Checklist", "W" * 200, "M" * 200, "#222222"))
    assert len(picture.crop((WIDTH - 40, 0, WIDTH, HEIGHT)).getcolors(1_000) or ()) == 2


def test_the_drawing_is_not_loaded_before_a_card_is_asked_for() -> None:
    """M8: a server that serves pages starts without it."""
    code = "import sys, optin.web.app, optin.services.site_edition; print('PIL' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
