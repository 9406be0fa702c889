"""What a camera or a program wrote into a picture is not served; its pixels and colours are."""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageCms, PngImagePlugin

from optin.services.site_edition import Edition, load_edition
from optin.site.picture_cache import PictureCache
from optin.site.picture_metadata import without_metadata
from optin.site.resized_pictures import mail_rendition, renditions
from tests.installed import KINDS
from tests.site.conftest import paper

SECRET = b"52.0N 4.9E Anna"
FORMS = ("JPEG", "PNG", "WEBP")
ENDINGS = {"JPEG": "jpg", "PNG": "png", "WEBP": "webp"}
WEBP_FLAGS, HAS_EXIF, HAS_XMP = 20, 0x08, 0x04  # where its flags stand, and two of them
ON_ITS_SIDE = 6  # EXIF: the first row is the right side


def pixels(mode: str = "RGB") -> Image.Image:
    """Return a picture, wider than high, whose left is red and whose right is blue."""
    picture = Image.new("RGB", (400, 300), "red")
    picture.paste("blue", (200, 0, 400, 300))
    return picture.convert(mode)


def told(
    form: str,
    side: int = 1,
    profile: bytes | None = None,
    mode: str = "RGB",
    size: tuple[int, int] = (400, 300),
) -> bytes:
    """Return a picture with a secret in every place that its format has for words."""
    out, exif, extra = io.BytesIO(), Image.Exif(), dict[str, Any]()
    exif[0x010E], exif[0x0112] = SECRET.decode(), side
    exif.get_ifd(0x8825).update({1: "N", 2: (52.0, 1.0, 2.0)})
    if form == "JPEG":
        extra = {"comment": SECRET, "xmp": SECRET}
    elif form == "PNG":
        words = PngImagePlugin.PngInfo()
        words.add_text("Comment", SECRET.decode())
        words.add_itxt("XML:com.adobe.xmp", SECRET.decode())
        extra = {"pnginfo": words}
    else:
        extra = {"xmp": SECRET}
    pixels(mode).resize(size).save(out, form, exif=exif, icc_profile=profile, **extra)
    data = out.getvalue()
    assert SECRET in data
    if form == "WEBP":
        return data
    return data + b"ftypmp4 film of a phone " + SECRET  # behind the picture


def opened(data: bytes) -> Image.Image:
    picture = Image.open(io.BytesIO(data))
    picture.load()
    return picture


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("side", [1, ON_ITS_SIDE])
def test_a_picture_keeps_pixels_and_orientation_alone(form: str, side: int) -> None:
    """W2, S8: bit for bit; and what was taken out once is out."""
    before = told(form, side)
    after = without_metadata(before)
    assert SECRET not in after
    assert after == without_metadata(after)
    was, now = opened(before), opened(after)
    assert was.tobytes() == now.tobytes()
    assert dict(now.getexif()) == ({0x0112: side} if side != 1 else {})
    if form == "WEBP":
        assert after[WEBP_FLAGS] & (HAS_EXIF | HAS_XMP) == (HAS_EXIF if side != 1 else 0)


@pytest.mark.parametrize("marker", [*range(0xE0, 0xF0), 0xFE])
@pytest.mark.parametrize(
    "begin", [b"", b"JFIF\0\1\1\0\0\1\0\1\3\1", b"JFXX\0\x13", b"MPF\0", b"Photoshop 3.0\0"]
)
def test_no_segment_of_a_program_stays(marker: int, begin: bytes) -> None:
    """W2, S8: small pictures within the picture, and what programs keep for themselves."""
    out = io.BytesIO()
    pixels().save(out, "JPEG")
    plain, body = out.getvalue(), begin + SECRET
    segment = bytes((0xFF, marker)) + (2 + len(body)).to_bytes(2, "big") + body
    assert without_metadata(plain[:2] + segment + plain[2:]) == plain


def test_what_is_between_the_parts_is_read_over() -> None:
    """W2, S8: a JPEG may have more bytes of 255, and say twice which side is up; a WebP fills odd parts."""
    turned = without_metadata(told("JPEG", ON_ITS_SIDE))
    begin = turned.index(b"\xff\xe1")
    end = begin + 2 + int.from_bytes(turned[begin + 2 : begin + 4], "big")
    assert without_metadata(turned[:begin] + b"\xff\xff" + turned[begin:]) == turned
    assert without_metadata(turned[:end] + turned[begin:end] + turned[end:]) == turned
    webp = without_metadata(told("WEBP", ON_ITS_SIDE))
    odd = b"ANNA" + len(SECRET).to_bytes(4, "little") + SECRET + b"\0"
    assert len(SECRET) % 2 == 1
    assert without_metadata(webp[:30] + odd + webp[30:]) == webp  # behind its head


def test_a_picture_for_print_keeps_its_colours() -> None:
    """W2: what Adobe's programs write beside it says which way round its four inks are."""
    before = told("JPEG", mode="CMYK")
    after = without_metadata(before)
    assert SECRET not in after
    assert opened(after).info["adobe"] == opened(before).info["adobe"]
    assert opened(before).tobytes() == opened(after).tobytes()


