"""Read a reply card back from a scan or a photograph: which form version, which boxes are ticked.

Nothing here is a consent: a person of the staff looks at the picture and attests.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from optin.cards.box_frame import find_frame
from optin.cards.card_code import PREFIX, SIZES, CardCode, origin_of, parse_card_code
from optin.cards.card_geometry import BOX, BOX_LEFT, CardPlaces, Point
from optin.cards.card_picture import card_pictures
from optin.cards.corner_marks import find_mark
from optin.cards.straighten import Coefficients, coefficients, seen_at
from optin.consent.form_version import FormDeclaration, FormDigest
from optin.consent.purpose import ConsentQuestion
from optin.errors import CardRefused

if TYPE_CHECKING:
    from PIL.Image import Image

_SCALE = 6.0  # pixels a millimetre of the straightened card: 150 dpi
_INSIDE = 0.9  # mm from the edge of a box: its line, and what printer and paper leave askew
_BESIDE = 3.0  # mm around a box in its picture
_INK = 0.72  # of the white of the paper there; pencil is lighter than ink
_EMPTY, _TICKED, _FILLED = 0.015, 0.05, 0.75  # shares of dark pixels
_MARGIN = 20.0  # mm around the card, where the code alone may place a mark
_FLAT = "Photograph it flat and whole, from above, or scan it."


class BoxState(StrEnum):
    """What a box shows."""

    TICKED = "ticked"
    EMPTY = "empty"
    UNCLEAR = "unclear"  # a trace of ink, or a box that is filled: taken back, perhaps


@dataclass(frozen=True)
class ReadBox:
    """A box as read. `dark`: the share of dark pixels in it; `picture`: a PNG of it and its surroundings."""

    state: BoxState
    dark: float
    picture: bytes = field(repr=False)


@dataclass(frozen=True)
class ReadCard:
    """What a card says. `boxes`: in the order of the form version's questions."""

    origin: str
    digest: FormDigest
    boxes: tuple[ReadBox, ...]


@dataclass(frozen=True)
class _FoundCode:
    code: CardCode
    corners: tuple[Point, Point, Point, Point]  # in the picture: as `CardPlaces.code` has them
    picture: Image


def read_card(data: bytes, name: str, base_url: str) -> ReadCard:
    """Return what a scanned card says. Raises CardRefused: no card of this site, torn, several at once.

    `name`: the file as the user knows it; `base_url`: the address of the site that asks.
    """
    # 1. find the code
    found = _code_in(data, name)
    # 2. is it ours?
    if found.code.origin != origin_of(base_url):
        raise CardRefused(name, f"is a card of {found.code.origin}", "Read it with that site.")
    # 3. straighten the picture by the code and the marks
    straight = _straightened(found, name)
    # 4. look into each box
    boxes = tuple(_box(straight, edge) for edge in found.code.edges)
    return ReadCard(found.code.origin, found.code.digest, boxes)


def answers(
    card: ReadCard, form: FormDeclaration | None, name: str
) -> tuple[tuple[ConsentQuestion, ReadBox], ...]:
    """Return each question of the card's form version with its box. Raises CardRefused: unknown, other boxes.

    `form`: of the version whose digest the card names; None where the store has no such version.
    """
    if form is None:
        problem = f"is a card of a form version that is not on record ({card.digest[:12]})"
        raise CardRefused(name, problem, "Read it with the store of the site that printed it.")
    if len(card.boxes) != len(form.questions):
        problem = f"has {len(card.boxes)} boxes, and its form version {len(form.questions)} questions"
        raise CardRefused(name, problem, "Do not use it: optin printed no such card.")
    return tuple(zip(form.questions, card.boxes, strict=True))


def _code_in(data: bytes, name: str) -> _FoundCode:
    """Return the one code of a card in a file. Raises CardRefused."""
    import zxingcpp  # noqa: PLC0415 - heavy, and seldom needed

    kind = zxingcpp.barcode_formats_from_str("QRCode")
    damaged, found = False, list[_FoundCode]()
    for picture in card_pictures(data, name):
        for it in zxingcpp.read_barcodes(picture, formats=kind):
            code = parse_card_code(it.text)
            damaged = damaged or (code is None and it.text.upper().startswith(PREFIX))
            if code is not None:
                at = it.position
                corners = (at.top_left, at.top_right, at.bottom_right, at.bottom_left)
                places = tuple((float(corner.x), float(corner.y)) for corner in corners)
                found.append(_FoundCode(code, (places[0], places[1], places[2], places[3]), picture))
    if len(found) > 1:
        raise CardRefused(name, f"shows {len(found)} cards", "Scan each by itself.")
    if found:
        return found[0]
    if damaged:
        raise CardRefused(name, "has the code of a later version, or one that was changed", "Update optin.")
    raise CardRefused(name, "shows no code of a reply card", _FLAT)


