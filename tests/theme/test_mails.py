"""Mails as mail programs show them: small, and of nothing that one of them does not know."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html.parser import HTMLParser

import pytest

from optin.theme.languages import languages
from optin.theme.look import Look
from optin.theme.mail_views import (
    BasisMail,
    DeliveryMail,
    ErasedMail,
    KindMail,
    LetterMail,
    PersonalMail,
    RequestMail,
    StaffMail,
)
from optin.theme.theme import Mail, Theme
from tests.theme import gallery
from tests.theme.mail_programs import (
    AT_RULES,
    ATTRIBUTES,
    ELEMENTS,
    IN_CELLS_ALONE,
    LONGHANDS,
    MOST_BYTES,
    MOST_PIXELS_OF_A_BORDER,
    PROPERTIES,
)

LOGO = ("logo.png", b"\x89PNG")
THEMES = (Theme(Look(), zone="Europe/Amsterdam"), Theme(Look(logo=LOGO), zone="Europe/Amsterdam"))
MAILS = [(lang, mail) for lang in languages() for mail in gallery.mails(lang)]
NEVER = re.compile(r"url\(|rem\b|-\d|\bauto\b")  # values that one of the programs does not have
MANY = "x" * 200  # a title and a wording as long as check lets them be


@dataclass(frozen=True)
class Declared:
    """One declaration: on which element, or in which rule."""

    where: str
    name: str
    value: str


class Reader(HTMLParser):
    """Collects what a mail's HTML uses."""

    def __init__(self) -> None:
        super().__init__()
        self.elements: set[str] = set()
        self.attributes: set[str] = set()
        self.declared: list[Declared] = []
        self.styles = ""
        self._in_style = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self._in_style = tag == "style"
        self.declared += declarations(tag, dict(attrs).get("style") or "")

    def handle_endtag(self, tag: str) -> None:
        self._in_style = self._in_style and tag != "style"

    def handle_data(self, data: str) -> None:
        if self._in_style:
            self.styles += data


def declarations(where: str, css: str) -> Iterator[Declared]:
    for part in filter(str.strip, css.split(";")):
        name, _, value = part.partition(":")
        yield Declared(where, name.strip(), value.strip())


def rules_of(css: str) -> Iterator[tuple[str, str]]:
    """Yield each rule or at-rule and what stands in its braces; braces nest once."""
    for head, body in re.findall(r"([^{}]+)\{((?:[^{}]|\{[^{}]*\})*)\}", css):
        yield head.strip(), body


def problems_of(html: str) -> list[str]:
    """Return what stands in a mail that some program does not show as meant."""
    reader = Reader()
    reader.feed(html)
    found = [f"<{name}>" for name in reader.elements - ELEMENTS]
    found += [f"attribute {name}" for name in reader.attributes - ATTRIBUTES]
    declared = list(reader.declared)
    for head, body in rules_of(reader.styles):
        if head.startswith("@"):
            found += [] if head in AT_RULES else [head]
            for _, inner in rules_of(body):
                declared += declarations("", inner)
        else:
            declared += declarations("", body)
    for it in declared:
        name = LONGHANDS.get(it.name, it.name)
        border = re.match(r"(\d+)px", it.value) if name == "border" else None
        wide = border is not None and int(border[1]) > MOST_PIXELS_OF_A_BORDER
        if name not in PROPERTIES:
            found.append(f"{it.name} on {it.where}")
        elif name in IN_CELLS_ALONE and it.where not in {"td", "a", "body", "ul", "ol", ""}:
            found.append(f"{it.name} on <{it.where}>, which Outlook has in cells alone")
        elif wide or (NEVER.search(it.value) and name != "font-family"):
            found.append(f"{it.name}: {it.value}")
    return found


@pytest.mark.parametrize(("lang", "mail"), MAILS)
def test_a_mail_uses_what_every_mail_program_knows(lang: str, mail: Mail) -> None:
    """W4, D5: after caniemail.com; with a logo, and with the icon in its place."""
    for theme in THEMES:
        assert problems_of(theme.mail(mail).html) == [], lang


