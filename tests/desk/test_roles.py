"""Every route of the desk, tried in every role: made from the routes, so that a new one is tried as well."""

from __future__ import annotations

import re

import pytest
from starlette.routing import Route

from optin.consent.staff_role import Role
from optin.desk.all_routes import DESK_ROUTES, desk_routes
from optin.desk.openid import OPEN_ROUTES as OPENID_ROUTES
from optin.desk.passkeys import OPEN_ROUTES as PASSKEY_ROUTES
from optin.desk.sign_in import OPEN_ROUTES
from optin.flows.staff.trail import ActKind
from tests.desk.conftest import Browser, Desk, list_acts

SAMPLES = {"number": "AB12CD", "slug": "paper", "token": "x", "id": "1"}


def path_of(path: str) -> str:
    return "/desk" + re.sub(r"{(\w+)(:\w+)?}", lambda it: SAMPLES.get(it[1], "1"), path)


def ask(browser: Browser, method: str, path: str) -> int:
    if method == "GET":
        return int(browser.get(path).status_code)
    return int(browser.client.post(path, data={"token": browser.token("/desk")}).status_code)


@pytest.mark.parametrize("role", list(Role))
def test_a_role_opens_its_own_pages_and_no_others(desk: Desk, role: Role) -> None:
    """K2: the table of routes and roles holds; each refusal is on record."""
    browser = desk.signed_in(role)
    refused = 0
    for route in DESK_ROUTES:
        if route.path == "/sign-out":
            continue
        status = ask(browser, route.method, path_of(route.path))
        assert (status == 403) == (role not in route.roles), (route.method, route.path, role)
        assert status < 500, (route.method, route.path, role)
        refused += status == 403
    lines = desk.installation.view(list_acts, most=500)
    assert sum(it.kind == ActKind.REFUSED for it in lines) == refused


def test_nobody_gets_in_without_a_session(desk: Desk) -> None:
    """K1: every route but those of the sign-in."""
    browser = desk.browser()
    for route in DESK_ROUTES:
        path = path_of(route.path)
        answer = (
            browser.get(path) if route.method == "GET" else browser.client.post(path, data={"token": "x"})
        )
        assert answer.status_code == 303, path
        assert answer.headers["location"] == "/desk/sign-in"


def test_every_address_below_the_desk_has_a_rule() -> None:
    """K2: what is served there is in the table, or is of the sign-in."""
    served = [it for it in desk_routes() if isinstance(it, Route)]
    ruled = {f"/desk{it.path}" for it in DESK_ROUTES}
    assert {it.path for it in served} == ruled | {
        it.path for it in (*OPEN_ROUTES, *PASSKEY_ROUTES, *OPENID_ROUTES)
    }
    assert all(it.path.startswith("/desk") for it in served)
    assert all(it.roles for it in DESK_ROUTES)


def test_what_is_not_there_is_not_found(desk: Desk) -> None:
    """K2: also for whoever is signed in; no magnet takes an address of the desk."""
    browser = desk.signed_in(*Role, email="all@example.com")
    assert browser.get("/desk/nothing-of-that-name").status_code == 404
