"""Serve pages rendered when the site was loaded, as bytes from memory.

An ASGI application around the app: it answers the paths that it has, and passes other requests on. No answer
depends on the visitor; one of several wordings is drawn by lot.
"""

from __future__ import annotations

import gzip
import hashlib
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeAlias

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from optin.consent.form_version import IN_FRAME, IN_HTML, Slug
from optin.services.site_edition import Edition
from optin.services.source_counts import CountedPage, SourceCounts
from optin.site.landing_pages import FormPage, privacy_url
from optin.site.magnet_life import MagnetPhase
from optin.site.time_dependent_pages import MomentPages, pages_at
from optin.theme.embedded_views import framed_address
from optin.web.crawler_files import crawler_files
from optin.web.security_headers import ASSET_CACHE, PAGE_CACHE, SPLIT_CACHE, security_headers

RawHeaders: TypeAlias = list[tuple[bytes, bytes]]
FOUND, MOVED = 200, 301
HTML = "text/html; charset=utf-8"
PLAIN, XML = "text/plain; charset=utf-8", "application/xml"
WORTH_COMPRESSING = ("text/", "image/svg+xml", XML)


@dataclass(frozen=True)
class Content:
    """The content at an address, the same for every visitor."""

    data: bytes
    content_type: str = HTML
    cache: str = PAGE_CACHE
    location: str = ""  # where else it is now
    framed_by: tuple[str, ...] = ()  # the sites that may show it in a frame
    counted: CountedPage | None = None  # its views are counted as those of this page


@dataclass(frozen=True)
class PageResponse:
    """One representation of a page, ready to send."""

    start: Message
    not_modified: Message
    etag: bytes
    body: Message


@dataclass(frozen=True)
class CachedPage:
    """A page with its two representations: plain and compressed."""

    plain: PageResponse
    compressed: PageResponse
    counted: CountedPage | None = None


CachedPages: TypeAlias = tuple[CachedPage, ...]  # what is at one address: most have one page


def cached_page(content: Content, base_url: str) -> CachedPage:
    """Prepare a page: headers, tag and compressed bytes."""
    data, content_type = content.data, content.content_type
    headers = [
        ("content-type", content_type),
        ("cache-control", content.cache),
        ("vary", "accept-encoding"),
        *security_headers(base_url, content_type, content.framed_by),
    ]
    if content.location:
        headers.append(("location", content.location))
    # a cache on the way may keep the headers of a page that was not modified: other headers, another tag
    tag = hashlib.sha256(repr(headers).encode() + data).hexdigest()[:32]
    plain = _answer(data, tag, headers, MOVED if content.location else FOUND)
    if not content_type.startswith(WORTH_COMPRESSING):
        return CachedPage(plain, plain, content.counted)
    packed = gzip.compress(data, 9, mtime=0)
    headers.append(("content-encoding", "gzip"))
    compressed = _answer(packed, f"{tag}-gz", headers, MOVED if content.location else FOUND)
    return CachedPage(plain, compressed, content.counted)


def cached_contents(edition: Edition, now: datetime) -> Mapping[str, Content]:
    """Return all content of an edition that is the same for every visitor at a moment, by path."""
    publication = edition.publication
    pages = pages_at(edition.site, edition.theme, publication, now)
    contents = {"/": Content(pages.index)}
    for slug, form_pages in publication.form_pages.items():
        for form_page in form_pages:  # of several wordings the first
            if not form_page.form.declaration.shown_in:
                contents.setdefault(form_page.path, _open_or_instead(pages, slug, form_page))
    contents |= _framed_contents(edition, pages)
    for old, page in publication.moved.items():
        contents[f"/{old}"] = Content(page, location=f"/{edition.site.renamed[old]}")
    for slug, opening in publication.openings.items():
        counted = None if slug in pages.instead else CountedPage(slug)
        contents[f"/{slug}"] = Content(pages.instead.get(slug, opening.page), counted=counted)
    robots, sitemap = crawler_files(edition, now)
    contents["/robots.txt"] = Content(robots.encode(), PLAIN)
    contents["/sitemap.xml"] = Content(sitemap.encode(), XML)
    contents |= {privacy_url(it.digest): Content(it.page) for it in publication.privacy.values()}
    for url, asset in edition.theme.assets.items():
        contents[url] = Content(asset.data, asset.content_type, ASSET_CACHE)
    return contents


