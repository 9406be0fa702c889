"""Requests that come by letter or telephone: the same rights from the command line, each with its reason."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from optin.app.main import main
from optin.consent.email_and_telephone import parse_email
from optin.flows.delivery.mail_order import MailKind
from optin.services.open_installation import open_installation
from optin.services.site_edition import load_edition
from optin.store.officer_actions import actions_of
from tests.export.test_scrub import site as site  # noqa: PLC0414 - the same people
from tests.installed import KINDS
from tests.world import World


def subject(site: Path, what: str, *words: str, why: str = "letter of 3 November") -> Result:
    return CliRunner().invoke(main, ["subject", what, *words, "--why", why, "--site", str(site)])


def kept(site: Path, email: str = "alice@example.com") -> list[tuple[str, str]]:
    """Return what was done for somebody, and why."""
    edition, _ = load_edition(site, KINDS)
    assert edition is not None
    with open_installation(edition.site.settings, edition.policy, KINDS) as installation:
        index = installation.vault.index(parse_email(email))
        actions = installation.store.read(lambda tx: actions_of(tx, installation.vault, index))
    return [(action.kind, action.why) for action in actions]


def test_show_prints_what_the_personal_page_shows(site: Path) -> None:
    """R9, R1: in the person's language, and recorded with its reason."""
    outcome = subject(site, "show", "Alice@example.com")
    assert outcome.exit_code == 0, outcome.output
    told = ["alice@example.com", "+31201234567", "Bel mij een keer hierover.", "witboek.pdf", "opgegeven"]
    for words in told:
        assert words in " ".join(outcome.stdout.split()), words
    assert all(len(line) <= 100 for line in outcome.stdout.splitlines())
    assert kept(site) == [("show", "letter of 3 November")]
    again = subject(site, "show", "alice@example.com").stdout
    assert "letter of 3 November" in " ".join(again.split())


def test_the_data_is_written_to_a_file(site: Path, tmp_path: Path) -> None:
    """R9, R4: as JSON or as a page, for the person."""
    out = tmp_path / "alice.json"
    assert subject(site, "export", "alice@example.com", "--out", str(out)).exit_code == 0
    assert json.loads(out.read_text())["email"] == "alice@example.com"
    assert out.stat().st_mode & 0o777 == 0o600
    page = tmp_path / "alice.html"
    assert subject(site, "export", "alice@example.com", "--format", "html", "--out", str(page)).exit_code == 0
    assert "alice@example.com" in page.read_text()
    assert [kind for kind, _ in kept(site)] == ["export", "export"]


def test_a_consent_is_withdrawn_for_whoever_calls(site: Path) -> None:
    """R9, R2: one purpose or all, at once; twice is once."""
    outcome = subject(site, "withdraw", "alice@example.com", "--purpose", "follow-up-phone")
    assert outcome.exit_code == 0
    assert "withdrawn: Bel mij een keer hierover." in outcome.stdout
    assert "1 withdrawn" in subject(site, "withdraw", "alice@example.com").stdout
    assert "had ended" in subject(site, "withdraw", "alice@example.com").stdout
    assert [kind for kind, _ in kept(site)] == ["withdraw"] * 3  # each use, also the one that found nothing
    what = ["--purpose", "tips-email", "--channel", "email", "--to", "self", "--why", "x", "--out", "-"]
    left = CliRunner().invoke(main, ["export", *what, "--site", str(site)])
    assert "alice@" not in left.stdout


def test_an_erasure_tells_its_price_and_asks(site: Path) -> None:
    """R9, R5: nothing without a yes; then everything, with a last mail in the outbox."""
    config = site / "optin.toml"
    text = config.read_text()
    config.write_text(text + '\n[erasure]\nconsequences.nl = "U krijgt geen tips meer."\n')
    runner = CliRunner()
    command = ["subject", "erase", "alice@example.com", "--why", "letter", "--site", str(site)]
    asked = runner.invoke(main, command, input="n\n")
    assert asked.exit_code == 1
    assert "U krijgt geen tips meer." in asked.stderr
    assert subject(site, "show", "alice@example.com").exit_code == 0
    done = runner.invoke(main, command, input="y\n")
    assert done.exit_code == 0, done.output
    assert "Erased" in done.stdout
    assert kept(site)[-1] == ("erase", "")  # a typed reason may name the person
    assert [why for _, why in kept(site)[:-1]] == [""], "older reasons went with the data"
    edition, _ = load_edition(site, KINDS)
    assert edition is not None
    with open_installation(edition.site.settings, edition.policy, KINDS) as installation:
        world = World(
            installation.store,
            installation.vault,
            installation.clock() + timedelta(seconds=1),
            policy=edition.policy,
        )
        assert MailKind.ERASED in [order.kind for order in world.claim()]


def test_a_hold_keeps_what_it_names(site: Path) -> None:
    """R6, R9: exactly that, with why and until when; the rest is erased."""
    held = subject(
        site, "hold", "alice@example.com", "--until", "2099-12-31", "--data", "phone", why="invoice 2026-114"
    )
    assert held.exit_code == 0, held.output
    assert "Held until 2099-12-31, for nothing else: phone." in held.stdout
    erased = subject(site, "erase", "alice@example.com", "--yes")
    assert "stays until 2099-12-31: phone (invoice 2026-114)" in erased.stderr
    shown = subject(site, "show", "alice@example.com").stdout
    assert "+31201234567" in shown
    assert "invoice 2026-114" in shown
    assert "alice@example.com" not in shown


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["show", "nobody@example.com"], "Nothing is stored"),
        (["show", "no address"], "no e-mail address"),
        (["hold", "alice@example.com", "--until", "2001-01-01"], "is in the past"),
        (
            ["hold", "alice@example.com", "--until", "2099-01-01", "--data", "shoe_size"],
            "There is no shoe_size",
        ),
        (["withdraw", "alice@example.com", "--purpose", "nothing"], "no such consent"),
    ],
)
def test_what_cannot_be_done_is_a_sentence(site: Path, words: list[str], sentence: str) -> None:
    """R9, S5: exit 1, and nothing changes."""
    outcome = subject(site, *words)
    assert outcome.exit_code == 1
    assert sentence in outcome.stderr


def test_a_reason_must_be_given(site: Path) -> None:
    """R9: each use is recorded with its reason."""
    assert subject(site, "show", "alice@example.com", why=" ").exit_code == 1
    without = CliRunner().invoke(main, ["subject", "show", "alice@example.com", "--site", str(site)])
    assert without.exit_code == 2
    assert kept(site) == []
