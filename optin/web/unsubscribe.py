"""Withdraw, or object to all advertising, by a link: GET shows, POST acts, by button or one-click (R3, L7).

The link can do nothing else (RFC 8058), and never expires: whoever has the mail can stop it.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from optin.consent.purpose import PurposeId
from optin.consent.signed_links import LinkKind
from optin.consent.status_transitions import ID_BYTES, RequestId
from optin.errors import LinkSpent, PostMalformed
from optin.flows.rights.object_to_contact import object_through_link
from optin.flows.rights.withdraw import (
    WithdrawableConsents,
    is_request_erased,
    view_withdrawable,
    withdraw_consent,
)
from optin.theme.views import UnsubscribeView
from optin.web.app_context import AppContext, app_context_of, language_of
from optin.web.read_posted_form import named_in_post

EVERYTHING = "everything"


async def get_unsubscribe(request: Request) -> Response:
    """Show what the link can withdraw; changes nothing."""
    app_context = app_context_of(request)
    stored, purpose = _read(app_context, request.path_params["token"])
    try:
        found = await app_context.view(view_withdrawable, request=stored, purpose=purpose)
    except LinkSpent:
        return await _page_of_nobody(request, stored)
    return _page(request, found, done=False)


async def post_unsubscribe(request: Request) -> Response:
    """Withdraw at once: the button's consent or, one-click, those of the link (RFC 8058).

    "Everything" is an objection to all advertising, on whatever basis; it withdraws every consent besides.
    """
    app_context = app_context_of(request)
    what = await named_in_post(request, "what")
    stored, purpose = _read(app_context, request.path_params["token"])
    now = app_context.installation.clock()
    try:
        if what == EVERYTHING:
            found = await app_context.run(object_through_link, request=stored, now=now)
        else:
            found = await app_context.run(withdraw_consent, request=stored, purpose=what or purpose, now=now)
    except LinkSpent:
        return await _page_of_nobody(request, stored)
    await app_context.note_ending()
    if not found.questions and what and what != EVERYTHING and found.form.question(PurposeId(what)) is None:
        raise PostMalformed  # what nobody asked is not "nothing left"
    objected = what == EVERYTHING
    return _page(request, found, done=True, more=not objected, objected=objected)


def _read(app_context: AppContext, token: str) -> tuple[RequestId, str | None]:
    installation = app_context.installation
    payload = installation.vault.links.read(LinkKind.UNSUBSCRIBE, token, installation.clock(), None)
    return RequestId(payload[:ID_BYTES]), payload[ID_BYTES:].decode() or None


def _page(
    request: Request, found: WithdrawableConsents, *, done: bool, more: bool = True, objected: bool = False
) -> Response:
    app_context = app_context_of(request)
    view = UnsubscribeView(
        app_context.frame(found.form.lang),
        request.url.path,
        found.questions,
        done=done,
        more=more,
        objected=objected,
    )
    return app_context.page(view)


async def _page_of_nobody(request: Request, stored: RequestId) -> Response:
    """Show that there is nothing left to withdraw."""
    app_context = app_context_of(request)
    erased = await app_context.view(is_request_erased, request=stored)
    view = UnsubscribeView(
        app_context.frame(language_of(request)), request.url.path, (), done=False, erased=erased
    )
    return app_context.page(view)
