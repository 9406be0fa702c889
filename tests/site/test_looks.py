"""What `check` says about `[look]`: colour, typeface and font files, icon."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from PIL import Image

from optin.site.findings import Finding
from optin.site.load_site import load_site
from optin.site.model import Site
from tests.installed import KINDS
from tests.site.conftest import findings, only, toml
from tests.theme.font import TWICE

SQUARE = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"></svg>'


def typeface(site: Path, name: str) -> None:
    toml(site, 'typeface = "sans"', f"typeface = '{name}'")


def font(site: Path, name: str, data: bytes = TWICE) -> Path:
    path = site / "fonts" / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data)
    return path


def fonts_of(site: Path) -> list[str]:
    loaded = load_site(site, KINDS.files)
    assert isinstance(loaded.site, Site)
    return [it.name for it in loaded.site.look.own_fonts]


def told(finding: Finding) -> str:
    return f"{finding.severity} {finding.code}: {finding.message} {finding.cure}"


@pytest.mark.parametrize(
    "colour", ["#ffee00", "#ff0000", "#777777", "#00aaff", "#767676", "#ffffff", "#8a8a00"]
)
def test_the_colour_that_check_recommends_passes_the_check(site: Path, colour: str) -> None:
    """M4, F6: one correction is enough; the message says where the colour could not be read."""
    toml(site, "#0b5d4b", colour)
    finding = only(site)
    assert (finding.code, finding.severity, finding.line) == ("contrast", "error", 16)
    assert re.search(r"has a contrast of [1-4](\.\d+)?:1\.", finding.message), finding.message
    found = re.search(r"Use (#[0-9a-f]{6})\.", finding.cure)
    assert found is not None
    toml(site, colour, found[1])
    assert findings(site) == []


@pytest.mark.parametrize("name", ["Georgia", "Segoe UI, sans", "Charter, serif", "sans-serif", "serif"])
def test_a_typeface_of_our_own_stacks_needs_no_file(site: Path, name: str) -> None:
    """M4: most machines have one of them."""
    typeface(site, name)
    assert findings(site) == []


def test_a_typeface_without_a_file_is_told(site: Path) -> None:
    """M4: who has not installed it sees another; the cure names the files to put there."""
    typeface(site, "Open Sans")
    said = only(site)
    assert (said.path, said.line, said.severity, said.code) == ("optin.toml", 17, "warning", "typeface")
    assert "There is no font file of 'Open Sans'" in said.message
    assert "fonts/OpenSans-Regular.woff2 and fonts/OpenSans-Bold.woff2" in said.cure
    font(site, "OpenSans-Regular.woff2")
    font(site, "open-sans-Bold.WOFF2")
    assert findings(site) == []
    assert fonts_of(site) == ["OpenSans-Regular.woff2", "open-sans-Bold.WOFF2"]


def test_a_typeface_without_its_regular_file_is_told(site: Path) -> None:
    """M4: all text would be bold, or leaning."""
    typeface(site, "Poppins")
    for name in ("Poppins-Bold.woff2", "Poppins-Italic.woff2"):
        font(site, name)
        assert "no regular font file" in only(site).message
    font(site, "Poppins-Variable.woff2")
    assert findings(site) == []


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (TWICE[:-1], "not a complete woff2"),
        (TWICE + b"x", "not a complete woff2"),
        (b"wOFF" + TWICE[4:], "not a complete woff2"),
        (b"<html>404</html>", "not a complete woff2"),
        (TWICE[:20], "not a complete woff2"),
        (
            TWICE[:8] + (2_100_000).to_bytes(4, "big") + TWICE[12:] + bytes(2_100_000 - len(TWICE)),
            "larger than 2 MB",
        ),
        (b"", "not a file that can be served"),
    ],
    ids=["cut-off", "too-long", "woff", "a-page", "a-header", "huge", "empty"],
)
def test_what_is_no_font_is_not_served(site: Path, data: bytes, said: str) -> None:
    """M4, S5: cut off, an error page of somebody's server, another format, much too large."""
    typeface(site, "Poppins")
    font(site, "Poppins-Regular.woff2")
    font(site, "Poppins-Bold.woff2", data)
    finding = only(site)
    assert (finding.severity, finding.code) == ("error", "font")
    assert said in finding.message