@pytest.mark.parametrize(
    "html",
    [
        '<p style="display:block;background:url(a.png)">',
        '<p style="padding:4px">',
        '<p style="margin:-4px">',
        '<p style="font-size:1rem">',
        '<td style="border:9px solid">',
        '<div style="position:absolute">',
        "<video>",
        '<p onclick="x">',
        "<style>@supports (display: grid) { p { color: red } }</style>",
        "<style>@media (max-width: 480px) { p { gap: 1px } }</style>",
    ],
)
def test_the_test_of_mails_sees_what_a_program_does_not_know(html: str) -> None:
    """W4: it can fail."""
    assert len(problems_of(html)) == 1


@pytest.mark.parametrize(("lang", "mail"), MAILS)
def test_gmail_shows_every_mail_whole(lang: str, mail: Mail) -> None:
    """W4: at most 102 kB, both parts together; what an author writes may be as long as it can be."""
    words = THEMES[1].mail(mail)
    assert len(words.html.encode()) + len(words.text.encode()) < MOST_BYTES / 5, lang


@pytest.mark.parametrize("lang", languages())
def test_the_longest_delivery_is_still_shown_whole(lang: str) -> None:
    """W4: twenty boxes of the longest wording."""
    mail = gallery.delivery(lang, title=MANY)
    long = [
        type(given)(type(given.question)(**{**vars(given.question), "wording": "w" * 2_000}), given.until)
        for given in mail.granted
    ]
    words = THEMES[1].mail(gallery.delivery(lang, title=MANY, granted=tuple(long * 10)))
    assert len(words.html.encode()) + len(words.text.encode()) < MOST_BYTES


@pytest.mark.parametrize(("lang", "mail"), MAILS)
def test_an_inbox_shows_a_sentence_beside_the_subject(lang: str, mail: Mail) -> None:
    """W4: the preheader comes first, says something of its own, and is not seen in the mail."""
    words = THEMES[0].mail(mail)
    (hidden,) = re.findall(r'<div style="display:none;[^"]*">([^<]*)</div>', words.html)
    assert 10 < len(hidden) < 250, lang
    assert words.html.index(hidden) < words.html.index("<h1")
    assert hidden != words.subject


@pytest.mark.parametrize(("lang", "mail"), MAILS)
def test_a_mail_shows_who_writes(lang: str, mail: Mail) -> None:
    """W4: a logo that programs can show, else the icon and the name; never an SVG, which Gmail shows not."""
    shown, drawn = THEMES[1].mail(mail).html, THEMES[0].mail(mail).html
    name = mail.controller.name
    assert re.search(
        rf'<img class="chip" src="https://optin\.example\.com/static/logo\.\w+\.png" alt="{name}"', shown
    )
    assert '<img src="https://optin.example.com/apple-touch-icon.png" alt=""' in drawn
    svg = Theme(Look(logo=("logo.svg", b"<svg/>")))
    assert ".svg" not in svg.mail(mail).html, lang


@pytest.mark.parametrize("lang", languages())
def test_the_person_is_called_by_the_name_they_gave_once_they_confirmed(lang: str) -> None:
    """W4, D5: in the delivery; before, anybody may have typed it."""
    theme = THEMES[0]
    for part in (theme.mail(gallery.delivery(lang)).text, theme.mail(gallery.delivery(lang)).html):
        assert theme.text(lang, "mail.delivery.dear", name="Alice") in part
    assert "Alice" not in theme.mail(gallery.delivery(lang, first_name="")).html


@pytest.mark.parametrize("lang", languages())
def test_a_subject_names_what_is_in_the_mail(lang: str) -> None:
    """W4: the magnet in its kind's words; not when a consent was only given anew."""
    theme = THEMES[0]
    paper = theme.mail(gallery.delivery(lang)).subject
    assert paper == theme.text(lang, "mail.delivery.subject.white-paper", title=gallery.delivery(lang).title)
    anew = theme.mail(gallery.delivery(lang, hands_out=False, download_url=None)).subject
    assert anew == theme.text(lang, "mail.delivery.subject", title=gallery.delivery(lang).title)
    strange = theme.mail(gallery.delivery(lang, kind="other")).subject
    assert strange == anew


def test_the_gallery_has_every_mail() -> None:
    """W4, M10: each class of mail is among those that these tests read."""
    read = {type(mail) for _, mail in MAILS}
    assert read >= {BasisMail, DeliveryMail, ErasedMail, KindMail, LetterMail, PersonalMail, StaffMail}
    assert read >= {*RequestMail.__subclasses__()}
