"""What a visitor does at a magnet of any kind: nothing here knows which kinds there are."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass, field
from datetime import timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from operator import methodcaller
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

import html5lib
from starlette.testclient import TestClient

from optin.cli.installed_kinds import InstalledKinds
from optin.consent.form_version import Slug
from optin.consent.purpose import PurposeId
from optin.flows.delivery.mail_order import MailKind, MailOrder, NoticeOrder, Order
from optin.flows.evidence.audit import Audit
from optin.jobs.build_courier import courier_of
from optin.services.open_store import open_store
from optin.services.site_edition import Edition, keep_edition, load_edition
from optin.site.landing_pages import FormPage
from optin.site.load_site import load_site
from optin.site.scaffold import make_magnet, make_site
from optin.store.event_log import integrate
from optin.store.removed_kinds import rows_by_table
from optin.web.app import build_app
from optin.web.app_context import AppContext
from tests.kinds.installed import KINDS, without
from tests.stranger import is_sqlite
from tests.web.conftest import Visit

SLUG = Slug("magnet")
EMAIL = "alice@example.com"
BASE = "https://optin.example.com"
TYPED = "Zwaantje-Wilhelmina"
PERSONAL = (
    ("request", "sealed"),
    ("subject", "sealed"),
    ("subject", "id"),
    ("mail", "sealed"),
    ("event", "body"),
)


def new_site(root: Path, kind: str, lang: str) -> None:
    """Make a site as `optin init` does, and a magnet as `optin new` does."""
    make_site(root, (lang,))
    text = (root / "optin.toml").read_text("utf-8")
    (root / "optin.toml").write_text(f'base_url = "{BASE}"\n{text}', "utf-8")
    site = load_site(root, KINDS.files).site
    assert site is not None
    make_magnet(site, KINDS.files, kind, SLUG, lang)


def filled_in(page: str) -> tuple[str, list[tuple[str, str]]]:
    """Fill in the one form of a page that asks for an address; return where it goes and what is posted.

    Everything is typed and ticked that can be.
    """
    tree = html5lib.parse(page, namespaceHTMLElements=False)
    forms = [it for it in tree.iter("form") if it.find(".//input[@name='email']") is not None]
    (form,) = forms
    controls = [(it.get("name", ""), _value(it)) for it in form.iter("input")]
    return form.get("action", "").removeprefix(BASE), controls


def _value(control: Element) -> str:
    if control.get("type") in {"hidden", "checkbox"}:
        return control.get("value", "on")
    return EMAIL if control.get("name") == "email" else TYPED


@dataclass(repr=False)
class KindVisit(Visit):
    """A magnet of one kind, its visitor, and everything that was seen and mailed."""

    seen: dict[str, str] = field(default_factory=dict)  # pages by what they are
    mailed: dict[str, EmailMessage] = field(default_factory=dict)  # by the kind of the mail
    store_url: str = ""
    email: str = EMAIL  # whoever fills in the form next

    @property
    def form_page(self) -> FormPage:
        """The first page of the magnet that has a form."""
        return self.app_context.edition.publication.form_pages[SLUG][0]

    def look(self, name: str, path: str, status: int = 200) -> str:
        """Open a page."""
        answer = self.client.get(path)
        assert answer.status_code == status, answer.text
        self.seen[name] = answer.text
        return self.seen[name]

    def ask(self) -> str:
        """Fill in the form and send it; return the address of the page that follows."""
        self.look("opening", f"/{SLUG}")
        path, posted = filled_in(self.look("form", self.form_page.path))
        data: dict[str, list[str]] = {}
        for name, value in posted:
            data.setdefault(name, []).append(self.email if name == "email" else value)
        answer = self.client.post(path or self.form_page.path, data=data)
        assert answer.status_code == 303, answer.text
        return str(answer.headers["location"])

    def mails(self) -> list[Order]:
        """Take every mail that is due, compose it, and record it as sent."""
        composer = courier_of(self.app_context.edition, self.installation)._writer.composer  # noqa: SLF001 - as it composes
        orders = super().mails()
        for order in orders:
            message = message_from_bytes(composer.compose(order, self.moment), policy=default)
            assert isinstance(message, EmailMessage)
            self.mailed[str(order.kind)] = message
        return orders

    def confirmed(self) -> MailOrder:
        """Sign up and confirm by the link; return the delivery."""
        self.ask()
        return self.confirm(self.mail(MailKind.CONFIRMATION).confirm_token)

    def confirm(self, token: str) -> MailOrder:
        """Press the button of the confirmation page; return the delivery."""
        self.look("confirm", f"/confirm/{token}")
        self.press_on(f"/confirm/{token}")
        self.look("confirmed", f"/confirm/{token}")
        return self.mail(MailKind.DELIVERY)

    def press_on(self, path: str, **data: str) -> str:
        """Press the button of a page a second later; return where it leads."""
        self.wait(timedelta(seconds=1))
        answer = self.press(path, **data)
        assert answer.status_code == 303, answer.text
        self.wait(timedelta(seconds=1))
        return str(answer.headers["location"])

    def personal_link(self) -> str:
        """Ask for the personal page; return its address."""
        self.client.post("/me", data={"email": EMAIL})
        order: NoticeOrder = self.notice(MailKind.PERSONAL)
        return f"/me/{order.token}"

    def request_fields(self) -> dict[str, str]:
        """Return what the personal data say of the fields of the request."""
        answer = self.client.post(self.personal_link(), data={"action": "json"})
        (asked,) = answer.json()["requests"]
        found: dict[str, str] = asked["typed"]
        return found

    def status(self, purpose: PurposeId) -> str:
        """Return where the one consent to a purpose stands."""
        asked = "SELECT status FROM consent WHERE purpose = :p"
        ((status,),) = self.installation.store.read(lambda tx: tx.all(asked, p=purpose))
        return str(status)

    def sealed(self) -> list[bytes]:
        """Return all that is stored of the one person there is: what is sealed, events, her id."""
        found: list[bytes] = []
        for table, column in PERSONAL:
            rows = self.installation.store.read(methodcaller("all", f"SELECT {column} FROM {table}"))
            found += [_cell(row[0]) for row in rows]
        return found

    def serve(self, edition: Edition, kinds: InstalledKinds) -> None:
        """Serve another edition where other kinds are installed, as a server does that starts anew."""
        installation = self.installation
        installation.kinds = kinds.parts
        installation.store.close()
        installation.store = open_store(
            self.store_url, self.root.parent, installation.vault, kinds.parts.schema
        )
        keep_edition(installation.store, edition, installation.clock())
        self.app_context = AppContext.of(edition, installation)
        self.app_context.replace(edition)
        app = build_app(self.app_context, kinds.routes)
        self.client = TestClient(app, follow_redirects=False, raise_server_exceptions=False)

    def remove_magnet(self, kind: str) -> Edition:
        """Remove the magnet, and then the package of its kind; return what is served from then on."""
        for path in (self.root / "magnets").glob(f"{SLUG}*"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        left, _ = load_edition(self.root, without(kind).parts)
        assert left is not None
        self.serve(left, without(kind))
        return left

    def kind_rows(self, kind: str) -> dict[str, int]:
        """Count the rows in the tables of a kind."""
        return self.installation.store.read(rows_by_table, part=KINDS.tables[kind])

    def check_evidence(self) -> None:
        """Audit everything that is stored."""
        while self.installation.store.submit(integrate).result():
            pass
        audit = Audit(self.installation.store.read, self.installation.vault, KINDS.flows, schema=KINDS.schema)
        assert list(audit.run()) is not None
        assert audit.findings == [], audit.findings


def cells(visit: KindVisit) -> bytes:
    """Return everything that is stored, table by table, as a dump would hold it."""
    store = visit.installation.store
    named = (
        "SELECT name FROM sqlite_master WHERE type = 'table'"
        if is_sqlite(store)
        else "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
    )
    tables = [str(row[0]) for row in store.read(lambda tx: tx.all(named))]
    found = []
    for table in tables:
        rows = store.read(methodcaller("all", f"SELECT * FROM {table}"))
        found += [_cell(table) + b": " + _cell(value) for row in rows for value in row]
    return b"\n".join(found)


def _cell(value: object) -> bytes:
    return bytes(value) if isinstance(value, bytes | memoryview) else str(value).encode()


def words(page: str) -> str:
    """Return what a page says, tags apart."""
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


def plain(message: EmailMessage, part: str) -> str:
    """Return one part of a mail."""
    body: Any = message.get_body((part,))
    return str(body.get_content())
