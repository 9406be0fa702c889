"""Pages that belong together: a magnet's other languages, and the addresses that it had before."""

from __future__ import annotations

import re
from datetime import timedelta
from xml.etree import ElementTree as ET

import pytest

from optin.errors import FormUnknown
from optin.flows.delivery.mail_order import MailKind
from optin.services.site_edition import Edition
from optin.site.scaffold import make_magnet
from optin.store.stored_forms import form_by_digest
from optin.web.static_site import static_files
from tests.installed import KINDS
from tests.web.conftest import PAPER, Visit

ENGLISH = PAPER.replace("lang: nl", "lang: en\ngroup: paper").replace("Het witboek", "The paper")
BASE = "https://optin.example.com"
XHTML = "{http://www.w3.org/1999/xhtml}link"
MAPS = "{http://www.sitemaps.org/schemas/sitemap/0.9}"


@pytest.fixture
def pair(visit: Visit) -> Visit:
    """Put an English page beside the Dutch one."""
    magnets = visit.root / "magnets"
    text = (magnets / "paper" / "index.md").read_text()
    (magnets / "paper" / "index.md").write_text(text.replace("lang: nl", "lang: nl\ngroup: paper"))
    (magnets / "english").mkdir()
    (magnets / "english" / "index.md").write_text(ENGLISH)
    (magnets / "english" / "witboek.pdf").write_bytes(b"%PDF-1.4 in English")
    visit.serve_again()
    return visit


def test_pages_of_one_magnet_name_each_other(pair: Visit) -> None:
    """M9: in the head with themselves and a default, on the page as a link in its own language."""
    heads = []
    for path, other, lang, name in (
        ("/paper", "/english", "en", "English"),
        ("/english", "/paper", "nl", "Nederlands"),
    ):
        page = pair.client.get(path).text
        found = re.findall(r'<link rel="alternate" hreflang="([^"]+)" href="([^"]+)">', page)
        heads.append(dict(found))
        assert len(found) == 3
        assert f'<a lang="{lang}" hreflang="{lang}" href="{other}">{name}</a>' in page
        assert page.count('class="languages"') == 1
    assert heads[0] == heads[1]
    assert heads[0] == {"nl": f"{BASE}/paper", "en": f"{BASE}/english", "x-default": f"{BASE}/paper"}
    tips = pair.client.get("/tips").text
    assert "hreflang" not in tips
    assert "languages" not in tips


def test_the_sitemap_names_the_languages_of_each_page(pair: Visit) -> None:
    """M8, M9: each page of the group lists all of them; a page alone lists none."""
    sitemap = ET.fromstring(static_files(pair.app_context.edition, pair.moment)["sitemap.xml"])  # noqa: S314 - our own
    listed = {
        url.findtext(f"{MAPS}loc"): {it.get("hreflang"): it.get("href") for it in url.iter(XHTML)}
        for url in sitemap
    }
    both = {"nl": f"{BASE}/paper", "en": f"{BASE}/english", "x-default": f"{BASE}/paper"}
    assert listed == {f"{BASE}/": {}, f"{BASE}/paper": both, f"{BASE}/english": both, f"{BASE}/tips": {}}


def rename(visit: Visit) -> Edition:
    """Rename the magnet, and say so."""
    magnets = visit.root / "magnets"
    (magnets / "paper").rename(magnets / "book")
    text = (magnets / "book" / "index.md").read_text()
    (magnets / "book" / "index.md").write_text(text.replace("lang: nl", "lang: nl\nwas: [paper]", 1))
    return visit.serve_again()


def test_an_old_address_leads_to_the_new_one(visit: Visit) -> None:
    """M8: by a 301 with a page for people; the same page, and the rule, on a web host of files."""
    edition = rename(visit)
    answer = visit.client.get("/paper")
    assert (answer.status_code, answer.headers["location"]) == (301, "/book")
    assert '<meta http-equiv="refresh" content="0; url=/book">' in answer.text
    assert f'<link rel="canonical" href="{BASE}/book">' in answer.text
    head = visit.client.head("/paper")
    assert (head.status_code, head.headers["location"], head.content) == (301, "/book", b"")
    assert visit.client.get("/book").status_code == 200
    files = static_files(edition, visit.moment)
    assert files["paper/index.html"] == answer.content
    assert "/paper /book 301" in files["_redirects"].decode().splitlines()
    assert f"{BASE}/paper" not in files["sitemap.xml"].decode()


