"""A magnet's status and days, changed from the desk in its own file."""

from __future__ import annotations

from pathlib import Path

from optin.consent.staff_role import Role
from optin.flows.staff.trail import ActKind
from tests.desk.conftest import Browser, Desk, list_acts
from tests.desk.test_home import ENGLISH, words_of

PAPER = "/desk/magnets/paper"
STATUS = f"{PAPER}/status"


def let_edit(desk: Desk) -> Path:
    """Let marketers write the files of the site; return the file of the paper."""
    path = desk.root / "optin.toml"
    path.write_text(path.read_text() + "\n[desk]\nedit = true\n")
    desk.serve_again()
    file = desk.root / "magnets" / "paper" / "index.md"
    file.write_text(file.read_text().replace("lang: nl", "lang: nl  # our own language"))
    return file


def change(browser: Browser, status: str, opens: str = "", ends: str = "") -> int:
    page = browser.get(STATUS).text
    digest = page.partition('name="digest" value="')[2].partition('"')[0]
    answer = browser.post(STATUS, {"digest": digest, "status": status, "from": opens, "until": ends})
    return int(answer.status_code)


def test_a_status_is_written_as_a_person_would_and_back(desk: Desk) -> None:
    """O4, K2: order and comments stay; each change is on record."""
    file = let_edit(desk)
    before = file.read_text()
    browser = desk.signed_in(Role.MARKETER)
    for status in ("archived", "draft"):
        assert change(browser, status) == 303
        assert file.read_text() != before
        assert f"status: {status}" in file.read_text()
        assert "# our own language" in file.read_text()
    assert "Draft" in words_of(browser, PAPER)
    assert change(browser, "live", "2199-01-01", "2199-02-01 12:00") == 303
    assert "from: 2199-01-01" in file.read_text()
    assert "status" not in file.read_text()
    assert "2199-02-01 12:00" in browser.get(STATUS).text
    assert change(browser, "live") == 303
    assert file.read_text() == before
    acts = [it.facts for it in desk.installation.view(list_acts) if it.kind == ActKind.MAGNET_STATUS]
    assert acts[-1] == {"magnet": "paper", "status": "archived", "before": "live"}
    assert len(acts) == 4


def test_what_would_break_the_site_is_not_saved(desk: Desk) -> None:
    """K2: what was typed stands beside its mistake."""
    file = let_edit(desk)
    before = file.read_bytes()
    browser = desk.signed_in(Role.MARKETER)
    assert change(browser, "live", "someday") == 422
    assert change(browser, "live", "2199-02-01", "2199-01-01") == 422
    assert change(browser, "nonsense") == 422
    assert file.read_bytes() == before


def test_what_somebody_changed_meanwhile_is_not_overwritten(desk: Desk) -> None:
    """K2: the page shows what the file says now."""
    file = let_edit(desk)
    browser = desk.signed_in(Role.MARKETER)
    page = browser.get(STATUS).text
    digest = page.partition('name="digest" value="')[2].partition('"')[0]
    file.write_text(file.read_text().replace("---\nTekst.", "until: 2199-01-01\n---\nTekst."))
    now = file.read_bytes()
    answer = browser.post(STATUS, {"digest": digest, "status": "archived"})
    assert answer.status_code == 409
    assert "2199-01-01" in answer.text
    assert file.read_bytes() == now


def test_a_site_may_keep_its_files_to_itself(desk: Desk) -> None:
    """K2: the page says how to allow it, and takes no form."""
    browser = desk.signed_in(Role.MARKETER)
    assert "edit = true" in browser.get(STATUS, **ENGLISH).text
    assert browser.post(STATUS, {"status": "archived"}, page="/desk").status_code == 422
    assert "status" not in (desk.root / "magnets" / "paper" / "index.md").read_text()
