"""Draw a form version as a reply card: a PDF whose bytes follow from the form and nothing else."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optin.cards.card_code import SIZES, CardCode, origin_of
from optin.cards.card_geometry import BOX, BOX_LEFT, BOX_LINE, MARK, SMALL_WIDTH, CardPlaces
from optin.consent.form_version import SOURCE_FIELD, FormVersion
from optin.errors import CardRefused
from optin.theme import lettering
from optin.theme.wording import Wording

if TYPE_CHECKING:
    from fpdf import FPDF

_REGULAR = Path(lettering.__file__).parent / "fonts" / "SourceSansPro-Regular.otf"
_PLAIN, _BOLD = "plain", "bold"
_MADE = datetime(2000, 1, 1, tzinfo=UTC)  # the same for every card: its bytes follow from the form
_RIGHT = 14.0
_TOP = 16.0  # below the marks
_FOOT = 5.0  # between the last line and the code
_CELL, _CELL_HEIGHT, _CELL_ROWS = 5.0, 6.5, 2
_POINT = 0.3528  # mm
_LINE = 1.25  # height of a line of text, in heights of its letters
_SIZE_TITLE, _SIZE_TEXT, _SIZE_SMALL = 15.0, 10.0, 7.5
_SIZE_LABEL = 8.5
_WRITING = 9.0  # the height that a hand needs
_GREY = 110
_LOWEST = 7.0  # from the lower edge


@dataclass(frozen=True)
class CardContent:
    """What goes on a card: the form, and the texts of its language. `privacy`: the statement's address."""

    form: FormVersion
    base_url: str
    privacy: str
    words: Wording


@dataclass
class _Sheet:
    """A page that is filled from the top down. `y`: where the next thing begins, in mm."""

    pdf: FPDF
    places: CardPlaces
    y: float = _TOP
    edges: list[float] = field(default_factory=list)

    @property
    def scale(self) -> float:
        """Return how large texts and gaps are: small paper has less room for both."""
        return 1.0 if self.places.width > SMALL_WIDTH else 0.84

    @property
    def across(self) -> float:
        return self.places.width - BOX_LEFT - _RIGHT

    def text(
        self, text: str, size: float, font: str = _PLAIN, left: float = BOX_LEFT, width: float = 0
    ) -> None:
        """Write a text over as many lines as it needs, and go below it."""
        size *= self.scale
        self.pdf.set_font(font, size=size)
        self.pdf.set_xy(left, self.y)
        self.pdf.multi_cell(
            width or self.places.width - left - _RIGHT, size * _POINT * _LINE, text, align="L"
        )
        self.y = self.pdf.get_y()

    def line(self, label: str, left: float, width: float, why: str = "") -> None:
        """Draw a line to write on, with its label below it."""
        low = self.y + _WRITING * self.scale
        self.pdf.line(left, low, left + width, low)
        size = _SIZE_LABEL * self.scale
        self.pdf.set_font(_PLAIN, size=size)
        self.pdf.set_xy(left, low + 0.8)
        self.pdf.multi_cell(width, size * _POINT * _LINE, f"{label} – {why}" if why else label, align="L")


def draw_card(content: CardContent, size: str = "A5") -> bytes:
    """Return a card as PDF, of the same bytes each time. Raises CardRefused: no question, no room.

    `size`: A4, A5 or A6, upright.
    """
    import fpdf  # noqa: PLC0415 - heavy, and seldom needed

    form = content.form.declaration
    if not form.questions:
        raise CardRefused(form.magnet, "asks no consent", "Add a purpose to it, or print no card.")
    pdf = fpdf.FPDF(unit="mm", format=SIZES[size])
    pdf.set_creation_date(_MADE)
    pdf.set_producer("optin")
    pdf.set_title(form.title)
    pdf.set_lang(form.lang)
    pdf.set_auto_page_break(auto=False)
    pdf.add_font(_PLAIN, fname=_REGULAR)
    pdf.add_font(_BOLD, fname=lettering.FONT)
    try:
        return _drawn(pdf, content, size)
    finally:
        for it in pdf.fonts.values():
            if isinstance(it, fpdf.fonts.TTFFont):
                it.close()  # else its file stays open


def _drawn(pdf: FPDF, content: CardContent, size: str) -> bytes:
    """Return the card, drawn on the first page of a document that has its fonts. Raises CardRefused."""
    pdf.add_page()
    pdf.set_margin(0)
    pdf.c_margin = 0
    form, places = content.form.declaration, CardPlaces(*SIZES[size])
    sheet = _Sheet(pdf, places)
    _write(sheet, content)
    if sheet.y > places.code[0][1] - _FOOT:
        larger = next((name for name, it in sorted(SIZES.items(), reverse=True) if it > SIZES[size]), "")
        cure = f"Choose {larger}." if larger else "Ask for less."
        raise CardRefused(form.magnet, f"has no room for all of its form on {size}", cure)
    _write_foot(sheet, content)
    _mark(sheet)
    code = CardCode(origin_of(content.base_url), content.form.digest, size, tuple(sheet.edges))
    _draw_code(pdf, places, code.as_text())
    return bytes(pdf.output())


