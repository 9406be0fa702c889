"""The colours of pages, cards and mails: read on every ground they stand on (F6)."""

from __future__ import annotations

import re
from dataclasses import asdict

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from optin.theme import social_card
from optin.theme.look import Look
from optin.theme.palette import (
    DARK,
    LIGHT,
    WHITE,
    Palette,
    accent_contrasts,
    contrast,
    hexadecimal,
    mixed,
    parse_colour,
)
from optin.theme.theme import OURS

COLOURS = st.tuples(*[st.integers(0, 255)] * 3).map(hexadecimal)


def ratio(one: str, other: str) -> float:
    return contrast(parse_colour(one), parse_colour(other))


def test_the_contrast_is_the_one_that_wcag_defines() -> None:
    """F6: black on white is 21 to 1; #767676 passes on white, and not on our own ground."""
    assert ratio("#000000", "#ffffff") == pytest.approx(21)
    assert ratio("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)
    assert not Look("#767676").readable
    assert Look().readable


@given(COLOURS)
@example("#ffee00")  # what check recommended for it had 4.43 on the page's own ground
@example("#ffffff")
@example("#767676")
def test_a_colour_that_is_recommended_can_be_read_wherever_it_stands(colour: str) -> None:
    """F6: as text, link and focus ring on every ground, and under the words of a button."""
    look = Look(Look(colour).nearest_readable)
    assert look.readable
    for ground in LIGHT.grounds:
        assert ratio(look.colour, ground) >= 4.5, ground
    assert ratio(LIGHT.on_accent, look.colour) >= 4.5
    assert ratio(LIGHT.on_accent, look.hover_colour) >= 4.5
    if Look(colour).readable:
        assert look.colour == colour


@given(COLOURS)
@example("#000000")
@example("#0000ff")
def test_by_night_any_colour_is_lightened_until_it_can_be_read(colour: str) -> None:
    """F6: on every dark ground, and under the dark words of a button."""
    look = Look(colour)
    for ground in DARK.grounds:
        assert ratio(look.light_colour, ground) >= 4.5, ground
    assert ratio(DARK.on_accent, look.light_colour) >= 4.5
    assert ratio(DARK.on_accent, look.light_hover_colour) >= 4.5


@given(COLOURS)
def test_the_words_on_a_social_card_can_be_read(colour: str) -> None:
    """F6, M8: they are large, so 3 to 1 is enough; the foot is lighter than the card."""
    rgb = parse_colour(Look(colour).nearest_readable)
    assert contrast(mixed(rgb, WHITE, social_card._QUIET / 255), rgb) >= 3  # noqa: SLF001 - as it is drawn
    assert contrast(WHITE, mixed(rgb, WHITE, social_card._FOOT_TONE / 255)) >= 3  # noqa: SLF001 - as above


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
def test_the_colours_of_our_own_pass_on_every_ground(palette: Palette) -> None:
    """F6: text 4.5 to 1; borders of fields and boxes 3 to 1 (WCAG 1.4.11)."""
    for ground in palette.grounds:
        for name in ("ink", "quiet", "wrong"):
            assert ratio(getattr(palette, name), ground) >= 4.5, (name, ground)
        assert ratio(palette.edge, ground) >= 3, ground


def test_every_ground_is_held_against_the_colour() -> None:
    """F6: a ground that is added to the palette is looked at."""
    for palette in (LIGHT, DARK):
        words = " ".join(it.words for it in accent_contrasts("#0b5d4b", palette))
        assert all(ground in words for ground in (*palette.grounds, palette.on_accent))


def test_templates_have_no_colour_that_the_palette_does_not_define() -> None:
    """F6: one place defines them; print is black on white."""
    known = {*asdict(LIGHT).values(), *asdict(DARK).values(), "#fff", "#000"}
    for path in OURS.rglob("*.*"):
        used = set(re.findall(r"#[0-9a-fA-F]{3,8}\b(?!;)", re.sub(r"&#\d+;", "", path.read_text("utf-8"))))
        assert used <= known, path
    print_rule = (OURS / "style.css").read_text("utf-8").partition("@media print")[2]
    assert (OURS / "style.css").read_text("utf-8").count("#fff") == print_rule.count("#fff")


@pytest.mark.parametrize(
    "text", ["green", "#fff", "#+1+1+1", "#1_1_1_", "#１１２２３３", "# 1 1 1", "#0b5d4", ""]
)
def test_what_is_no_colour_is_none(text: str) -> None:
    """M4: what is written into the stylesheet is six digits."""
    with pytest.raises(ValueError, match="is not a colour"):
        parse_colour(text)
