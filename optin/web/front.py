"""The front of the house: pages that were rendered when the site was loaded, served as bytes.

A small ASGI application around the other one: what it knows by path it answers from memory, the rest it
passes on. Nothing here depends on who asks.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from optin.bootstrap.edition import Edition
from optin.site.publication import privacy_url
from optin.web.headers import ASSET_CACHE, PAGE_CACHE, security_headers

RawHeaders: TypeAlias = list[tuple[bytes, bytes]]
HTML = "text/html; charset=utf-8"
WORTH_COMPRESSING = ("text/", "image/svg+xml")


@dataclass(frozen=True)
class Content:
    """What is at an address, whoever asks."""

    data: bytes
    content_type: str = HTML
    cache: str = PAGE_CACHE


@dataclass(frozen=True)
class Answer:
    """One representation of a page, ready to be sent."""

    start: Message
    not_modified: Message
    etag: bytes
    body: Message


@dataclass(frozen=True)
class FrontPage:
    """A page with its two representations: as it is, and compressed."""

    plain: Answer
    compressed: Answer


def front_page(content: Content, base_url: str) -> FrontPage:
    """Prepare a page once: headers, tag and compressed bytes."""
    data, content_type = content.data, content.content_type
    tag = hashlib.sha256(data).hexdigest()[:32]
    headers = [
        ("content-type", content_type),
        ("cache-control", content.cache),
        ("vary", "accept-encoding"),
        *security_headers(base_url),
    ]
    plain = _answer(data, tag, headers)
    if not content_type.startswith(WORTH_COMPRESSING):
        return FrontPage(plain, plain)
    packed = gzip.compress(data, 9, mtime=0)
    compressed = _answer(packed, f"{tag}-gz", [*headers, ("content-encoding", "gzip")])
    return FrontPage(plain, compressed)


def front_contents(edition: Edition, now: datetime | None = None) -> Mapping[str, Content]:
    """Return everything of an edition that is the same for everybody, by path.

    `now`: what closed by then shows that it is; None: nothing is closed.
    """
    publication, magnets = edition.publication, edition.site.magnets
    contents = {"/": Content(publication.index)}
    contents |= {face.path: Content(face.form.page) for faces in publication.faces.values() for face in faces}
    contents |= {f"/{slug}": Content(it.page) for slug, it in publication.openings.items()}
    for slug, page in publication.closed.items():
        if now is not None and is_over(magnets[slug].closes_at, now):
            contents[f"/{slug}"] = Content(page)
    contents |= {privacy_url(it.digest): Content(it.page) for it in publication.privacy.values()}
    for url, asset in edition.theme.assets.items():
        contents[url] = Content(asset.data, asset.content_type, ASSET_CACHE)
    return contents


def front_pages(edition: Edition, now: datetime) -> Mapping[str, FrontPage]:
    """Prepare everything of an edition that is the same for everybody, by path, as it is at `now`."""
    base_url = edition.site.settings.base_url
    return {path: front_page(content, base_url) for path, content in front_contents(edition, now).items()}


def is_over(closes_at: datetime | None, now: datetime) -> bool:
    """Tell whether a magnet takes no form any more."""
    return closes_at is not None and closes_at <= now


def next_closing(edition: Edition, now: datetime) -> datetime | None:
    """Return when the next magnet closes; None: none will."""
    moments = (magnet.closes_at for magnet in edition.site.magnets.values())
    return min((moment for moment in moments if moment is not None and moment > now), default=None)


class Front:
    """Answers GET and HEAD for known pages; passes everything else on to `inner`."""

    def __init__(self, inner: ASGIApp, pages: Callable[[], Mapping[str, FrontPage]]) -> None:
        """Look the pages up anew for each request: an edition may be replaced while serving."""
        self._inner = inner
        self._pages = pages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass on."""
        if scope["type"] == "http" and scope["method"] in {"GET", "HEAD"}:
            page = self._pages().get(scope["path"])
            if page is not None:
                await _send(page, scope, send)
                return
        await self._inner(scope, receive, send)


async def _send(page: FrontPage, scope: Scope, send: Send) -> None:
    packed, tags = _wishes(scope["headers"])
    answer = page.compressed if packed else page.plain
    if answer.etag in tags or tags == b"*":
        await send(answer.not_modified)
        await send(_EMPTY)
        return
    await send(answer.start)
    await send(_EMPTY if scope["method"] == "HEAD" else answer.body)


def _wishes(headers: Iterable[tuple[bytes, bytes]]) -> tuple[bool, bytes]:
    packed, tags = False, b""
    for name, value in headers:
        if name == b"accept-encoding":
            packed = b"gzip" in value and b"gzip;q=0" not in value
        elif name == b"if-none-match":
            tags = value
    return packed, tags


_EMPTY: Message = {"type": "http.response.body", "body": b""}


def _answer(data: bytes, tag: str, headers: list[tuple[str, str]]) -> Answer:
    etag = f'"{tag}"'.encode()
    raw: RawHeaders = [(name.encode(), value.encode()) for name, value in headers]
    raw.append((b"etag", etag))
    length = (b"content-length", str(len(data)).encode())
    return Answer(
        start={"type": "http.response.start", "status": 200, "headers": [*raw, length]},
        not_modified={"type": "http.response.start", "status": 304, "headers": raw},
        etag=etag,
        body={"type": "http.response.body", "body": data},
    )
