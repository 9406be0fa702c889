"""The gallery of `optin dev`: every page and mail, in each of its states."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from optin.consent.email_and_telephone import EmailAddress
from optin.consent.kind_part_lookup import PartsByKind
from optin.errors import OptinError
from optin.flows.delivery.mail_order import MailKind
from optin.keys import KeyRing
from optin.mail.sample_orders import SampleOrders
from optin.services.installation import Installation
from optin.services.site_edition import Edition, keep_edition, load_edition
from optin.site.kind_page_hooks import PagesPart
from optin.site.loading_cache import ReadingCache
from optin.store.encryption import Vault
from optin.theme.samples import Sample
from optin.theme.theme import OURS, TEMPLATES, page_template
from optin.theme.views import LandingView
from optin.web.app import build_app
from optin.web.app_context import AppContext
from optin.web.dev import DevMiddleware, DevState, dev_routes
from optin.web.gallery.exhibits import SITE, Broken, Gallery, Previewed
from optin.web.gallery.frames import in_scheme, page_of
from optin.web.gallery.routes import GalleryRoom
from optin.web.mailbox import Mailbox
from optin.web.site_reload import SiteReloader
from tests.installed import INSTALLED, KINDS
from tests.mail.server import Script, mail_server
from tests.mail_words import mail_words
from tests.stores import open_store
from tests.web.conftest import Visit, site_at

HOME = "http://127.0.0.1"
FRAMES = re.compile(r'<iframe[^>]* src="([^"]+)"')
CONFIRM = "{% extends 'base.html' %}\n{% block main %}\n{{ view.nonsense.more }}{% endblock %}"
BROKEN = "cannot be shown yet"
EMPTY_LINK = re.compile(r'<a [^>]*href=""|<a [^>]*>\s*</a>')


class Bench:
    """A site in `optin dev`, without a port."""

    def __init__(self, site: Path, edition: Edition) -> None:
        self.site = site
        vault = Vault(KeyRing.fresh("dev"))
        self.store = open_store("sqlite:///optin.db", site.parent, vault)
        self.installation = Installation(self.store, vault, edition.policy, edition.kinds)
        keep_edition(self.store, edition, self.installation.clock())
        app_context = AppContext.of(edition, self.installation)
        self.room = GalleryRoom(app_context)
        reloader = SiteReloader(app_context, ReadingCache())
        state = DevState(app_context, Mailbox(site / "var" / "mail"), reloader, self.room)
        self.app = DevMiddleware(build_app(app_context, INSTALLED.routes, dev_routes(state)), state)
        self.client = self.visitor()

    def visitor(self, home: str = HOME, address: str = "127.0.0.1") -> TestClient:
        return TestClient(self.app, base_url=home, client=(address, 5000), follow_redirects=False)

    def frames(self, **query: str) -> list[str]:
        """Return the address of every frame of the gallery."""
        answer = self.client.get("/dev/gallery", params=query)
        assert answer.status_code == 200
        return [unescape(src) for src in FRAMES.findall(answer.text)]

    def stored(self) -> list[Any]:
        """Return how many rows there are in each table."""
        names = self.store.read(lambda tx: tx.all("SELECT name FROM sqlite_master WHERE type = 'table'"))
        return [
            (name, self.store.read(lambda tx, name=name: tx.one(f'SELECT COUNT(*) FROM "{name}"')))  # type: ignore[misc]  # mypy guesses no type for a lambda with a default
            for (name,) in names
        ]

    def send(self, client: TestClient | None = None, **posted: str) -> str:
        """Send a test; return what the gallery says of it."""
        data = {"choice": "show=mails", "name": "Confirmation", "address": "me@example.com", **posted}
        visitor = client or self.client
        answer = visitor.post("/dev/gallery/send", data=data, headers={"origin": HOME})
        assert answer.status_code == 303
        page = visitor.get(answer.headers["location"])
        said = re.search(r'<div class="said.*?</div>', page.text, re.DOTALL)
        assert said is not None
        return " ".join(unescape(re.sub("<[^>]+>", " ", said[0])).split())


def edition_of(site: Path) -> Edition:
    edition, _ = load_edition(site, KINDS, with_drafts=True)
    assert edition is not None
    return edition


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """Open a site with two magnets of its own, so that most kinds have none."""
    site = tmp_path_factory.mktemp("gallery") / "site"
    opened = Bench(site, site_at(site))
    yield opened
    opened.store.close()


def kinds_of_mail(gallery: Gallery) -> set[str]:
    """Return the stored name of every mail in a gallery."""
    found = set()
    for subject in gallery.subjects:
        form = gallery.landing(subject, subject.lang).declaration
        orders = SampleOrders(EmailAddress("me@example.com"), form)
        for sample in gallery.mails(subject, subject.lang).values():
            assert not isinstance(sample.view, Broken), sample.view
            found.add(str(orders.order(sample.view, "<a@b>").kind))
    return found


def test_every_mail_that_can_be_sent_is_in_the_gallery(bench: Bench) -> None:
    """W3: those of every request, those about a person, and those of each kind that is installed."""
    own = {mail for _, flows in KINDS.flows.items() for mail in flows.mails}
    assert len(own) > 5
    assert kinds_of_mail(bench.room.galleries["calm"]) == {*MailKind, *own}


def test_every_link_of_a_page_or_mail_leads_somewhere_and_has_words(bench: Bench) -> None:
    """W3, F6: also of a seat whose recording is there, and in its mail."""
    gallery, frame = bench.room.galleries["calm"], bench.room.app_context.frame("en")
    for subject in gallery.subjects:
        pages, mails = gallery.pages(subject, "en"), gallery.mails(subject, "en")
        made = {name: page_of(gallery.theme, it.view, bench.site, frame) for name, it in pages.items()}
        made |= {name: gallery.theme.mail(it.view).html for name, it in mails.items()}
        assert [(subject.name, name) for name, html in made.items() if EMPTY_LINK.search(html)] == []


def test_every_page_that_can_be_shown_is_in_the_gallery(bench: Bench) -> None:
    """W3: of each kind, also of those without a magnet, and the pages of the site."""
    gallery, shown = bench.room.galleries["calm"], set()
    for subject in gallery.subjects:
        for sample in gallery.pages(subject, subject.lang).values():
            assert not isinstance(sample.view, Broken), sample.view
            view = sample.view.view if isinstance(sample.view, Previewed) else sample.view
            shown.add(page_template(view))
    whole = ('{% extends "base.html" %}', '{% extends "pages/landing.html" %}')
    of_kinds = [it for it in (OURS / "kinds").rglob("*.html") if it.read_text("utf-8").startswith(whole)]
    pages = {name for name in TEMPLATES.values() if not name.startswith("dev/")}
    assert shown == {*pages, *(it.relative_to(OURS).as_posix() for it in of_kinds)}
    new = {it.name for it in gallery.subjects if it.name.startswith("new:")}
    own = {it.kind for it in bench.room.app_context.edition.site.magnets.values()}
    assert new == {f"new:{kind}" for kind, _ in KINDS.files.items() if kind not in own}
    assert own == {"white-paper", "newsletter"}


@pytest.mark.parametrize("show", ["pages", "mails"])
def test_all_are_shown_in_each_language_and_nothing_is_stored(bench: Bench, show: str) -> None:
    """W3: light or dark, whatever the machine prefers; no script, and no form leads anywhere."""
    before, files = bench.stored(), sorted(bench.site.rglob("*"))
    languages = bench.room.app_context.edition.site.settings.languages
    for subject in bench.room.galleries["calm"].subjects:
        for lang in languages:
            frames = bench.frames(of=subject.name, show=show, lang=lang, scheme="dark")
            assert len(frames) > 2
            for src in frames:
                answer = bench.client.get(src)
                assert answer.status_code == 200, src
                assert BROKEN not in answer.text, src
                assert "prefers-color-scheme" not in answer.text, src
                assert "<script" not in answer.text, src
                assert "form-action 'none'" in answer.headers["content-security-policy"]
    assert (bench.stored(), sorted(bench.site.rglob("*"))) == (before, files)


def test_pages_stand_side_by_side_in_each_width_and_scheme(bench: Bench) -> None:
    """W3: one page in every state, three widths, light and dark; a choice that is none is the first."""
    answer = bench.client.get(
        "/dev/gallery?of=paper&page=Confirm&width=360&width=768&width=1280&scheme=light&scheme=dark"
    )
    assert answer.text.count("<iframe") == 3 * 2 * len(re.findall(r'<div class="exhibit">', answer.text))
    assert "<h2>Confirm</h2>" in answer.text
    assert "<h2>Sent</h2>" not in answer.text
    odd = bench.client.get("/dev/gallery?of=nothing&page=none&width=7&scheme=pink&look=odd&lang=xx&sent=99")
    assert odd.status_code == 200
    assert "<h2>Sent</h2>" in odd.text
    for path in ("pages?name=none", "mails?name=none", "static/calm/pink/a.css", "static/odd/dark/a.css"):
        assert bench.client.get(f"/dev/gallery/{path}").status_code == 404


def test_a_stylesheet_is_light_or_dark(bench: Bench) -> None:
    """W3: the frame's files come from the gallery, each in the scheme of its frame."""
    page = bench.client.get(bench.frames(of="paper", scheme="dark")[0]).text
    style = re.search(r'href="(/dev/gallery/static/calm/dark/style[^"]+)"', page)
    assert style is not None
    dark, light = bench.client.get(style[1]).text, bench.client.get(style[1].replace("dark", "light", 1)).text
    assert "color-scheme: dark;" in dark
    assert "color-scheme: light;" in light
    assert "prefers-color-scheme" not in dark + light
    query = "@media (prefers-color-scheme: dark) and (min-width: 60rem) { a { color: red } }"
    assert in_scheme(query, "dark").startswith("@media (min-width: 0) and (min-width: 60rem)")
    assert in_scheme(query, "light").startswith("@media (max-width: 0) and")
    assert bench.client.get("/dev/gallery.css").headers["content-type"].startswith("text/css")


