"""From the desk to a real provider of OpenID Connect and back, over each database.

The provider is a program (`oidc-provider-mock`): it registers the site as a client, holds it to its secret,
the address that the browser comes back to, and PKCE, and signs real tokens.
"""

from __future__ import annotations

import html
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx2 as httpx
import pytest

from optin.consent.staff_role import FRESH, Role
from tests.desk.conftest import Browser, Desk, list_acts
from tests.desk.test_openid import NEW, OPENID, is_in, let_in
from tests.desk.test_sign_in import EVA

BACK_PATH = OPENID
BACK = f"https://optin.example.com{OPENID}"


@dataclass
class RealProvider:
    """The program, and whoever sits before the browser there."""

    base: str
    http: httpx.Client

    def register(self, method: str, back: str = BACK) -> tuple[str, str]:
        """Register the site as a client that names itself by this method; return its id and secret."""
        asked = {"redirect_uris": [back], "token_endpoint_auth_method": method}
        said = self.http.post(f"{self.base}/oauth2/clients", json=asked).json()
        return said["client_id"], said["client_secret"]

    def know(self, subject: str, **claims: object) -> None:
        self.http.put(f"{self.base}/users/{subject}", json=claims).raise_for_status()

    def walk(self, answer: Any, **form: str) -> str:
        """Go on to the provider and fill in its form; return the path that it sends the browser back to."""
        assert answer.status_code == 200, answer.text
        found = re.search(r'content="0; url=([^"]+)"', answer.text)
        assert found is not None
        url = html.unescape(found[1])
        assert self.http.get(url).status_code == 200
        there = self.http.post(url, data=form).headers["location"]
        parts = urlsplit(there)
        assert there.startswith(BACK)
        return f"{parts.path}?{parts.query}"


@contextmanager
def real_provider(*words: str) -> Iterator[RealProvider]:
    program = [sys.executable, "-W", "ignore", "-m", "tests.desk.provider", *words]
    with (
        subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as running,
        httpx.Client() as http,
    ):
        assert running.stdout is not None
        port = int(running.stdout.readline())
        try:
            yield RealProvider(f"http://localhost:{port}", http)
        finally:
            running.kill()


def begin(browser: Browser) -> Any:
    return browser.post(OPENID, page="/desk/sign-in")


def test_somebody_signs_in_and_proves_again_by_a_real_provider(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """K1: from the button to the desk; denied, unverified and unknown people come back to a kind page."""
    desk.add(EVA, Role.OFFICER, name="Eva")
    with real_provider("auth-time") as provider:
        client, secret = provider.register("client_secret_basic")
        monkeypatch.setenv("OPTIN_OPENID_SECRET", secret)
        let_in(desk, provider.base, client)
        browser = desk.browser()
        provider.know("eva", email=EVA, email_verified=False)
        assert browser.get(provider.walk(begin(browser), sub="eva")).status_code == 403
        provider.know("eva", email=EVA, email_verified=True)
        assert browser.get(provider.walk(begin(browser), action="deny")).status_code == 403
        assert browser.get(provider.walk(begin(browser), sub="mallory@example.com")).status_code == 403
        assert not is_in(browser)

        path = provider.walk(begin(browser), sub="eva")
        thief = desk.browser()
        assert thief.get(path).status_code == 410
        assert browser.get(path).status_code == 200
        assert browser.get(path).status_code == 410
        assert (is_in(browser), is_in(thief)) == (True, False)
        assert desk.installation.view(list_acts)[0].facts["issuer"] == provider.base

        desk.wait(FRESH)
        assert browser.get(NEW).headers["location"] == "/desk/again"
    with real_provider("auth-time") as late:  # the provider was set up anew, with other keys
        client, secret = late.register("client_secret_basic")
        monkeypatch.setenv("OPTIN_OPENID_SECRET", secret)
        let_in(desk, late.base, client)
        desk.moment -= FRESH
        late.know("eva", email=EVA, email_verified=True)
        assert browser.get(late.walk(begin(desk.browser()), sub="eva")).status_code == 410
        other = desk.browser()
        assert other.get(late.walk(begin(other), sub="eva")).status_code == 200
        before = other.cookie("optin-desk")
        answer = other.post("/desk/again/openid", page="/desk/again")
        assert other.get(late.walk(answer, sub="eva")).status_code == 200
        assert (is_in(other), other.cookie("optin-desk") == before) == (True, False)


def test_a_wrong_secret_or_address_signs_nobody_in(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """K1: the provider gives no token for it, and the page says that it is not the visitor's fault."""
    desk.add(EVA, Role.OFFICER)
    with real_provider() as provider:
        client, _ = provider.register("client_secret_basic")
        monkeypatch.setenv("OPTIN_OPENID_SECRET", "wrong")
        let_in(desk, provider.base, client)
        provider.know("eva", email=EVA, email_verified=True)
        browser = desk.browser()
        assert browser.get(provider.walk(begin(browser), sub="eva")).status_code == 502
        assert not is_in(browser)
