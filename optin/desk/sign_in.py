"""Sign in by a mailed link, prove again who one is, sign out (K1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from optin.consent.signed_links import LinkKind
from optin.consent.staff_role import LINK_LASTS
from optin.consent.typed_email_address import AddressRefused, parse_typed_email
from optin.desk.cookies import RETURN_TO, SESSION, SIGN_IN, cookie, drop_cookie, is_place, set_cookie
from optin.desk.desk_page import DeskPage, answer, outer_frame
from optin.desk.desk_route import (
    DESK,
    DeskRoute,
    StaffVisit,
    browser_secret,
    language_for,
    own_post,
    session_of,
)
from optin.errors import LinkExpired, LinkForged, VisitorRefused
from optin.flows.staff.openid import own_identities
from optin.flows.staff.passkeys import PasskeyFault, own_passkeys
from optin.flows.staff.sign_in import (
    SIGNED_IN,
    LinkFault,
    LinkRequest,
    StaffSession,
    ask_sign_in,
    end_all_sessions,
    form_token,
    look_at_link,
    new_secret,
    replace_session,
    sign_in_by_link,
    sign_out,
)
from optin.theme.views import Frame
from optin.web.app_context import AppContext, app_context_of
from optin.web.read_posted_form import single
from optin.web.timing_protection import at_even_times


@dataclass(frozen=True)
class SignInView:
    """The page that asks for the address of an account; `sent`: the mail is on its way."""

    frame: Frame
    token: str
    email: str = ""
    problem: str = ""
    passkey_problem: str = ""
    sent: bool = False
    provider: str = ""  # what the button calls the provider of OpenID Connect; empty without one
    template: ClassVar[str] = "desk/sign-in.html"


@dataclass(frozen=True)
class LinkView:
    """The page of a mailed link: a button that signs in, or why the link opens nothing."""

    frame: Frame
    token: str
    name: str = ""
    fault: str = ""
    template: ClassVar[str] = "desk/sign-in-link.html"


@dataclass(frozen=True)
class AgainView(DeskPage):
    """The page that asks somebody who is signed in to prove again who they are."""

    email: str
    has_passkey: bool
    passkey_problem: str = ""
    sent: bool = False
    provider: str = ""  # that may say so
    template: ClassVar[str] = "desk/again.html"


async def get_sign_in(request: Request) -> Response:
    """Show the page that asks for an address; the browser gets the secret that its link is bound to."""
    app_context = app_context_of(request)
    if await session_of(request, app_context.installation.clock()) is not None:
        return RedirectResponse(DESK, 303)
    secret = browser_secret(request) or new_secret()
    return sign_in_page(request, secret, sent=request.query_params.get("sent") == "1")


def sign_in_page(
    request: Request,
    secret: str,
    *,
    email: str = "",
    problem: str = "",
    passkey_problem: str = "",
    sent: bool = False,
) -> Response:
    """Answer with the page that asks for an address or a passkey, and what is wrong with either."""
    app_context = app_context_of(request)
    frame = outer_frame(app_context, language_for(request, None))
    provider = provider_name(app_context)
    view = SignInView(frame, form_token(secret), email, problem, passkey_problem, sent, provider)
    response = answer(app_context, view, 422 if problem or passkey_problem else 200)
    set_cookie(response, app_context, SIGN_IN, secret)
    return response


async def post_sign_in(request: Request) -> Response:
    """Mail a link, if the address has an account. The answer does not tell whether it has."""
    app_context = app_context_of(request)
    await app_context.limits.count(request)
    secret = browser_secret(request)
    posted = await own_post(request, secret)
    typed = single(list(posted), "email").strip()
    try:
        address = parse_typed_email(typed)
    except AddressRefused as problem:
        return sign_in_page(request, secret, email=typed[:254], problem=problem.reason)
    wanted = LinkRequest(address, secret, language_for(request, None), app_context.limits.network(request))
    await app_context.run(ask_sign_in, wanted, app_context.installation.clock())
    app_context.installation.wake_courier()
    return RedirectResponse(f"{DESK}/sign-in?sent=1", 303)


async def get_link(request: Request) -> Response:
    """Show the button of a mailed link. Looking uses nothing up: mail scanners look at everything."""
    app_context = app_context_of(request)
    link_id, secret = _link_id(request, app_context), browser_secret(request)
    found: object = LinkFault.UNKNOWN
    if link_id is not None:
        found = await app_context.view(look_at_link, link_id, secret, app_context.installation.clock())
    return _link_page(request, found)


async def post_link(request: Request) -> Response:
    """Sign in: use the link up, begin a session under a new secret, forget the browser's."""
    app_context = app_context_of(request)
    secret = browser_secret(request)
    link_id, now = _link_id(request, app_context), app_context.installation.clock()
    await own_post(request, secret)
    if link_id is None:
        return _link_page(request, LinkFault.UNKNOWN)
    before = await session_of(request, now)
    if before is None:
        found = await app_context.run(sign_in_by_link, link_id, secret, now)
    else:
        found = await app_context.run(replace_session, before, link_id, secret, now)
    if not isinstance(found, StaffSession):
        return _link_page(request, found)
    return signed_in(request, app_context, found)


