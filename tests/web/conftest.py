"""A site in front of a real store, asked over HTTP inside the process."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from operator import methodcaller
from pathlib import Path
from typing import Any, TypeVar

import pytest
from starlette.testclient import TestClient

from optin.cli.installed_kinds import InstalledKinds
from optin.consent.email_and_telephone import parse_email
from optin.flows.delivery.deliver_mails import Attempt, claim_orders, record_result
from optin.flows.delivery.mail_order import MailKind, MailOrder, NoticeOrder, Order, Verdict
from optin.keys import KeyRing
from optin.services.event_log_signer import advance_log
from optin.services.installation import Installation
from optin.services.site_edition import Edition, keep_edition, load_edition
from optin.store.encryption import Vault
from optin.store.sending_claims import ClaimBatch
from optin.web import timing_protection
from optin.web.app import build_app
from optin.web.app_context import AppContext
from tests.installed import INSTALLED, KINDS
from tests.own_site import add_settings, own_site
from tests.stores import open_store
from tests.world import HOUR, about_requests, mark_trusted

PURPOSES = """
[purposes.follow-up-phone]
channel = "phone"
retention = "6 months"
text.nl = "Bel mij een keer hierover."
text.en = "Call me once about this."

[processors.crm]
name = "CRM B.V."
agreement = "2026-01-01"
"""
PAPER = """---
kind: white-paper
lang: nl
title: Het witboek
description: Wat er in staat.
file: witboek.pdf
purposes: [tips-email, follow-up-phone]
fields:
  - name: first_name
    why: Om u te noemen.
  - name: phone
    why: Om u te bellen.
