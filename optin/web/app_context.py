"""What every route uses: the served edition of the site, its installation, and functions that answer."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from optin.consent.form_version import Slug
from optin.consent.retention_period import RetentionPeriod
from optin.consent.signed_links import LinkKind
from optin.errors import MagnetClosed, MagnetWaiting, PageUnknown, log_line_of
from optin.flows.context_with_kinds import Flow
from optin.services.edit_site import SiteEditor
from optin.services.health import Readiness, readiness_of
from optin.services.installation import Installation
from optin.services.open_store import data_folders
from optin.services.openid_provider import OpenIdProvider, OpenIdProviders
from optin.services.site_edition import Edition
from optin.site.magnet_conflicts import RESERVED
from optin.site.magnet_life import MagnetPhase
from optin.site.time_dependent_pages import UnchangedPeriod, others_at, period_around
from optin.store.database_interface import Operation, P, T, read, written
from optin.theme.embedded_views import in_frame
from optin.theme.views import Card, ErrorView, Frame
from optin.web.page_cache import CachedPages, PageCache
from optin.web.post_limits import PostLimits
from optin.web.question_limits import QuestionLimits
from optin.web.security_headers import NO_STORE, security_headers

log = logging.getLogger("optin.web")

AHEAD = timedelta(minutes=1)  # pages of hundreds of magnets are rendered in seconds
LOOK_AHEAD_SECONDS = 5.0


@dataclass(frozen=True)
class UpcomingPages:
    """The pages of an edition in the period that begins when its next form opens or closes."""

    edition: Edition
    period: UnchangedPeriod
    pages: Mapping[str, CachedPages]


@dataclass
class AppContext:
    """The state of one server. `edition` may be replaced while serving."""

    edition: Edition
    installation: Installation
    limits: PostLimits
    questions: QuestionLimits
    readiness: Readiness
    editor: SiteEditor
    reload: Callable[[], Awaitable[tuple[str, ...]]] | None = None  # serve the files as they now are
    openid_providers: OpenIdProviders = field(default_factory=OpenIdProviders)
    followers: list[Callable[[Edition], None]] = field(default_factory=list)  # called with each new edition
    _pages: Mapping[str, CachedPages] = field(default_factory=dict)
    _page_cache: PageCache = field(default_factory=PageCache)
    _period: UnchangedPeriod = UnchangedPeriod()  # outside of it, the pages are others
    _upcoming: UpcomingPages | None = None

    @classmethod
    def of(cls, edition: Edition, installation: Installation) -> AppContext:
        """Return the state of a new server."""
        site = edition.site
        limits = PostLimits(site.settings.limits, site.settings.proxy.trusted, installation)
        app_context = cls(
            edition,
            installation,
            limits,
            QuestionLimits(installation, site.settings.limits.questions_per_minute, limits.log),
            readiness_of(installation, data_folders(site.settings)),
            SiteEditor(site.root, edition.kinds),
        )
        installation.policy = replace(installation.policy, limited=limits.log.note)
        installation.sources.follow(site.settings.sources)
        app_context._prepare()
        return app_context

    @property
    def pages(self) -> Mapping[str, CachedPages]:
        """The cached pages by path, as of now."""
        if self._period.ends and not self._period.includes(self.installation.clock()):
            try:
                self._prepare()
            except Exception as problem:  # noqa: BLE001 - a template of the site's own; the others go on
                log.error("pages not renewed error=%s", log_line_of(problem))  # noqa: TRY400 - names nobody
        return self._pages

    def _prepare(self) -> None:
        now, upcoming = self.installation.clock(), self._upcoming
        self._period = period_around(self.edition.site, now)
        if upcoming is not None and upcoming.edition is self.edition and upcoming.period.includes(now):
            self._pages, self._upcoming = upcoming.pages, None
            return
        self._pages = self._page_cache.pages(self.edition, now)

    async def prepare_upcoming(self) -> None:
        """Render the pages of the next moment shortly before it, in a thread: no request waits for them."""
        edition, moment, known = self.edition, self._period.until, self._upcoming
        if moment is None or moment - self.installation.clock() > AHEAD:
            return
        period = period_around(edition.site, moment)
        if known is None or known.edition is not edition or known.period != period:
            pages = await asyncio.to_thread(self._page_cache.pages, edition, moment)
            self._upcoming = UpcomingPages(edition, period, pages)

    def require_open(self, slug: Slug) -> datetime:
        """Return the present moment, at which a magnet's form is open.

        Raises MagnetClosed, MagnetWaiting, or PageUnknown when the magnet was removed meanwhile.
        """
        now, magnet = self.installation.clock(), self.edition.site.magnets.get(slug)
        if magnet is None:
            raise PageUnknown
        phase = magnet.phase_at(now)
        if phase is MagnetPhase.OVER:
            raise MagnetClosed
        if phase is MagnetPhase.WAITING:
            raise MagnetWaiting
        return now

    def others(self, slug: Slug, lang: str) -> tuple[Card, ...]:
        """Return what visitors can have now in a language, besides a magnet."""
        edition, now = self.edition, self.installation.clock()
        return others_at(edition.site, edition.publication, now, edition.site.magnet(slug), lang)

    def replace(self, edition: Edition) -> None:
        """Serve another edition from now on; if a template or the store raises, the earlier goes on."""
        now = self.installation.clock()
        pages = self._page_cache.pages(edition, now)
        self.installation.obey(replace(edition.policy, limited=self.limits.log.note))
        self.edition, self._pages, self._period = edition, pages, period_around(edition.site, now)
        self.installation.sources.follow(edition.site.settings.sources)
        for follow in self.followers:
            follow(edition)

    def openid_provider(self) -> OpenIdProvider | None:
        """Return the provider that signs staff in, as optin.toml names it now; None for none."""
        site = self.edition.site
        return self.openid_providers.of(site.settings.desk.openid, site.root, self.installation.clock)

    async def run(self, flow: Flow[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a flow durably in a transaction of its own."""
        with self.installation.spans.work(_name_of(flow)):
            return await written(self.installation.store, flow, self.installation.context, *args, **kwargs)

    async def view(self, flow: Flow[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a flow that only reads."""
        with self.installation.spans.work(_name_of(flow)):
            return await read(self.installation.store, flow, self.installation.context, *args, **kwargs)

    async def write(self, operation: Operation[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run an operation durably."""
        with self.installation.spans.work(_name_of(operation)):
            return await written(self.installation.store, operation, *args, **kwargs)

    async def read(self, operation: Operation[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run an operation that only reads."""
        with self.installation.spans.work(_name_of(operation)):
            return await read(self.installation.store, operation, *args, **kwargs)

    def read_link(
        self, kind: LinkKind, token: str, lifetime: RetentionPeriod, longer: timedelta = timedelta(0)
    ) -> bytes:
        """Return what a link is for. Raises LinkForged, or LinkExpired `longer` after its lifetime."""
        now = self.installation.clock()
        return self.installation.vault.links.read(kind, token, now, lifetime.after(now) - now + longer)

    async def note_ending(self, *, erased: bool = False) -> None:
        """Write a withdrawal or erasure to the journal before the person is told (S7)."""
        await asyncio.to_thread(self.installation.note_ending)
        if erased:
            await asyncio.to_thread(self.installation.truncate_wal)

    def frame(self, lang: str) -> Frame:
        """Return the frame of a page in `lang`, or in the site's own language when `lang` is not offered."""
        return self.edition.frame(lang)

    def page(self, view: Any, status: int = 200) -> Response:
        """Answer with a page for one visitor, which is never cached; one made for frames may be framed."""
        settings = self.edition.site.settings
        framed = security_headers(settings.base_url, framed_by=settings.embed.sites)
        headers = {"cache-control": NO_STORE, **(dict(framed) if view.frame.embedded else {})}
        return HTMLResponse(self.edition.theme.page(view), status, headers)

    def error(
        self,
        name: str,
        status: int,
        lang: str,
        wait_seconds: int = 0,
        *,
        framed: Slug | None = None,
        form_url: str = "",
    ) -> Response:
        """Answer with an error page; `wait_seconds`: until another attempt makes sense.

        `framed`: of a form in a frame of another site. `form_url`: where a refused form can be filled in.
        """
        frame = self.frame(lang) if framed is None else in_frame(self.frame(lang), framed)
        return self.page(ErrorView(frame, name, wait_seconds, form_url), status)


def _name_of(work: Callable[..., object]) -> str:
    """Return the name of a flow or an operation, for a trace."""
    return getattr(work, "__name__", "work")


def app_context_of(request: Request) -> AppContext:
    """Return the context of the server that received `request`."""
    app_context: AppContext = request.app.state.app_context
    return app_context


def slug_of(request: Request) -> Slug:
    """Return the current slug of the magnet at the start of a path, resolving former slugs."""
    slug = Slug(request.url.path.split("/")[1])
    return app_context_of(request).edition.site.renamed.get(slug, slug)


def framed_slug(request: Request) -> Slug | None:
    """Return the magnet of a request from a frame of another site; None for one from a page of optin."""
    _, first, *rest = request.url.path.split("/")
    sites = app_context_of(request).edition.site.settings.embed.sites
    return slug_of(request) if sites and rest[:1] == ["embed"] and first not in RESERVED else None


def see_other(url: str) -> Response:
    """Redirect to `url` with GET, so that nothing is posted twice."""
    return RedirectResponse(url, 303, {"cache-control": NO_STORE})


def language_of(request: Request) -> str:
    """Return the language for a page without a form: the magnet's, else the browser's."""
    app_context = app_context_of(request)
    site = app_context.edition.site
    form = app_context.edition.publication.forms.get(slug_of(request))
    if form is not None:
        return form.declaration.lang
    return preferred(request.headers.get("accept-language", ""), site.settings.languages)


def preferred(accepted: str, offered: tuple[str, ...]) -> str:
    """Return the offered language that an Accept-Language header prefers, else the first."""
    weighed: list[tuple[float, int, str]] = []
    for place, part in enumerate(accepted[:500].split(",")):
        tag, _, weight = part.strip().partition(";q=")
        try:
            weighed.append((-float(weight or 1), place, tag.partition("-")[0].lower()))
        except ValueError:
            continue
    liked = [tag for weight, _, tag in sorted(weighed) if weight < 0]
    return next((tag for tag in liked if tag in offered), offered[0])