def provider_name(app_context: AppContext) -> str:
    """Return what pages call the provider of OpenID Connect; empty without one."""
    openid = app_context.edition.site.settings.desk.openid
    return "" if openid is None else openid.name


def place_after(request: Request) -> str:
    """Return the page that was asked for before a sign-in."""
    place = cookie(request, RETURN_TO)
    return place if is_place(place) else DESK


def signed_in(request: Request, app_context: AppContext, session: StaffSession) -> Response:
    """Answer a sign-in: the cookie of the session, and the page that was asked for before."""
    return with_session(RedirectResponse(place_after(request), 303), app_context, session)


def with_session(response: Response, app_context: AppContext, session: StaffSession) -> Response:
    """Give the browser the cookie of a session; it forgets those of the sign-in."""
    set_cookie(response, app_context, SESSION, session.secret)
    for name in (SIGN_IN, RETURN_TO):
        drop_cookie(response, app_context, name)
    return response


def _link_id(request: Request, app_context: AppContext) -> bytes | None:
    """Return the id of a mailed link; None for what we never signed. How old it may be is for the flow."""
    installation = app_context.installation
    try:
        token = request.path_params["token"]
        return installation.vault.links.read(LinkKind.SIGN_IN, token, installation.clock(), LINK_LASTS)
    except LinkExpired as problem:
        return problem.payload
    except (LinkForged, VisitorRefused):
        return None


def _link_page(request: Request, found: object) -> Response:
    app_context = app_context_of(request)
    frame = outer_frame(app_context, language_for(request, None))
    token = form_token(browser_secret(request) or new_secret())
    if isinstance(found, LinkFault):
        return answer(app_context, LinkView(frame, token, fault=found.value), 410)
    return answer(app_context, LinkView(frame, token, name=getattr(found, "name", "")))


async def get_again(visit: StaffVisit) -> Response:
    """Ask for another proof of who one is."""
    frame = visit.frame
    sent = visit.request.query_params.get("sent") == "1"
    has_passkey = bool(await visit.view(own_passkeys, visit.session))
    problem = visit.request.query_params.get("passkey", "")
    problem = problem if problem in set(PasskeyFault) else ""
    issuers = {it.issuer for it in await visit.view(own_identities, visit.session)}
    openid = visit.app_context.edition.site.settings.desk.openid
    provider = openid.name if openid is not None and openid.issuer in issuers else ""
    email = visit.session.account.email
    return visit.page(AgainView(frame, email, has_passkey, problem, sent, provider))


async def post_again(visit: StaffVisit) -> Response:
    """Mail a link to the account that is signed in."""
    secret = browser_secret(visit.request) or new_secret()
    account = visit.session.account
    wanted = LinkRequest(account.email, secret, visit.lang, SIGNED_IN)
    await visit.app_context.run(ask_sign_in, wanted, visit.now)
    visit.app_context.installation.wake_courier()
    response = visit.back("/again?sent=1")
    set_cookie(response, visit.app_context, SIGN_IN, secret)
    return response


async def post_sign_out(visit: StaffVisit) -> Response:
    """End the session, or every session of the account."""
    flow = end_all_sessions if visit.value("everywhere") else sign_out
    await visit.app_context.run(flow, visit.session, visit.now)
    response = visit.back("/sign-in")
    drop_cookie(response, visit.app_context, SESSION)
    return response


# Open to everybody: who is not signed in yet.
OPEN_ROUTES = (
    Route(f"{DESK}/sign-in", get_sign_in, methods=["GET"]),
    Route(f"{DESK}/sign-in", at_even_times(post_sign_in), methods=["POST"]),
    Route(f"{DESK}/sign-in/{{token}}", get_link, methods=["GET"]),
    Route(f"{DESK}/sign-in/{{token}}", post_link, methods=["POST"]),
)
ROUTES = (
    DeskRoute("/again", get_again),
    DeskRoute("/again", post_again, method="POST"),
    DeskRoute("/sign-out", post_sign_out, method="POST"),
)
