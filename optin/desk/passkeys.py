"""Passkeys: add one to one's account, remove it, sign in with it, prove again who one is (K1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from optin.desk.desk_page import DeskPage
from optin.desk.desk_route import DESK, DeskRoute, StaffVisit, browser_secret, own_post, session_of
from optin.desk.sign_in import sign_in_page, signed_in
from optin.flows.staff.passkeys import (
    RelyingParty,
    SignedAnswer,
    add_own_passkey,
    options_to_add,
    options_to_sign_in,
    remove_own_passkey,
    sign_in_by_passkey,
)
from optin.flows.staff.sign_in import StaffSession
from optin.web.app_context import AppContext, app_context_of
from optin.web.read_posted_form import single
from optin.web.security_headers import NO_STORE
from optin.web.timing_protection import at_even_times

PASSKEYS = "/account/passkeys"
ANSWER = "answer"  # the field with what the browser's passkey says


@dataclass(frozen=True)
class NewPasskeyView(DeskPage):
    """The form that makes a passkey. `problem`: a word of `passkey.fault.*`, or empty."""

    problem: str = ""
    template: ClassVar[str] = "desk/passkey-new.html"


def relying_party(app_context: AppContext) -> RelyingParty:
    """Return the site as passkeys know it."""
    parts = urlsplit(app_context.edition.site.settings.base_url)
    name = app_context.edition.site.settings.controller.name
    return RelyingParty(parts.hostname or "", f"{parts.scheme}://{parts.netloc}", name)


def _json(text: str) -> Response:
    return Response(text, media_type="application/json", headers={"cache-control": NO_STORE})


async def post_sign_in_options(request: Request) -> Response:
    """Return what a passkey is to sign, for a browser that is not signed in."""
    app_context = app_context_of(request)
    await app_context.limits.count(request)
    secret = browser_secret(request)
    await own_post(request, secret)
    now = app_context.installation.clock()
    return _json(await app_context.run(options_to_sign_in, secret, relying_party(app_context), now))


async def post_sign_in(request: Request) -> Response:
    """Sign in with a passkey, or show why not."""
    app_context = app_context_of(request)
    await app_context.limits.count(request)
    secret = browser_secret(request)
    posted = await own_post(request, secret)
    now = app_context.installation.clock()
    signed = SignedAnswer(single(list(posted), ANSWER), secret, await session_of(request, now))
    found = await app_context.run(sign_in_by_passkey, signed, relying_party(app_context), now)
    if not isinstance(found, StaffSession):
        return sign_in_page(request, secret, passkey_problem=found.value)
    return signed_in(request, app_context, found)


async def post_again_options(visit: StaffVisit) -> Response:
    """Return what a passkey is to sign, for somebody who is signed in."""
    party = relying_party(visit.app_context)
    return _json(await visit.app_context.run(options_to_sign_in, visit.session.secret, party, visit.now))


async def post_again(visit: StaffVisit) -> Response:
    """Prove again who one is, by a passkey of one's own: a new session in place of the one before."""
    signed = SignedAnswer(visit.value(ANSWER), visit.session.secret, visit.session)
    party = relying_party(visit.app_context)
    found = await visit.app_context.run(sign_in_by_passkey, signed, party, visit.now)
    if not isinstance(found, StaffSession):
        return visit.back(f"/again?passkey={found.value}")
    return signed_in(visit.request, visit.app_context, found)


async def get_new(visit: StaffVisit) -> Response:
    """Show the form that makes a passkey."""
    frame = visit.frame
    return visit.page(NewPasskeyView(frame))


async def post_new_options(visit: StaffVisit) -> Response:
    """Return what the browser makes a passkey from."""
    party = relying_party(visit.app_context)
    return _json(await visit.app_context.run(options_to_add, visit.session, party, visit.now))


async def post_new(visit: StaffVisit) -> Response:
    """Store the passkey that the browser made."""
    party = relying_party(visit.app_context)
    made = visit.value(ANSWER), visit.value("name")
    fault = await visit.app_context.run(add_own_passkey, visit.session, party, made, visit.now)
    if fault is not None:
        frame = visit.frame
        return visit.page(NewPasskeyView(frame, fault.value), 422)
    return visit.back("/account?done=passkey")


async def post_remove(visit: StaffVisit) -> Response:
    """Remove a passkey of one's own."""
    try:
        passkey_id = bytes.fromhex(visit.value("passkey"))
    except ValueError:
        passkey_id = b""
    await visit.app_context.run(remove_own_passkey, visit.session, passkey_id, visit.now)
    return visit.back("/account?done=removed")


OPEN_ROUTES = (
    Route(f"{DESK}/sign-in/passkey/options", post_sign_in_options, methods=["POST"]),
    Route(f"{DESK}/sign-in/passkey", at_even_times(post_sign_in), methods=["POST"]),
)
ROUTES = (
    DeskRoute("/again/passkey/options", post_again_options, method="POST"),
    DeskRoute("/again/passkey", post_again, method="POST"),
    DeskRoute(f"{PASSKEYS}/new", get_new, again=True),
    DeskRoute(f"{PASSKEYS}/options", post_new_options, method="POST", again=True),
    DeskRoute(f"{PASSKEYS}/new", post_new, method="POST", again=True),
    DeskRoute(f"{PASSKEYS}/remove", post_remove, method="POST", again=True),
)