def test_every_look_can_be_seen(bench: Bench) -> None:
    """W3: the site's own first; each with a stylesheet of its own, on pages and in mails."""
    assert list(bench.room.galleries) == ["calm", "bold", "editorial"]
    styles = set()
    for look in bench.room.galleries:
        page = bench.client.get(bench.frames(of="paper", look=look)[0]).text
        style = re.search(rf'href="(/dev/gallery/static/{look}/light/style[^"]+)"', page)
        assert style is not None
        styles.add(bench.client.get(style[1]).text)
        assert BROKEN not in bench.client.get(bench.frames(of="paper", look=look, show="mails")[0]).text
    assert len(styles) == len(bench.room.galleries)


def test_a_broken_template_shows_its_sentence_in_its_frame_alone(tmp_path: Path) -> None:
    """W3, M4: with its file and line; every other frame is whole."""
    site = tmp_path / "site"
    site_at(site)
    own = site / "templates" / "pages" / "confirm.html"
    own.parent.mkdir(parents=True)
    own.write_text(CONFIRM)
    (site / "templates" / "mails").mkdir()
    (site / "templates" / "mails" / "renewal.html").write_text("{{ 1 / 0 }}")
    bench = Bench(site, edition_of(site))
    told = {}
    for show in ("pages", "mails"):
        for src in bench.frames(of="paper", show=show):
            text = bench.client.get(src).text
            if BROKEN in text:
                told[re.sub(r".*name=([A-Za-z]+).*", r"\1", src)] = unescape(text)
    assert set(told) == {"Confirm", "Renewal"}
    assert "templates/pages/confirm.html:3" in told["Confirm"]
    assert "templates/mails/renewal.html:1" in told["Renewal"]
    assert "ZeroDivisionError" in bench.send(name="Renewal: a consent ends soon")
    bench.store.close()