@pytest.mark.parametrize("form", FORMS)
def test_a_plain_picture_stays_as_it_is(form: str) -> None:
    """P2: its address is its digest, and stands in every page."""
    out = io.BytesIO()
    pixels().save(out, form, icc_profile=ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    assert without_metadata(out.getvalue()) == out.getvalue()
    for more in ({"progressive": True}, {"restart_marker_blocks": 4}) if form == "JPEG" else ({},):
        out = io.BytesIO()
        pixels().save(out, form, **more)
        assert without_metadata(out.getvalue()) == out.getvalue()


def test_what_is_no_such_picture_stays_as_it_is() -> None:
    """W2: a drawing is text; an icon has a format of its own."""
    for data in (b"<svg viewBox='0 0 9 9'/>", b"\0\0\1\0", b""):
        assert without_metadata(data) == data


@pytest.mark.parametrize("form", FORMS)
def test_damaged_pictures_tell_no_more(form: str) -> None:
    """S5: cut anywhere, or with lengths that lie, it ends; and nothing of the secret comes out."""
    data = told(form, ON_ITS_SIDE)
    for end in range(min(len(data), 900)):
        assert SECRET not in without_metadata(data[:end])
    for place in range(2, min(len(data), 900)):
        without_metadata(data[:place] + b"\xff\xff" + data[place + 2 :])
    spoilt = data.replace(b"II*\0", b"II*\1").replace(b"MM\0*", b"MM\1*")
    assert dict(opened(without_metadata(spoilt)).getexif()) == {}


def served(site: Path) -> Edition:
    edition, wrong = load_edition(site, KINDS)
    assert edition is not None, wrong
    assert [it for it in wrong if it.severity == "error"] == []
    return edition


@pytest.mark.parametrize("form", FORMS)
def test_no_picture_of_a_site_tells_where_it_was_taken(site: Path, form: str) -> None:
    """W2, S8: cover, next step, text, logo, icon, and what social sites are shown."""
    name = f"photo.{ENDINGS[form]}"
    more = f"picture: {{file: {name}, alt: A}}\nnext: {{text: B, picture: {{file: {name}, alt: C}}}}\n"
    folder = paper(site, more, f"![D]({name})\n\n::: logos\n- ![E]({name})\n:::")
    for place in (folder, site):
        (place / name).write_bytes(told(form))
    (site / "icon.png").write_bytes(told("PNG", size=(300, 300)))
    look = f'[look]\nlogo = "{name}"\nfavicon = "icon.png"\n'
    toml = (site / "optin.toml").read_text(encoding="utf-8")
    (site / "optin.toml").write_text(
        f"{toml}\n{look}" if "[look]" not in toml else toml.replace("[look]\n", look)
    )
    assets = served(site).theme.assets
    pictures = {url: it.data for url, it in assets.items() if it.content_type.startswith("image/")}
    assert sum("photo" in url for url in pictures) > 6
    assert any("icon" in url for url in pictures)
    assert [url for url, data in pictures.items() if SECRET in data] == []


def wide_gamut() -> bytes:
    """Return a profile whose red and blue have changed places: nobody overlooks whether it is heeded."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    table = {}
    for at in range(132, 132 + 12 * struct.unpack(">I", profile[128:132])[0], 12):
        table[bytes(profile[at : at + 4])] = at
    red, blue = table[b"rXYZ"], table[b"bXYZ"]
    places = profile[red + 4 : red + 12], profile[blue + 4 : blue + 12]
    profile[blue + 4 : blue + 12], profile[red + 4 : red + 12] = places
    return bytes(profile)


@pytest.mark.parametrize(("form", "mode"), [("JPEG", "RGB"), ("PNG", "RGBA"), ("PNG", "P"), ("WEBP", "RGBA")])
def test_every_rendition_has_the_colours_of_the_original(tmp_path: Path, form: str, mode: str) -> None:
    """W2: a colour profile is worked into the pixels, for some formats and mail programs drop it."""
    data = told(form, profile=wide_gamut(), mode=mode)
    drawn = (*renditions(data, "cover", PictureCache(tmp_path)), mail_rendition(data, PictureCache(tmp_path)))
    for it in drawn:
        shown = opened(it.data)
        assert "icc_profile" not in shown.info, it.ending
        red, _, blue = shown.convert("RGB").getpixel((it.width // 4, it.height // 2))  # type: ignore[misc] # of RGB
        assert (red < 60, blue > 200) == (True, True), it.ending


@pytest.mark.parametrize(("form", "mode"), [("JPEG", "CMYK"), ("JPEG", "L"), ("PNG", "RGB")])
def test_a_profile_that_does_not_fit_is_left_out(tmp_path: Path, form: str, mode: str) -> None:
    """W2: a broken profile, or one of other colours, spoils no picture."""
    for profile in (b"no profile" * 20, wide_gamut() if mode != "RGB" else b"x"):
        data = told(form, profile=profile, mode=mode)
        for it in renditions(data, "cover", PictureCache(tmp_path)):
            assert "icc_profile" not in opened(it.data).info