def _open_or_instead(pages: MomentPages, slug: Slug, form_page: FormPage) -> Content:
    """Return a page with a form, or what stands there while the form is closed."""
    instead = pages.instead.get(slug)
    return Content(form_page.form.page, counted=_counted(form_page)) if instead is None else Content(instead)


def _counted(form_page: FormPage) -> CountedPage | None:
    """Return what views of a page are counted as; None for a page that others lead to."""
    magnet = form_page.form.declaration.magnet
    own = form_page.path in {f"/{magnet}", framed_address(magnet)}
    return CountedPage(magnet, form_page.form.declaration.variant) if own else None


def _framed_contents(edition: Edition, pages: MomentPages) -> Mapping[str, Content]:
    """Return what the site's other websites may show in a frame, by path."""
    sites, publication = edition.site.settings.embed.sites, edition.publication
    framed = {slug: Content(page, framed_by=sites) for slug, page in publication.framed_openings.items()}
    for slug, form_pages in publication.form_pages.items():
        for form_page in form_pages:  # of several wordings the first
            if form_page.form.declaration.shown_in == IN_FRAME:
                framed.setdefault(
                    slug, Content(form_page.form.page, framed_by=sites, counted=_counted(form_page))
                )
    framed |= {slug: Content(page, framed_by=sites) for slug, page in pages.framed.items()}
    for old, slug in edition.site.renamed.items():  # what was pasted under an earlier address goes on
        if slug in framed:
            framed[old] = replace(framed[slug], location=framed_address(slug), counted=None)
    return {framed_address(slug): content for slug, content in framed.items()}


class PageCache:
    """Prepares pages; an unchanged page is not prepared again."""

    def __init__(self) -> None:
        """Begin without pages."""
        self._made: dict[tuple[str, int], tuple[Content, str, CachedPage]] = {}

    def pages(self, edition: Edition, now: datetime) -> Mapping[str, CachedPages]:
        """Prepare an edition's pages by path, as of `now`; a page with several variants in each."""
        base_url = edition.site.settings.base_url
        contents: dict[str, tuple[Content, ...]] = {
            path: (content,) for path, content in cached_contents(edition, now).items()
        }
        for slug, form_pages in edition.publication.form_pages.items():
            if len(form_pages) > 1 and edition.site.magnets[slug].phase_at(now) is MagnetPhase.OPEN:
                contents |= _split(form_pages, edition.site.settings.embed.sites)
        made: dict[tuple[str, int], tuple[Content, str, CachedPage]] = {}
        for path, several in contents.items():
            for place, content in enumerate(several):
                before = self._made.get((path, place))
                if before is None or before[:2] != (content, base_url):
                    before = (content, base_url, cached_page(content, base_url))
                made[path, place] = before
        self._made = made
        return {path: tuple(made[path, at][2] for at in range(len(it))) for path, it in contents.items()}


def _split(form_pages: tuple[FormPage, ...], sites: tuple[str, ...]) -> Mapping[str, tuple[Content, ...]]:
    """Return the pages with several variants. No cache on the way may keep one of them for everybody.

    `sites` may frame those that are made for it.
    """
    by_path: dict[str, list[Content]] = {}
    for form_page in form_pages:
        if form_page.form.declaration.shown_in == IN_HTML:  # served by the page that it was pasted into
            continue
        framed_by = sites if form_page.form.declaration.shown_in == IN_FRAME else ()
        content = Content(
            form_page.form.page, cache=SPLIT_CACHE, framed_by=framed_by, counted=_counted(form_page)
        )
        by_path.setdefault(form_page.path, []).append(content)
    return {path: tuple(several) for path, several in by_path.items() if len(several) > 1}


