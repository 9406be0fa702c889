"""The card of a page over HTTP and in a build."""

from __future__ import annotations

import io
import re
from functools import partial
from pathlib import Path

from PIL import Image

from optin.consent.form_version import Slug
from optin.services.site_edition import load_edition
from optin.theme import social_card as cards
from optin.web.security_headers import ASSET_CACHE
from optin.web.static_site import card_picture, static_files
from tests.installed import KINDS
from tests.web.conftest import Visit

IMAGE = re.compile(r'<meta property="og:image" content="https://optin.example.com([^"]+)">')


def named(page: str) -> str:
    found = IMAGE.search(page)
    assert found is not None
    return found[1]


def test_the_app_draws_the_card_that_a_page_names_and_no_other(visit: Visit) -> None:
    """M8: as an asset for ever; made when it is asked for, and the same in a build."""
    page = visit.client.get("/paper").text
    cards.draw_card.cache_clear()
    address = named(page)
    answer = visit.client.get(address)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
    assert answer.headers["cache-control"] == ASSET_CACHE
    assert Image.open(io.BytesIO(answer.content)).size == (1200, 630)
    assert visit.client.get(address).content == answer.content
    assert cards.draw_card.cache_info().misses == 1
    assert visit.client.head(address).headers["content-length"] == str(len(answer.content))
    assert static_files(visit.app_context.edition, visit.moment)[address.lstrip("/")] == answer.content
    assert '<meta name="twitter:card" content="summary_large_image">' in page
    assert '<meta property="og:image:alt" content="Whitepaper: Het witboek">' in page
    for other in ("/static/card-00000000000000000000000000000000.png", "/static/x", f"{address}x"):
        assert visit.client.get(other).status_code == 404


def test_a_picture_of_its_own_is_the_card(visit: Visit) -> None:
    """M8: with its own size and words; nothing is drawn for it."""
    folder = visit.root / "magnets" / "paper"
    Image.new("RGB", (640, 320)).save(folder / "cover.png")
    text = (folder / "index.md").read_text()
    (folder / "index.md").write_text(
        text.replace("lang: nl", "lang: nl\npicture: {file: cover.png, alt: De kaft}")
    )
    edition, _ = load_edition(visit.root, KINDS)
    assert edition is not None
    page = edition.publication.forms[Slug("paper")].page.decode()
    assert re.fullmatch(r"/static/cover\.[0-9a-f]{16}\.png", named(page))
    for name, value in (("width", "640"), ("height", "320"), ("alt", "De kaft")):
        assert f'<meta property="og:image:{name}" content="{value}">' in page
    assert [card.title for card in edition.publication.cards.values()] == ["Elke maand één verkooptip"]


def test_a_later_build_takes_the_pictures_that_are_there(visit: Visit, tmp_path: Path) -> None:
    """M8: a thousand cards are drawn once, not at every build."""
    address = named(visit.client.get("/paper").text)
    (tmp_path / "static").mkdir()
    (tmp_path / address.lstrip("/")).write_bytes(b"drawn before")
    files = static_files(visit.app_context.edition, visit.moment, partial(card_picture, tmp_path))
    assert files[address.lstrip("/")] == b"drawn before"
    assert all(data[:4] in {b"\x89PNG", b"draw"} for name, data in files.items() if "card-" in name)
