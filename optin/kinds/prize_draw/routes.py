"""Public pages of a prize draw: its fixed list, its result, and the file to recompute it (M2)."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from optin.kinds.api import RoutesPart
from optin.kinds.api.errors import PageUnknown
from optin.kinds.api.forms import FormDeclaration, Slug
from optin.kinds.api.web import NO_STORE, AppContext, app_context_of, removed_form
from optin.kinds.prize_draw.details import KIND, PrizeDraw
from optin.kinds.prize_draw.draw_lots import SCHEME, shown_tickets
from optin.kinds.prize_draw.draw_winners import publication_of
from optin.kinds.prize_draw.pages import DrawView
from optin.kinds.prize_draw.participation import draws_of, promise_of


async def get_draw(request: Request) -> Response:
    """Show the state of a draw: open, fixed, or drawn."""
    app_context, slug, form = await _asked(request)
    published = await app_context.read(publication_of, magnet=slug)
    promise = draws_of(app_context.installation.policy).get(slug) or promise_of(form)
    if promise is None:
        raise PageUnknown
    transcript: dict[str, Any] = {} if published is None else json.loads(published)
    return app_context.page(
        DrawView(
            frame=app_context.frame(form.lang),
            title=form.title,
            page_url=f"{app_context.frame(form.lang).pages_url}/{slug}"
            if _is_served(app_context, slug)
            else "",
            file_url=f"/{slug}/draw.json",
            promise=promise if published is None else _as_fixed(promise, transcript),
            scheme=SCHEME,
            entries=transcript.get("entries", 0),
            digest=transcript.get("digest", ""),
            seed=transcript.get("seed", ""),
            seed_canonical=transcript.get("seed_canonical", ""),
            winners=shown_tickets(transcript.get("winners", ()), transcript.get("order", ())),
            passed_over=shown_tickets(transcript.get("passed_over", ()), transcript.get("order", ())),
            changed=tuple(transcript.get("changed", {}).items()),
        )
    )


def _as_fixed(promise: PrizeDraw, transcript: dict[str, Any]) -> PrizeDraw:
    """Return the draw as fixed, whatever the front matter says now."""
    return replace(
        promise,
        prize=transcript["prize"],
        winners=transcript["prizes"],
        seed_source=transcript["seed_source"],
        seed_at=datetime.fromisoformat(transcript["seed_at"]),
    )


async def get_draw_file(request: Request) -> Response:
    """Send a draw's list, and after the draw its transcript: the exact bytes that the log commits to."""
    app_context, slug, _ = await _asked(request)
    published = await app_context.read(publication_of, magnet=slug)
    if published is None:
        raise PageUnknown
    return Response(published, media_type="application/json", headers={"cache-control": NO_STORE})


async def _asked(request: Request) -> tuple[AppContext, Slug, FormDeclaration]:
    """Return the requested draw, with its present declaration, or the last one when it was removed.

    What was promised is published, whether or not the magnet is still there.
    """
    app_context, slug = app_context_of(request), Slug(request.path_params["slug"])
    served = app_context.edition.publication.forms.get(slug)
    form = await removed_form(request, slug) if served is None else served.declaration
    if form is None or form.kind != KIND:
        raise PageUnknown
    return app_context, slug, form


def _is_served(app_context: AppContext, slug: Slug) -> bool:
    return slug in app_context.edition.publication.forms


ROUTES = RoutesPart(
    below=(
        Route("/{slug}/draw", get_draw, methods=["GET"]),
        Route("/{slug}/draw.json", get_draw_file, methods=["GET"]),
    )
)
