"""Sign in by a provider of OpenID Connect, prove again who one is, bind an identity to one's account (K1).

The browser is sent there and on by pages that lead on by themselves: a redirect out of a form would need the
provider's address in the policy of the sign-in page, and after one from another site the browser would not
send the cookie of the session.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from optin.desk.cookies import SIGN_IN, set_cookie
from optin.desk.desk_page import answer, outer_frame
from optin.desk.desk_route import (
    DESK,
    DeskRoute,
    StaffVisit,
    browser_secret,
    language_for,
    own_post,
)
from optin.desk.sign_in import place_after, with_session
from optin.errors import PageUnknown
from optin.flows.staff.openid import (
    AskedProvider,
    OpenIdFault,
    OpenIdPurpose,
    OpenIdQuestion,
    ask_provider,
    finish_openid,
    remove_own_identities,
    take_answer,
)
from optin.flows.staff.sign_in import new_secret
from optin.proof.id_token import ExpectedToken, TokenRefused
from optin.services.openid_provider import (
    SCOPE,
    AuthorizationCode,
    OpenIdProvider,
    ProviderTrouble,
)
from optin.theme.views import Frame
from optin.web.app_context import AppContext, app_context_of

log = logging.getLogger("optin.desk")

BACK = f"{DESK}/sign-in/openid"  # where the provider sends the browser
ACCOUNT_OPENID = "/account/openid"
MOST_CODE = 4_096  # characters
_STATUS = {OpenIdFault.PROVIDER: 502, OpenIdFault.OLD: 410, OpenIdFault.OTHER_BROWSER: 410}


@dataclass(frozen=True)
class LeadsOnView:
    """A page that leads on by itself, to the provider or back to the desk."""

    frame: Frame
    provider: str
    url: str
    is_back: bool = False
    template: ClassVar[str] = "desk/openid-leads-on.html"


@dataclass(frozen=True)
class OpenIdFaultView:
    """Why nobody was signed in. `again`: the page to try once more from."""

    frame: Frame
    provider: str
    fault: str
    again: str = f"{DESK}/sign-in"
    template: ClassVar[str] = "desk/openid-fault.html"


async def post_sign_in(request: Request) -> Response:
    """Send a browser that is not signed in to the provider."""
    app_context = app_context_of(request)
    await app_context.limits.count(request)
    provider, secret = _provider(app_context), browser_secret(request)
    await own_post(request, secret)
    question = OpenIdQuestion(OpenIdPurpose.SIGN_IN, provider.settings.issuer, secret)
    return await _to_provider(request, provider, question)


async def post_again(visit: StaffVisit) -> Response:
    """Send somebody who is signed in to the provider, which asks them again."""
    return await _ask_for(visit, OpenIdPurpose.AGAIN)


async def post_add(visit: StaffVisit) -> Response:
    """Send somebody who is signed in to the provider, to bind their identity there to the account here."""
    return await _ask_for(visit, OpenIdPurpose.ADD)


async def post_remove(visit: StaffVisit) -> Response:
    """Remove the identities of one's own account."""
    await visit.app_context.run(remove_own_identities, visit.session, visit.now)
    return visit.back("/account?done=openid-removed")


async def get_back(request: Request) -> Response:
    """Take the provider's answer that the browser brings.

    1. It belongs to what this browser asked; that is used up. 2. It is of the provider that was asked.
    3. Its code gives a token that says who it is. 4. Do what was asked for.
    """
    app_context = app_context_of(request)
    await app_context.limits.count(request)
    provider, secret, said = _provider(app_context), browser_secret(request), _answer_in(request)
    now, issuer = app_context.installation.clock(), provider.settings.issuer

    # 1. It belongs to what this browser asked; that is used up.
    asked = await app_context.run(take_answer, issuer, (said.get("state", ""), secret), now)
    if isinstance(asked, OpenIdFault):  # some providers forget the state when they say no
        no = _no_of(said) if asked is OpenIdFault.OLD else None
        return _fault_page(request, provider, no or asked)
    try:
        # 2. It is of the provider that was asked.
        named = said.get("iss", "" if (await provider.endpoints()).sends_issuer else issuer)
        if named != issuer:
            log.warning("openid answer refused: it is of another issuer")
            return _fault_page(request, provider, OpenIdFault.PROVIDER, asked)
        if (no := _no_of(said)) or not 0 < len(said.get("code", "")) <= MOST_CODE:
            return _fault_page(request, provider, no or OpenIdFault.PROVIDER, asked)

        # 3. Its code gives a token that says who it is.
        code = AuthorizationCode(said["code"], asked.verifier, _back_address(app_context))
        expected = ExpectedToken(issuer, provider.settings.client_id, asked.nonce, asked.made)
        token = await provider.verified_token(code, expected)
    except (ProviderTrouble, TokenRefused) as problem:
        log.warning("openid %s: %s", type(problem).__name__, problem)
        return _fault_page(request, provider, OpenIdFault.PROVIDER, asked)

    # 4. Do what was asked for.
    found = await app_context.run(finish_openid, asked, token, now)
    if isinstance(found, OpenIdFault):
        return _fault_page(request, provider, found, asked)
    if found is None:
        return _leads_on(request, provider, f"{DESK}/account?done=openid", is_back=True)
    response = _leads_on(request, provider, place_after(request), is_back=True)
    return with_session(response, app_context, found)


