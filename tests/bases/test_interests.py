"""Legitimate interest by command: weighed in a document, told, with its conditions; and never a consent."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from optin.app.main import main
from tests.bases.shop import weigh
from tests.bases.test_walk_of_an_old_list import Desk, sign_up
from tests.web.conftest import site_at

FIRM = "sales@firm.example"
ADD = ("interest", "add", FIRM, "--purpose", "tips-email", "--channel", "email", "--source", "their website")


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A site that has served, whose tips are weighed in a document."""
    root, papers = tmp_path / "site", tmp_path / "papers"
    site_at(root)
    weigh(root)
    papers.mkdir()
    desk = Desk(root, papers)
    sign_up(desk, "somebody.else@example.com")
    return desk


def journal(desk: Desk) -> str:
    """Return what stands in the journal outside the database."""
    return "".join(it.read_text("utf-8") for it in sorted((desk.root / "var").glob("*journal*")))


def tried(desk: Desk, *words: str) -> Result:
    return CliRunner().invoke(main, [*words, "--site", str(desk.root)])


def test_an_address_that_invites_offers_is_mailed(desk: Desk) -> None:
    """L1, L8: with the condition that the law names on record; its end takes it away."""
    invited = ("--subscriber", "legal", "--met", "published-for-offers=copy of the page")
    said = desk.run(*ADD, *invited, "--who", "Eva")
    answer = desk.one(FIRM)
    assert answer["may"], answer
    assert (answer["basis"], answer["rule"]) == ("interest", "NL-email-business")
    entry = said.split("entry ")[1].split(".")[0]
    desk.run("interest", "told", entry[:12], "--how", "letter of today", "--who", "Eva")
    assert desk.one(FIRM)["may"]
    before = journal(desk)
    desk.run("interest", "end", entry[:12], "--why", "they moved", "--who", "Eva")
    assert '"basis-ended"' in journal(desk).removeprefix(before)  # a restored backup does not bring it back
    assert not desk.one(FIRM)["may"]
    desk.run("audit")


def test_without_the_condition_nobody_is_mailed(desk: Desk) -> None:
    """L1, L6: an interest does not replace the consent that the law asks for."""
    desk.run(*ADD)
    answer = desk.one(FIRM)
    assert not answer["may"]
    assert desk.one(FIRM)["basis"] is None


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--met", "published=yes"), "no condition 'published'"),
        (("--met", "published-for-offers="), "Say what shows"),
        (("--purpose", "follow-up-phone", "--channel", "phone"), "has no assessment"),
        (("--source", " "), "Say where"),
        (("nobody",), "no e-mail address"),
    ],
)
def test_what_is_no_interest_is_refused(desk: Desk, words: tuple[str, ...], says: str) -> None:
    """L1, S5: with a cure, and nothing stored."""
    result = tried(desk, *ADD, *words)
    assert result.exit_code == 1, result.output
    assert says in result.output
    assert not desk.one(FIRM)["may"]
