"""The cards that social sites show of pages: drawn when the first one asks, then kept (M8)."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import Response

from optin.errors import PageUnknown
from optin.theme.card import CONTENT_TYPE, draw_card
from optin.web.desk import desk_of
from optin.web.headers import ASSET_CACHE


async def get_card(request: Request) -> Response:
    """Answer with the picture of a card that a page of this edition names, and of no other."""
    card = desk_of(request).edition.publication.cards.get(request.url.path)
    if card is None:
        raise PageUnknown
    data = await asyncio.to_thread(draw_card, card)
    return Response(data, media_type=CONTENT_TYPE, headers={"cache-control": ASSET_CACHE})