def test_a_font_outside_the_site_is_not_served(site: Path, tmp_path: Path) -> None:
    """S8: also through a link."""
    typeface(site, "Poppins")
    font(site, "Poppins-Regular.woff2")
    (tmp_path / "x.woff2").write_bytes(TWICE)
    (site / "fonts" / "Poppins-Bold.woff2").symlink_to(tmp_path / "x.woff2")
    assert only(site).message == "fonts/Poppins-Bold.woff2 is not a file that can be served."


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Poppins-Bold.ttf", "browsers get woff2"),
        ("Poppins-Bold.otf", "browsers get woff2"),
        ("Poppins.woff2", "has no weight in its name"),
        ("poppins-v20-latin-regular.woff2", "does not name 'poppins-v20-latin'"),
        ("Popins-Bold.woff2", "Did you mean 'Poppins'?"),
    ],
)
def test_a_font_file_that_is_not_used_is_told(site: Path, name: str, said: str) -> None:
    """M4: nobody looks for the reason why it does not show."""
    typeface(site, "Poppins")
    font(site, "Poppins-Regular.woff2")
    font(site, "OFL.txt", b"a licence")
    font(site, ".DS_Store", b"x")
    font(site, name)
    finding = only(site)
    assert finding.severity == "warning"
    assert said in told(finding)
    assert fonts_of(site) == ["Poppins-Regular.woff2"]


def test_a_heavy_font_is_told(site: Path) -> None:
    """M4, F5: it is served all the same."""
    typeface(site, "Poppins")
    size = 150_000
    font(
        site,
        "Poppins-Regular.woff2",
        TWICE[:8] + size.to_bytes(4, "big") + TWICE[12:] + bytes(size - len(TWICE)),
    )
    finding = only(site)
    assert (finding.severity, finding.code) == ("warning", "font-heavy")
    assert "150 kB" in finding.message
    assert fonts_of(site) == ["Poppins-Regular.woff2"]


def test_font_files_without_a_typeface_are_told(site: Path) -> None:
    """M4: the file is there, and the key was forgotten."""
    font(site, "Poppins-Regular.woff2")
    assert "the typeface does not name 'Poppins'" in only(site).message


def picture(width: int, height: int, kind: str = "PNG") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (width, height), "red").save(out, kind)
    return out.getvalue()


@pytest.mark.parametrize(
    ("name", "data"),
    [("icon.svg", SQUARE), ("icon.png", picture(64, 64)), ("favicon.ico", picture(32, 32, "ICO"))],
    ids=["svg", "png", "ico"],
)
def test_a_site_has_an_icon_of_its_own(site: Path, name: str, data: bytes) -> None:
    """M4: svg, png, ico."""
    toml(site, "[look]", f'[look]\nfavicon = "{name}"')
    (site / name).write_bytes(data)
    loaded = load_site(site, KINDS.files)
    assert loaded.findings == ()
    assert loaded.site is not None
    assert loaded.site.look.favicon == (name, data)


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("icon.svg", None, "There is no icon 'icon.svg'"),
        ("icon.webp", picture(8, 8, "WEBP"), "There is no icon"),
        ("../icon.svg", None, "There is no icon"),
        ("icon.png", picture(64, 32), "64 by 32 pixels"),
        ("icon.png", picture(2000, 2000), "2000 by 2000 pixels"),
        ("icon.svg", SQUARE.replace(b"></svg", b"><script/></svg"), "not a picture that can be shown safely"),
        ("icon.ico", picture(32, 32), "not an .ico file"),
        ("icon.png", b"x", "not a picture that can be shown safely"),
    ],
    ids=["missing", "webp", "outside", "wide", "large", "script", "png-as-ico", "garbage"],
)
def test_what_is_no_icon_is_refused(site: Path, name: str, data: bytes | None, said: str) -> None:
    """M4, S1: at its key."""
    toml(site, "[look]", f'[look]\nfavicon = "{name}"')
    if data is not None:
        (site / name).write_bytes(data)
    finding = only(site)
    assert (finding.code, finding.line, finding.severity) == ("favicon", 16, "error")
    assert said in finding.message


def test_a_square_logo_is_the_icon_too(site: Path) -> None:
    """M4: one that is not would be too small to see."""
    toml(site, "[look]", '[look]\nlogo = "logo.svg"')
    for drawing, icon in ((SQUARE, ("logo.svg", SQUARE)), (SQUARE.replace(b"32 32", b"64 32"), None)):
        (site / "logo.svg").write_bytes(drawing)
        loaded = load_site(site, KINDS.files)
        assert loaded.site is not None
        assert loaded.site.look.favicon == icon
