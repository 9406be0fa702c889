"""The commands `optin object` and `optin do-not-contact`: what they say, refuse and leave behind."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from optin.app.main import main
from optin.services.open_installation import open_installation
from optin.services.site_edition import Edition
from tests.installed import KINDS
from tests.site_people import edition_on, people_of
from tests.world import CALL, TIPS

ALICE, NUMBER = "alice@example.com", "+31201234567"
WHO = ("--who", "Eva", "--why", "letter of 3 November")


@pytest.fixture
def edition(tmp_path: Path) -> Edition:
    """Make a site on which alice agreed to mails and calls, and bob to calls by the same number."""
    made = edition_on("sqlite:///var/optin.db", tmp_path / "site")
    with open_installation(made.site.settings, made.policy, KINDS) as installation:
        world = people_of(installation, made, timedelta(days=7))
        world.join(ALICE, TIPS, CALL, phone=NUMBER)
        world.join("bob@example.com", CALL, phone=NUMBER)
    return made


def run(edition: Edition, *arguments: str) -> Result:
    """Run a command on the site."""
    done = CliRunner().invoke(main, [*arguments, "--site", str(edition.site.settings.root)])
    assert "Traceback" not in done.output
    return done


def may(edition: Edition, who: str = ALICE) -> bool:
    """Return whether the gate lets somebody be mailed."""
    return run(edition, "may", who, "--purpose", "tips-email", "--channel", "email").exit_code == 0


def test_an_objection_is_recorded_and_the_gate_says_no(edition: Edition) -> None:
    """L7, G3: withdrawn at once; journal and audit agree."""
    assert may(edition)
    done = run(edition, "object", ALICE, *WHO)
    assert (done.exit_code, done.output.count("withdrawn:")) == (0, 2)
    assert "no advertising by any channel" in done.output
    assert not may(edition)
    journal = edition.site.settings.root / "var" / "journal.jsonl"
    assert journal.read_text().count('"by":"person"') == 2  # the mailbox and the number
    assert ALICE not in journal.read_text()
    audit = run(edition, "audit")
    assert audit.exit_code == 0, audit.output


def test_a_number_of_several_people_is_said(edition: Edition) -> None:
    """L7: staff are told to name the address; of a number nobody has, likewise."""
    done = run(edition, "object", "020 123 4567", *WHO)
    assert "2 people on file have this number" in done.output
    assert may(edition)
    assert (
        "Nobody on file with an address has"
        in run(edition, "object", "+31207654321", "--channel", "phone", *WHO).output
    )
    refused = run(edition, "object", "020 123 4567", "--channel", "email", *WHO)
    assert (refused.exit_code, "name the e-mail address" in refused.output) == (1, True)


def test_the_number_of_an_enquirer_is_that_of_its_person(edition: Edition) -> None:
    """L7, L4: what the command says of who is barred is what the gate then does."""
    number = "+31207654321"
    asked = ("enquiry", "add", "carol@example.com", number, "--about", "a quote", "--who", "Eva")
    assert run(edition, *asked).exit_code == 0
    done = run(edition, "object", number, *WHO)
    assert done.output == "Recorded: no advertising by any channel.\n"
    nobodys = run(edition, "object", "+31207654322", *WHO).output
    assert "no advertising by telephone." in nobodys
    assert "name the e-mail address" in nobodys


def test_the_companys_list_from_adding_to_removing(edition: Edition) -> None:
    """L7: no address in clear in the output or the files; a consent is used again when the entry is gone."""
    assert "is empty" in run(edition, "do-not-contact", "list").output
    assert run(edition, "do-not-contact", "add", ALICE, *WHO).exit_code == 0
    assert run(edition, "do-not-contact", "add", "--domain", "Example.ORG", *WHO).exit_code == 0
    assert not may(edition)
    shown = run(edition, "do-not-contact", "list").output
    assert "example.org" in shown
    assert "letter of 3 November" in shown
    assert ALICE not in shown
    assert run(edition, "do-not-contact", "remove", ALICE, *WHO[:3], "he is a friend").exit_code == 0
    assert may(edition)
    assert "he is a friend" not in run(edition, "do-not-contact", "list").output
    assert "he is a friend" in run(edition, "do-not-contact", "list", "--all").output
    for file in (edition.site.settings.root / "var").iterdir():
        data = file.read_bytes() if file.is_file() else b""
        assert b"alice@" not in data, file
        assert b"example.org" not in data, file


def test_a_mail_provider_is_warned_of(edition: Edition) -> None:
    """L7: everybody may have an address there."""
    done = run(edition, "do-not-contact", "add", "--domain", "gmail.com", *WHO)
    assert (done.exit_code, "mail provider" in done.output) == (0, True)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("object", "nobody", *WHO), "neither an e-mail address nor a telephone number"),
        (("object", "a@b@c", *WHO), "neither"),
        (("object", ALICE, "--who", "", "--why", "x"), "Say who"),
        (("object", ALICE, "--who", "Eva", "--why", " "), "Say who"),
        (("do-not-contact", "add", *WHO), "not both"),
        (("do-not-contact", "add", ALICE, "--domain", "example.com", *WHO), "not both"),
        (("do-not-contact", "add", "--domain", "co.uk", *WHO), "belongs to everybody"),
        (("do-not-contact", "add", "--domain", "com", *WHO), "everybody"),
        (("do-not-contact", "add", "--domain", "no domain", *WHO), "no domain"),
        (("do-not-contact", "add", ALICE, "--who", "", "--why", ""), "Say who"),
        (("do-not-contact", "remove", ALICE, *WHO), "no such entry"),
    ],
)
def test_what_cannot_be_recorded_is_refused_in_a_sentence(
    edition: Edition, words: tuple[str, ...], says: str
) -> None:
    """L7, F6: status 1, the reason and the cure; nothing is stored."""
    done = run(edition, *words)
    assert (done.exit_code, says in done.output) == (1, True), done.output
    assert may(edition)
    assert run(edition, "audit").exit_code == 0


def test_an_entry_twice_is_refused(edition: Edition) -> None:
    """L7: it is there already."""
    assert run(edition, "do-not-contact", "add", ALICE, *WHO).exit_code == 0
    assert "already" in run(edition, "do-not-contact", "add", "Alice@Example.com", *WHO).output
