"""One magnet in several wordings: each visitor draws one, and is stored with the words that were shown."""

from __future__ import annotations

import re
from collections import Counter
from functools import partial

import pytest

from optin.consent.form_version import Slug
from optin.flows.delivery.mail_order import MailKind
from optin.services.site_edition import Edition
from optin.store.stored_forms import form_by_digest
from optin.web.security_headers import SPLIT_CACHE
from optin.web.static_site import static_files
from tests.web.conftest import PAPER, Visit
from tests.world import audit_findings

VARIANTS = """variants:
  short:
    title: Kort witboek
    purposes: {tips-email: Mail mij de tips.}
  plain:
    description: Wat u leest.
    texts: {form.submit.white-paper: Stuur het boek}
"""
WORDS = {"": "Het witboek", "short": "Kort witboek", "plain": "Wat u leest."}
BOTS = 200


def serve(visit: Visit, text: str) -> Edition:
    """Change the magnet and serve it."""
    (visit.root / "magnets" / "paper" / "index.md").write_text(text)
    return visit.serve_again()


@pytest.fixture
def split(visit: Visit) -> Visit:
    serve(visit, PAPER.replace("---\nTekst", f"{VARIANTS}---\nTekst"))
    return visit


def variant_of(page: str) -> str:
    """Tell by its words which wording a page is."""
    if "Kort witboek" in page:
        return "short"
    return "plain" if "Stuur het boek" in page else ""


def drawn(visit: Visit, wanted: str) -> tuple[str, str]:
    """Open the page until it comes in the wanted wording; return it and the key of its form."""
    for _ in range(BOTS):
        page = visit.client.get("/paper").text
        if variant_of(page) == wanted:
            found = re.search(r'name="form" value="([0-9a-f]+)"', page)
            assert found is not None
            return page, found[1]
    raise AssertionError(wanted)


def stored_variants(visit: Visit) -> list[str]:
    read = visit.installation.store.read
    forms = read(lambda tx: tx.all("SELECT form FROM request ORDER BY created_at"))
    stored = (read(form_by_digest, digest=row[0]) for row in forms)
    return [it.version.declaration.variant for it in stored if it is not None]


def audited(visit: Visit) -> list[str]:
    """Return what an audit finds."""
    return audit_findings(visit.installation.store, visit.installation.vault)


def test_each_request_draws_one_wording_and_nobody_is_remembered(split: Visit) -> None:
    """M8, S1: evenly, without a cookie; no cache on the way keeps one of them for all."""
    split.client.cookies.clear()
    seen: Counter[str] = Counter()
    for _ in range(BOTS):
        answer = split.client.get("/paper")
        seen[variant_of(answer.text)] += 1
        assert "set-cookie" not in answer.headers
        assert answer.headers["cache-control"] == SPLIT_CACHE
    assert set(seen) == set(WORDS)
    assert min(seen.values()) > BOTS / 6  # one in a million misses this by chance


def test_a_browser_that_still_has_a_wording_keeps_it(split: Visit) -> None:
    """M8: its tag is answered by "not modified", packed or not; HEAD tells the length of what it names."""
    by_tag = {}
    for packed in ("gzip", "identity"):
        for _ in range(BOTS):
            answer = split.client.get("/paper", headers={"accept-encoding": packed})
            by_tag[packed, answer.headers["etag"]] = answer
    assert len(by_tag) == 2 * len(WORDS)
    for (packed, tag), answer in by_tag.items():
        asked = {"accept-encoding": packed, "if-none-match": tag}
        again = [split.client.get("/paper", headers=asked) for _ in range(5)]
        assert {(it.status_code, it.headers["etag"]) for it in again} == {(304, tag)}
        head = split.client.head("/paper", headers={"accept-encoding": packed})
        named = by_tag[packed, head.headers["etag"]]
        assert head.headers["content-length"] == named.headers["content-length"]
        assert head.content == b""
        assert answer.headers["vary"] == "accept-encoding"


@pytest.mark.parametrize("wanted", ["", "short", "plain"])
def test_what_is_posted_is_stored_with_the_wording_that_was_shown(split: Visit, wanted: str) -> None:
    """P2, F7, D1: form version, boxes and mails are those of the variant; the log stands."""
    _, key = drawn(split, wanted)
    data = {"form": key, "email": "alice@example.com", "consent": "tips-email"}
    answer = split.client.post("/paper", data=data)
    assert answer.status_code == 303
    title = "Kort witboek" if wanted == "short" else "Het witboek"
    sent = split.client.get(answer.headers["location"]).text
    assert title in sent
    action = re.search(r'<form class="sheet[^"]*" method="post" action="([^"]+)"', sent)
    token = re.search(r'name="token" value="([^"]+)"', sent)
    assert action is not None
    assert token is not None
    wrong = split.client.post(action[1], data={"token": token[1], "code": "", "action": "code"})
    assert (wrong.status_code, title in wrong.text) == (422, True)
    order = split.mail(MailKind.CONFIRMATION)
    assert (order.form.title, order.form.variant) == (title, wanted)
    asked = "Mail mij de tips." if wanted == "short" else "maand"
    assert asked in order.questions[0].wording
    assert stored_variants(split) == [wanted]
    assert audited(split) == []


@pytest.mark.parametrize("wanted", ["", "short", "plain"])
def test_a_mistake_shows_the_same_wording_again(split: Visit, wanted: str) -> None:
    """F7: with what was typed, and without the note that the form changed."""
    page, key = drawn(split, wanted)
    for _ in range(10):
        again = split.client.post("/paper", data={"form": key, "email": "alice", "consent": "tips-email"})
        assert again.status_code == 422
        assert variant_of(again.text) == wanted
        assert 'value="tips-email" checked' in again.text
        assert 'class="note"' not in again.text
    assert 'value="tips-email">' in page


def test_a_variant_that_is_renamed_or_gone_takes_what_is_open(split: Visit) -> None:
    """F7, P2: the same words under another name are another version; both are stored as they were shown."""
    _, key = drawn(split, "short")
    edition = serve(split, PAPER.replace("---\nTekst", f"{VARIANTS.replace('short', 'brief')}---\nTekst"))
    assert key not in {form_page.form.key for form_page in edition.publication.form_pages[Slug("paper")]}
    send = partial(split.client.post, "/paper")
    assert send(data={"form": key, "email": "a@example.com"}).status_code == 303
    _, renamed = drawn(split, "short")
    assert send(data={"form": renamed, "email": "b@example.com"}).status_code == 303
    serve(split, PAPER)
    assert send(data={"form": renamed, "email": "c@example.com"}).status_code == 303
    assert sorted(stored_variants(split)) == ["brief", "brief", "short"]
    assert audited(split) == []


def test_a_static_host_gets_the_magnet_as_it_is_written(split: Visit) -> None:
    """M8: one page, the first; it is one of those that the app serves."""
    page = static_files(split.app_context.edition, split.moment)["paper/index.html"]
    assert page.decode() == drawn(split, "")[0]


def test_another_file_behind_the_same_page_is_another_version(visit: Visit) -> None:
    """P2: what a form declares belongs to its version, also where the page does not show it."""
    (visit.root / "magnets" / "paper" / "other.pdf").write_bytes(b"%PDF-1.4 other")
    visit.fill("alice@example.com", consent="tips-email")
    serve(visit, PAPER.replace("witboek.pdf", "other.pdf"))
    visit.fill("bob@example.com", consent="tips-email")
    assert audited(visit) == []
