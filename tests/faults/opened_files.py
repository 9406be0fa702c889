"""Walks through a site, and prints every file and module that a request or a mail opens by then.

`python -m tests.faults.opened_files FOLDER`: a process of its own, for a hook of this kind cannot be removed.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from optin.flows.delivery.mail_order import MailKind
from optin.keys import KeyRing
from optin.mail.compose_mails import Composer
from optin.mail.kind_mail_hooks import MailSender
from optin.services.installation import Installation
from optin.services.open_store import StoreUse
from optin.services.preload import load_everything
from optin.services.site_edition import Edition, keep_edition
from optin.store.encryption import Vault
from optin.web.app import build_app
from optin.web.app_context import AppContext
from tests.installed import INSTALLED, KINDS
from tests.stores import open_store
from tests.web.conftest import Visit, site_at
from tests.world import about_requests

WATCHED = {"open", "import", "os.listdir", "os.scandir"}
_listening: list[bool] = []


def _hear(event: str, arguments: tuple[Any, ...]) -> None:
    if _listening and event in WATCHED and not isinstance(arguments[0], int):
        print(event, arguments[0], flush=True)


def walk(visit: Visit, composer: Composer) -> None:
    """Sign up, confirm, withdraw, ask, mistype, in every language of the browser."""
    both = ["tips-email", "follow-up-phone"]
    client = visit.client

    def mails() -> list[Any]:
        orders = visit.mails()
        for order in orders:
            composer.compose(order, visit.installation.clock())
        return orders

    visit.fill("alice@example.com", consent=both, phone="+31 20 123 4567", first_name="Alice")
    visit.fill("bob@exämple.com", consent=both, phone="0041 44 668 18 00")
    client.post("/paper", data={"form": visit.form_key(), "email": "nonsense", "phone": "12"})
    client.post("/paper", data={"form": "unknown"})
    order = about_requests(mails(), MailKind.CONFIRMATION)[0]
    client.get(f"/confirm/{order.confirm_token}")
    assert visit.press(f"/confirm/{order.confirm_token}").status_code == 303
    client.get(f"/confirm/{order.confirm_token}")
    order = about_requests(mails(), MailKind.DELIVERY)[0]
    client.get(f"/unsubscribe/{order.unsubscribe_token}")
    assert visit.press(f"/unsubscribe/{order.unsubscribe_token}", purpose="").status_code < 500
    visit.press("/me", email="alice@example.com")
    token = next(it for it in mails() if it.kind is MailKind.PERSONAL).token
    for lang in ("nl", "en", "de", "fr"):
        client.get(f"/me/{token}", headers={"accept-language": lang})
        client.get("/nothing", headers={"accept-language": lang})
    for path in ("/", "/privacy", "/log", "/log/checkpoint", "/health/ready", "/me", "/unsubscribe/forged"):
        client.get(path)


def composer_of(edition: Edition) -> Composer:
    """Compose mails as the courier does."""
    site = edition.site
    sender = MailSender(
        site.settings.sender.name, site.settings.sender.address, site.settings.sender.reply_to
    )
    return Composer(edition.theme, sender, site.settings.base_url, site.controller, edition.kinds.mails)


def main(folder: Path) -> None:
    """Load a site as `serve` does, and walk through it."""
    edition, vault = site_at(folder / "site"), Vault(KeyRing.fresh("dev"))
    store = open_store(f"sqlite:///{folder}/optin.db", folder, vault, use=StoreUse.SERVER)
    installation = Installation(store, vault, edition.policy, KINDS)
    keep_edition(store, edition, installation.clock())
    load_everything(edition)
    app_context = AppContext.of(edition, installation)
    with TestClient(build_app(app_context, INSTALLED.routes), follow_redirects=False) as client:
        visit = Visit(client, app_context, folder / "site")
        installation.clock = lambda: visit.moment
        client.get("/health/live")
        sys.addaudithook(_hear)
        _listening.append(True)
        walk(visit, composer_of(edition))
        _listening.clear()
    store.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
