"""The public pages as files: any web host can serve them while the app answers the forms (M8)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path

from optin.services.site_edition import Edition
from optin.site.landing_pages import privacy_url
from optin.theme.icon import ICON_PATH, TOUCH_PATH, drawn_icon
from optin.theme.social_card import SocialCard, draw_card
from optin.theme.views import ErrorView
from optin.web.page_cache import HTML, Content, cached_contents
from optin.web.security_headers import ASSET_CACHE, security_headers

ONLY_THE_APP = ("/me", "/log")  # addresses that people type


def static_files(
    edition: Edition, now: datetime, drawn: Callable[[SocialCard], bytes] = draw_card
) -> Mapping[str, bytes]:
    """Return every file of a build by name: the pages byte for byte as the app serves them at a moment."""
    site, publication = edition.site, edition.publication
    own = site.settings.languages[0]
    base = site.settings.base_url
    # the app alone may be framed: a web host would say otherwise of every page
    contents = {path: it for path, it in cached_contents(edition, now).items() if not it.framed_by}
    for url in publication.unpublished:  # a web host may list its folder
        del contents[url]
    contents["/privacy"] = contents[privacy_url(publication.privacy[own].digest)]
    files = {_name(path, it): it.data for path, it in contents.items()}
    files |= {url.lstrip("/"): drawn(card) for url, card in publication.cards.items()}
    icons = (ICON_PATH, TOUCH_PATH)
    files |= {path.lstrip("/"): drawn_icon(edition.theme.look, path)[1] for path in icons}
    texts = {
        "404.html": edition.theme.page(ErrorView(edition.frame(own), "unknown")),
        "_headers": _headers(base),
        "_redirects": "".join(
            [
                *(f"{path} {base}{path} 302\n" for path in ONLY_THE_APP),
                *(f"{path} {it.location} 301\n" for path, it in contents.items() if it.location),
            ]
        ),
    }
    return files | {name: text.encode() for name, text in texts.items()}


def card_picture(out: Path, card: SocialCard) -> bytes:
    """Return the picture of a card: from an earlier build in `out`, or a new one."""
    try:
        return (out / card.url.lstrip("/")).read_bytes()
    except OSError:
        return draw_card(card)


def magnets_with_variants(edition: Edition) -> list[str]:
    """Return the magnets with several variants, of which a file holds only one."""
    return [slug for slug, magnet in edition.site.magnets.items() if magnet.variants]


def _name(path: str, content: Content) -> str:
    return (f"{path}/index.html" if content.content_type == HTML else path).lstrip("/")


def _headers(base_url: str) -> str:
    """Return the headers in the format of Netlify and Cloudflare Pages; two matching rules are joined."""
    lines = ["/*", *(f"  {name}: {value}" for name, value in security_headers(base_url))]
    return "\n".join([*lines, "/static/*", f"  cache-control: {ASSET_CACHE}", ""])
