"""The public log: its signed checkpoint, its tiles of hashes, its keys (C2SP tlog-tiles, P4).

Entry bundles hold the leaf digests and nothing else, so nothing personal can be read or counted here.
They are therefore not what their own hash is made of: what an entry is, its holder knows.
"""

from __future__ import annotations

import re

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from optin.errors import PageUnknown
from optin.flows.evidence.public_log import view_checkpoint, view_log_keys, view_tile
from optin.proof.merkle_tree import HASH_BYTES, TILE_LEAVES
from optin.theme.verification_guide import how_to_verify
from optin.web.app_context import app_context_of
from optin.web.security_headers import ASSET_CACHE

CHECKPOINT_CACHE = "public, max-age=2"
MAX_LEVEL = 7  # 256^8 leaves
_PATH = re.compile(r"(entries|[0-9]{1,2})/((?:x[0-9]{3}/){0,5}[0-9]{3})(?:\.p/([0-9]{1,3}))?")


async def get_checkpoint(request: Request) -> Response:
    """Send the last signed checkpoint."""
    note = await app_context_of(request).view(view_checkpoint)
    return PlainTextResponse(note, headers={"cache-control": CHECKPOINT_CACHE})


async def get_key(request: Request) -> Response:
    """Send every key that ever signed, newest first: in C2SP's format and as PEM."""
    text = await app_context_of(request).view(view_log_keys)
    return PlainTextResponse(text, headers={"cache-control": CHECKPOINT_CACHE})


async def get_explanation(request: Request) -> Response:
    """Send the instructions for checking a receipt without us."""
    address = app_context_of(request).edition.site.settings.base_url
    return PlainTextResponse(how_to_verify(address), headers={"cache-control": CHECKPOINT_CACHE})


async def get_tile(request: Request) -> Response:
    """Send hashes of one level, or a bundle of entries, as far as a checkpoint covers them."""
    # what was asked for: a route's own pattern lets a line's end go by
    found = _PATH.fullmatch(request.scope["path"].rpartition("/log/tile/")[2])
    if found is None:
        raise PageUnknown
    entries, level = found[1] == "entries", 0 if found[1] == "entries" else int(found[1])
    number = int(found[2].replace("x", "").replace("/", ""))
    width = TILE_LEAVES if found[3] is None else int(found[3])
    if level > MAX_LEVEL or (found[3] is not None and not 0 < width < TILE_LEAVES) or _unusual(found):
        raise PageUnknown
    data = await app_context_of(request).view(view_tile, level=level, number=number, width=width)
    if entries:
        length = HASH_BYTES.to_bytes(2, "big")
        data = b"".join(length + data[at : at + HASH_BYTES] for at in range(0, len(data), HASH_BYTES))
    return Response(data, media_type="application/octet-stream", headers={"cache-control": ASSET_CACHE})


def _unusual(found: re.Match[str]) -> bool:
    """Return whether a number is written with surplus zeroes."""
    level_padded = found[1] != "entries" and str(int(found[1])) != found[1]
    width_padded = found[3] is not None and str(int(found[3])) != found[3]
    return level_padded or width_padded or found[2].startswith("x000/")
