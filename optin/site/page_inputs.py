"""The inputs from which a site's pages are rendered, and the addresses of its pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from optin.consent.kind_part_lookup import PartsByKind
from optin.consent.kind_specific_details import DetailsPart
from optin.proof.page_assets import asset_address, content_type_of
from optin.site.kind_page_hooks import PagesPart
from optin.site.loading_cache import ReadingCache
from optin.site.model import PictureFile, Site
from optin.site.picture_metadata import without_metadata
from optin.site.resized_pictures import AVIF, WEBP, Rendition
from optin.theme.theme import Asset, Theme
from optin.theme.views import Picture

_FOCUS_STEP = 10  # percent: the stylesheet has a class for each


@dataclass(frozen=True)
class KindPages:
    """The hooks and texts of kinds that a publication uses."""

    pages: PartsByKind[PagesPart]
    details: PartsByKind[DetailsPart]


@dataclass(frozen=True)
class PageMaker:
    """The inputs of a site's pages. `kept`: results of an earlier publication of it."""

    site: Site
    theme: Theme
    kinds: KindPages
    kept: ReadingCache


def picture_of(maker: PageMaker, picture: PictureFile, alt: str = "", *, original: bool = False) -> Picture:
    """Return a picture with its addresses, and let the theme serve it there. Raises OSError.

    `alt` takes the place of its description. `original`: serve the file itself, too, for social sites,
    or what was drawn for them of a large one.
    """
    if original and picture.shared is not None:
        it = picture.shared
        url = _rendition(maker, f"{picture.path.stem}-shared", it)
        return replace(picture_of(maker, picture, alt), url=url, width=it.width, height=it.height)
    drawn = {it.ending: [one for one in picture.drawn if one.ending == it.ending] for it in picture.drawn}
    srcset, avif = (_srcset(maker, picture.path, drawn.get(ending, ())) for ending in (WEBP, AVIF))
    src = srcset.rpartition(", ")[2].partition(" ")[0]
    return Picture(
        _original(maker, picture.path) if original or not src else src,
        alt or picture.alt,
        picture.width,
        picture.height,
        src=src,
        srcset=srcset,
        avif=avif,
        focus=_focus_classes(picture.focus),
    )


def mail_picture_of(maker: PageMaker, picture: PictureFile | None) -> str:
    """Return the address of a picture for mails, and let the theme serve it; empty where mails show none."""
    if picture is None or picture.mailed is None:
        return ""
    return _rendition(maker, f"{picture.path.stem}-mail", picture.mailed)


def _rendition(maker: PageMaker, stem: str, drawn: Rendition) -> str:
    """Add a drawn picture to the files that the theme serves; return its address."""
    name = f"{stem}.{drawn.ending}"
    url = asset_address(name, drawn.data)
    maker.theme.keep_asset(url, Asset(drawn.data, content_type_of(name)))
    return url


def _original(maker: PageMaker, path: Path) -> str:
    def read() -> tuple[str, Asset]:
        data = without_metadata(path.read_bytes())
        return asset_address(path.name, data), Asset(data, content_type_of(path.name))

    url, asset = maker.kept.once(("picture", path), maker.kept.stamp(path), read)
    maker.theme.keep_asset(url, asset)
    return url


def _srcset(maker: PageMaker, path: Path, drawn: Sequence[Rendition]) -> str:
    found: list[str] = []
    for it in drawn:
        url = _rendition(maker, f"{path.stem}-{it.width}", it)
        found.append(f"{url} {it.width}w")
    return ", ".join(found)


def _focus_classes(focus: str) -> str:
    """Return the classes that keep a point in sight; empty for a picture that is not cropped."""
    if not focus:
        return ""
    across, down = (round(int(it.rstrip("%")) / _FOCUS_STEP) for it in focus.split())
    return f"photo across-{across} down-{down}"