async def _ask_for(visit: StaffVisit, purpose: OpenIdPurpose) -> Response:
    provider = _provider(visit.app_context)
    secret = browser_secret(visit.request) or new_secret()
    question = OpenIdQuestion(purpose, provider.settings.issuer, secret, visit.session)
    response = await _to_provider(visit.request, provider, question)
    set_cookie(response, visit.app_context, SIGN_IN, secret)
    return response


async def _to_provider(request: Request, provider: OpenIdProvider, question: OpenIdQuestion) -> Response:
    """Answer with the page that leads to the provider (Core 1.0, section 3.1.2.1)."""
    app_context = app_context_of(request)
    try:
        endpoint = (await provider.endpoints()).authorization
    except ProviderTrouble as problem:
        log.warning("openid provider cannot be asked: %s", problem)
        return _fault_page(request, provider, OpenIdFault.PROVIDER, question)
    asked = await app_context.run(ask_provider, question, app_context.installation.clock())
    query = {
        "response_type": "code",
        "client_id": provider.settings.client_id,
        "redirect_uri": _back_address(app_context),
        "scope": SCOPE,
        "state": asked.state,
        "nonce": asked.nonce,
        "code_challenge": asked.code_challenge,
        "code_challenge_method": "S256",
        "ui_locales": language_for(request, question.session),
    }
    if question.purpose is OpenIdPurpose.AGAIN:
        query |= {"prompt": "login", "max_age": "0"}
    return _leads_on(request, provider, f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(query)}")


def _provider(app_context: AppContext) -> OpenIdProvider:
    """Return the provider of the settings. Raises PageUnknown without one."""
    provider = app_context.openid_provider()
    if provider is None:
        raise PageUnknown
    return provider


def _answer_in(request: Request) -> dict[str, str]:
    """Return the parameters of an answer; those that are repeated count for nothing (RFC 6749, 3.1)."""
    pairs = request.query_params.multi_items()
    names = [name for name, _ in pairs]
    return {name: value for name, value in pairs if names.count(name) == 1}


def _no_of(said: Mapping[str, str]) -> OpenIdFault | None:
    """Return what an error means that a provider answers with; its own words are shown to nobody."""
    if "error" not in said:
        return None
    is_no = said["error"] in {"access_denied", "login_required", "interaction_required"}
    return OpenIdFault.DENIED if is_no else OpenIdFault.PROVIDER


def _back_address(app_context: AppContext) -> str:
    return app_context.edition.site.settings.base_url + BACK


def _leads_on(request: Request, provider: OpenIdProvider, url: str, *, is_back: bool = False) -> Response:
    app_context = app_context_of(request)
    frame = outer_frame(app_context, language_for(request, None))
    return answer(app_context, LeadsOnView(frame, provider.settings.name, url, is_back))


def _fault_page(
    request: Request,
    provider: OpenIdProvider,
    fault: OpenIdFault,
    asked: AskedProvider | OpenIdQuestion | None = None,
) -> Response:
    app_context = app_context_of(request)
    frame = outer_frame(app_context, language_for(request, None))
    pages = {OpenIdPurpose.AGAIN: f"{DESK}/again", OpenIdPurpose.ADD: f"{DESK}/account"}
    again = f"{DESK}/sign-in" if asked is None else pages.get(asked.purpose, f"{DESK}/sign-in")
    view = OpenIdFaultView(frame, provider.settings.name, fault.value, again)
    return answer(app_context, view, _STATUS.get(fault, 403))


OPEN_ROUTES = (
    Route(BACK, post_sign_in, methods=["POST"]),
    Route(BACK, get_back, methods=["GET"]),
)
ROUTES = (
    DeskRoute("/again/openid", post_again, method="POST"),
    DeskRoute(ACCOUNT_OPENID, post_add, method="POST", again=True),
    DeskRoute(f"{ACCOUNT_OPENID}/remove", post_remove, method="POST", again=True),
)
