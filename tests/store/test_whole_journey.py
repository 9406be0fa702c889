"""Everything that a consent goes through, once on each kind of store, by the commands of the program."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from optin.app.main import main
from optin.jobs.sweep_runner import sweep
from optin.services.event_log_signer import advance_log
from optin.services.open_installation import open_installation
from optin.services.site_edition import Edition
from tests.installed import KINDS
from tests.site_people import edition_on, people_of
from tests.world import CALL, TIPS

PHONE = "+31201234567"


@pytest.fixture
def edition(store_url: str, tmp_path: Path) -> Edition:
    """Make a site whose store is `store_url`."""
    return edition_on(store_url, tmp_path / "site")


def optin(edition: Edition, *words: str) -> str:
    """Run a command; return what it prints."""
    outcome = CliRunner().invoke(main, [*words, "--site", str(edition.site.root)])
    assert outcome.exit_code == 0, outcome.output
    return outcome.stdout


def exported(edition: Edition, channel: str = "email") -> set[str]:
    """Return the addresses that an export hands out."""
    purpose = TIPS if channel == "email" else CALL
    what = ("--purpose", purpose, "--channel", channel, "--to", "crm", "--why", "test", "--format", "jsonl")
    lines = optin(edition, "export", *what, "--out", "-").splitlines()
    return {json.loads(line)["email"] for line in lines if line.startswith("{")}


def test_a_consent_from_the_form_to_the_erasure(edition: Edition, tmp_path: Path) -> None:
    """O1, E1, R2, R5, R8, P6: sign up, confirm, export, withdraw, sweep, erase, evidence, audit, backup."""
    with open_installation(edition.site.settings, edition.policy, KINDS, "serve") as installation:
        world = people_of(installation, edition, timedelta(days=400))
        world.sign_up("bob@example.com", TIPS)  # and never answers
        world.send()
        world.join("dora@example.com", CALL, phone=PHONE)  # for six months
        world.now = installation.clock() - timedelta(hours=1)
        world.join("alice@example.com", TIPS, CALL, phone=PHONE)
        carol = world.join("carol@example.com", TIPS)
        world.send()
    assert exported(edition) == {"alice@example.com", "carol@example.com"}
    assert exported(edition, "phone") == {"alice@example.com"}
    with open_installation(edition.site.settings, edition.policy, KINDS) as installation:
        world.store, world.now = installation.store, installation.clock()
        world.withdraw(carol)
        done = {rule: count for rule, count in sweep(installation).items() if count}
        assert (done["unconfirmed"], done["expired"]) == (1, 1)
        assert sum(sweep(installation).values()) == 0
        advance_log(installation)
    assert exported(edition) == {"alice@example.com"}
    assert "carol@example.com" in optin(edition, "exports", "--since", "1")
    optin(edition, "evidence", "alice@example.com", "--out", str(tmp_path / "alice.zip"))
    optin(edition, "subject", "erase", "alice@example.com", "--why", "letter", "--yes")
    assert exported(edition) == set()
    optin(edition, "audit")
    assert "paper" in optin(edition, "stats")
    optin(edition, "backup", str(tmp_path / "backup.db"))
