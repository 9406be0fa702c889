"""The colours of pages, cards and mails: read on every ground they stand on (F6)."""

from __future__ import annotations

import re
from typing import get_args

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from optin.settings.site import LookTable
from optin.theme import social_card
from optin.theme.colours import Colours
from optin.theme.desk_colours import BY_DAY, BY_NIGHT
from optin.theme.look import Look
from optin.theme.looks import CALM, LOOKS, Design
from optin.theme.palette import (
    LEAST_TEXT_CONTRAST,
    accent_contrasts,
    contrast,
    hexadecimal,
    mixed,
    parse_colour,
)
from optin.theme.theme import OURS

COLOURS = st.tuples(*[st.integers(0, 255)] * 3).map(hexadecimal)

DESIGNS = tuple(LOOKS.values())


def assert_legible(colours: Colours) -> None:
    """Fail where the words of a link, a button, a tick or a band have less than 4.5 to 1."""
    pairs = [(colours.accent, ground) for ground in colours.grounds]
    pairs += [(colours.on_accent, colours.accent), (colours.on_accent, colours.accent_hover)]
    press, band = colours.press, colours.on_stripe
    pairs += [(press.words, press.fill), (press.hover_words, press.hover)]
    pairs += [(it, colours.stripe) for it in (band.words, band.quiet, band.mark)]
    for one, other in pairs:
        assert ratio(one, other) >= 4.5, (one, other)


def ratio(one: str, other: str) -> float:
    return contrast(parse_colour(one), parse_colour(other))


def test_the_contrast_is_the_one_that_wcag_defines() -> None:
    """F6: black on white is 21 to 1; #767676 passes on white, and not on our own ground."""
    assert ratio("#000000", "#ffffff") == pytest.approx(21)
    assert ratio("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)
    assert not Look("#767676").readable
    assert Look().readable


def test_every_theme_that_a_site_can_name_is_a_look() -> None:
    """W3: what the setting allows and what there is are the same, and each has its file of shapes."""
    assert set(get_args(LookTable.model_fields["theme"].annotation)) == set(LOOKS)
    assert all((OURS / design.stylesheet).is_file() for design in DESIGNS)


@given(COLOURS)
@example("#ffee00")  # what check recommended for it had 4.43 on the page's own ground
@example("#ffffff")
@example("#767676")
def test_a_colour_that_is_recommended_can_be_read_wherever_it_stands(colour: str) -> None:
    """F6: as text, link and focus ring on every ground, and under the words of a button."""
    for design in DESIGNS:
        look = Look(Look(colour, design=design).nearest_readable, design=design)
        assert look.readable
        assert_legible(look.light)
        if Look(colour, design=design).readable:
            assert look.colour == colour
        assert look.in_design(CALM).readable


@given(COLOURS)
@example("#000000")
@example("#0000ff")
def test_by_night_any_colour_is_lightened_until_it_can_be_read(colour: str) -> None:
    """F6: on every dark ground, and under the dark words of a button."""
    for design in DESIGNS:
        assert_legible(Look(Look(colour, design=design).nearest_readable, design=design).dark)


@given(COLOURS)
def test_the_words_on_a_social_card_can_be_read(colour: str) -> None:
    """F6, M8: they are large, so 3 to 1 is enough; the foot is lighter than the card."""
    quiet, foot_tone = social_card._QUIET / 255, social_card._FOOT_TONE / 255  # noqa: SLF001 - as it is drawn
    for design in DESIGNS:
        look = Look(Look(colour, design=design).nearest_readable, design=design)
        ground, words = (parse_colour(it) for it in look.card[:2])
        mark = parse_colour(look.card[2]) if look.card[2] else mixed(ground, words, quiet)
        assert contrast(mark, ground) >= 3, design.name
        assert contrast(words, ground) >= 3, design.name
        assert contrast(words, mixed(ground, words, foot_tone)) >= 3, design.name


@pytest.mark.parametrize("mode", ["light", "dark"])
@pytest.mark.parametrize("design", DESIGNS, ids=list(LOOKS))
def test_the_colours_of_a_look_pass_on_every_ground(design: Design, mode: str) -> None:
    """W3, F6: text 4.5 to 1 on page, card, note, error, button and band; borders of fields 3 to 1."""
    look = Look(design=design)
    colours = look.dark if mode == "dark" else look.light
    assert_legible(colours)
    for ground in filter(None, (design.shape.night_sheet, design.shape.night_part)):  # of mails
        for name in ("ink", "quiet", "accent"):
            assert ratio(getattr(look.dark, name), ground) >= 4.5, (name, ground)
    for ground in colours.grounds:
        for name in ("ink", "quiet", "wrong"):
            assert ratio(getattr(colours, name), ground) >= 4.5, (name, ground)
        assert ratio(colours.edge, ground) >= 3, ground


def test_every_ground_is_held_against_the_colour() -> None:
    """F6: a ground that is added to the palette is looked at."""
    for design in DESIGNS:
        for palette in (design.light, design.dark):
            words = " ".join(it.words for it in accent_contrasts("#0b5d4b", palette))
            assert all(ground in words for ground in (*palette.grounds, palette.on_accent))


def test_templates_have_no_colour_that_the_palette_does_not_define() -> None:
    """F6: one place defines them; print is black on white. The gallery around the pages has its own."""
    own = OURS / "dev" / "gallery.css"
    for path in (it for it in OURS.rglob("*.*") if it.suffix != ".pyc" and it != own):
        text = re.sub(r"&#\d+;", "", path.read_text("utf-8"))
        used = set(re.findall(r"#[0-9a-fA-F]{3,8}\b", text))
        assert used <= {"#fff", "#000"}, path
    print_rule = (OURS / "style.css").read_text("utf-8").partition("@media print")[2]
    assert (OURS / "style.css").read_text("utf-8").count("#fff") == print_rule.count("#fff")


@pytest.mark.parametrize(
    "text", ["green", "#fff", "#+1+1+1", "#1_1_1_", "#１１２２３３", "# 1 1 1", "#0b5d4", ""]
)
def test_what_is_no_colour_is_none(text: str) -> None:
    """M4: what is written into the stylesheet is six digits."""
    with pytest.raises(ValueError, match="is not a colour"):
        parse_colour(text)


@pytest.mark.parametrize("design", DESIGNS, ids=lambda it: it.stylesheet)
def test_how_something_stands_can_be_read_on_every_ground_of_the_desk(design: Design) -> None:
    """K6: in each look, by day and by night."""
    for palette, own in ((design.light, BY_DAY), (design.dark, BY_NIGHT)):
        for ground in (palette.ground, palette.sheet, own.due_ground, palette.good_ground, own.rail):
            for words in (own.good, own.due, palette.ink):
                assert contrast(parse_colour(words), parse_colour(ground)) >= LEAST_TEXT_CONTRAST, (
                    words,
                    ground,
                )
        assert contrast(parse_colour(own.bar), parse_colour(palette.sheet)) >= 3, "a bar against its card"
