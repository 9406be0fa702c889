"""One magnet at the desk: its funnel, sources, versions, preview and mails."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from optin.consent.form_differences import sentences_of, side_by_side
from optin.consent.form_version import Slug
from optin.consent.staff_role import Role
from optin.flows.staff.trail import ActKind
from optin.store.source_sums import SIGNED_UP, SourceKey, add_to_source_sums
from optin.store.weekly_event_sums import monday_of
from tests.desk.conftest import Desk, list_acts
from tests.desk.test_home import ENGLISH, MINUTE, counted, words_of
from tests.desk.test_magnets import write

PAPER = "/desk/magnets/paper"


def test_the_answer_comes_first(desk: Desk) -> None:
    """O4: how many become a lead, each step with its share, and where they came from."""
    for number in range(25):
        desk.join(f"p{number}@example.com", consent="tips-email")
    monday = monday_of(desk.moment.date())
    sums = {
        SourceKey(monday, "paper", "", source, SIGNED_UP): count for source, count in (("fair", 5), ("", 20))
    }
    desk.installation.store.submit(add_to_source_sums, counts=sums).result()
    desk.wait(MINUTE)
    browser = desk.signed_in(Role.MARKETER)
    said = words_of(browser, PAPER)
    assert "25 sign-ups; 100% of them confirm." in said
    assert "Confirmed 25 100% 87% to 100%" in said
    assert "Not stated 20 80% fair 5 20%" in said
    assert "v1" in said
    assert "Make a preview link" not in said


def test_of_few_sign_ups_nothing_is_concluded(desk: Desk) -> None:
    """O4: the numbers stand there, without a share."""
    desk.join("alice@example.com", consent="tips-email")
    desk.wait(MINUTE)
    said = words_of(desk.signed_in(Role.OFFICER), PAPER)
    assert "1 sign-up so far: too few to say more." in said
    assert "too few to say" in said


def test_a_page_that_is_not_there_is_not_found(desk: Desk) -> None:
    """K2: for every address about one magnet."""
    browser = desk.signed_in(*Role)
    for path in (
        "/desk/magnets/none",
        "/desk/magnets/none/page",
        "/desk/magnets/none/mails/1",
        f"{PAPER}/mails/99",
        f"{PAPER}/versions/1/9",
    ):
        assert browser.get(path).status_code == 404, path


def test_the_framed_page_is_the_served_one_and_takes_nothing(desk: Desk) -> None:
    """K2, S1: only the desk frames it, no script runs, no form can be sent."""
    browser = desk.signed_in(Role.MARKETER)
    answer = browser.get(f"{PAPER}/page")
    assert answer.content == desk.client.get("/paper").content
    policy = answer.headers["content-security-policy"]
    for words in ("default-src 'none'", "form-action 'none'", "frame-ancestors 'self'"):
        assert words in policy
    assert "script-src" not in policy
    assert answer.headers["x-frame-options"] == "SAMEORIGIN"
    assert answer.headers["cache-control"] == "no-store"
    preview = counted(browser, f"{PAPER}/preview").text
    assert [int(it) for it in re.findall(r'width="(\d+)" height="720"', preview)] == [360, 768, 1280]
    assert preview.count('sandbox="allow-same-origin"') == 3


def test_its_mails_are_shown_as_they_would_leave(desk: Desk) -> None:
    """O4: with made-up data; none is sent."""
    browser = desk.signed_in(Role.OFFICER)
    page = browser.get(f"{PAPER}/mails", **ENGLISH)
    frames = re.findall(r'src="(/desk/magnets/paper/mails/\d+)"', page.text)
    assert len(frames) >= 2
    for path in frames:
        answer = browser.get(path)
        assert answer.status_code == 200
        assert "form-action 'none'" in answer.headers["content-security-policy"]
    assert "Voorbeeld" in browser.get(frames[0]).text
    assert not [it for it in desk.mails() if "paper" in str(it)]


def test_versions_are_compared_in_words_and_side_by_side(desk: Desk) -> None:
    """O4: what has legal meaning, and the sentences of the page."""
    path = desk.root / "magnets" / "paper" / "index.md"
    text = path.read_text()
    path.write_text(
        text.replace("Om u te noemen.", "Om u aan te spreken.").replace("Tekst.", "Andere tekst.")
    )
    desk.serve_again()
    path.write_text(
        path.read_text()
        .replace("[tips-email, follow-up-phone]", "[tips-email]")
        .replace("  - name: phone\n    why: Om u te bellen.\n", "")
    )
    desk.wait(timedelta(days=1))
    desk.serve_again()
    browser = desk.signed_in(Role.OFFICER)
    said = words_of(browser, f"{PAPER}/versions/1/2")
    assert "1 thing with legal meaning changed." in said
    assert "Field first_name" in said
    assert "Om u te noemen." in said
    assert "Om u aan te spreken." in said
    page = browser.get(f"{PAPER}/versions/1/2", **ENGLISH).text
    assert "<del>Tekst.</del>" in page
    assert "<ins>Andere tekst.</ins>" in page
    assert "Box follow-up-phone" in words_of(browser, f"{PAPER}/versions/2/3")
    assert "Nothing with legal meaning changed" in words_of(browser, f"{PAPER}/versions/2/2")
    assert f'href="{PAPER}/versions/2/3"' in counted(browser, PAPER).text


def test_a_draft_has_a_preview_link(desk: Desk) -> None:
    """O4, K2: a marketer makes it, on record; an officer does not; a public page needs none."""
    write(desk.root, "soon", "Straks", "from: 2199-01-01")
    write(desk.root, "later", "Concept", "status: draft")
    desk.serve_again()
    browser = desk.signed_in(Role.MARKETER)
    for slug in ("soon", "later"):
        assert "Make a preview link" in words_of(browser, f"/desk/magnets/{slug}")
        answer = browser.post(f"/desk/magnets/{slug}/link", page=f"/desk/magnets/{slug}")
        link = re.search(rf"https://optin.example.com(/{slug}/preview/\S+?)<", answer.text)
        assert link is not None
        assert desk.client.get(link[1]).status_code == 200
    acts = [it for it in desk.installation.view(list_acts) if it.kind == ActKind.PREVIEW_LINK]
    assert [it.facts for it in acts] == [{"magnet": "later"}, {"magnet": "soon"}]
    assert browser.post(f"{PAPER}/link", page=PAPER).status_code == 409
    officer = desk.signed_in(Role.OFFICER)
    assert "Make a preview link" not in words_of(officer, "/desk/magnets/soon")


def test_a_draft_shows_its_mails_before_it_is_published(desk: Desk) -> None:
    """O4: with its own title, as a published magnet does."""
    write(desk.root, "later", "Concept", "status: draft")
    desk.serve_again()
    browser = desk.signed_in(Role.MARKETER)
    assert "Concept" in browser.get("/desk/magnets/later/mails/1").text
    assert browser.get("/desk/magnets/later/mails").text.count("<iframe") > 3


def test_mistakes_stand_with_their_line_and_cure(desk: Desk) -> None:
    """O4: while the version before stays online."""
    path = desk.root / "magnets" / "paper" / "index.md"
    path.write_text(path.read_text().replace("title: Het", "titel: Het"))
    said = words_of(desk.signed_in(Role.MARKETER), PAPER)
    assert "magnets/paper/index.md:4" in said
    assert "the version before stays online" in said
    assert desk.app_context.edition.site.magnets[Slug("paper")].title == "Het witboek"


@pytest.mark.parametrize(
    ("before", "after", "rows"),
    [
        (b"<p>One. Two.</p>", b"<p>One. Three.</p>", [("One.", "One."), ("Two.", "Three.")]),
        (b"<p>One.</p>", b"<p>One.</p><p>Two.</p>", [("One.", "One."), ("", "Two.")]),
        (b"<p>One.</p>", b"<p>One.</p>", []),
        (b"", b"\xff", [("", "\ufffd")]),
    ],
)
def test_sentences_stand_beside_each_other(before: bytes, after: bytes, rows: list[tuple[str, str]]) -> None:
    """O4: those that differ, with one around them."""
    assert [(it.before, it.after) for it in side_by_side(before, after)] == rows


def test_only_what_a_visitor_reads_is_a_sentence() -> None:
    """O4: no style, no script, and words within a line stay together."""
    page = b"<head><title>T</title></head><style>x</style><p>A <b>bold</b> word. Next!</p><li>Item"
    assert sentences_of(page) == ["A bold word.", "Next!", "Item"]
