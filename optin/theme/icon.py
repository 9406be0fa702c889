"""The icon of a site: for browser tabs, bookmarks and home screens.

Pages name one file: the site's own, else a drawing of ours, the initial on the site's colour. Browsers also
ask for two addresses that no page names; what is there is drawn when somebody asks, so that the version of a
form depends on no drawing library.
"""

from __future__ import annotations

import io
from functools import lru_cache
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from optin.theme import lettering
from optin.theme.look import Look

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

ICON_ENDINGS = ("svg", "png", "ico")
ICON_PATH, TOUCH_PATH = "/favicon.ico", "/apple-touch-icon.png"
ICO, PNG = "image/x-icon", "image/png"
TOUCH_PIXELS = 180  # what iOS asks for
_SIZES = [(16, 16), (32, 32), (48, 48)]
MOST_PIXELS = 2_000_000  # of a picture that is drawn anew: refused at twice as many
_SIDE = 256  # drawn larger, for smooth edges
_CORNER, _LETTER = 56, 170


def page_icon(look: Look) -> tuple[str, bytes]:
    """Return name and bytes of the icon that pages refer to."""
    return look.favicon or ("favicon.svg", icon_svg(look))


def icon_svg(look: Look) -> bytes:
    """Return an icon for a site without its own: its initial, or a dot, on its colour."""
    mark = (
        f'<text x="32" y="46" font-family="system-ui,sans-serif" font-size="40" font-weight="700"'
        f' text-anchor="middle" fill="{look.light.press.words}">{escape(look.initial)}</text>'
        if look.initial
        else f'<circle cx="32" cy="32" r="13" fill="{look.light.press.words}"/>'
    )
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64">'
        f'<rect width="64" height="64" rx="14" fill="{look.light.press.fill}"/>{mark}</svg>\n'
    ).encode()


def drawn_icon(look: Look, path: str) -> tuple[str, bytes]:
    """Return type and bytes of the icon at an address that browsers request on their own."""
    if path == ICON_PATH and look.favicon is not None and look.favicon[0].lower().endswith(".ico"):
        return ICO, look.favicon[1]
    return (ICO, _ico(look)) if path == ICON_PATH else (PNG, _touch(look))


@lru_cache(maxsize=8)
def _ico(look: Look) -> bytes:
    out = io.BytesIO()
    _picture(look).save(out, "ICO", sizes=_SIZES)
    return out.getvalue()


@lru_cache(maxsize=8)
def _touch(look: Look) -> bytes:
    from PIL import Image  # noqa: PLC0415 - a server that draws nothing need not load it

    picture = _picture(look).resize((TOUCH_PIXELS, TOUCH_PIXELS))
    ground = Image.new(
        "RGBA", picture.size, look.light.sheet if look.favicon else look.light.press.fill
    )  # iOS shows no hole
    ground.alpha_composite(picture)
    out = io.BytesIO()
    ground.convert("RGB").save(out, "PNG")
    return out.getvalue()


def _picture(look: Look) -> Picture:
    """Return the site's own icon, when Pillow can read it, else the drawn one, as a square of `_SIDE`."""
    from PIL import Image  # noqa: PLC0415 - as above

    if look.favicon is not None:
        Image.MAX_IMAGE_PIXELS = MOST_PIXELS  # an .ico says nothing of the pictures in it
        try:
            with Image.open(io.BytesIO(look.favicon[1])) as own:
                return own.convert("RGBA").resize((_SIDE, _SIDE))
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):  # an SVG; a broken picture
            pass
    return _drawn(look)


def _drawn(look: Look) -> Picture:
    from PIL import Image, ImageDraw  # noqa: PLC0415 - as above

    shape = Image.new("L", (_SIDE, _SIDE), 0)
    ImageDraw.Draw(shape).rounded_rectangle((0, 0, _SIDE - 1, _SIDE - 1), _CORNER, 255)
    mark = Image.new("L", shape.size, 0)
    letter = lettering.writable_text(look.initial)
    if letter:
        font = lettering.typeface(_LETTER)
        left, top, right, bottom = font.getbbox(letter[0])
        at = (_SIDE - left - right) / 2, (_SIDE - top - bottom) / 2
        ImageDraw.Draw(mark).text(at, letter[0], 255, font)
    else:
        side = _SIDE * 0.3
        ImageDraw.Draw(mark).ellipse((side, side, _SIDE - side, _SIDE - side), 255)
    picture = Image.new("RGBA", shape.size, look.light.press.fill)
    picture.paste(look.light.press.words, mask=mark)
    picture.putalpha(shape)
    return picture
