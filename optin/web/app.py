"""The application: every route in one list, grouped by audience."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, partial

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from optin.consent.kind_part_lookup import PartsByKind
from optin.errors import OptinError, PageUnknown
from optin.services.measurements import Unmeasured
from optin.services.spans import NoSpans
from optin.theme.icon import ICON_PATH, TOUCH_PATH
from optin.web.app_context import AppContext
from optin.web.assets import get_asset, get_icon
from optin.web.bounce_webhooks import bounce_routes
from optin.web.confirm import get_confirmation, get_confirmed_in_frame, post_confirmation
from optin.web.counted_requests import CountedRequests, RoutePatterns
from optin.web.download import get_download
from optin.web.error_pages import fail, refuse, refuse_broken_off, refuse_http
from optin.web.gate import GATE_ROUTES
from optin.web.health import HEALTH_ROUTES
from optin.web.kind_route_hooks import RoutesPart, below_magnet, below_place
from optin.web.landing_post import get_sent, post_form, post_sent
from optin.web.listed_sites import in_frames_alone
from optin.web.malformed_requests import WellFormed
from optin.web.mistyped_path import TypedPaths
from optin.web.page_cache import PageCacheMiddleware
from optin.web.personal_page import get_ask, get_personal, post_ask, post_personal
from optin.web.preview_page import get_preview, post_preview
from optin.web.privacy_statement import get_privacy, get_privacy_version
from optin.web.public_log import get_checkpoint, get_explanation, get_key, get_tile
from optin.web.request_admission import Admission
from optin.web.security_headers import RESOURCE_POLICY, security_headers
from optin.web.site_proof import SITE_PROOF_ROUTES
from optin.web.timing_protection import at_even_times
from optin.web.traced_requests import TracedRequests
from optin.web.unsubscribe import get_unsubscribe, post_unsubscribe
from optin.web.visitor_time import VisitorTime

ROUTES = (
    # the person behind a mailbox
    Route("/confirm/{token}", get_confirmation, methods=["GET"]),
    Route("/confirm/{token}", post_confirmation, methods=["POST"]),
    Route("/download/{token}", get_download, methods=["GET"]),
    Route("/unsubscribe/{token}", get_unsubscribe, methods=["GET"]),
    Route("/unsubscribe/{token}", post_unsubscribe, methods=["POST"]),
    Route("/place/{token}", below_place, methods=["GET", "POST"]),
    Route("/place/{token}/{rest:path}", below_place, methods=["GET", "POST"]),
    Route("/me", get_ask, methods=["GET"]),
    Route("/me", at_even_times(post_ask), methods=["POST"]),
    Route("/me/{token}", get_personal, methods=["GET"]),
    Route("/me/{token}", post_personal, methods=["POST"]),
)


async def get_unknown_page(_request: Request) -> Response:
    """Answer 404; `page_cache` answers for the pages that exist."""
    raise PageUnknown


LOG_ROUTES = (
    # anybody who wants to hold us to our word
    Route("/log", get_explanation, methods=["GET"]),
    Route("/log/checkpoint", get_checkpoint, methods=["GET"]),
    Route("/log/key", get_key, methods=["GET"]),
    Route("/log/tile/{path:path}", get_tile, methods=["GET"]),
)
VISITOR_ROUTES = (
    # anybody; `page_cache` answers for landing pages, index and assets
    Route("/privacy", get_privacy, methods=["GET"]),
    Route("/privacy/{version}", get_privacy_version, methods=["GET"]),
    Route("/static/{name}", get_asset, methods=["GET"]),
    Route(ICON_PATH, get_icon, methods=["GET"]),
    Route(TOUCH_PATH, get_icon, methods=["GET"]),
    Route("/{slug}", get_unknown_page, methods=["GET"]),
    Route("/{slug}", post_form, methods=["POST"]),
    Route("/{slug}/sent", get_sent, methods=["GET"]),
    Route("/{slug}/sent", at_even_times(post_sent), methods=["POST"]),
    Route("/{slug}/embed", in_frames_alone(post_form), methods=["POST"]),
    Route("/{slug}/embed/sent", in_frames_alone(get_sent), methods=["GET"]),
    Route("/{slug}/embed/sent", in_frames_alone(at_even_times(post_sent)), methods=["POST"]),
    Route("/{slug}/embed/confirmed/{token}", in_frames_alone(get_confirmed_in_frame), methods=["GET"]),
    Route("/{slug}/preview/{token}", get_preview, methods=["GET"]),
    Route("/{slug}/preview/{token}", post_preview, methods=["POST"]),
    Route("/{slug}/{rest:path}", below_magnet, methods=["GET", "POST"]),
)


class SecureHeaders:
    """Adds the security headers to every answer (S1)."""

    def __init__(self, inner: ASGIApp, base_url: str) -> None:
        """Prepare the headers once."""
        self._inner = inner
        self._of_type = cache(partial(_encoded_headers, base_url))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, and add headers to the answer."""

        async def send_secured(message: Message) -> None:
            own = dict(message["headers"]) if message["type"] == "http.response.start" else None
            # a page for frames brings all of them, another one perhaps a policy of its own
            if own is not None and RESOURCE_POLICY.encode() not in own:
                new = (it for it in self._of_type(own.get(b"content-type", b"")) if it[0] not in own)
                message["headers"] = [*message["headers"], *new]
            await send(message)

        await self._inner(scope, receive, send_secured)


def _encoded_headers(base_url: str, content_type: bytes) -> list[tuple[bytes, bytes]]:
    headers = security_headers(base_url, content_type.decode("latin-1"))
    return [(name.encode(), value.encode()) for name, value in headers]


def build_app(
    app_context: AppContext, kinds: PartsByKind[RoutesPart], extra: Sequence[BaseRoute] = ()
) -> ASGIApp:
    """Return the application. `kinds` answer below a magnet's address; `extra` routes come first."""
    inner = Starlette(
        routes=[
            *extra,
            *ROUTES,
            *LOG_ROUTES,
            *GATE_ROUTES,
            *bounce_routes(),
            *HEALTH_ROUTES,
            *SITE_PROOF_ROUTES,
            *VISITOR_ROUTES,
        ],
        middleware=[Middleware(Admission, app_context)],
        exception_handlers={
            OptinError: refuse,
            HTTPException: refuse_http,
            ClientDisconnect: refuse_broken_off,
            Exception: fail,
        },
    )
    inner.router.redirect_slashes = False
    inner.state.app_context = app_context
    inner.state.kinds = kinds
    mended = TypedPaths(inner, lambda: app_context.pages)
    base_url = app_context.edition.site.settings.base_url
    counts = app_context.installation.sources
    front = PageCacheMiddleware(SecureHeaders(mended, base_url), lambda: app_context.pages, counts)

    async def refusal(scope: Scope, receive: Receive, send: Send) -> None:
        site = app_context.edition.site
        await app_context.error("malformed", 400, site.settings.languages[0])(scope, receive, send)

    whole = WellFormed(front, SecureHeaders(refusal, base_url))
    installation, patterns = app_context.installation, RoutePatterns(inner.routes)
    outer: ASGIApp = VisitorTime(whole, installation.visitors)
    if not isinstance(installation.spans, NoSpans):
        outer = TracedRequests(outer, installation.spans, patterns)
    if not isinstance(installation.measurements, Unmeasured):
        outer = CountedRequests(outer, installation.measurements, patterns)
    return outer