def _straightened(found: _FoundCode, name: str) -> Image:
    """Return the card as printed, at `_SCALE`. Raises CardRefused where a mark is missing.

    The code is small, so it only says where to look for the marks: first the near ones, by them the far one.
    """
    places = CardPlaces(*SIZES[found.code.size])
    far, right, low = places.marks
    try:
        by_code = coefficients(found.corners, places.code)
        at_right = _mark(found.picture, by_code, places, right)
        at_low = _mark(found.picture, by_code, places, low)
        if at_right is not None and at_low is not None:
            some = (right, low, places.code[2], places.code[0])
            by_some = coefficients([at_right, at_low, found.corners[2], found.corners[0]], some)
            at_far = _mark(found.picture, by_some, places, far)
            if at_far is not None:
                middle = _middle(places.code)
                seen = [at_far, at_right, at_low, seen_at(by_code, middle)]
                return _warped(found.picture, coefficients(seen, (far, right, low, middle)), places)
    except ValueError:  # the corners of the code make no square
        pass
    raise CardRefused(name, "does not show the three black squares in the corners of the card", _FLAT)


def _middle(corners: Sequence[Point]) -> Point:
    return sum(x for x, _ in corners) / len(corners), sum(y for _, y in corners) / len(corners)


def _mark(picture: Image, perspective: Coefficients, places: CardPlaces, expected: Point) -> Point | None:
    """Return where a mark is in the picture, looked for near its place; None where there is none."""
    around = (expected[0] + _MARGIN, expected[1] + _MARGIN)
    at = find_mark(_warped(picture, perspective, places, _MARGIN), _SCALE, around)
    return None if at is None else seen_at(perspective, (at[0] - _MARGIN, at[1] - _MARGIN))


def _warped(picture: Image, perspective: Coefficients, places: CardPlaces, margin: float = 0) -> Image:
    """Return the card as the perspective shows it, with `margin` mm around; white where the picture ends."""
    from PIL import Image  # noqa: PLC0415 - heavy, and seldom needed

    a, b, c, d, e, f, g, h = (
        perspective  # of millimetres; Pillow asks by pixels, from the corner of the margin
    )
    depth = 1 - margin * (g + h)
    shifted = (a, b, c - margin * (a + b), d, e, f - margin * (d + e), g, h)
    by_pixels = [it / depth / (1 if place in {2, 5} else _SCALE) for place, it in enumerate(shifted)]
    size = tuple(round((side + 2 * margin) * _SCALE) for side in (places.width, places.height))
    return picture.transform(
        (size[0], size[1]), Image.Transform.PERSPECTIVE, by_pixels, Image.Resampling.BICUBIC, fillcolor=255
    )


def _box(straight: Image, edge: float) -> ReadBox:
    """Look into the box whose upper edge should be at `edge` mm."""
    from PIL import ImageFilter  # noqa: PLC0415 - as above

    around = _crop(straight, (BOX_LEFT, edge), -_BESIDE)
    pixels = around.tobytes()
    white = sorted(pixels)[len(pixels) * 7 // 10]  # of the paper here, in whatever light
    found = find_frame(around, round(BOX * _SCALE), white)
    at = BOX_LEFT, edge
    if found is not None:
        at = BOX_LEFT - _BESIDE + found[0] / _SCALE, edge - _BESIDE + found[1] / _SCALE
    inside = _crop(straight, at, _INSIDE).filter(ImageFilter.MedianFilter(3)).tobytes()  # dust is no ink
    dark = sum(it < white * _INK for it in inside) / len(inside)
    out = io.BytesIO()
    around.save(out, "PNG")
    return ReadBox(BoxState.UNCLEAR if found is None else _state(dark), round(dark, 4), out.getvalue())


def _state(dark: float) -> BoxState:
    if dark < _EMPTY:
        return BoxState.EMPTY
    return BoxState.TICKED if _TICKED < dark < _FILLED else BoxState.UNCLEAR


def _crop(straight: Image, corner: Point, inset: float) -> Image:
    left, top, side = corner[0] + inset, corner[1] + inset, BOX - 2 * inset
    return straight.crop(tuple(round(it * _SCALE) for it in (left, top, left + side, top + side)))  # type: ignore[arg-type]  # four of them
