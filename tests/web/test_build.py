"""`optin build`: the pages as a folder on a web host that knows nothing of optin, the app elsewhere."""

from __future__ import annotations

import re
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

import html5lib
import httpx2 as httpx
import pytest

from optin.errors import RequestRefused
from optin.site.load_site import load_site
from optin.site.output_folder import MANIFEST, write_folder
from optin.web.security_headers import ASSET_CACHE, security_headers
from tests.house.requirements_table import ROOT
from tests.installed import KINDS
from tests.ports import NO_MAIL
from tests.serving import BASE_URL, Serving, environment, form_key, served, start
from tests.started import run_optin
from tests.waiting import SECONDS
from tests.web.conftest import site_at
from tests.web.static_host import static_host

DRAWING = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 20"/>'
LINKS = "[Uw gegevens](/me), [de lijst](/), [de tips](/tips), [het log](/log), [elders](//x.example/).\n"
PAGES_URL = "https://pages.example.com"


@dataclass
class Works:
    """A site, where its build goes, and the app that answers its forms."""

    site: Path
    out: Path
    port: int

    @property
    def store(self) -> Path:
        return self.site.parent / "optin.db"

    @property
    def settings(self) -> tuple[str, str, str]:
        nobody = NO_MAIL  # what is mailed is not what these tests are about
        return f"sqlite:///{self.store}", nobody, str(self.site.parent / "keys.json")

    def build(self, out: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Run the command."""
        words = ("build", "--site", str(self.site), "--out", str(out or self.out))
        return run_optin(*words, environment=environment(*self.settings))

    def built(self) -> None:
        """Run the command; it succeeds."""
        done = self.build()
        assert done.returncode == 0, done.stderr

    def names(self) -> set[str]:
        """Return the files of the build."""
        return {p.relative_to(self.out).as_posix() for p in self.out.rglob("*") if p.is_file()} - {MANIFEST}

    def pages(self) -> dict[str, str]:
        return {it: (self.out / it).read_text() for it in self.names() if it.endswith(".html")}

    def reword(self, old: str, new: str) -> None:
        """Change what the marketer wrote."""
        for path in (self.site / "optin.toml", self.site / "magnets" / "paper" / "index.md"):
            path.write_text(path.read_text().replace(old, new))

    def serve(self) -> Serving:
        return start(self.site, self.port, *self.settings)

    def requests(self) -> list[tuple[str, bytes]]:
        """Return each stored request's form: its digest and its page."""
        with sqlite3.connect(self.store) as base:
            return base.execute(
                "SELECT form, page FROM request JOIN form_version ON form = digest ORDER BY created_at"
            ).fetchall()


@pytest.fixture
def works(tmp_path: Path, free_port: int) -> Works:
    """Make a site whose page has a picture and links of every kind."""
    site_at(tmp_path / "site")
    folder = tmp_path / "site" / "magnets" / "paper"
    text = (folder / "index.md").read_text()
    text = text.replace("lang: nl\n", "lang: nl\npicture: {file: lijn.svg, alt: Een lijn}\n")
    (folder / "index.md").write_text(text + LINKS)
    (folder / "lijn.svg").write_bytes(DRAWING)
    return Works(tmp_path / "site", tmp_path / "pages", free_port)


@pytest.fixture
def app(works: Works) -> Iterator[httpx.Client]:
    """Build, and serve the app elsewhere."""
    works.built()
    with (
        served(works.site, works.port, *works.settings) as serving,
        httpx.Client(base_url=serving.base, timeout=SECONDS) as it,
    ):
        yield it


def test_every_page_of_a_build_is_byte_for_byte_the_one_that_the_app_serves(
    works: Works, app: httpx.Client
) -> None:
    """M8, P2: pages, statements and assets, from a plain file server and from the app; the 404 page too."""
    other = {"404.html", "_headers", "_redirects"}
    with (
        static_host(works.out) as host,
        httpx.Client(base_url=host, follow_redirects=True, timeout=SECONDS) as plain,
    ):
        addresses = [name.removesuffix("/index.html") for name in works.names() - other - {"index.html"}]
        for path in ["", *addresses]:
            live = app.get(f"/{path}", follow_redirects=True)
            assert live.status_code == 200, path
            assert plain.get(f"/{path}").content == live.content, path
        assert {"paper", "tips", "privacy", "robots.txt", "sitemap.xml"} <= set(addresses)
        assert sum(path.startswith("privacy/") for path in addresses) == 2
        assert (works.out / "404.html").read_bytes() == app.get("/nothing").content


def test_every_link_of_a_build_leads_somewhere(works: Works, app: httpx.Client) -> None:
    """M8, F5, S1: strict HTML; each address is in the folder, or at the app, or the author's own."""
    met: set[str] = set()
    for name, page in works.pages().items():
        html5lib.HTMLParser(strict=True).parse(page)
        for kind, address in re.findall(r'\b(href|src|action)="([^"]*)"', page):
            parts = urlsplit(address)
            if address.startswith(("#", "mailto:", "//x.example/")):
                assert not parts.fragment or f'id="{parts.fragment}"' in page
            elif not parts.netloc:
                file = works.out / parts.path.lstrip("/")
                assert (file / "index.html" if kind == "href" and not file.suffix else file).is_file(), name
            else:
                assert address.startswith(f"{BASE_URL}/"), address
                assert app.get(parts.path, follow_redirects=True).status_code == 200, address
                met.add(f"{kind} {parts.path}")
    assert {"action /paper", "action /tips", "href /me", "href /log", "href /privacy"} <= met
    assert '<a href="/tips">de tips</a>' in works.pages()["paper/index.html"]


def test_a_web_host_is_told_the_headers_that_the_app_sends(works: Works, app: httpx.Client) -> None:
    """M8, S1: the same ones, and assets for a year; the policy lets forms go to the app and nowhere else."""
    rules: dict[str, dict[str, str]] = {}
    for line in (works.out / "_headers").read_text().splitlines():
        if not line.startswith(" "):
            rule = rules.setdefault(line, {})
        else:
            name, _, value = line.strip().partition(": ")
            rule[name] = value
    page, style = (
        app.get("/paper").headers,
        app.get(next(f"/{n}" for n in works.names() if ".css" in n)).headers,
    )
    assert {name: page[name] for name in rules["/*"]} == rules["/*"] == dict(security_headers(BASE_URL))
    assert rules["/static/*"] == {"cache-control": style["cache-control"]}
    assert f"form-action 'self' {BASE_URL};" in rules["/*"]["content-security-policy"]
    redirects = [line.split() for line in (works.out / "_redirects").read_text().splitlines()]
    assert redirects == [["/me", f"{BASE_URL}/me", "302"], ["/log", f"{BASE_URL}/log", "302"]]


def test_the_example_for_nginx_sends_the_headers_that_the_app_sends() -> None:
    """M8, S1: every one of them, with the words of the app."""
    text = (ROOT / "docs" / "build.md").read_text("utf-8")
    assert dict(re.findall(r'^add_header (\S+) "(.*)" always;$', text, re.MULTILINE)) == dict(
        security_headers(BASE_URL)
    )
    assert f'add_header cache-control "{ASSET_CACHE}";' in text


def test_the_policy_names_the_app_as_browsers_compare_it() -> None:
    """S1, M8: a name with other letters than a to z does not lock forms in."""
    policy = dict(security_headers("https://bücher.example:8443"))["content-security-policy"]
    assert "form-action 'self' https://xn--bcher-kva.example:8443;" in policy


def test_a_form_without_a_target_is_not_built_for_another_host(works: Works) -> None:
    """W8, M8: that host would lose it; once its address is known, the form names the app."""
    toml = works.site / "optin.toml"
    toml.write_text(toml.read_text() + '\n[sources]\nnames = ["linkedin"]\n')
    done = works.build()
    assert done.returncode == 1
    assert "Set pages_url" in done.stderr
    assert works.names() == set()
    toml.write_text(f'pages_url = "{PAGES_URL}"\n{toml.read_text()}')
    works.built()
    assert f'action="{BASE_URL}/paper"' in works.pages()["paper/index.html"]


def test_search_engines_and_social_cards_are_told_where_the_pages_are(works: Works) -> None:
    """M8: canonical address, Open Graph, sitemap and robots name the host of the pages; forms the app."""
    toml = works.site / "optin.toml"
    toml.write_text(f'pages_url = "{PAGES_URL}/"\n{toml.read_text()}')
    works.built()
    paper, index = works.pages()["paper/index.html"], works.pages()["index.html"]
    assert f'<link rel="canonical" href="{PAGES_URL}/paper">' in paper
    cards = dict(re.findall(r'<meta property="og:([\w:]+)" content="([^"]*)">', paper))
    (drawn,) = (name for name in works.names() if name.startswith("static/card-") and name in paper)
    assert cards == {
        "type": "article",
        "title": "Het witboek",
        "description": "Wat er in staat.",
        "url": f"{PAGES_URL}/paper",
        "image": f"{PAGES_URL}/{drawn}",  # its own picture is an SVG, which no social site shows
        "image:width": "1200",
        "image:height": "630",
        "image:alt": "Whitepaper: Het witboek",
    }
    assert "og:image" not in index
    assert f'<link rel="canonical" href="{PAGES_URL}/">' in index
    assert f'action="{BASE_URL}/paper"' in paper
    sitemap = ET.fromstring((works.out / "sitemap.xml").read_text())  # noqa: S314 - our own
    places = [it.text for it in sitemap.iter("{http://www.sitemaps.org/schemas/sitemap/0.9}loc")]
    assert sorted(map(str, places)) == [f"{PAGES_URL}/", f"{PAGES_URL}/paper", f"{PAGES_URL}/tips"]
    assert f"Sitemap: {PAGES_URL}/sitemap.xml" in (works.out / "robots.txt").read_text()
    toml.write_text(toml.read_text().replace(PAGES_URL, "pages.example.com"))
    finding = load_site(works.site, KINDS.files).findings[0]
    assert (finding.code, finding.line, finding.severity) == ("pages-url", 1, "error")


def test_the_app_takes_the_forms_of_an_old_build_as_the_old_version(works: Works) -> None:
    """M8, F7, P2: built, reworded, served anew: the words that were read are stored, and no other page's."""
    works.built()
    old = (works.out / "paper" / "index.html").read_bytes()
    works.reword("Bel mij een keer hierover.", "Bel mij twee keer hierover.")
    serving = works.serve()
    try:
        with httpx.Client(base_url=serving.base, timeout=SECONDS) as client:
            new, (key,) = form_key(client), re.findall(rb'name="form" value="([0-9a-f]+)"', old)
            assert new != key.decode()
            sign_up = {"email": "alice@example.com", "consent": "follow-up-phone", "phone": "020 123 4567"}
            answer = client.post("/paper", data={**sign_up, "form": key.decode()})
            assert answer.status_code == 303
            assert client.post("/paper", data={**sign_up, "form": "0" * len(new)}).status_code == 409
            assert client.post("/tips", data={**sign_up, "form": key.decode()}).status_code == 409
    finally:
        assert serving.stop() == 0
    ((_, page),) = works.requests()
    assert page == old
    assert "Bel mij een keer hierover." in page.decode()


def test_a_build_may_go_ahead_of_the_server(works: Works, app: httpx.Client) -> None:
    """M8, F7: registered beside live traffic; the running app takes its forms at once."""
    works.reword("Bel mij een keer hierover.", "Bel mij drie keer hierover.")
    works.built()
    page = (works.out / "paper" / "index.html").read_text()
    key = re.findall(r'name="form" value="([0-9a-f]+)"', page)[0]
    assert key != form_key(app)
    assert app.post("/paper", data={"email": "bob@example.com", "form": key}).status_code == 303
    assert [stored.decode() for _, stored in works.requests()] == [page]


def test_a_site_that_does_not_pass_the_check_is_not_built(works: Works) -> None:
    """M8, M4: the findings are shown with their places; nothing is written, nothing registered."""
    works.reword("title:", "titel:")
    done = works.build()
    assert done.returncode == 1
    assert "magnets/paper/index.md:5:1: error" in done.stderr
    assert not works.out.exists()
    assert not works.store.exists()


def _leave_a_file(out: Path) -> None:
    (out / "paper" / "notes.txt").write_text("mine")


def _change_a_page(out: Path) -> None:
    (out / "tips" / "index.html").write_text("mine")


def _lead_elsewhere(out: Path) -> None:
    (out / "elsewhere").symlink_to(out.parent)


@pytest.mark.parametrize("disturb", [_leave_a_file, _change_a_page, _lead_elsewhere])
def test_what_no_build_wrote_is_never_touched(works: Works, disturb: Callable[[Path], None]) -> None:
    """M8: refused with what is in the way, and not one file is changed."""
    works.built()
    disturb(works.out)
    before = {name: (works.out / name).read_bytes() for name in works.names()}
    works.reword("Bel mij een keer", "Bel mij twee keer")
    done = works.build()
    assert done.returncode == 1
    assert "optin build did not write" in done.stderr
    assert {name: (works.out / name).read_bytes() for name in works.names()} == before


@pytest.mark.parametrize("place", ["magnets", "optin.toml", "optin.toml/pages"])
def test_a_folder_of_somebody_else_is_refused(works: Works, place: str) -> None:
    """M8: a folder full of other files, a file, a place that cannot be: one sentence."""
    done = works.build(works.site / place)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert load_site(works.site, KINDS.files).findings == ()


def test_a_later_build_takes_the_place_of_an_earlier_one(works: Works) -> None:
    """M8: pages that are gone go; assets and statements stay, for pages in caches refer to them."""
    works.built()
    before = works.names()
    (works.site / "magnets" / "tips.md").unlink()
    statement = works.site / "privacy" / "nl.md"
    statement.write_text(statement.read_text() + "\nNog een zin.\n")
    toml = works.site / "optin.toml"
    toml.write_text(toml.read_text().replace('colour = "#0b5d4b"', 'colour = "#123456"'))
    works.built()
    after = works.names()
    assert before - after == {"tips/index.html"}
    assert not (works.out / "tips").exists()
    assert len([name for name in after - before if name.startswith("privacy/")]) == 2
    assert len([name for name in after - before if name.startswith("static/style.")]) == 1
    works.built()
    assert works.names() == after


def test_a_build_that_is_cut_off_leaves_no_half_page_and_is_made_up_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """M8: wherever it stops, each page is the old or the new one, and the next build goes on."""
    old = {
        "index.html": b"old " * 999,
        "a/index.html": b"old a",
        "b/index.html": b"b",
        "static/s.1.css": b"1",
    }
    new = {
        "index.html": b"new " * 999,
        "a/index.html": b"new a",
        "c/index.html": b"c",
        "static/s.2.css": b"2",
    }
    move = Path.replace
    for last in range(8):
        folder, moved = tmp_path / str(last), 0

        def cut_off(self: Path, target: Path, last: int = last) -> Path:
            nonlocal moved
            moved += 1
            if moved > last:
                raise OSError
            return move(self, target)

        write_folder(folder, old)
        with monkeypatch.context() as patched:
            patched.setattr(Path, "replace", cut_off)
            try:
                write_folder(folder, new)
            except OSError:
                assert last < 6
        for name, data in old.items():
            assert not (folder / name).exists() or (folder / name).read_bytes() in {data, new.get(name)}
        write_folder(folder, new)
        standing = {
            p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()
        }
        assert {name: data for name, data in standing.items() if name != MANIFEST} == {
            **new,
            "static/s.1.css": b"1",
        }


def test_a_forged_list_of_files_makes_nothing_ours(tmp_path: Path) -> None:
    """M8, S8: names that lead out of the folder are not followed; nonsense is no list."""
    (tmp_path / "mine.txt").write_text("mine")
    folder = tmp_path / "out"
    write_folder(folder, {"index.html": b"x"})
    with (folder / MANIFEST).open("ab") as manifest:
        manifest.write(b"\xff\n  \n" + b"0" * 64 + b"  ../mine.txt\n")
    write_folder(folder, {"index.html": b"y"})
    assert (tmp_path / "mine.txt").read_text() == "mine"
    (folder / MANIFEST).write_bytes(b"\xff nonsense")
    with pytest.raises(RequestRefused):
        write_folder(folder, {"index.html": b"z"})
    assert (folder / "index.html").read_bytes() == b"y"


def test_what_a_file_cannot_do_is_told_and_done_as_well_as_it_can(works: Works) -> None:
    """M8, M4: of several wordings there is the first, and the build says so; an old address leads on."""
    works.reword("lang: nl\n", "lang: nl\nwas: [oud]\nvariants: {short: {title: Kort}}\n")
    done = works.build()
    assert done.returncode == 0, done.stderr
    assert "/paper is there only as it is written: its variants need the app." in done.stdout
    assert "/tips is there" not in done.stdout
    assert "<h1>Het witboek</h1>" in works.pages()["paper/index.html"]
    assert "/oud /paper 301\n" in (works.out / "_redirects").read_text()
    with static_host(works.out) as host:
        moved = httpx.get(f"{host}/oud/", follow_redirects=True, timeout=SECONDS).text
    assert '<meta http-equiv="refresh" content="0; url=/paper">' in moved
    html5lib.HTMLParser(strict=True).parse(moved)
    works.reword("was: [oud]\n", "")
    works.built()
    assert "oud/index.html" not in works.names()