---
Tekst.
"""


@dataclass(repr=False)
class Visit:
    """A site, its visitors, its clock and its mail."""

    client: TestClient
    app_context: AppContext
    root: Path
    moment: datetime = field(default_factory=lambda: datetime.now(UTC))
    keys: KeyRing | None = None  # for another process

    def __setattr__(self, name: str, value: object) -> None:
        """Let time pass as a running server sees it: its clock is trusted all the while."""
        before: datetime | None = self.__dict__.get("moment")
        super().__setattr__(name, value)
        if name == "moment" and before is not None and abs(self.moment - before) >= HOUR:
            mark_trusted(self.installation.store, self.installation.vault, self.moment)

    def __repr__(self) -> str:
        return "a visit"

    @property
    def installation(self) -> Installation:
        return self.app_context.installation

    def wait(self, period: timedelta) -> None:
        self.moment += period

    def form_key(self, slug: str = "paper") -> str:
        """Open the page; return what stands in its hidden field."""
        found = re.search(r'name="form" value="([0-9a-f]+)"', self.client.get(f"/{slug}").text)
        assert found is not None
        return found[1]

    def fill(self, email: str = "alice@example.com", slug: str = "paper", **more: Any) -> str:
        """Fill in the form, send it; return where the browser is sent."""
        data = {"form": self.form_key(slug), "email": email, **more}
        answer = self.client.post(f"/{slug}", data=data)
        assert answer.status_code == 303, answer.text
        return answer.headers["location"]

    def mails(self) -> list[Order]:
        """Take every mail that is due, as sent."""
        installation = self.installation
        advance_log(installation)  # as the log keeper does
        claim = partial(
            claim_orders,
            context=installation.context,
            batch=ClaimBatch(100),
            now=self.moment,
            suspect=False,
        )
        orders = installation.store.submit(claim).result()
        for order in orders:
            sent = Attempt(Verdict.SENT, "250", b"mail")
            installation.run(record_result, order, sent, now=self.moment)
        return orders

    def mail(self, kind: MailKind) -> MailOrder:
        return about_requests(self.mails(), kind)[-1]

    def notice(self, kind: MailKind) -> NoticeOrder:
        """Take every mail that is due; return the last one that belongs to no request."""
        return [order for order in self.mails() if isinstance(order, NoticeOrder) and order.kind is kind][-1]

    def join(self, email: str = "alice@example.com", **more: Any) -> MailOrder:
        """Fill in, confirm by the link; return the delivery."""
        self.fill(email, **more)
        token = self.mail_to(email, MailKind.CONFIRMATION).confirm_token
        self.wait(timedelta(seconds=1))
        assert self.press(f"/confirm/{token}").status_code == 303
        self.wait(timedelta(seconds=1))
        return self.mail_to(email, MailKind.DELIVERY)

    def mail_to(self, email: str, kind: MailKind) -> MailOrder:
        """Take every mail that is due; return the one of a kind to somebody, whoever else waits for one."""
        return [it for it in about_requests(self.mails(), kind) if it.recipient == parse_email(email)][-1]

    def press(self, path: str, **data: str):  # type: ignore[no-untyped-def]  # noqa: ANN201 - httpx or its successor
        """Press the button of a page."""
        headers = {"content-type": "application/x-www-form-urlencoded"}
        return self.client.post(path, data=data or None, headers=headers)

    def serve_again(self) -> Edition:
        """Load the edited site, which has no mistake, and serve it."""
        edition, findings = load_edition(self.root, KINDS)
        assert findings == ()
        assert edition is not None
        keep_edition(self.installation.store, edition, self.moment)
        self.app_context.replace(edition)
        return edition

    def rows(self) -> dict[str, int]:
        """Count what is stored."""
        tables = ("request", "event", "subject", "consent", "suppression", "outbox", "mail", "erasure")
        read = self.installation.store.read
        return {table: read(methodcaller("one", f"SELECT COUNT(*) FROM {table}"))[0] for table in tables}


def site_at(root: Path) -> Edition:
    """Make a site with a white paper that asks for everything."""
    own_site(root)
    add_settings(root, PURPOSES)
    text = (root / "optin.toml").read_text()
    base = 'base_url = "https://optin.example.com"\n'
    (root / "optin.toml").write_text(base + text)
    (root / "magnets" / "paper").mkdir()
    (root / "magnets" / "paper" / "index.md").write_text(PAPER)
    (root / "magnets" / "paper" / "witboek.pdf").write_bytes(b"%PDF-1.4 the very file")
    (root / "magnets" / "paper" / "secret.txt").write_text("not handed out")
    edition, findings = load_edition(root, KINDS)
    assert findings == ()
    assert edition is not None
    return edition


@pytest.fixture
def visit(store_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Visit]:
    """Open the site over each of the two databases; who tries twenty codes does not wait for each answer."""
    monkeypatch.setattr(timing_protection, "PACE_SECONDS", 0.001)
    root = tmp_path / "site"
    with visited(site_at(root), Visit, store_url, root, INSTALLED) as opened:
        yield opened


V = TypeVar("V", bound=Visit)


@contextmanager
def visited(
    edition: Edition,
    visit: Callable[[TestClient, AppContext, Path], V],
    store_url: str,
    root: Path,
    kinds: InstalledKinds,
) -> Iterator[V]:
    """Open a site over a store."""
    keys = KeyRing.fresh("dev")
    vault = Vault(keys)
    store = open_store(store_url, root.parent, vault)
    installation = Installation(store, vault, edition.policy, kinds.parts)
    keep_edition(store, edition, installation.clock())
    app_context = AppContext.of(edition, installation)
    app = build_app(app_context, kinds.routes)
    with TestClient(app, follow_redirects=False, raise_server_exceptions=False) as client:
        opened = visit(client, app_context, root)
        opened.keys = keys
        installation.clock = lambda: opened.moment
        yield opened
    store.close()  # a test may have put another in its place


def given_anew(visit: Visit) -> str:
    """Let alice give the tips, withdraw and ask for them again on her page; return the token of that mail."""
    visit.join("alice@example.com", consent="tips-email")
    assert visit.client.post("/me", data={"email": "alice@example.com"}).status_code == 303
    me = f"/me/{visit.notice(MailKind.PERSONAL).token}"
    visit.press(me, action="withdraw", consent="tips-email email")
    visit.press(me, action="give", consent="tips-email email")
    return visit.mail(MailKind.RENEWAL).confirm_token