def test_a_kind_that_fails_keeps_the_other_pages(bench: Bench) -> None:
    """W3, M2: what it raises is one exhibit, after those that it gave before."""

    def some(of: LandingView) -> Iterator[Sample]:
        yield Sample("Own", "", of)
        yield Sample("Own", "", of)
        raise OptinError

    def nothing(_of: LandingView) -> Iterator[Any]:
        raise OptinError

    edition = bench.room.app_context.edition
    part = PagesPart(samples=some, mail_samples=nothing)
    failing = PartsByKind(part, KINDS.pages.names, lambda _: part)
    gallery = Gallery(replace(edition, kinds=replace(edition.kinds, pages=failing)), edition.theme)
    pages = gallery.pages(gallery.subject("paper"), "nl")
    assert {"Form", "Own", "Own (2)", "Pages of this kind"} <= set(pages)
    mails = gallery.mails(gallery.subject("paper"), "nl")
    assert {"Confirmation", "Mails of this kind"} <= set(mails)


def test_a_site_without_a_purpose_by_mail_says_why_a_kind_has_no_page(tmp_path: Path) -> None:
    """W3, M7: a new newsletter cannot be made there; its frame says so."""
    site = tmp_path / "site"
    site_at(site)
    text = (site / "optin.toml").read_text()
    (site / "optin.toml").write_text(text.replace('channel = "email"', 'channel = "phone"', 1))
    (site / "magnets" / "tips.md").unlink()
    page = site / "magnets" / "paper" / "index.md"
    page.write_text(page.read_text().replace("tips-email, ", ""))
    bench = Bench(site, edition_of(site))
    (src,) = bench.frames(of="new:newsletter")
    assert "needs a purpose by e-mail" in bench.client.get(src).text
    bench.store.close()


