"""Open a scan or photograph of a card as a grey picture: PNG, JPEG, WebP, TIFF, or pages of a PDF."""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from optin.errors import CardRefused

if TYPE_CHECKING:
    from PIL.Image import Image

MOST_BYTES = 50_000_000
MOST_PIXELS = 120_000_000  # of the largest cameras; a page at 1200 dpi has as many
MOST_PAGES = 10
_LONGEST_SIDE = 3_500  # 300 dpi on A4: more tells no more
_SHORTEST_LONG_SIDE = 1_800
_PDF_WITHIN_BYTES = 1_024
_POINTS = 72
_AGAIN = "Scan or photograph it again."


def card_pictures(data: bytes, name: str) -> Iterator[Image]:
    """Yield the pictures of a file, upright as the camera was held. Raises CardRefused."""
    if len(data) > MOST_BYTES:
        raise CardRefused(name, f"is larger than {MOST_BYTES // 1_000_000} MB", "Scan it at 300 dpi.")
    pages = _pdf_pages if b"%PDF-" in data[:_PDF_WITHIN_BYTES] else _pictures
    try:
        yield from pages(data, name)
    except CardRefused:
        raise
    except Exception as problem:  # a broken picture raises nearly everything in Pillow
        raise CardRefused(name, "is no picture and no PDF that can be opened", _AGAIN) from problem


def _pictures(data: bytes, name: str) -> Iterator[Image]:
    from PIL import Image, ImageOps  # noqa: PLC0415 - heavy, and seldom needed

    logging.getLogger("PIL").setLevel(logging.CRITICAL)  # it tells of each flaw; ours is one sentence
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        opened = Image.open(io.BytesIO(data), formats=("PNG", "JPEG", "WEBP", "TIFF"))
        for number in range(min(getattr(opened, "n_frames", 1), MOST_PAGES)):
            opened.seek(number)
            if opened.width * opened.height > MOST_PIXELS:
                raise CardRefused(name, "has more pixels than any scan", "Scan it at 300 dpi.")
            opened.draft("L", (_LONGEST_SIDE, _LONGEST_SIDE))
            yield _grey(ImageOps.exif_transpose(opened))


def _pdf_pages(data: bytes, name: str) -> Iterator[Image]:
    import pypdfium2  # noqa: PLC0415 - as above

    try:
        document = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as problem:
        raise CardRefused(name, "is a PDF that cannot be opened", _AGAIN) from problem
    try:
        for number in range(min(len(document), MOST_PAGES)):
            page = document[number]
            longest = max(*page.get_size(), 1)
            yield _grey(page.render(scale=min(300 / _POINTS, _LONGEST_SIDE / longest)).to_pil())
    finally:
        document.close()


def _grey(picture: Any) -> Image:
    """Return a picture in grey, on white where it lets through, no larger than serves."""
    from PIL import Image  # noqa: PLC0415 - as above

    if "A" in picture.getbands() or "transparency" in picture.info:
        picture = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
    if picture.mode.startswith("I"):  # 16 bits: a conversion would cut them off
        picture = picture.point(lambda it: it * (1 / 256))
    grey: Image.Image = picture.convert("L")
    if max(grey.size) < _SHORTEST_LONG_SIDE:  # corners are found to a pixel: make it a small one
        scale = _SHORTEST_LONG_SIDE / max(grey.size)
        size = round(grey.width * scale) or 1, round(grey.height * scale) or 1
        grey = grey.resize(size, Image.Resampling.BICUBIC)
    grey.thumbnail((_LONGEST_SIDE, _LONGEST_SIDE), Image.Resampling.BICUBIC)
    return grey
