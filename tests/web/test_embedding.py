"""Forms in pages of other sites: in a frame, and as HTML that is pasted there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from optin.consent.email_and_telephone import parse_email
from optin.consent.form_version import Slug
from optin.errors import FormUnknown
from optin.flows.delivery.mail_order import MailKind
from optin.proof.bundle_zip_file import unpack
from optin.proof.page_assets import integrity
from optin.proof.verify_bundle import verify_bundle
from optin.services.assemble_evidence_bundle import make_bundle
from optin.services.site_edition import load_edition
from optin.services.steady_clock import utc_now
from optin.site.embedding_sites import objections_to_site
from optin.store.event_log import integrate
from optin.web.static_site import static_files
from tests.installed import INSTALLED, KINDS
from tests.kinds.prize_draw.test_draw_pages import draw_at
from tests.kinds.quiz.quizzes import write_quiz
from tests.kinds.webinar.test_webinar_pages import WEBINAR
from tests.own_site import add_settings
from tests.shell import shell
from tests.web.conftest import Visit, site_at, visited

SITES = ("https://www.example.com", "https://shop.example.com")
EMBED = f"\n[embed]\nsites = {list(SITES)}\n[links]\nhosts = ['www.example.com']\n".replace("'", '"')
PAPER = Slug("paper")
SPLIT = "variants:\n  kort:\n    title: Kort\n"


@pytest.fixture
def embedding(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Visit]:
    """A site whose forms two other sites may show. A parameter: more front matter of its white paper."""
    root = tmp_path / "site"
    site_at(root)
    add_settings(root, EMBED)
    write_quiz(root)
    page = root / "magnets" / "paper" / "index.md"
    more = getattr(request, "param", "")
    page.write_text(page.read_text().replace("title:", f"{more}title:", 1))
    edition, wrong = load_edition(root, KINDS)
    assert edition is not None, wrong
    with visited(edition, Visit, f"sqlite:///{tmp_path}/optin.db", root, INSTALLED) as visit:
        yield visit


def ancestors(policy: str) -> list[str]:
    """Return who may frame an answer."""
    return policy.partition("frame-ancestors ")[2].partition(";")[0].split()


def is_framed(answer: Any) -> bool:
    """Return whether exactly the listed sites may frame an answer."""
    headers = answer.headers
    open_to = ancestors(headers["content-security-policy"]) == list(SITES)
    assert open_to != (headers.get("x-frame-options") == "DENY")
    assert open_to == (headers["cross-origin-resource-policy"] == "cross-origin")
    return open_to


def key_in(page: str) -> str:
    found = re.search(r'name="form" value="([0-9a-f]+)"', page)
    assert found is not None
    return found[1]


def hidden_token(page: str) -> str:
    found = re.search(r'name="token" value="([^"]+)"', page)
    assert found is not None
    return found[1]


def limits_and_page(visit: Visit) -> tuple[str, str]:
    """Return what a bundle about Alice does not prove, and its readable page."""
    visit.installation.store.submit(integrate).result()
    edition, installation = visit.app_context.edition, visit.installation
    files = unpack(make_bundle(edition, installation, parse_email("alice@example.com")))
    report = verify_bundle(files, utc_now())
    assert report.holds, report.lines
    return "\n".join(report.limits), files["index.html"].decode()


def test_exactly_the_listed_sites_may_frame_a_form(embedding: Visit) -> None:
    """W6, S1: the form alone, and no other page."""
    page = embedding.client.get("/paper/embed")
    assert is_framed(page)
    assert "script-src 'self'" in page.headers["content-security-policy"]
    assert "<header" not in page.text
    assert "Tekst." not in page.text
    assert 'target="_blank"' in page.text
    for path in ("/", "/paper", "/privacy", "/me", "/confirm/embed", "/me/embed", "/log/embed"):
        other = embedding.client.get(path)
        assert not is_framed(other)
        assert "script-src" not in other.headers["content-security-policy"]


def test_a_form_in_a_frame_is_a_version_of_its_own(embedding: Visit) -> None:
    """W6, P2: its declaration says where it is shown; both have the same boxes."""
    framed = key_in(embedding.client.get("/paper/embed").text)
    assert framed != embedding.form_key()
    form_page = embedding.app_context.edition.publication.form_page(PAPER, framed)
    assert form_page is not None
    assert form_page.form.declaration.as_json()["shown_in"] == "frame"
    assert "shown_in" not in embedding.app_context.edition.publication.forms[PAPER].declaration.as_json()


def test_everything_that_follows_stays_in_the_frame(embedding: Visit) -> None:
    """W6, D3: mistakes, the page with the code, a wrong code, the download; links in mails lead to pages."""
    client = embedding.client
    key = key_in(client.get("/paper/embed").text)
    wrong = client.post("/paper/embed", data={"form": key, "email": "alice@", "consent": "tips-email"})
    assert wrong.status_code == 422
    assert is_framed(wrong)
    assert key_in(wrong.text) == key
    assert "<header" not in wrong.text
    posted = client.post(
        "/paper/embed", data={"form": key, "email": "alice@example.com", "consent": "tips-email"}
    )
    where = posted.headers["location"]
    assert where.startswith("/paper/embed/sent?to=")
    sent = client.get(where)
    assert is_framed(sent)
    assert 'href="https://optin.example.com/paper"' not in sent.text
    token = hidden_token(sent.text)
    refused = embedding.press("/paper/embed/sent", token=token, code="000000", action="code")
    assert refused.status_code == 422
    assert is_framed(refused)
    again = embedding.press("/paper/embed/sent", token=token, action="resend")
    assert again.headers["location"].startswith("/paper/embed/sent?to=")
    confirmation = embedding.mail(MailKind.CONFIRMATION)
    assert not is_framed(client.get(f"/confirm/{confirmation.confirm_token}"))
    embedding.wait(timedelta(seconds=1))
    done = embedding.press("/paper/embed/sent", token=token, code=confirmation.code, action="code")
    assert done.headers["location"].startswith("/paper/embed/confirmed/")
    confirmed = client.get(done.headers["location"])
    assert is_framed(confirmed)
    assert 'href="/download/' in confirmed.text
    around, page = limits_and_page(embedding)
    assert "what stood around the frame" in around
    assert "stond in een kader op een andere website" in page


def test_refusals_stay_in_the_frame(embedding: Visit) -> None:
    """W6, S4: a kind sentence, and not an empty frame."""
    for answer in (
        embedding.client.post("/paper/embed", data={"form": "0" * 32, "email": "alice@example.com"}),
        embedding.client.get("/paper/embed/sent?to=nonsense"),
        embedding.client.get("/paper/embed/confirmed/nonsense"),
        embedding.client.put("/paper/embed"),
    ):
        assert answer.status_code >= 400
        assert is_framed(answer)
        assert 'href="/paper/embed"' in answer.text


def test_an_unforeseen_error_stays_in_the_frame(embedding: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    """W6, S4: a browser would show an empty frame instead of a page that no site may frame."""
    monkeypatch.setattr("optin.web.landing_post.read_entry", lambda *_: 1 / 0)
    key = key_in(embedding.client.get("/paper/embed").text)
    answer = embedding.client.post("/paper/embed", data={"form": key, "email": "alice@example.com"})
    assert answer.status_code == 500
    assert is_framed(answer)
    assert not is_framed(embedding.client.post("/paper", data={"form": embedding.form_key()}))


def links_that_leave_a_frame(page: str) -> list[str]:
    """Return the links that would put a page of optin, or of somebody else, into the frame."""
    links: list[str] = re.findall(r'<a [^>]*href="[^>]*>', page)
    assert links
    stays = re.compile(r'href="(#|/[a-z-]+/embed"|/download/)|target="_blank"')
    return [it for it in links if not stays.search(it)]


def test_links_of_a_seat_open_beside_the_frame(embedding: Visit) -> None:
    """W6, M2: the meeting, the calendars and the page of the seat may not be framed."""
    (embedding.root / "magnets" / "bellen.md").write_text(WEBINAR.replace("2027", "2077"))
    embedding.serve_again()
    key = key_in(embedding.client.get("/bellen/embed").text)
    posted = embedding.client.post("/bellen/embed", data={"form": key, "email": "alice@example.com"})
    token = hidden_token(embedding.client.get(posted.headers["location"]).text)
    embedding.wait(timedelta(seconds=1))
    code = embedding.mail(MailKind.CONFIRMATION).code
    done = embedding.press("/bellen/embed/sent", token=token, code=code, action="code")
    seat = embedding.client.get(done.headers["location"])
    assert "https://meet.example.com/bellen" in seat.text
    assert links_that_leave_a_frame(seat.text) == []


def test_links_of_a_closed_draw_open_beside_the_frame(embedding: Visit) -> None:
    """W6, M5: so does the page of the draw."""
    draw_at(embedding.root)
    embedding.serve_again()
    assert links_that_leave_a_frame(embedding.client.get("/win/embed").text) == []
    embedding.moment = datetime(2029, 5, 1, tzinfo=UTC)
    closed = embedding.client.get("/win/embed")
    assert "/win/draw" in closed.text
    assert links_that_leave_a_frame(closed.text) == []


def test_another_list_of_sites_is_another_page_to_caches(embedding: Visit) -> None:
    """W6: a proxy that asks whether a page was modified keeps the headers that it has."""
    before = embedding.client.get("/paper/embed")
    same = embedding.client.get("/paper/embed", headers={"if-none-match": before.headers["etag"]})
    assert same.status_code == 304
    path = embedding.root / "optin.toml"
    path.write_text(path.read_text().replace(f'"{SITES[1]}"', '"https://new.example.com"'))
    embedding.serve_again()
    after = embedding.client.get("/paper/embed", headers={"if-none-match": before.headers["etag"]})
    assert (after.status_code, after.content) == (200, before.content)
    assert ancestors(after.headers["content-security-policy"]) == [SITES[0], "https://new.example.com"]


def test_nothing_is_confirmed_by_looking(embedding: Visit) -> None:
    """W6, D2: the page in a frame confirms nothing, whoever has the link."""
    key = key_in(embedding.client.get("/paper/embed").text)
    embedding.client.post("/paper/embed", data={"form": key, "email": "alice@example.com"})
    token = embedding.mail(MailKind.CONFIRMATION).confirm_token
    answer = embedding.client.get(f"/paper/embed/confirmed/{token}")
    assert (answer.status_code, answer.headers["location"]) == (303, f"/confirm/{token}")


@pytest.mark.parametrize("embedding", [f"thanks: {SITES[0]}/bedankt\n"], indirect=True)
def test_a_frame_shows_no_page_of_thanks(embedding: Visit) -> None:
    """W6, W4: it shows what was confirmed, for that page of the company stands around it."""
    key = key_in(embedding.client.get("/paper/embed").text)
    posted = embedding.client.post("/paper/embed", data={"form": key, "email": "alice@example.com"})
    sent = embedding.client.get(posted.headers["location"])
    assert is_framed(sent)
    code = embedding.mail(MailKind.CONFIRMATION).code
    done = embedding.press("/paper/embed/sent", token=hidden_token(sent.text), code=code, action="code")
    assert done.headers["location"].startswith("/paper/embed/confirmed/")
    assert is_framed(embedding.client.get(done.headers["location"]))


@pytest.mark.parametrize(
    "embedding", ["from: 2077-01-01\n", "until: 2026-01-01\n", "status: archived\n"], indirect=True
)
def test_a_form_that_is_not_open_says_so_in_the_frame(embedding: Visit) -> None:
    """W6, W10: with the same words, without header and story."""
    page = embedding.client.get("/paper/embed")
    assert page.status_code == 200
    assert is_framed(page)
    assert "<form" not in page.text
    assert 'id="form-title"' in page.text
    assert "Tekst." not in page.text


@pytest.mark.parametrize("embedding", [SPLIT], indirect=True)
def test_every_wording_is_drawn_in_frames_too(embedding: Visit) -> None:
    """W6, M5: each visitor of the other site draws, and no cache keeps one of them."""
    keys = set()
    for _ in range(40):
        page = embedding.client.get("/paper/embed", headers={"cookie": ""})
        assert is_framed(page)
        assert page.headers["cache-control"] == "private, no-cache"
        keys.add(key_in(page.text))
    assert len(keys) == 2
    for _ in range(40):
        page = embedding.client.get("/paper")
        assert not is_framed(page)
        assert key_in(page.text) not in keys


def test_a_magnet_that_begins_with_questions_begins_beside_the_frame(embedding: Visit) -> None:
    """W6: its forms come after its own pages; the frame leads there."""
    page = embedding.client.get("/sterk-of-zwak/embed")
    assert is_framed(page)
    assert 'href="https://optin.example.com/sterk-of-zwak" target="_blank"' in page.text


@pytest.mark.parametrize("embedding", ["was: [oud]\n"], indirect=True)
def test_what_was_pasted_under_an_earlier_address_goes_on(embedding: Visit) -> None:
    """W6, M8: the frame is led to the present address; a build for web hosts has no frames."""
    moved = embedding.client.get("/oud/embed")
    assert (moved.status_code, moved.headers["location"]) == (301, "/paper/embed")
    assert is_framed(moved)
    files = static_files(embedding.app_context.edition, embedding.moment, lambda _: b"")
    assert [name for name in files if "/embed/" in name] == []
    assert "paper/index.html" in files
    assert 'src="https://optin.example.com/paper/embed"' in shell(embedding.root, "embed", "oud").stdout


def test_without_listed_sites_there_is_nothing_to_frame(visit: Visit) -> None:
    """W6: neither page nor post, for nobody; nor lines to paste."""
    refused = shell(visit.root, "embed", "paper")
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "No website may show forms yet" in refused.stderr
    assert visit.client.get("/paper/embed").status_code == 404
    answer = visit.client.post("/paper/embed", data={"form": visit.form_key(), "email": "alice@example.com"})
    assert answer.status_code == 404
    assert visit.rows()["request"] == 0


def pasted(visit: Visit, slug: Slug = PAPER) -> str:
    """Return the form of a magnet, the white paper, that is pasted into pages."""
    form_pages = visit.app_context.edition.publication.form_pages[slug]
    (page,) = [
        form_page.form.page for form_page in form_pages if form_page.form.declaration.shown_in == "html"
    ]
    return page.decode()


def paste(visit: Visit, key: str, origin: str | None, **more: str) -> Any:
    """Send a pasted form from a page of `origin`."""
    headers = {} if origin is None else {"origin": origin}
    return visit.client.post("/paper", data={"form": key, **more}, headers=headers)


def test_pasted_html_is_a_form_version(embedding: Visit) -> None:
    """W7, P2: its printed bytes; the evidence says what they prove and what not."""
    html = pasted(embedding)
    for part in ("<html", "<script", "<style", "checked", "http://"):
        assert part not in html
    assert 'action="https://optin.example.com/paper"' in html
    assert 'href="https://optin.example.com/privacy/' in html
    key = key_in(html)
    answer = paste(embedding, key, SITES[0], email="alice@example.com", consent="tips-email")
    assert answer.headers["location"].startswith("/paper/sent?to=")
    token = embedding.mail(MailKind.CONFIRMATION).confirm_token
    embedding.wait(timedelta(seconds=1))
    embedding.press(f"/confirm/{token}")
    around, page = limits_and_page(embedding)
    assert "left the form unchanged in its page" in around
    assert "in een pagina van een andere website geplakt" in page


def test_pasted_html_says_what_one_signs_up_for(embedding: Visit) -> None:
    """W7, M2, M5: when a webinar is and what can be won; nothing in it that may stand on a page once only."""
    draw_at(embedding.root)
    (embedding.root / "magnets" / "bellen.md").write_text(WEBINAR.replace("2027", "2077"))
    embedding.serve_again()
    assert "30 maart 2077" in pasted(embedding, Slug("bellen"))
    win = pasted(embedding, Slug("win"))
    assert "Een boek" in win.partition("Win een boek")[2]
    assert "31 maart 2029" in win
    for slug in ("paper", "bellen", "win"):
        assert re.findall(r' (?:id|for|aria-[a-z]+by)="', pasted(embedding, Slug(slug))) == []


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "null", None, "https://www.example.com.evil.example", "http://www.example.com"],
)
def test_pasted_html_is_taken_from_listed_sites_alone(embedding: Visit, origin: str | None) -> None:
    """W7: others get a page that explains; nothing is stored."""
    key = key_in(pasted(embedding))
    answer = paste(embedding, key, origin, email="alice@example.com", consent="tips-email")
    assert answer.status_code == 403
    assert "staat op een onbekende site" in answer.text
    assert embedding.rows()["request"] == 0


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"referer": "https://www.example.com/blog?x=1"}, 303),
        ({"referer": "http://www.example.com/blog"}, 403),
        ({"referer": "https://evil.example/https://www.example.com"}, 403),
        ({"referer": "https://["}, 403),
        ({"referer": "https://www.example.com/blog", "origin": "null"}, 403),
    ],
)
def test_a_browser_without_origin_says_by_its_referer_where_a_form_stood(
    embedding: Visit, headers: dict[str, str], status: int
) -> None:
    """W7: a header Origin is believed before it."""
    data = {"form": key_in(pasted(embedding)), "email": "alice@example.com"}
    assert embedding.client.post("/paper", data=data, headers=headers).status_code == status


@pytest.mark.parametrize("path", ["/paper", "/paper/embed"])
@pytest.mark.parametrize("origin", ["https://evil.example", *SITES])
def test_a_form_that_was_copied_from_a_page_is_refused(embedding: Visit, path: str, origin: str) -> None:
    """W7, W6: else it would prove the page it was copied from; not even a listed site may."""
    key = key_in(embedding.client.get(path).text)
    data = {"form": key, "email": "alice@example.com", "consent": "tips-email"}
    answer = embedding.client.post(path, data=data, headers={"origin": origin})
    assert answer.status_code == 403
    assert 'href="https://optin.example.com/paper"' in answer.text
    assert embedding.rows()["request"] == 0


@pytest.mark.parametrize("path", ["/paper", "/paper/embed"])
def test_the_form_for_frames_comes_from_its_own_page(embedding: Visit, path: str) -> None:
    """W6: a copy of it in a page that hides its address; a frame in a sandbox without allow-same-origin."""
    data = {"form": key_in(embedding.client.get("/paper/embed").text), "email": "alice@example.com"}
    for site, status in (("cross-site", 403), ("same-site", 403), ("same-origin", 303), ("none", 303)):
        headers = {"origin": "null", "sec-fetch-site": site}
        assert embedding.client.post(path, data=data, headers=headers).status_code == status


def test_pages_of_a_build_may_stand_anywhere(embedding: Visit) -> None:
    """W7, M8: they send no origin, or that of `pages_url`."""
    path = embedding.root / "optin.toml"
    path.write_text(f'pages_url = "https://pages.example.com"\n{path.read_text()}')
    embedding.serve_again()
    data = {"form": embedding.form_key(), "email": "alice@example.com"}
    for origin in ("null", "https://pages.example.com", "https://optin.example.com"):
        headers = {"origin": origin, "sec-fetch-site": "cross-site"}
        assert embedding.client.post("/paper", data=data, headers=headers).status_code == 303


def test_an_altered_fragment_is_no_version(embedding: Visit) -> None:
    """W7, F7: whatever key it sends."""
    key = key_in(pasted(embedding))
    answer = paste(
        embedding, key[:-1] + ("0" if key[-1] != "0" else "1"), SITES[0], email="alice@example.com"
    )
    assert answer.status_code == FormUnknown.status
    assert 'href="https://optin.example.com/paper"' in answer.text
    assert embedding.rows()["request"] == 0


def test_mistakes_in_a_pasted_form_are_told_on_the_whole_page(embedding: Visit) -> None:
    """W7, F4: with what was typed and ticked, for the words of the boxes are the same."""
    answer = paste(embedding, key_in(pasted(embedding)), SITES[0], email="alice@", consent="tips-email")
    text = answer.text
    assert answer.status_code == 422
    assert 'value="tips-email" checked' in text
    assert 'value="alice@"' in text
    assert key_in(text) == embedding.form_key()
    assert "<header" in text


def test_the_snippet_has_a_frame_a_title_and_a_script_with_its_digest(embedding: Visit) -> None:
    """W6: the script of at most 1 kB is what the site serves, for other sites too."""
    done = shell(embedding.root, "embed", "paper")
    assert (
        '<div><iframe src="https://optin.example.com/paper/embed" title="Het witboek" data-optin'
        in done.stdout
    )
    found = re.search(
        r'src="https://optin.example.com(/static/embed\.\w+\.js)" integrity="(\S+)"', done.stdout
    )
    assert found is not None
    script = embedding.client.get(found[1])
    assert integrity(script.content) == found[2]
    assert len(script.content) <= 1000
    assert script.headers["access-control-allow-origin"] == "*"
    assert script.headers["cross-origin-resource-policy"] == "cross-origin"
    assert "WordPress" in done.stderr
    for args, words in (
        (("nothing",), "There is no magnet"),
        (("sterk-of-zwak", "--html"), "begins with a page of its own"),
    ):
        refused = shell(embedding.root, "embed", *args)
        assert refused.exit_code == 1
        assert words in refused.stderr


def test_the_printed_html_is_taken_by_the_server(embedding: Visit) -> None:
    """W7: the very bytes; of a site that was edited since the server loaded it, too."""
    page = embedding.root / "magnets" / "paper" / "index.md"
    page.write_text(page.read_text().replace("Het witboek", "Het nieuwe witboek"))
    assert embedding.keys is not None
    keys = embedding.root.parent / "keys.json"
    keys.write_text(embedding.keys.as_json())
    keys.chmod(0o600)
    store = f"sqlite:///{embedding.root.parent}/optin.db"
    done = shell(embedding.root, "embed", "paper", "--html", OPTIN_STORE=store, OPTIN_KEYS=str(keys))
    assert done.exit_code == 0, done.stderr
    assert "Het nieuwe witboek" in done.stdout
    answer = paste(embedding, key_in(done.stdout), SITES[0], email="alice@example.com", consent="tips-email")
    assert answer.status_code == 303


@pytest.mark.parametrize(
    "address",
    ["www.example.com", "https://www.example.com/", "https://www.example.com/blog", "*", "https://*.example.com",
     "http://www.example.com", "https://www.example.com; script-src *", "'self'", "https://a@www.example.com",
     f"https://{'a.' * 100}example",
     "javascript:alert(1)", "https://", "https://www.example.com:0", "https://www.example.com:x", "null", ""],
)  # fmt: skip
def test_a_listed_site_is_an_origin_and_nothing_else(tmp_path: Path, address: str) -> None:
    """W6: what is written goes into a header, so it is checked, with its line and a cure."""
    site_at(tmp_path / "site")
    add_settings(tmp_path / "site", f'\n[embed]\nsites = ["{address}"]\n')
    edition, wrong = load_edition(tmp_path / "site", KINDS)
    assert edition is None
    assert {it.path for it in wrong} == {"optin.toml"}


@pytest.mark.parametrize(
    ("address", "sent"),
    [
        ("https://müller.example", "https://xn--mller-kva.example"),
        ("https://WWW.Example.com", "https://www.example.com"),
        ("https://www.example.com:443", "https://www.example.com"),
        ("https://www.example.com/", "https://www.example.com"),
        ("https://www.Example.com/blog?p=1#form", "https://www.example.com"),
        ("https://www.example.com:8443", ""),
        ("http://[::1]", ""),
        ("http://127.0.0.1", ""),
    ],
)
def test_a_listed_site_is_written_as_browsers_send_it(address: str, sent: str) -> None:
    """W7: else its forms would be refused; the cure says how. Those that are right are left alone."""
    found = [it.cure for it in objections_to_site(address)]
    assert found == ([f"Write it as they do: {sent}"] if sent else [])
