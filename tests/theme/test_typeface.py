"""Typefaces: what stands in for one that is not there, and what a stylesheet can be made to say."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from optin.theme.look import Look
from optin.theme.theme import Theme
from optin.theme.typeface import (
    SANS_STACK,
    SERIF_STACK,
    FontFile,
    parse_font_name,
    parse_typeface,
)
from tests.theme import gallery
from tests.theme.font import TWICE

SOUND = re.compile(r'(?:"[\w .\'’-]+", )*(?:[A-Za-z-]+|"[A-Za-z ]+")(?:, (?:[A-Za-z-]+|"[A-Za-z ]+"))*')


@pytest.mark.parametrize(
    ("written", "stack"),
    [
        ("sans", SANS_STACK),
        ("Sans-Serif", SANS_STACK),
        ("serif", SERIF_STACK),
        ("Poppins", f'"Poppins", {SANS_STACK}'),
        ("'Open Sans'", f'"Open Sans", {SANS_STACK}'),
        ('"Open Sans", Verdana', f'"Open Sans", "Verdana", {SANS_STACK}'),
        ("Source Serif 4", f'"Source Serif 4", {SERIF_STACK}'),
        ("EB Garamond", f'"EB Garamond", {SERIF_STACK}'),
        ("Lora", f'"Lora", {SERIF_STACK}'),
        ("Times New Roman", f'"Times New Roman", {SERIF_STACK}'),
        ("Merriweather Sans", f'"Merriweather Sans", {SANS_STACK}'),
        ("Poppins, serif", f'"Poppins", {SERIF_STACK}'),
        ("Lora, sans", f'"Lora", {SANS_STACK}'),
        ("Menlo, monospace", '"Menlo", ui-monospace, SFMono-Regular, Menlo, Consolas, monospace'),
    ],
)
def test_a_typeface_that_is_not_there_is_followed_by_one_of_its_sort(written: str, stack: str) -> None:
    """F6: what a browser takes for "no such font" is Times; nobody chose that."""
    assert parse_typeface(written).stack == stack


HOSTILE = [
    "", " ", ",", "a;b", 'a"', '"a', "a\\", "a\\22 ", "a\nb", "a/*", "a}b", "a)b", "</style>", "a{", "url(x)",
    "@import", "a, ", "a\u2028b", "a\u202eb", "x" * 201, "-moz", "\ufeffa",
]  # fmt: skip


@pytest.mark.parametrize("written", HOSTILE)
def test_what_could_end_a_string_of_css_is_refused(written: str) -> None:
    """S1, S5: in a name, whole or by halves."""
    with pytest.raises(ValueError, match="names with commas"):
        parse_typeface(written)


@given(st.text(max_size=40) | st.text("ab\"'\\;{}(), \n<>/*-.", max_size=12))
@example('a","b')
@example("a', 'b")
def test_no_typeface_says_anything_but_names(written: str) -> None:
    """S1: whatever is taken stands in the stylesheet as strings and nothing else."""
    try:
        stack = parse_typeface(written).stack
    except ValueError:
        return
    assert SOUND.fullmatch(stack), stack


@pytest.mark.parametrize(
    ("stem", "told"),
    [
        ("Poppins-Regular", ("Poppins", 400, 400, False)),
        ("Poppins-SemiBold", ("Poppins", 600, 600, False)),
        ("poppins-semibolditalic", ("poppins", 600, 600, True)),
        ("Poppins-Italic", ("Poppins", 400, 400, True)),
        ("Poppins-ExtraLight", ("Poppins", 200, 200, False)),
        ("Poppins-700", ("Poppins", 700, 700, False)),
        ("Inter-Variable", ("Inter", 100, 900, False)),
        ("Inter-VariableItalic", ("Inter", 100, 900, True)),
        ("Open-Sans-Bold", ("Open-Sans", 700, 700, False)),
        ("Poppins", None),
        ("Poppins-", None),
        ("-Bold", None),
        ("Poppins-Bolder", None),
        ("Poppins-450", None),
        ("Poppins_Bold", None),
    ],
)
def test_a_font_file_says_in_its_name_what_it_is(stem: str, told: object) -> None:
    """F6: family and weight, as the makers of fonts name their files."""
    assert parse_font_name(stem) == told


def themed(written: str = "Open Sans") -> Theme:
    fonts = tuple(
        FontFile(f"OpenSans-{name}.woff2", "OpenSans", *weights, data)
        for name, weights, data in (
            ("Regular", (400, 400, False), TWICE),
            ("BoldItalic", (700, 700, True), TWICE + b"b"),
            ("Variable", (100, 900, False), TWICE + b"v"),
        )
    )
    return Theme(Look(own_typeface=parse_typeface(written), own_fonts=fonts))


def test_the_stylesheet_names_each_font_file_by_its_digest() -> None:
    """F5, P2: under the name that the site wrote; shown at once in another typeface until it is there."""
    theme = themed()
    css = theme.assets[theme.asset_url("style.css")].data.decode()
    rules = re.findall(r"@font-face \{ ([^}]*) \}", css)
    assert len(rules) == 3
    for rule in rules:
        assert 'font-family: "Open Sans"; ' in rule
        assert "font-display: swap; " in rule
        (url,) = re.findall(
            r'src: url\("(/static/opensans-[a-z]+\.[0-9a-f]{16}\.woff2)"\) format\("woff2"\);', rule
        )
        assert theme.assets[url].content_type == "font/woff2"
    assert ["font-weight: 400; font-style: normal" in rule for rule in rules] == [True, False, False]
    assert ["font-weight: 700; font-style: italic" in rule for rule in rules] == [False, True, False]
    assert ["font-weight: 100 900; font-style: normal" in rule for rule in rules] == [False, False, True]
    assert f'--type: "Open Sans", {SANS_STACK};' in css
    assert theme.renewed().assets == theme.assets


def test_mails_and_cards_are_as_they_were_whatever_the_typeface() -> None:
    """M8: no mail program fetches a font, and a card is drawn with the one that comes along."""
    plain, own = Theme(Look()), themed()
    for mail in gallery.mails("nl"):
        assert own.mail(mail) == plain.mail(mail)