def test_a_mail_is_sent_to_ones_own_address(bench: Bench) -> None:
    """W3: by the configured server, marked as a test, in the words and with the files of a real one."""
    script = Script()
    with mail_server(script) as port:
        bench.room.mail_server = f"smtp://127.0.0.1:{port}"
        said = bench.send(name="Delivery", choice="show=mails&of=new:webinar&lang=nl")
        assert said == "Sent to me@example.com: the mail server 127.0.0.1 took it. It answered: 2.0.0 taken"
        (mail,) = script.mails
        assert script.recipients == ["me@example.com"]
        assert b"\r\nSubject: [test] " in mail
        words = mail_words(mail)
        assert "/unsubscribe/sample" in words
        assert "zip" in words
        everything = bench.send(name="all", choice="show=mails&of=site&lang=en")
        assert everything.startswith("11 mails. Sent to me@example.com")
        assert len(script.mails) == 12
        confirmations = bench.send(name="all", choice="show=mails&of=paper&page=Confirmation")
        assert confirmations.startswith("3 mails. Sent to me@example.com")
        assert len(script.mails) == 15
        assert bench.send(name="No such mail") == "Not sent. There is no such mail."
        assert bench.send(address="nobody") == "Not sent. That is not an e-mail address."
        assert len(script.mails) == 15
    bench.room.mail_server = ""