def _write(sheet: _Sheet, content: CardContent) -> None:
    """Write everything above the code: who asks, the fields, the questions, the signature."""
    form, words = content.form.declaration, content.words
    sheet.text(form.controller.name, _SIZE_LABEL)
    sheet.y += 2 * sheet.scale
    sheet.text(form.title, _SIZE_TITLE, _BOLD)
    sheet.y += 3 * sheet.scale
    sheet.text(words.text("card.how"), _SIZE_TEXT)
    sheet.y += 4 * sheet.scale
    _write_email(sheet, words.text("field.email"))
    for it in form.fields:
        if it.name != SOURCE_FIELD:
            sheet.line(it.label, BOX_LEFT, sheet.across, it.why)
            sheet.y = sheet.pdf.get_y()
    sheet.y += 5 * sheet.scale
    for question in form.questions:
        edge = round(sheet.y, 1)
        sheet.edges.append(edge)
        sheet.pdf.set_line_width(BOX_LINE)
        sheet.pdf.rect(BOX_LEFT, edge, BOX, BOX)
        sheet.pdf.set_line_width(0.2)
        sheet.y = edge + 0.8
        sheet.text(question.wording, _SIZE_TEXT, left=BOX_LEFT + BOX + 3)
        lasts = words.text(f"consent.lasts.{question.channel}", period=words.period(question.retention))
        sheet.text(lasts, _SIZE_SMALL, left=BOX_LEFT + BOX + 3)
        sheet.y = max(sheet.y, edge + BOX) + 3.5 * sheet.scale
    half = (sheet.across - 6) / 2
    sheet.line(words.text("card.day"), BOX_LEFT, half)
    sheet.line(words.text("card.signature"), BOX_LEFT + half + 6, half)
    sheet.y = sheet.pdf.get_y()


def _write_email(sheet: _Sheet, label: str) -> None:
    """Draw one cell for each character of the e-mail address."""
    pdf = sheet.pdf
    count = int(sheet.across // _CELL)
    pdf.set_draw_color(_GREY)
    for row in range(_CELL_ROWS):
        for place in range(count):
            pdf.rect(BOX_LEFT + place * _CELL, sheet.y + row * (_CELL_HEIGHT + 1.2), _CELL, _CELL_HEIGHT)
    pdf.set_draw_color(0)
    sheet.y += _CELL_ROWS * (_CELL_HEIGHT + 1.2) - 0.4
    sheet.text(label, _SIZE_LABEL)


def _write_foot(sheet: _Sheet, content: CardContent) -> None:
    """Write beside the code, from its top: how to withdraw, the statement, the form version, who asks."""
    form, words = content.form.declaration, content.words
    sheet.y = sheet.places.code[0][1]
    room = sheet.places.code[0][0] - BOX_LEFT - 5
    told = (
        words.text("card.withdraw", address=f"{content.base_url}/me", email=form.controller.email),
        words.text("card.privacy", address=content.privacy),
        words.text("card.version", version=content.form.digest[:12]),
        ", ".join((form.controller.name, *form.controller.address)),
    )
    lowest = sheet.places.height - _LOWEST
    for it in told:
        sheet.text(it, _SIZE_SMALL, width=room)
        sheet.y += 1.8
    if sheet.y > lowest:
        raise CardRefused(form.magnet, "has no room for its foot on so small a card", "Choose a larger size.")


def _mark(sheet: _Sheet) -> None:
    sheet.pdf.set_fill_color(0)
    for x, y in sheet.places.marks:
        sheet.pdf.rect(x - MARK / 2, y - MARK / 2, MARK, MARK, style="F")


def _draw_code(pdf: Any, places: CardPlaces, text: str) -> None:
    """Draw the QR code; runs of dark modules as one rectangle, so that no gap shows between them."""
    import segno  # noqa: PLC0415 - seldom needed

    rows = [bytes(row) for row in segno.make(text, error="m", micro=False).matrix]
    (left, top), *_ = places.code
    side = places.code_side / len(rows)
    pdf.set_fill_color(0)
    for y, row in enumerate(rows):
        x = 0
        while x < len(row):
            end = x
            while end < len(row) and row[end]:
                end += 1
            if end > x:
                pdf.rect(left + x * side, top + y * side, (end - x) * side, side + 0.01, style="F")
            x = end + 1
