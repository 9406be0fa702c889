"""Draw a picture in the widths that pages show, as WebP, and as AVIF where that is smaller."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from optin.proof.commitment import digest
from optin.site.measure_pictures import MOST_PIXELS
from optin.site.picture_cache import PictureCache
from optin.site.picture_metadata import ORIENTATION

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

AVIF, WEBP = "avif", "webp"
JPEG, PNG = "jpg", "png"  # for mails: Gmail shows no SVG, Outlook no WebP (caniemail.com)
MAIL_WIDTH = 224  # pixels
SHARED_WIDTH = 1_200  # pixels: as wide as social sites show a picture
SHARED_BYTES = 300_000  # of a file that they get as it is: some show none that is larger
RECIPE = "2"  # part of each name in the cache: another one when the same bytes are drawn otherwise
# Widths in pixels by where a picture stands; screens show two or three of them for each pixel of the page.
WIDTHS: Mapping[str, tuple[int, ...]] = {
    "cover": (224, 448, 640),
    "face": (112, 224),
    "logo": (160, 320),
    "next": (144, 224),
    "page": (224, 448),
    "text": (448, 640, 1280),
}
_FORMATS = ("PNG", "JPEG", "WEBP")  # Pillow knows many more, and has other programs read some of them
_QUALITY = {AVIF: 52, WEBP: 78}


@dataclass(frozen=True)
class Rendition:
    """A picture in one width and format."""

    width: int
    height: int
    ending: str
    data: bytes


def renditions(data: bytes, use: str, kept: PictureCache) -> tuple[Rendition, ...]:
    """Return a picture in the widths of its use, none wider than itself: first AVIF if any, then WebP.

    Raises OSError or ValueError for what is no sound picture.
    """
    source = _Source(data)
    widths = [it for it in WIDTHS[use] if it < source.size[0]]
    if len(widths) < len(WIDTHS[use]):
        widths.append(source.size[0])
    endings = (AVIF, WEBP) if has_avif() else (WEBP,)
    drawn = source.renditions([(width, ending) for ending in endings for width in widths], kept)
    modern, known = drawn[: -len(widths)], drawn[-len(widths) :]
    return drawn if sum(len(it.data) for it in modern) < sum(len(it.data) for it in known) else known


def mail_rendition(data: bytes, kept: PictureCache) -> Rendition:
    """Return a picture as every mail program shows it, no wider than itself. Raises OSError or ValueError."""
    source = _Source(data)
    ending = PNG if source.is_clear else JPEG
    return source.renditions([(min(MAIL_WIDTH, source.size[0]), ending)], kept)[0]


def shared_rendition(data: bytes, kept: PictureCache) -> Rendition | None:
    """Return a picture for social sites; None for one whose file is small enough for them.

    Raises OSError or ValueError.
    """
    if len(data) <= SHARED_BYTES:
        return None
    source = _Source(data)
    ending = PNG if source.is_clear else JPEG
    return source.renditions([(min(SHARED_WIDTH, source.size[0]), ending)], kept)[0]


@cache
def has_avif() -> bool:
    """Return whether the installed Pillow writes AVIF."""
    from PIL import features  # noqa: PLC0415 - Pillow takes long to import, and few commands draw

    return bool(features.check("avif"))


class _Source:
    """A picture to draw from, decoded only when something is not in the cache."""

    def __init__(self, data: bytes) -> None:
        self._data, self._digest = data, digest(data)
        with _opened(data) as opened:
            self.is_clear = _is_clear(opened)
            turned = opened.getexif().get(ORIENTATION, 1) in {5, 6, 7, 8}  # taken with the camera on its side
            self.size = opened.size[::-1] if turned else opened.size

    def renditions(self, wanted: Sequence[tuple[int, str]], kept: PictureCache) -> tuple[Rendition, ...]:
        """Return widths and formats; what is not in the cache is drawn on every core at once."""
        names = {it: f"{self._digest[:32]}-{it[0]}-{RECIPE}.{it[1]}" for it in wanted}
        found = {it: data for it, name in names.items() if (data := kept.get(name)) is not None}
        missing = [it for it in wanted if it not in found]
        if missing:
            decoded = _decoded(self._data)
            with ThreadPoolExecutor(
                min(len(missing), os.cpu_count() or 1)
            ) as drawing:  # Pillow frees the GIL
                drawn = drawing.map(lambda it: _drawn(decoded, (it[0], self._height(it[0])), it[1]), missing)
                found |= zip(missing, drawn, strict=True)
            for it in missing:
                kept.put(names[it], found[it])
        return tuple(Rendition(it[0], self._height(it[0]), it[1], found[it]) for it in wanted)

    def _height(self, width: int) -> int:
        return max(1, round(self.size[1] * width / self.size[0]))


def _drawn(picture: Picture, size: tuple[int, int], ending: str) -> bytes:
    """Return a picture in a size and format."""
    from PIL import Image  # noqa: PLC0415 - as above

    drawn, out = picture.resize(size, Image.Resampling.LANCZOS), io.BytesIO()
    if ending == AVIF:  # one thread: the same bytes on every machine; speed 9 gives more bytes than WebP
        drawn.save(out, "AVIF", quality=_QUALITY[AVIF], speed=8, max_threads=1)
    elif ending == JPEG:
        drawn.save(out, "JPEG", quality=82, optimize=True)
    elif ending == PNG:
        drawn.save(out, "PNG", optimize=True)
    else:
        drawn.save(out, "WEBP", quality=_QUALITY[WEBP], method=4)
    return out.getvalue()


def _opened(data: bytes) -> Picture:
    """Return a picture whose pixels are still to be read. Raises OSError or ValueError."""
    from PIL import Image  # noqa: PLC0415 - as above

    try:
        opened = Image.open(io.BytesIO(data), formats=_FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as problem:
        raise ValueError(str(problem)) from problem
    if opened.width * opened.height > MOST_PIXELS:  # a JPEG may say its size twice
        msg = f"{opened.width} by {opened.height} pixels"
        raise ValueError(msg)
    return opened


def _is_clear(picture: Picture) -> bool:
    """Return whether something may be seen through a picture."""
    return "A" in picture.getbands() or "transparency" in picture.info


def _decoded(data: bytes) -> Picture:
    """Return a picture upright and in the colours of the web, without what a camera wrote into it."""
    from PIL import ImageOps  # noqa: PLC0415 - as above

    with _opened(data) as opened:
        upright = ImageOps.exif_transpose(opened)
        if upright.mode.startswith("I"):  # 16 bits of grey, which converted as they are would all be white
            upright = upright.convert("I").point(lambda tone: tone * (1 / 257)).convert("L")
        clear = _is_clear(upright)
        profile = upright.info.get("icc_profile")
        shown = _in_web_colours(upright, profile, clear=clear) if profile else None
        plain = shown or upright.convert("RGBA" if clear else "RGB")
        plain.info.clear()  # some formats write comments and profiles that they find there
        return plain


def _in_web_colours(picture: Picture, profile: bytes, *, clear: bool) -> Picture | None:
    """Return a picture with a colour profile in sRGB, which needs none; None where the profile is broken."""
    from PIL import ImageCms  # noqa: PLC0415 - as above

    alpha = picture.convert("RGBA").getchannel("A") if clear else None
    opaque = (
        picture.convert("L" if picture.mode == "LA" else "RGB") if clear or picture.mode == "P" else picture
    )
    try:
        shown = ImageCms.profileToProfile(
            opaque,
            ImageCms.ImageCmsProfile(io.BytesIO(profile)),
            ImageCms.createProfile("sRGB"),
            outputMode="RGB",
        )
    except (ImageCms.PyCMSError, OSError, ValueError):
        return None
    if shown is not None and alpha is not None:
        shown.putalpha(alpha)
    return shown
