"""Fonts and icons over HTTP and in a build; what pages looked like stays with them."""

from __future__ import annotations

import io
import re
from xml.etree import ElementTree as ET

import pytest
from PIL import Image

from optin.services.site_edition import Edition, keep_edition, load_edition
from optin.site.load_site import load_site
from optin.theme.icon import ICON_PATH, TOUCH_PATH, drawn_icon, icon_svg
from optin.theme.look import Look
from optin.web.security_headers import ASSET_CACHE, ICON_CACHE
from optin.web.static_site import static_files
from tests.installed import KINDS
from tests.theme.font import TWICE
from tests.web.conftest import Visit

STYLE = re.compile(r'<link rel="stylesheet" href="(/static/style\.[0-9a-f]{16}\.css)">')
ICON = re.compile(r'<link rel="icon" href="(/static/[a-z-]+\.[0-9a-f]{16}\.[a-z]+)">')
FONT = re.compile(r"/static/poppins-regular\.[0-9a-f]{16}\.woff2")


def found(pattern: re.Pattern[str], text: str) -> str:
    match = pattern.search(text)
    assert match is not None, pattern.pattern
    return match[1] if pattern.groups else match[0]


def reworked(visit: Visit, old: str, new: str) -> Edition:
    """Change optin.toml, and serve the site as it is then."""
    path = visit.root / "optin.toml"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    edition, findings = load_edition(visit.root, KINDS)
    assert edition is not None, findings
    keep_edition(visit.installation.store, edition, visit.moment, visit.app_context.edition)
    visit.app_context.replace(edition)
    return edition


@pytest.fixture
def poppins(visit: Visit) -> Edition:
    """Give the site a font of its own."""
    (visit.root / "fonts").mkdir()
    (visit.root / "fonts" / "Poppins-Regular.woff2").write_bytes(TWICE)
    return reworked(visit, 'typeface = "sans"', 'typeface = "Poppins"')


def test_a_font_is_served_for_ever_and_kept_with_its_page(visit: Visit, poppins: Edition) -> None:
    """F5, P2, S1: from our own address, allowed by the policy; kept, though only a stylesheet names it."""
    answer = visit.client.get("/paper")
    assert "font-src 'self'" in answer.headers["content-security-policy"]
    style = found(STYLE, answer.text)
    font = found(FONT, visit.client.get(style).text)
    answer = visit.client.get(font)
    assert (answer.status_code, answer.content) == (200, TWICE)
    assert answer.headers["content-type"] == "font/woff2"
    assert answer.headers["cache-control"] == ASSET_CACHE
    built = static_files(poppins, visit.moment)
    assert built[font.lstrip("/")] == TWICE
    kept = visit.installation.store.read(lambda tx: [row[0] for row in tx.all("SELECT name FROM asset")])
    assert {style, font, found(ICON, visit.client.get("/paper").text)} <= set(kept)


def test_a_page_of_yesterday_keeps_its_looks(visit: Visit, poppins: Edition) -> None:
    """P2, F2: an earlier privacy statement finds its stylesheet, font and icon after all have changed."""
    before = visit.client.get(poppins.frame("nl").privacy_url)
    addresses = [found(STYLE, before.text), found(ICON, before.text)]
    addresses.append(found(FONT, visit.client.get(addresses[0]).text))
    whole = [visit.client.get(address).content for address in addresses]
    (visit.root / "fonts" / "Poppins-Regular.woff2").unlink()
    later = reworked(visit, '"Poppins"', '"serif"')
    later = reworked(visit, "#0b5d4b", "#7a1fa2")
    assert not set(addresses) & set(later.theme.assets)
    assert visit.client.get(poppins.frame("nl").privacy_url).content == before.content
    for address, data in zip(addresses, whole, strict=True):
        answer = visit.client.get(address)
        assert (answer.status_code, answer.content) == (200, data), address
        assert answer.headers["cache-control"] == ASSET_CACHE
        assert answer.headers["content-type"] == visit.client.head(address).headers["content-type"]
    stem, digest, ending = addresses[0].split(".")
    for other in (
        f"{stem}.{digest}.svg", f"{stem}.{'0' * 16}.{ending}", f"{stem}.{digest[:15]}.{ending}",
        f"{stem}.{digest}.{ending}.{ending}", f"{stem}%2e{digest}/x",
    ):  # fmt: skip
        assert visit.client.get(other).status_code == 404, other


