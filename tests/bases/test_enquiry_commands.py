"""The commands for enquiries, as staff type them (L4)."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from optin.app.main import main
from optin.services.open_installation import open_installation
from tests.installed import KINDS
from tests.web.conftest import site_at

ALICE, NUMBER = "alice@example.com", "020 123 4567"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    root = tmp_path / "site"
    edition = site_at(root)
    with open_installation(edition.site.settings, edition.policy, KINDS, "serve"):
        return root  # a site whose server ran once


def enquiry(site: Path, *words: str) -> Result:
    return CliRunner().invoke(main, ["enquiry", *words, "--site", str(site)])


def added(site: Path, *words: str) -> str:
    """Record an enquiry; return its id."""
    outcome = enquiry(site, "add", *words, "--about", "quote for a roof", "--who", "Eva")
    assert outcome.exit_code == 0, outcome.output
    found = re.search("[0-9a-f]{32}", outcome.stdout)
    assert found is not None
    return found[0]


def test_an_enquiry_is_added_extended_shown_and_ended(site: Path, tmp_path: Path) -> None:
    """L4: each with who and why; what is shown says until when, and that the person is told."""
    letter = tmp_path / "letter.eml"
    letter.write_text("Dear roofers")
    entry = added(
        site, ALICE, NUMBER, "--channel", "phone", "--source", "call of today", "--name", "Alice",
        "--lang", "nl", "--evidence", str(letter),
    )  # fmt: skip
    until = (datetime.now(UTC) + timedelta(days=200)).date()
    longer = enquiry(
        site, "extend", entry[:8], "--until", f"{until}", "--why", "tender moved", "--who", "Eva"
    )
    assert longer.exit_code == 0, longer.output
    assert f"{until}" in longer.stdout
    assert "mail" in longer.stdout
    shown = enquiry(site, "show", ALICE, "--why", "she called", "--who", "Eva")
    assert shown.exit_code == 0, shown.output
    for words in (
        entry, "about: quote for a roof", "name: Alice", "email: alice@example.com", "phone: +31201234567",
        "answer by: phone", "source: call of today", "by Eva", f"erased on: {until}", "evidence: letter.eml",
        "tender moved", "not told yet",
    ):  # fmt: skip
        assert words in shown.stdout, words
    assert entry in enquiry(site, "show", "+31 20 1234567", "--why", "x").stdout
    assert enquiry(site, "end", entry, "--why", "bought elsewhere").exit_code == 0
    gone = enquiry(site, "show", ALICE, "--why", "x")
    assert gone.exit_code == 1
    assert "no enquiry" in gone.stderr


def test_a_number_alone_gets_sentences_to_say(site: Path) -> None:
    """L4: in the person's language; that they were said is recorded, and shown."""
    outcome = enquiry(site, "add", NUMBER, "--about", "quote for a roof", "--lang", "nl")
    assert outcome.exit_code == 0, outcome.output
    for words in ("We bewaren uw nummer", "quote for a roof", "AVG, artikel 6(1)(b)", "/privacy", "klacht"):
        assert words in outcome.stdout, words
    entry = re.findall("[0-9a-f]{32}", outcome.stdout)[0]
    assert enquiry(site, "told", entry, "--how", "during the call", "--who", "Eva").exit_code == 0
    shown = enquiry(site, "show", NUMBER, "--why", "x").stdout
    assert "by Eva: during the call" in shown
    assert "not told" not in shown


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["add", "nobody", "--about", "x"], "no e-mail address and no telephone number"),
        (["add", ALICE, "bob@example.com", "--about", "x"], "one e-mail address at most"),
        (["add", ALICE, "--about", "x", "--channel", "phone"], "telephone number; add it"),
        (["add", ALICE, "--about", "x", "--lang", "xx"], "does not speak"),
        (["add", ALICE, "--about", "http://shop.example.com"], "no link"),
        (["extend", "0123456789", "--why", "x", "--for", "2 months"], "no such entry"),
        (["extend", "012", "--why", "x", "--for", "2 months"], "digits"),
        (["end", "0123456789", "--why", "x"], "no such entry"),
        (["show", ALICE, "--why", " "], "--why is empty"),
        (["add", ALICE, "--about", "pay at evil.example/pay"], "no link"),
        (["add", ALICE, "--about", "a \x1b[31mquote"], "no link"),
        (["add", ALICE, "--about", "a \N{RIGHT-TO-LEFT OVERRIDE}quote"], "no link"),
    ],
)
def test_bad_input_gets_a_sentence(site: Path, words: list[str], says: str) -> None:
    """L4, S5: no traceback, nothing stored."""
    outcome = enquiry(site, *words)
    assert outcome.exit_code == 1, outcome.output
    assert says in outcome.stderr


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "once"),
        (["--for", "2 months", "--until", "2999-01-01"], "once"),
        (["--until", "2020-01-01"], "not in the future"),
        (["--until", "2999-01-01"], "too far away"),
        (["--for", "soon"], "not a period"),
        (["--for", "200 years"], "longer than"),
        (["--for", "1 day"], "ends later"),
    ],
)
def test_a_bad_term_is_refused(site: Path, words: list[str], says: str) -> None:
    """L4: the enquiry stays as it was."""
    outcome = enquiry(site, "extend", added(site, ALICE), *words, "--why", "x")
    assert outcome.exit_code == 1, outcome.output
    assert says in outcome.stderr


