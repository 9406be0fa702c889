"""`optin dev`: live reload, errors in the browser, a mailbox. Never part of `serve` (O2)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from optin.consent.form_version import Slug
from optin.errors import PageUnknown
from optin.jobs.background_job import RoundDone
from optin.site.findings import Finding
from optin.site.hints import hints_of_magnet, hints_of_site
from optin.theme.dev_views import BrokenView, MailboxView, MailView
from optin.theme.icon import ICON_PATH, TOUCH_PATH
from optin.theme.wording import Wording
from optin.web.app_context import AppContext
from optin.web.dev_hints import STYLE, hints_bar
from optin.web.gallery.routes import GalleryRoom, gallery_routes
from optin.web.mailbox import Mailbox
from optin.web.mistyped_path import corrected_path
from optin.web.security_headers import CONTENT_POLICY, content_policy
from optin.web.site_reload import SiteReloader, edits

RELOAD = b"""<script src="/dev/reload.js"></script>"""
RELOAD_SCRIPT = """(async () => {
  const ask = async (since) => (await fetch(`/dev/changes?since=${since}`)).json();
  let seen = await ask(-1);
  for (;;) {
    try {
      const now = await ask(seen);
      if (now !== seen) { location.reload(); return; }
    } catch { await new Promise((again) => setTimeout(again, 500)); seen = -2; }
  }
})();
"""
MAIL_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src 'self'; frame-ancestors 'self'"
LONGEST_POLL_SECONDS = 20


@dataclass
class DevState:
    """The state of `optin dev`: the site's errors, and how often it changed."""

    app_context: AppContext
    mailbox: Mailbox
    reloader: SiteReloader
    gallery: GalleryRoom
    findings: tuple[Finding, ...] = ()
    version: int = 0
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def broken(self) -> Mapping[str, tuple[Finding, ...]]:
        """Return the errors by the slug of the magnet that they break."""
        errors = [finding for finding in self.findings if finding.severity == "error"]
        slugs = {finding.slug for finding in errors if finding.slug}
        return {slug: tuple(e for e in errors if e.slug == slug) for slug in slugs}

    def site_errors(self) -> tuple[Finding, ...]:
        """Return the errors that belong to no single magnet."""
        return tuple(e for e in self.findings if e.severity == "error" and not e.slug)

    async def watch(self, stop: asyncio.Event, _round_done: RoundDone) -> None:
        """Reload the site whenever one of its files changes, until `stop` is set."""
        was_edited = False
        async for _ in edits(self.app_context.edition.site.root, stop):
            edition, findings = await self.reloader.load()
            is_new = edition is not None and self.reloader.is_new(edition)
            if edition is not None:
                findings += await self.reloader.take(edition)
            if was_edited or is_new or findings != self.findings:
                self.findings = findings
                self.announce()
            was_edited = True  # the first time is for what was edited before the site was watched
        self.announce()

    def hints(self, path: str) -> tuple[Finding, ...]:
        """Return the hints for the page at `path`; on the first page, those for the whole site."""
        site, name = self.app_context.edition.site, path.strip("/")
        magnet = site.magnets.get(Slug(name))
        if magnet is None and name:
            return ()
        kinds = self.app_context.edition.kinds.files
        better = hints_of_site(site) if magnet is None else hints_of_magnet(site, magnet, kinds)
        slug = None if magnet is None else magnet.slug
        warned = (it for it in self.findings if it.severity == "warning" and it.slug == slug)
        return (*warned, *better)

    def announce(self) -> None:
        """Notify every waiting browser."""
        self.version += 1
        self.changed.set()
        self.changed = asyncio.Event()


def dev_routes(bench: DevState) -> list[Route]:
    """Return the routes under `/dev`."""

    async def changes(request: Request) -> Response:
        since = request.query_params.get("since", "")
        if since == str(bench.version):
            with suppress(TimeoutError):
                await asyncio.wait_for(bench.changed.wait(), LONGEST_POLL_SECONDS)
        return JSONResponse(bench.version, headers={"cache-control": "no-store"})

    async def script(_request: Request) -> Response:
        return Response(RELOAD_SCRIPT, media_type="text/javascript")

    async def style(_request: Request) -> Response:
        return Response(STYLE, media_type="text/css")

    async def mailbox(_request: Request) -> Response:
        mails = await asyncio.to_thread(bench.mailbox.newest_first)
        words = bench.app_context.edition.theme.wording("en")
        rows = tuple((it.name, it.subject, it.recipient, moment_of(it.date, words)) for it in mails)
        frame = bench.app_context.frame(bench.app_context.edition.site.settings.languages[0])
        return bench.app_context.page(MailboxView(frame, rows))

    async def mail(request: Request) -> Response:
        found = bench.mailbox.open(request.path_params["name"])
        if found is None:
            raise PageUnknown
        frame = bench.app_context.frame(bench.app_context.edition.site.settings.languages[0])
        view = MailView(frame, found.name, found.subject, found.headers, found.text, found.attachments)
        return bench.app_context.page(view)

    async def mail_html(request: Request) -> Response:
        found = bench.mailbox.open(request.path_params["name"])
        if found is None:
            raise PageUnknown
        html = found.html.replace("<head>", '<head><base target="_top">', 1)
        return HTMLResponse(html, headers={"x-dev-policy": MAIL_POLICY})

    return [
        Route("/dev/changes", changes),
        Route("/dev/reload.js", script),
        Route("/dev/hints.css", style),
        Route("/dev/mail", mailbox),
        Route("/dev/mail/{name}", mail),
        Route("/dev/mail/{name}/html", mail_html),
        *gallery_routes(bench.gallery),
    ]


