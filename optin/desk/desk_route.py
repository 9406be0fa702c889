"""Routes of the desk, each with the roles that may use it, and the visit that a handler receives.

A handler runs only for somebody who is signed in, with a role of the route, and for a post that a page of
the desk sent. So nothing is left to the handlers: who adds a route says who may use it.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TypeAlias

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from optin.consent.staff_role import EVERY_ROLE, Role
from optin.desk.cookies import RETURN_TO, SESSION, SIGN_IN, cookie, is_place, set_cookie
from optin.desk.desk_page import DeskFrame, DeskView, ForbiddenView, RefusedView, answer, desk_frame
from optin.desk.uploads import UploadedFile, is_upload, read_parts
from optin.errors import PostMalformed, PostTooSlow, RequestRefused
from optin.flows.context_with_kinds import Flow
from optin.flows.staff.sign_in import (
    StaffSession,
    current_session,
    form_token,
    is_due_to_be_seen,
    keep_session_alive,
)
from optin.flows.staff.trail import ActKind, Doing, note_act, recorded
from optin.flows.staff.unsaved_texts import ended_session
from optin.proof.canonical_json import Json
from optin.store.database_interface import P, T
from optin.theme.languages import languages
from optin.web.app_context import AppContext, app_context_of, preferred
from optin.web.read_posted_form import MAX_POST_BYTES, read_body, read_post, single
from optin.web.security_headers import NO_STORE

DESK = "/desk"
FORM_TOKEN = "token"  # noqa: S105 - the name of a field
UPLOAD_SECONDS = 60
FOREIGN = frozenset({"cross-site", "same-site"})


@dataclass(frozen=True)
class StaffVisit:
    """One request of somebody who is signed in."""

    request: Request
    app_context: AppContext
    session: StaffSession
    now: datetime
    posted: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    files: tuple[UploadedFile, ...] = field(default=(), repr=False)

    @property
    def lang(self) -> str:
        """The language of the page."""
        return language_for(self.request, self.session)

    @property
    def frame(self) -> DeskFrame:
        """What surrounds the page."""
        return desk_frame(self.request, self.app_context, self.session, self.lang)

    def value(self, name: str) -> str:
        """Return one posted value; empty when it is missing. Raises PostMalformed when it is repeated."""
        return single(list(self.posted), name)

    def values(self, name: str) -> tuple[str, ...]:
        """Return every posted value of a name."""
        return tuple(value for field_name, value in self.posted if field_name == name)

    def may(self, *roles: Role) -> bool:
        """Return whether the visitor has one of these roles."""
        return self.session.account.has(*roles)

    async def act(
        self,
        doing: Doing,
        flow: Flow[P, T],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Run a flow that changes something, and record it in the trail in the same transaction."""
        return await self.app_context.run(recorded, flow, doing, self.now, *args, **kwargs)

    async def note(self, doing: Doing) -> int:
        """Record what changes nothing, such as a look at a person."""
        return await self.app_context.run(note_act, doing, self.now)

    async def note_file(self, magnet: str) -> int:
        """Record that a file of a magnet is about to be written: no transaction holds a file and a line.

        Whoever reads the trail after a crash sees that somebody tried.
        """
        return await self.note(self.doing(ActKind.FILE_BEGUN, facts={"magnet": magnet} if magnet else {}))

    async def view(self, flow: Flow[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a flow that only reads."""
        return await self.app_context.view(flow, *args, **kwargs)

    def doing(
        self,
        kind: str,
        about: bytes = b"",
        why: str = "",
        facts: Mapping[str, Json] | None = None,
        texts: Mapping[str, Json] | None = None,
    ) -> Doing:
        """Return what the visitor is about to do, for the trail."""
        return Doing(self.session.account.id, kind, about, why, facts or {}, texts or {})

    def page(self, view: DeskView, status: int = 200) -> Response:
        """Answer with a page of the desk."""
        return answer(self.app_context, view, status)

    def download(self, content: bytes | AsyncIterator[bytes], media_type: str, name: str) -> Response:
        """Answer with a file that the browser saves under `name`, and that nobody caches."""
        headers = {"content-disposition": f'attachment; filename="{name}"', "cache-control": NO_STORE}
        if isinstance(content, bytes):
            return Response(content, 200, headers, media_type)
        return StreamingResponse(content, 200, headers, media_type)

    def back(self, path: str) -> Response:
        """Answer a post: show the page at `path` below the desk."""
        return RedirectResponse(f"{DESK}{path}", 303)


DeskHandler: TypeAlias = Callable[[StaffVisit], Awaitable[Response]]


@dataclass(frozen=True)
class DeskRoute:
    """One page or act of the desk. `path`: below /desk.

    `again`: whoever signed in longer ago than a few minutes proves again who they are. `menu`: the key of
    its line in the menu. `most_bytes`: of what is posted, see `LARGE_POSTS`. `on_ended`: called for a post
    that comes after the session ended by itself, before its sender signs in again; it shows nothing.
    """

    path: str
    handler: DeskHandler
    roles: frozenset[Role] = EVERY_ROLE
    method: str = "GET"
    again: bool = False
    menu: str = ""
    most_bytes: int = MAX_POST_BYTES
    on_ended: Callable[[StaffVisit], Awaitable[None]] | None = None


def starlette_routes(routes: Sequence[DeskRoute]) -> list[Route]:
    """Return the routes as the server takes them."""
    menu = tuple((it.menu, f"{DESK}{it.path}", it.roles) for it in routes if it.menu)
    return [Route(f"{DESK}{it.path}", _endpoint(it, menu), methods=[it.method]) for it in routes]


def _endpoint(
    route: DeskRoute, menu: Sequence[tuple[str, str, frozenset[Role]]]
) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        """1. Who is it. 2. In a role that may. 3. Proved lately, where asked. 4. A post of our own page."""
        app_context = app_context_of(request)
        request.state.menu = menu
        now = app_context.installation.clock()

        # 1. Who is it.
        session = await session_of(request, now)
        if session is None:
            if route.on_ended is not None and request.method == "POST":
                return await _keep_of_ended(request, app_context, route, now)
            return _to_sign_in(request, app_context)
        if is_due_to_be_seen(session, now):
            await app_context.run(keep_session_alive, session, now)

        # 2. In a role that may; nothing is read of what others post.
        visit = StaffVisit(request, app_context, session, now)
        if not session.account.has(*route.roles):
            await visit.note(visit.doing(ActKind.REFUSED, facts={"path": f"{DESK}{route.path}"}))
            return visit.page(ForbiddenView(visit.frame, tuple(it for it in Role if it in route.roles)), 403)

        # 3. Proved lately, where asked.
        if route.again and not session.times.is_fresh(now):
            return _to_prove_again(request, app_context, route)

        # 4. A post of our own page.
        if route.method == "POST" and is_upload(request) and route.most_bytes > MAX_POST_BYTES:
            posted, files = await own_upload(request, session.secret, route.most_bytes)
            visit = replace(visit, posted=posted, files=files)
        elif route.method == "POST":
            visit = replace(visit, posted=await own_post(request, session.secret, route.most_bytes))
        try:
            return await route.handler(visit)
        except RequestRefused as problem:
            return visit.page(RefusedView(visit.frame, str(problem)), 409)

    return endpoint


async def _keep_of_ended(
    request: Request, app_context: AppContext, route: DeskRoute, now: datetime
) -> Response:
    """Let a route keep what was posted from a page of a session that ended by itself; then ask to sign in."""
    response = _to_sign_in(request, app_context)
    secret = cookie(request, SESSION)
    ended = await app_context.view(ended_session, secret, now) if secret else None
    if ended is None or route.on_ended is None or not ended.account.has(*route.roles):
        return response
    posted = await own_post(request, secret, route.most_bytes)
    await route.on_ended(StaffVisit(request, app_context, ended, now, posted))
    if is_place(request.url.path):
        set_cookie(response, app_context, RETURN_TO, request.url.path)
    return response


async def session_of(request: Request, now: datetime) -> StaffSession | None:
    """Return who is signed in; None for nobody."""
    app_context = app_context_of(request)
    secret = cookie(request, SESSION)
    return await app_context.view(current_session, secret, now) if secret else None


async def own_post(request: Request, secret: str, most: int = MAX_POST_BYTES) -> tuple[tuple[str, str], ...]:
    """Return the fields of a form that a page of the desk sent. Raises PostMalformed for any other.

    `secret`: of the cookie that the page's token was made from; `most`: bytes of the form.
    """
    _refuse_foreign(request)
    async with in_time(request, most):
        posted = await read_post(request, most)
    return _with_token(posted, secret)


async def own_upload(
    request: Request, secret: str, most: int
) -> tuple[tuple[tuple[str, str], ...], tuple[UploadedFile, ...]]:
    """Return the fields and files of a form that a page of the desk sent. Raises PostMalformed."""
    _refuse_foreign(request)
    async with in_time(request, most):
        body = await read_body(request, most)
    posted, files = read_parts(request.headers["content-type"], bytes(body))
    return _with_token(posted, secret), tuple(files)


@asynccontextmanager
async def in_time(request: Request, most: int) -> AsyncIterator[None]:
    """Read a body in time: a large one may take longer. Raises PostTooSlow."""
    seconds = app_context_of(request).edition.site.settings.server.body_seconds
    try:
        async with asyncio.timeout(seconds if most == MAX_POST_BYTES else max(seconds, UPLOAD_SECONDS)):
            yield
    except TimeoutError:
        raise PostTooSlow from None


def _refuse_foreign(request: Request) -> None:
    if request.headers.get("sec-fetch-site", "same-origin") in FOREIGN:
        raise PostMalformed


def _with_token(posted: list[tuple[str, str]], secret: str) -> tuple[tuple[str, str], ...]:
    if not secret or not hmac.compare_digest(
        single(posted, FORM_TOKEN).encode(), form_token(secret).encode()
    ):
        raise PostMalformed
    return tuple(it for it in posted if it[0] != FORM_TOKEN)


def language_for(request: Request, session: StaffSession | None) -> str:
    """Return the language of a page: as the account says, else as the browser asks."""
    if session is not None and session.account.lang in languages():
        return session.account.lang
    app_context = app_context_of(request)
    main = app_context.edition.site.settings.languages[0]
    offered = (main, *(it for it in languages() if it != main))
    return preferred(request.headers.get("accept-language", ""), offered)


def _to_sign_in(request: Request, app_context: AppContext) -> Response:
    """Send whoever is not signed in to the sign-in page, and back afterwards.

    A strict cookie does not come along from a link on another site: then it asks once more by itself.
    """
    if request.method == "GET" and request.headers.get("sec-fetch-site") == "cross-site":
        return HTMLResponse(
            '<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="0"><title>…</title>',
            headers={"cache-control": "no-store"},
        )
    response = RedirectResponse(f"{DESK}/sign-in", 303)
    if request.method == "GET" and is_place(request.url.path):
        set_cookie(response, app_context, RETURN_TO, request.url.path)
    return response


def _to_prove_again(request: Request, app_context: AppContext, route: DeskRoute) -> Response:
    response = RedirectResponse(f"{DESK}/again", 303)
    place = request.url.path if route.method == "GET" else _page_of(request)
    if is_place(place):
        set_cookie(response, app_context, RETURN_TO, place)
    return response


def _page_of(request: Request) -> str:
    """Return the page that a post came from, as far as the browser says so; else the desk's first."""
    origin, sign, path = request.headers.get("referer", "").partition(DESK)
    return f"{sign}{path.partition('?')[0]}" if origin and sign else DESK


def browser_secret(request: Request) -> str:
    """Return the secret of a browser that asked for a link; empty when it has none."""
    return cookie(request, SIGN_IN)
