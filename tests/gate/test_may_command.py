"""The command `optin may`: the answer in words and for programs, and its exit status."""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from optin.app.main import main
from optin.consent.email_and_telephone import parse_email
from optin.flows.rights.personal_data import view_personal
from optin.keys import load_keys
from optin.proof.signed_notes import VerifierKey
from optin.services.installation import Installation
from optin.services.open_installation import open_installation
from optin.services.site_edition import Edition, load_edition
from optin.store.encryption import Vault
from tests.installed import KINDS
from tests.site_people import edition_on, people_of
from tests.world import CALL, TIPS

PHONE = ("--purpose", "follow-up-phone", "--channel", "phone")
MAIL = ("--purpose", "tips-email", "--channel", "email")


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Make a site on which alice agreed to mails and calls, a week ago."""
    root = tmp_path / "site"
    edition = edition_on("sqlite:///var/optin.db", root)
    with open_installation(edition.site.settings, edition.policy, KINDS) as installation:
        world = people_of(installation, edition, timedelta(days=7))
        world.join("alice@example.com", TIPS, CALL, phone="+31201234567")
    return root


@pytest.fixture
def installation(site: Path) -> Iterator[Installation]:
    """Open that site's installation, for a look."""
    edition = edition_again(site)
    with open_installation(edition.site.settings, edition.policy, KINDS) as opened:
        yield opened


def edition_again(site: Path) -> Edition:
    edition, _ = load_edition(site, KINDS)
    assert edition is not None
    return edition


def may(site: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["may", *arguments, "--site", str(site)])


def test_yes_no_and_misuse_have_their_exit_status(site: Path) -> None:
    """G1, G2: 0, 1, 2; a name is no address, and is not repeated."""
    yes = may(site, "alice@example.com", *MAIL)
    assert (yes.exit_code, yes.output.splitlines()[0]) == (0, "Yes.")
    assert "Tw 11.7(1)" in yes.output
    assert "Say who you are, and for whom you contact." in yes.output
    no = may(site, "nobody@example.com", *MAIL)
    assert (no.exit_code, no.output.splitlines()[0]) == (1, "No: no basis.")
    assert "Ask for consent" in no.output
    for wrong in (
        ("Alice Jansen", *PHONE),
        ("alice@example.com", "--purpose", "tips", "--channel", "email"),
        ("alice@example.com", "--purpose", "tips-email", "--channel", "fax"),
        ("alice@example.com", *MAIL, "--at", "soon"),
        ("alice@example.com", *MAIL, "--country", "Belgium"),
    ):
        refused = may(site, *wrong)
        assert refused.exit_code == 2, wrong
        assert "Jansen" not in refused.output


def test_a_program_reads_the_answer_as_json(site: Path) -> None:
    """G1: every field is there, whatever the answer."""
    yes = json.loads(
        may(site, "020 123 45 67", *PHONE, "--format", "json", "--at", "2026-11-24T09:30Z").output
    )
    no = json.loads(may(site, "nobody@example.com", *MAIL, "--format", "json").output)
    assert yes.keys() == no.keys()
    assert (yes["may"], yes["signature"], yes["at"]) == (True, None, "2026-11-24T09:30:00.000Z")
    assert (no["may"], no["reason"], no["signature"] is None) == (False, "no basis", False)
    assert no["asker"] == "staff"


def test_another_moment_is_by_the_clocks_of_the_site(site: Path) -> None:
    """G1: nine in the evening in Amsterdam is allowed, ten is not; and neither is a permission."""
    early = may(site, "020 123 45 67", *PHONE, "--at", "2026-11-24 21:59")
    late = may(site, "020 123 45 67", *PHONE, "--at", "2026-11-24 22:00")
    assert (early.exit_code, late.exit_code) == (0, 1)
    assert "At 2026-11-24T20:59:00.000Z" in early.output
    for answer in (early, late):
        assert "This is no permission" in answer.output
    now = datetime.now(UTC).isoformat(timespec="seconds")
    assert "no permission" not in may(site, "alice@example.com", *MAIL, "--at", now).output


@pytest.mark.parametrize("at", ["0001-01-01", "9999-12-31 23:59", "0001-01-01T00:00+14:00"])
def test_a_moment_of_no_year_of_ours_is_refused(site: Path, at: str) -> None:
    """G1: with a sentence, as every wrong use."""
    done = may(site, "alice@example.com", *MAIL, "--at", at)
    assert (done.exit_code, "name one from 1900" in done.output) == (2, True), done.output


def test_the_person_is_told_who_asked(site: Path, installation: Installation) -> None:
    """G4: of staff without a name, which is kept for the company alone."""
    assert may(site, "alice@example.com", *MAIL, "--who", "Mia").exit_code == 0
    index = installation.vault.index(parse_email("alice@example.com"))
    data = installation.view(view_personal, email_index=index, now=installation.clock())
    (asked,) = data.questions
    kept = installation.store.read(lambda tx: tx.all("SELECT asker FROM contact_question"))
    assert kept == [("staff: Mia",)]
    assert (asked.asker, asked.purpose, asked.channel, asked.may) == ("staff", TIPS, "email", True)


def test_the_signature_is_verified_by_a_tool_that_is_not_ours(site: Path, tmp_path: Path) -> None:
    """G1: openssl, with the public key from the installation's keys."""
    answer = json.loads(may(site, "alice@example.com", *MAIL, "--format", "json").output)
    head, payload, signature = answer["signature"].split(".")
    ring = load_keys("var/keys.json", site)
    assert ring is not None
    key = Vault(ring).answer_keys[-1]
    decoded = [base64.urlsafe_b64decode(it + "=" * (-len(it) % 4)) for it in (head, payload, signature)]
    assert json.loads(decoded[0]) == {"alg": "EdDSA", "kid": key.id, "typ": "optin-answer+json"}
    assert json.loads(decoded[1]) == {it: answer[it] for it in answer if it not in {"salt", "signature"}}
    (tmp_path / "key.pem").write_text(VerifierKey("gate", key.public).pem)
    (tmp_path / "signed").write_text(f"{head}.{payload}")
    (tmp_path / "signature").write_bytes(decoded[2])
    words = "pkeyutl -verify -pubin -inkey key.pem -rawin -in signed -sigfile signature"
    command = ["openssl", *words.split()]
    assert subprocess.run(command, cwd=tmp_path, check=True, capture_output=True).returncode == 0
    (tmp_path / "signed").write_text(f"{head}.{payload}x")
    assert subprocess.run(command, cwd=tmp_path, check=False, capture_output=True).returncode != 0