class PageCacheMiddleware:
    """Answers GET and HEAD for known pages; passes everything else on to `inner`."""

    def __init__(
        self, inner: ASGIApp, pages: Callable[[], Mapping[str, CachedPages]], counts: SourceCounts
    ) -> None:
        """Look `pages` up at each request: an edition may be replaced while serving. Views go to `counts`."""
        self._inner = inner
        self._pages = pages
        self._counts = counts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass on."""
        if scope["type"] == "http" and scope["method"] in {"GET", "HEAD"}:
            pages = self._pages().get(scope["path"])
            if pages is not None:
                await _send(pages, scope, send, self._counts)
                return
        await self._inner(scope, receive, send)


async def _send(pages: CachedPages, scope: Scope, send: Send, counts: SourceCounts) -> None:
    """Send a page; of several variants a random one, unless the browser says which it has.

    A page that a browser fetches ahead, has already, or shows as something else than a page is no view.
    """
    packed, tags, browser = _wishes(scope["headers"])
    page = pages[0]
    if len(pages) > 1:
        had = (it for it in pages if (it.compressed if packed else it.plain).etag in tags)
        page = next(had, None) or secrets.choice(pages)
    answer = page.compressed if packed else page.plain
    if answer.etag in tags or tags == b"*":
        await send(answer.not_modified)
        await send(_EMPTY)
        return
    start = answer.start
    if start["status"] == MOVED and scope["query_string"]:
        start = _with_source(start, counts.source_of(scope["query_string"]))
    await send(start)
    if scope["method"] == "HEAD":
        await send(_EMPTY)
        return
    if page.counted is not None and browser:
        counts.add_view(page.counted, scope["query_string"], browser)
    await send(answer.body)


def _with_source(start: Message, source: str) -> Message:
    """Return a redirect from an earlier address, with the source that the link names (W8)."""
    if not source:
        return start
    behind = f"?via={source}".encode()
    headers = [(name, value + behind if name == b"location" else value) for name, value in start["headers"]]
    return {**start, "headers": headers}


def _wishes(headers: Iterable[tuple[bytes, bytes]]) -> tuple[bool, bytes, bytes]:
    """Return whether gzip is taken, the tags of pages that are there, and the browser that shows it now."""
    packed, tags, browser, unseen = False, b"", b"", False
    for name, value in headers:
        if name == b"accept-encoding":
            packed = b"gzip" in value and b"gzip;q=0" not in value
        elif name == b"if-none-match":
            tags = value
        elif name == b"user-agent":
            browser = value
        elif name == b"sec-fetch-dest":
            unseen = unseen or value not in _SEEN
        elif name in _FETCHED_AHEAD:
            unseen = unseen or b"prefetch" in value
    return packed, tags, b"" if unseen else browser


_SEEN = {b"document", b"iframe"}  # not a picture or a script, whose address any page may choose
_FETCHED_AHEAD = {b"sec-purpose", b"purpose", b"x-moz"}  # the last two from before the Fetch Standard
_EMPTY: Message = {"type": "http.response.body", "body": b""}


def _answer(data: bytes, tag: str, headers: list[tuple[str, str]], status: int) -> PageResponse:
    etag = f'"{tag}"'.encode()
    raw: RawHeaders = [(name.encode(), value.encode()) for name, value in headers]
    raw.append((b"etag", etag))
    length = (b"content-length", str(len(data)).encode())
    return PageResponse(
        start={"type": "http.response.start", "status": status, "headers": [*raw, length]},
        not_modified={"type": "http.response.start", "status": 304, "headers": raw},
        etag=etag,
        body={"type": "http.response.body", "body": data},
    )
