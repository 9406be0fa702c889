"""Withdrawing by a link: GET shows, POST withdraws, by button or in one click (R3, RFC 8058).

The link can do nothing else, and never expires: whoever has the mail can stop it.
"""

from __future__ import annotations

from functools import partial

from starlette.requests import Request
from starlette.responses import Response

from optin.consent.links import LinkKind
from optin.consent.record import RequestId
from optin.errors import LinkSpent
from optin.flows.withdraw import Withdrawable, view_withdrawable, withdraw_consent
from optin.store.vault import ID_BYTES
from optin.theme.views import UnsubscribeView
from optin.web.desk import Desk, desk_of, language_of
from optin.web.posts import discard_post


async def get_unsubscribe(request: Request) -> Response:
    """Show what can be withdrawn; changes nothing."""
    desk = desk_of(request)
    stored, purpose = _read(desk, request.path_params["token"])
    flow = partial(view_withdrawable, vault=desk.office.vault, request=stored, purpose=purpose)
    try:
        found = await desk.read(flow)
    except LinkSpent:
        found = None
    return _page(request, found, done=False)


async def post_unsubscribe(request: Request) -> Response:
    """Withdraw, at once. A person whose data was erased has nothing left to withdraw."""
    desk = desk_of(request)
    await discard_post(request)
    stored, purpose = _read(desk, request.path_params["token"])
    flow = partial(
        withdraw_consent,
        vault=desk.office.vault,
        request=stored,
        purpose=purpose,
        now=desk.office.clock(),
    )
    try:
        found = await desk.write(flow)
    except LinkSpent:
        found = None
    return _page(request, found, done=True)


def _read(desk: Desk, token: str) -> tuple[RequestId, str | None]:
    office = desk.office
    payload = office.vault.links.read(LinkKind.UNSUBSCRIBE, token, office.clock(), None)
    return RequestId(payload[:ID_BYTES]), payload[ID_BYTES:].decode() or None


def _page(request: Request, found: Withdrawable | None, *, done: bool) -> Response:
    desk = desk_of(request)
    lang = language_of(request) if found is None else found.form.lang
    questions = () if found is None else found.questions
    return desk.page(UnsubscribeView(desk.frame(lang), request.url.path, questions, done=done))
