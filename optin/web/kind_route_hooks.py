"""The routes of a kind: below a magnet's address, below a personal link, on /me.

A request is answered by the magnet's own kind, and by no other. Addresses that every magnet has (`sent`)
come before those of kinds.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route

from optin.consent.kind_part_lookup import PartsByKind
from optin.consent.signed_links import LinkKind
from optin.consent.status_transitions import RequestId
from optin.errors import LinkSpent, PageUnknown
from optin.flows.context import Context
from optin.flows.records.decrypted_request import kind_of_request
from optin.store.database_interface import Tx
from optin.web.app_context import app_context_of, slug_of
from optin.web.removed_magnet_pages import removed_form


class PersonalFlow(Protocol):
    """The action of a button on /me for a person and a magnet; returns whether anything changed."""

    def __call__(self, tx: Tx, context: Context, *, email_index: bytes, magnet: str, now: datetime) -> bool:
        """Run inside one transaction."""


@dataclass(frozen=True)
class PersonalAction:
    """A kind's button on /me. `done`: the word in the page's address after the action."""

    run: PersonalFlow
    done: str


@dataclass(frozen=True)
class RoutesPart:
    """The routes of a kind; by default none.

    `below`: routes below `/{slug}/`. `place`: routes at and below the personal link `/place/{token}`, whose
    request `request_of_place` returns. `actions`: buttons on /me, by the value of `action`.
    """

    below: Sequence[Route] = ()
    place: Sequence[Route] = ()
    actions: Mapping[str, PersonalAction] = field(default_factory=dict)


def kinds_of(request: Request) -> PartsByKind[RoutesPart]:
    """Return the routes of the installed kinds."""
    kinds: PartsByKind[RoutesPart] = request.app.state.kinds
    return kinds


async def below_magnet(request: Request) -> Response:
    """Let a magnet's kind answer below its address, also when the magnet was removed."""
    app_context, slug = app_context_of(request), slug_of(request)
    magnet = app_context.edition.site.magnets.get(slug)
    if magnet is not None:
        return await _answer(request, kinds_of(request)[magnet.kind].below)
    form = await removed_form(request, slug)
    if form is None:
        raise PageUnknown
    return await _answer(request, kinds_of(request)[form.kind].below)


async def below_place(request: Request) -> Response:
    """Let the kind of a personal link's magnet answer. Raises LinkForged; LinkSpent without that kind."""
    kind = await app_context_of(request).view(kind_of_request, stored=request_of_place(request))
    routes = kinds_of(request)[kind].place
    if not routes:
        raise LinkSpent
    return await _answer(request, routes)


def request_of_place(request: Request) -> RequestId:
    """Return the request of a link to `/place/{token}`. Raises LinkForged."""
    installation = app_context_of(request).installation
    token = request.path_params["token"]
    return RequestId(installation.vault.links.read(LinkKind.PLACE, token, installation.clock(), None))


async def _answer(request: Request, routes: Sequence[Route]) -> Response:
    """Answer by the first matching route. Raises PageUnknown; HTTPException for another method."""
    allowed: set[str] = set()
    for route in routes:
        match, found = route.matches(request.scope)
        if match is Match.FULL:
            endpoint: Callable[[Request], Awaitable[Response]] = route.endpoint
            return await endpoint(Request({**request.scope, **found}, request.receive))
        if match is Match.PARTIAL:
            allowed |= route.methods or set()
    if allowed:
        raise HTTPException(405, headers={"Allow": ", ".join(sorted(allowed))})
    raise PageUnknown