def test_no_visit_asks_for_an_icon_that_is_not_there(visit: Visit) -> None:
    """F5: pages name one by its digest; the two addresses that browsers try by themselves answer as well."""
    for path in ("/", "/paper", "/privacy", "/nothing"):
        icon = found(ICON, visit.client.get(path, follow_redirects=True).text)
        answer = visit.client.get(icon)
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "image/svg+xml"
    assert ET.fromstring(answer.content).tag.endswith("svg")  # noqa: S314 - our own
    assert b">V</text>" in answer.content
    for path, kind, sizes in (
        (ICON_PATH, "image/x-icon", {(16, 16), (32, 32), (48, 48)}), (TOUCH_PATH, "image/png", {(180, 180)}),
    ):  # fmt: skip
        answer = visit.client.get(path)
        assert (answer.status_code, answer.headers["content-type"]) == (200, kind)
        assert answer.headers["cache-control"] == ICON_CACHE
        assert visit.client.head(path).headers["content-length"] == str(len(answer.content))
        picture = Image.open(io.BytesIO(answer.content))
        assert picture.info.get("sizes", {picture.size}) == sizes
        assert static_files(visit.app_context.edition, visit.moment)[path.lstrip("/")] == answer.content
        middle = picture.convert("RGB").resize((9, 9)).getpixel((1, 4))
        assert middle == (0x0B, 0x5D, 0x4B)


def icon_bytes(kind: str, side: int = 64) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (side, side), "red").save(out, kind)
    return out.getvalue()


def red(data: bytes) -> bool:
    return Image.open(io.BytesIO(data)).convert("RGB").resize((1, 1)).getpixel((0, 0)) == (255, 0, 0)


@pytest.mark.parametrize("ending", ["png", "ico"])
def test_the_icon_of_a_site_is_everywhere(visit: Visit, ending: str) -> None:
    """M4: in pages by its digest, and at the addresses that browsers try."""
    own = icon_bytes(ending.upper())
    (visit.root / f"mark.{ending}").write_bytes(own)
    reworked(visit, "[look]", f'[look]\nfavicon = "mark.{ending}"')
    address = found(ICON, visit.client.get("/paper").text)
    assert address.endswith(f".{ending}")
    assert visit.client.get(address).content == own
    assert red(visit.client.get(ICON_PATH).content)
    assert red(visit.client.get(TOUCH_PATH).content)
    if ending == "ico":
        assert visit.client.get(ICON_PATH).content == own


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.svg", b'<svg viewBox="0 0 1 1"/>'),
        ("a.png", icon_bytes("PNG")[:60]),
        ("a.ico", b"\0\0\1\0garbage"),
    ],
)
def test_what_cannot_be_drawn_from_is_drawn_anew(name: str, data: bytes) -> None:
    """S5: an SVG has no pixels; a broken picture is no traceback."""
    look = Look(favicon=(name, data), initial="V")
    plain = Look(initial="V")
    if not name.endswith("ico"):
        assert drawn_icon(look, ICON_PATH) == drawn_icon(plain, ICON_PATH)
    assert Image.open(io.BytesIO(drawn_icon(look, TOUCH_PATH)[1])).size == (180, 180)


@pytest.mark.parametrize("name", ["Éclair", "ßtraße", "9 levens", "日本", "Ωmega", "(B)", "…", "'<&"])
def test_the_initial_of_any_company_makes_an_icon(visit: Visit, name: str) -> None:
    """M9: a sign that the drawing has no letter for leaves a mark; the SVG is XML whatever it is."""
    edition = reworked(visit, "Voorbeeld B.V.", name)
    look = edition.theme.look
    assert ET.fromstring(icon_svg(look)).tag.endswith("svg")  # noqa: S314 - our own
    assert Image.open(io.BytesIO(drawn_icon(look, ICON_PATH)[1])).size == (48, 48)
    assert (look.initial == "") == (name in {"…", "'<&"})


def test_the_same_site_has_the_same_icon(visit: Visit) -> None:
    """P2: pages name it, so its bytes depend on the site alone."""
    site = load_site(visit.root, KINDS.files).site
    assert site is not None
    assert icon_svg(site.look) == icon_svg(visit.app_context.edition.theme.look)
    assert site.look == visit.app_context.edition.theme.look