def subject(site: Path, *words: str, given: str = "") -> Result:
    command = ["subject", *words, "--why", "she called", "--site", str(site)]
    return CliRunner().invoke(main, command, input=given)


def test_who_is_known_by_a_number_alone_is_answered_and_erased(site: Path) -> None:
    """R9, L1: shown, exported and erased by the number, as it is read or written; not what others have."""
    entry = added(site, NUMBER, "--name", "Nora", "--lang", "en")
    added(site, ALICE)
    shown = subject(site, "show", "+31 20 123 4567")
    assert shown.exit_code == 0, shown.output
    text = " ".join(shown.stdout.split())
    for words in ("keeps about +31 20 123 4567", "You asked us something", "quote for a roof", "Nora"):
        assert words in text, words
    assert "E-mail address" not in text
    assert ALICE not in text
    data = json.loads(subject(site, "export", NUMBER, "--out", "-").stdout)
    assert (data["email"], data["number"]) == ("", "+31201234567")
    assert subject(site, "withdraw", NUMBER).exit_code == 0
    assert subject(site, "hold", NUMBER, "--until", "2999-01-01").exit_code == 1
    assert subject(site, "erase", NUMBER, "--yes").exit_code == 0
    assert enquiry(site, "end", entry, "--why", "x").exit_code == 1
    assert enquiry(site, "show", ALICE, "--why", "x").exit_code == 0
    assert "Nothing is left" in subject(site, "erase", NUMBER, "--yes").stdout
    assert subject(site, "show", "020 765 4321").exit_code == 1


def test_evidence_is_handed_over_as_files(site: Path, tmp_path: Path) -> None:
    """R9, GDPR 15(3): each as it was handed in, under a harmless name, in a new folder."""
    letter = tmp_path / "Brief <1>.eml"
    letter.write_bytes(b"Dear roofers")
    added(site, ALICE, "--evidence", str(letter), "--evidence", str(letter))
    out, folder = tmp_path / "alice.json", tmp_path / "evidence"
    command = ["export", ALICE, "--out", str(out), "--evidence", str(folder)]
    assert subject(site, *command).exit_code == 0
    names = ("1-1 Brief _1_.eml", "1-2 Brief _1_.eml")
    assert {it.name: it.read_bytes() for it in folder.iterdir()} == dict.fromkeys(names, letter.read_bytes())
    assert folder.stat().st_mode & 0o777 == 0o700
    out.unlink()
    again = subject(site, *command)
    assert again.exit_code == 1
    assert "name a new folder" in again.stderr


def test_evidence_that_cannot_be_read_or_is_too_large_is_refused(site: Path, tmp_path: Path) -> None:
    """L4, S5: with a sentence; and no more of it is read than shows that."""
    huge = tmp_path / "huge.bin"
    with huge.open("wb") as file:
        file.truncate(10_000_000_000)
    outcome = enquiry(site, "add", ALICE, "--about", "x", "--evidence", str(huge))
    assert outcome.exit_code == 1
    assert "10,000,001 bytes" in outcome.stderr
    gone = enquiry(site, "show", ALICE, "--why", "x")
    assert "no enquiry" in gone.stderr