def test_a_refusal_is_told_in_the_servers_words(bench: Bench) -> None:
    """W3: with the cure where it is known; whatever is wrong, the gallery goes on."""
    refusals = {
        "RCPT": Script(rcpt=lambda _address, _time: "550 5.1.1 nobody of that name"),
        "MAIL": Script(mail_from="553 5.7.1 sender not verified"),
        "DATA": Script(data=lambda _data, _time: "554 5.6.0 too ugly"),
    }
    said = {}
    for stage, script in refusals.items():
        with mail_server(script) as port:
            bench.room.mail_server = f"smtp://127.0.0.1:{port}"
            said[stage] = bench.send()
        assert script.mails == []
    assert said["RCPT"].endswith("It answered: 550 5.1.1 nobody of that name")
    assert "[sender]" in said["MAIL"]
    assert said["DATA"].endswith("554 5.6.0 too ugly")
    assert "cannot be reached" in bench.send()  # the last server has stopped
    with mail_server(Script(die_at_data=True)) as port:
        bench.room.mail_server = f"smtp://127.0.0.1:{port}"
        assert "Not sent" in bench.send()
    with mail_server(Script(), utf8=False) as port:
        bench.room.mail_server = f"smtp://127.0.0.1:{port}"
        assert "such letters" in bench.send(address="zoë@example.com")
    bench.room.mail_server = "smtp://nonsense:"
    assert "OPTIN_MAIL" in bench.send()
    bench.room.mail_server = ""
    assert 'Write mail = "smtp://' in bench.send()


def test_a_test_leaves_by_the_server_in_the_settings(tmp_path: Path) -> None:
    """W3: by `mail` of optin.toml, where OPTIN_MAIL was not set; a folder is no server."""
    site, script = tmp_path / "site", Script()
    site_at(site)
    bench = Bench(site, edition_of(site))
    text = (site / "optin.toml").read_text()
    with mail_server(script) as port:
        (site / "optin.toml").write_text(f'mail = "smtp://127.0.0.1:{port}"\n{text}')
        assert "Sent to me@example.com" in bench.send()
        assert "Send a test by 127.0.0.1" in bench.client.get("/dev/gallery?show=mails").text
    (site / "optin.toml").write_text(f'mail = "file:var/mail"\n{text}')
    assert "There is no mail server" in bench.send()
    bench.store.close()


def test_only_the_gallery_on_this_machine_sends(bench: Bench) -> None:
    """W3, S1: not a page of another site, not a name of another site, not another machine."""
    script = Script()
    with mail_server(script) as port:
        bench.room.mail_server = f"smtp://127.0.0.1:{port}"
        for home, address, origin in (
            (HOME, "127.0.0.1", "https://evil.example.com"),
            (HOME, "127.0.0.1", "null"),
            (HOME, "192.0.2.7", HOME),
            ("http://evil.example.com", "127.0.0.1", "http://evil.example.com"),
        ):
            data = {"choice": "show=mails", "name": "Confirmation", "address": "me@example.com"}
            visitor = bench.visitor(home, address)
            answer = visitor.post("/dev/gallery/send", data=data, headers={"origin": origin})
            assert "from this machine only" in visitor.get(answer.headers["location"]).text
        assert script.mails == []
        local = bench.visitor("http://localhost")
        sent = local.post("/dev/gallery/send", data=data, headers={"origin": "http://localhost"})
        assert "Sent to me@example.com" in local.get(sent.headers["location"]).text
    bench.room.mail_server = ""


def test_the_gallery_is_found(bench: Bench) -> None:
    """W3: from the mailbox, and back."""
    assert 'href="/dev/gallery"' in bench.client.get("/dev/mail").text
    assert 'href="/dev/mail"' in bench.client.get("/dev/gallery").text
    assert bench.room.galleries["calm"].subjects[-1].name == SITE


@pytest.mark.parametrize("path", ["confirm", "download", "unsubscribe", "me", "place"])
def test_a_link_of_a_sample_says_that_it_is_one(visit: Visit, path: str) -> None:
    """W3: in `serve` too, where a test mail may lead; nothing happens."""
    answer = visit.client.get(f"/{path}/sample")
    assert answer.status_code == 404
    assert "Deze link is een voorbeeld" in answer.text


@pytest.mark.parametrize("path", ["", "/pages", "/mails", ".css"])
def test_serve_has_no_gallery(visit: Visit, path: str) -> None:
    """W3, O2: it belongs to `optin dev`."""
    assert visit.client.get(f"/dev/gallery{path}").status_code == 404
    assert visit.client.post("/dev/gallery/send", data={"address": "me@example.com"}).status_code >= 404
