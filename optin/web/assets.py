"""Routes for files under /static that `page_cache` does not hold, and for icons requested by browsers.

A picture for social sites is drawn when the first of them requests it (M8). Files of earlier editions come
from the store, so that an earlier privacy statement, or a page from a cache, looks as it did.
"""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import Response

from optin.errors import PageUnknown
from optin.flows.consents.earlier_page_versions import view_asset
from optin.proof.page_assets import ADDRESS, content_type_of
from optin.theme.icon import drawn_icon
from optin.theme.social_card import CONTENT_TYPE, draw_card
from optin.web.app_context import app_context_of
from optin.web.security_headers import ASSET_CACHE, ICON_CACHE


async def get_asset(request: Request) -> Response:
    """Answer with a preview picture of this edition, or an asset of an earlier one."""
    app_context, path = app_context_of(request), request.url.path
    card = app_context.edition.publication.cards.get(path)
    if card is not None:
        data = await asyncio.to_thread(draw_card, card)
        return _for_ever(data, CONTENT_TYPE)
    if ADDRESS.fullmatch(path) is None:
        raise PageUnknown
    theme = app_context.edition.theme
    theme.add_desk()  # nothing else of this edition lacks in the cache
    if (asset := theme.assets.get(path)) is not None:
        return _for_ever(asset.data, asset.content_type)
    return _for_ever(await app_context.view(view_asset, address=path), content_type_of(path))


async def get_icon(request: Request) -> Response:
    """Answer with the site's icon at an address that no page refers to."""
    look = app_context_of(request).edition.theme.look
    content_type, data = await asyncio.to_thread(drawn_icon, look, request.url.path)
    return Response(data, media_type=content_type, headers={"cache-control": ICON_CACHE})


def _for_ever(data: bytes, content_type: str) -> Response:
    return Response(data, headers={"content-type": content_type, "cache-control": ASSET_CACHE})