def moment_of(header: str, words: Wording) -> str:
    """Return the Date of a mail in the site's time zone; unchanged when it is no date."""
    try:
        return words.moment(parsedate_to_datetime(header))
    except ValueError:
        return header


class DevMiddleware:
    """Shows errors in place of broken pages, and adds the reload script to every page."""

    def __init__(self, inner: ASGIApp, bench: DevState) -> None:
        """Wrap `inner`."""
        self._inner = inner
        self._bench = bench

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Show a page's errors, else pass on."""
        if scope["type"] != "http":
            return
        path = corrected_path(scope["path"])
        broken = self._bench.site_errors() or self._bench.broken().get(path.strip("/"), ())
        if broken and not path.startswith(_NO_PAGES):
            app_context = self._bench.app_context
            view = BrokenView(
                app_context.frame(app_context.edition.site.settings.languages[0]), broken_lines(broken)
            )
            await self._reloading(app_context.page(view, 500), scope, receive, send)
        else:
            await self._reloading(self._inner, scope, receive, send)

    async def _reloading(self, app: ASGIApp | Response, scope: Scope, receive: Receive, send: Send) -> None:
        added = hints_bar(self._bench.hints(scope["path"])) + RELOAD + b"</body>"
        kept = [pair for pair in scope["headers"] if pair[0] not in _CONDITIONS]
        start: Message = {}
        body, passed = bytearray(), False

        async def gather(message: Message) -> None:
            nonlocal start, passed
            if message["type"] == "http.response.start":
                start = message
                return
            if not _is_page(start):
                if not passed:
                    await send(start)
                passed = True
                await send(message)
                return
            body.extend(message.get("body", b""))
            if not message.get("more_body"):
                page = bytes(body)
                if not _is_framed(start):  # else the page around it reloads, and its links are led already
                    page = self._here(page).replace(b"</body>", added, 1)
                await send({**start, "headers": _dev_headers(start["headers"], len(page))})
                await send({"type": "http.response.body", "body": page})

        await app({**scope, "headers": kept}, receive, gather)

    def _here(self, page: bytes) -> bytes:
        """Point links and forms to the author's address, perhaps a tunnel's."""
        return page.replace(f'="{self._bench.app_context.edition.site.settings.base_url}/'.encode(), b'="/')


def broken_lines(findings: tuple[Finding, ...]) -> tuple[tuple[str, str, str], ...]:
    """Return each error as place, message and cure."""
    return tuple(
        (f"{finding.path}:{finding.line}:{finding.column}", finding.message, finding.cure)
        for finding in findings
    )


_NO_PAGES = ("/dev/", "/static/", ICON_PATH, TOUCH_PATH)
_ALONE = content_policy("").encode()  # of a page that shows errors in place of another
_ALLOWED = b"; script-src 'self'; frame-src 'self'"
_CONDITIONS = {b"accept-encoding", b"if-none-match"}


def _is_page(start: Message) -> bool:
    return any(name == b"content-type" and value.startswith(b"text/html") for name, value in start["headers"])


def _is_framed(start: Message) -> bool:
    """Return whether a page is shown in a frame: a mail, or what the gallery shows."""
    return any(name == b"x-dev-policy" for name, _ in start["headers"])


def _dev_headers(headers: list[tuple[bytes, bytes]], length: int) -> list[tuple[bytes, bytes]]:
    """Allow our one script and the mailbox's frame; prevent caching."""
    own = dict(headers)
    policy = own.get(b"x-dev-policy", own.get(CONTENT_POLICY.encode(), _ALONE) + _ALLOWED)
    dropped = {
        b"content-length",
        CONTENT_POLICY.encode(),
        b"etag",
        b"cache-control",
        b"x-dev-policy",
        b"x-frame-options",
    }
    kept = [pair for pair in headers if pair[0].lower() not in dropped]
    return [
        *kept,
        (b"content-length", str(length).encode()),
        (CONTENT_POLICY.encode(), policy),
        (b"cache-control", b"no-store"),
    ]
