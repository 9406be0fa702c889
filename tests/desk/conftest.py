"""The desk of a site over each database, with people of its staff who sign in as anybody does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from optin.consent.email_and_telephone import EmailAddress
from optin.consent.staff_role import Role
from optin.desk.all_routes import desk_routes
from optin.flows.context_with_kinds import SiteContext
from optin.flows.delivery.mail_order import MailKind
from optin.flows.staff.accounts import NewAccount, add_account
from optin.flows.staff.trail import TrailLine, lines_of
from optin.store.database_interface import Tx
from optin.store.staff_accounts import StaffAccount, all_accounts
from optin.store.staff_trail import act_rows
from optin.web import timing_protection
from optin.web.app import build_app
from tests.installed import INSTALLED
from tests.web.conftest import Visit, site_at, visited

BASE = "https://optin.example.com"


@dataclass
class Browser:
    """One browser, with its own cookies. `name`: of whoever uses it."""

    desk: Desk
    client: TestClient

    def get(self, path: str, **headers: str) -> Any:
        return self.client.get(path, headers=headers or None)

    def token(self, path: str) -> str:
        """Return what a form on that page carries."""
        found = re.search(r'name="token" value="([0-9a-f]+)"', self.client.get(path).text)
        assert found is not None, path
        return found[1]

    def post(self, path: str, data: dict[str, Any] | None = None, page: str = "") -> Any:
        """Post a form as the page does on which it stands; by default the page of the same address."""
        return self.client.post(path, data={"token": self.token(page or path), **(data or {})})

    def ask(self, email: str) -> str:
        """Ask for a link; return the path of the mailed one, or nothing."""
        answer = self.post("/desk/sign-in", {"email": email})
        assert answer.headers["location"] == "/desk/sign-in?sent=1"
        mails = [it for it in self.desk.mails() if it.kind == MailKind.SIGN_IN]
        return f"/desk/sign-in/{mails[-1].token}" if mails else ""  # type: ignore[attr-defined]  # an order of a notice

    def follow(self, link: str) -> Any:
        """Press the button of a mailed link, as far as a browser can: by a page that it may see."""
        return self.post(link, page="/desk/sign-in")

    def take(self, name: str, value: str) -> None:
        """Set a cookie in place of what the site set."""
        self.client.cookies.set(f"__Host-{name}", value, domain="optin.example.com", path="/")

    def cookie(self, name: str) -> str:
        return self.client.cookies[f"__Host-{name}"]

    def sign_in(self, email: str) -> Any:
        return self.post(self.ask(email))


@dataclass(repr=False)
class Desk(Visit):
    """A site with a desk."""

    def browser(self) -> Browser:
        """Open another browser."""
        client = TestClient(
            self.client.app, base_url=BASE, follow_redirects=False, raise_server_exceptions=False
        )
        return Browser(self, client)

    def add(self, email: str, *roles: Role, name: str = "") -> StaffAccount:
        new = NewAccount(EmailAddress(email), frozenset(roles), name)
        return self.installation.run(add_account, new=new, now=self.moment)

    def signed_in(self, *roles: Role, email: str = "") -> Browser:
        """Return the browser of somebody with these roles."""
        address = email or f"{'-'.join(roles)}@example.com"
        self.add(address, *roles)
        browser = self.browser()
        assert browser.sign_in(address).headers["location"] == "/desk"
        return browser


@pytest.fixture
def desk(store_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """Open the desk over each of the two databases."""
    monkeypatch.setattr(timing_protection, "PACE_SECONDS", 0.001)
    root = tmp_path / "site"
    with visited(site_at(root), Desk, store_url, root, INSTALLED) as opened:
        opened.client = TestClient(
            build_app(opened.app_context, INSTALLED.routes, desk_routes()),
            base_url=BASE,
            follow_redirects=False,
            raise_server_exceptions=False,
        )
        yield opened


def list_acts(tx: Tx, context: SiteContext, most: int = 100) -> list[TrailLine]:
    """Return the newest lines of the trail."""
    names = {it.id: it.name for it in all_accounts(tx, context.vault)}
    return lines_of(tx, context.vault, act_rows(tx)[::-1][:most], names)