def test_a_form_of_the_old_page_is_taken_as_it_was_shown(visit: Visit) -> None:
    """F7, P2: stored with the page that the visitor saw; mail, code page and file are those of today."""
    key = visit.form_key("paper")
    rename(visit)
    data = {"form": key, "email": "alice@example.com", "consent": "tips-email"}
    wrong = visit.client.post("/paper", data={**data, "email": "alice"})
    assert wrong.status_code == 422
    assert '<p class="note">' in wrong.text  # the form is another one now: it posts to the new address
    answer = visit.client.post("/paper", data=data)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/book/sent?to=")
    assert visit.client.get(answer.headers["location"]).status_code == 200
    read = visit.installation.store.read
    row = read(lambda tx: tx.one("SELECT form FROM request"))
    assert row is not None
    stored = read(form_by_digest, digest=row[0])
    assert stored is not None
    assert (stored.version.declaration.magnet, stored.version.key) == ("paper", key)
    assert download(visit) == b"%PDF-1.4 the very file"


def download(visit: Visit) -> bytes:
    """Confirm what was asked last; fetch the file."""
    token = visit.mail(MailKind.CONFIRMATION).confirm_token
    visit.wait(timedelta(seconds=1))
    assert visit.press(f"/confirm/{token}").status_code == 303
    page = visit.client.get(f"/confirm/{token}").text
    link = re.search(r'href="(/download/[^"]+)"', page)
    assert link is not None
    return visit.client.get(link[1]).content


def test_what_was_asked_before_the_renaming_is_delivered_after_it(visit: Visit) -> None:
    """D2, S8: the link in the mail, the file, and the page where the code is typed."""
    sent = visit.fill(consent="tips-email")
    rename(visit)
    assert visit.client.get(sent).status_code == 200
    assert download(visit) == b"%PDF-1.4 the very file"


def test_another_magnet_does_not_take_the_forms_of_the_old_one(visit: Visit) -> None:
    """F7: only the magnet that had the name."""
    key = visit.form_key("paper")
    rename(visit)
    other = visit.client.post("/tips", data={"form": key, "email": "a@example.com"})
    assert other.status_code == FormUnknown.status
    assert visit.rows()["request"] == 0


def test_a_quiz_is_known_by_its_own_address_not_by_its_results(visit: Visit) -> None:
    """M8, M9, M2: in the sitemap, on its card, in its languages and under its earlier name."""
    for slug, lang, more in (("toets", "nl", "was: [oude-toets]\n"), ("test", "en", "")):
        make_magnet(visit.app_context.edition.site, KINDS.files, "quiz", slug, lang)
        path = visit.root / "magnets" / f"{slug}.md"
        text = path.read_text("utf-8")
        path.write_text(text.replace(f"lang: {lang}\n", f"lang: {lang}\ngroup: toets\n{more}"), "utf-8")
    edition = visit.serve_again()
    sitemap = static_files(edition, visit.moment)["sitemap.xml"].decode()
    assert f"<loc>{BASE}/toets</loc>" in sitemap
    assert "/result/" not in sitemap
    page = visit.client.get("/toets").text
    assert '<a lang="en" hreflang="en" href="/test">English</a>' in page
    image = re.search(r'<meta property="og:image" content="https://optin.example.com([^"]+)">', page)
    assert image is not None
    assert visit.client.get(image[1]).status_code == 200
    assert visit.client.get("/oude-toets").headers["location"] == "/toets"
    hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', page))
    answers = visit.client.post("/oude-toets/answers", data={**hidden, "q1": "1"})
    assert answers.status_code == 303
    assert answers.headers["location"].startswith("/toets/result/")
