"""Consents from elsewhere and on paper: kept as attested with their evidence, and never proven (L6, P8)."""

from __future__ import annotations

import csv
import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from optin.bases.attested import AttestedConsent, Grade
from optin.consent.channel import Channel
from optin.consent.email_and_telephone import parse_email
from optin.consent.erasure_grounds import BY_PERSON
from optin.consent.purpose import ConsentKey
from optin.consent.retention_period import RetentionPeriod
from optin.errors import RequestRefused
from optin.flows.bases.record_attested import RecordedAttestation, record_attested
from optin.flows.bases.record_basis import EvidenceFile
from optin.flows.rights.erase import erase_person
from optin.flows.rights.personal_data import view_personal
from optin.store.evidence_files import load_file
from tests.bases.shop import findings
from tests.bases.test_register import on_file
from tests.export.test_scrub import site as site  # noqa: PLC0414 - a site with people
from tests.shell import shell
from tests.world import CALL, NOON, TIPS, World, export_from

FAYE, NUMBER = "faye@example.com", "+31201234567"
EXPORT = EvidenceFile("export.csv", b"email,when,form\nFaye@example.com,2026-03-01,v2\n", "text/csv")
FACTS = {"grade": "recorded", "given": "2026-03-01", "words": "Send me tips"}
TODAY = datetime.now(UTC).date()


def attested(world: World, file: EvidenceFile = EXPORT, **more: Any) -> RecordedAttestation:
    """Attest a consent of faye's."""
    plain: dict[str, Any] = {
        "key": ConsentKey(TIPS, Channel.EMAIL), "grade": Grade.RECORDED, "day": date(2026, 3, 1),
        "kept": RetentionPeriod.parse("24 months"), "addresses": {"email": FAYE},
        "source": "export of the old tool", "words": "Send me tips", "lang": "en", **more,
    }  # fmt: skip
    return world.run(record_attested, AttestedConsent(who="Eva", **plain), file, now=world.now)


def test_what_is_attested_stands_with_its_evidence(world: World) -> None:
    """L6: grade, sentence and source; the sealed file; the term of the purpose from that day on."""
    entry = attested(world).entry
    assert on_file(world, FAYE) == [entry]
    said = entry.statement
    assert (said.basis, said.facts) == ("attested", FACTS)
    assert entry.until == datetime(2028, 3, 1, tzinfo=UTC)
    assert world.store.read(load_file, vault=world.vault, note=said.files[0]) == EXPORT.data
    assert findings(world) == []


def test_the_same_evidence_once_more_changes_nothing(world: World) -> None:
    """L6: for whichever spelling of the address; another purpose, person or file is another entry."""
    first = attested(world)
    again = attested(world)
    assert not first.known
    assert again.known
    assert again.entry == first.entry
    by_phone: dict[str, Any] = {
        "key": ConsentKey(CALL, Channel.PHONE),
        "addresses": {"email": FAYE, "phone": NUMBER},
    }
    assert not attested(world, **by_phone).known
    assert not attested(world, EvidenceFile("card.png", b"card", "image/png")).known
    assert len(on_file(world, FAYE)) == 3
    assert findings(world) == []


def test_what_is_attested_is_nowhere_a_consent(world: World) -> None:
    """L6, P8: no status, no export, no bundle of evidence, no letter, no message; /me says what it is."""
    for grade in Grade:
        attested(world, EvidenceFile(f"{grade}.pdf", b"%PDF" + grade.encode(), ""), grade=grade)
    index = world.vault.index(parse_email(FAYE))
    assert world.status(FAYE, TIPS) is None
    assert list(export_from(world).proven()) == []
    for table in ("consent", "request", "subject", "outbox", "webhook_outbox", "letter"):
        assert world.count(table) == 0, table
    data = world.view(view_personal, index, now=world.now)
    assert data.consents == ()
    assert {it.known["grade"] for it in data.bases} == {"signed", "recorded", "stated"}
    assert {it.article for it in data.bases} == {"GDPR 7(1)"}


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"key": ConsentKey(CALL, Channel.PHONE)}, "telephone number; add it"),
        ({"addresses": {"phone": NUMBER}}, "e-mail address; add it"),
        ({"day": date(2020, 1, 1)}, "over already"),
        ({"day": NOON.date() + timedelta(days=2)}, "has not come"),
    ],
)
def test_what_cannot_be_attested_is_refused(world: World, more: dict[str, Any], says: str) -> None:
    """L6, S5: with a sentence, and nothing half stored."""
    with pytest.raises(RequestRefused, match=says):
        attested(world, **more)
    assert world.count("held_basis") == world.count("event") == world.count("evidence_file") == 0


@pytest.mark.parametrize(
    ("file", "says"),
    [
        (EvidenceFile("a.csv", b"email\nfaye@example.com\nbob@example.com\n", "text/csv"), "other people"),
        (EvidenceFile("a.json", b'["bob@example.com"]', "application/json"), "other people"),
        (EvidenceFile("a.xlsx", b"PK", "application/vnd.openxmlformats-officedocument.x"), "spreadsheet"),
        (EvidenceFile("a.txt", b"", "text/plain"), "bytes"),
    ],
)
def test_a_file_about_other_people_is_refused(world: World, file: EvidenceFile, says: str) -> None:
    """L6, R1: whoever it is about may download it, so it names nobody else (GDPR 15(4))."""
    with pytest.raises(RequestRefused, match=says):
        attested(world, file)
    assert world.count("held_basis") == world.count("evidence_file") == 0


def test_it_ends_by_itself_and_with_an_erasure(world: World) -> None:
    """L6, R5, R8: with its file."""
    attested(world)
    world.run(erase_person, world.vault.index(parse_email(FAYE)), BY_PERSON, now=world.now)
    assert world.count("held_basis") == world.count("evidence_file") == 0
    attested(world)
    world.now = datetime(2028, 3, 1, tzinfo=UTC)
    assert world.sweep_step("bases") == 1
    assert world.count("held_basis") == world.count("evidence_file") == 0
    assert findings(world) == []


def attest(site: Path, *more: str, what: str = "add") -> Result:
    """Give the command with an export of the old tool as evidence."""
    file = site.parent / "export.csv"
    file.write_bytes(EXPORT.data)
    words = [
        what, FAYE, "--purpose", "tips-email", "--channel", "email", "--evidence", str(file),
        "--grade", "recorded", "--who", "Eva", *more,
    ]  # fmt: skip
    return shell(site, "attest", *words)


def test_the_command_keeps_it_and_no_way_out_has_it(site: Path) -> None:
    """L6, P8, G1: may, scrub, export, the evidence of a person; the person's data say what it is."""
    done = attest(site, "--on", f"{TODAY - timedelta(days=30)}", "--source", "old tool", "--words", "Tips?")
    assert done.exit_code == 0, done.output
    assert "never exported" in done.stdout
    assert "Known already" in attest(site, "--on", f"{TODAY}").stdout
    use = ("--purpose", "tips-email", "--channel", "email")
    may, unknown = (shell(site, "may", it, *use) for it in (FAYE, "zoe@example.com"))
    assert may.exit_code == 1
    assert may.stdout.splitlines()[:-1] == unknown.stdout.splitlines()[:-1]  # the last line is the moment
    assert "consent" in may.stdout.lower()  # the cure
    listed, kept = site.parent / "list.csv", site.parent / "kept.csv"
    listed.write_text(f"email\n{FAYE}\nalice@example.com\n")
    assert shell(site, "scrub", str(listed), *use, "--out", str(kept)).exit_code == 0
    rows = list(csv.DictReader(kept.read_text("utf-8-sig").splitlines()))
    assert [row["email"] for row in rows] == ["alice@example.com"]
    exported = shell(site, "export", *use, "--to", "self", "--why", "x", "--out", "-")
    assert exported.exit_code == 0
    assert "alice@example.com" in exported.stdout
    assert FAYE not in exported.stdout
    shown = shell(site, "subject", "export", FAYE, "--why", "she called", "--out", "-")
    said = json.loads(shown.stdout)
    assert said["consents"] == []
    assert [(it["basis"], it["known"]["grade"]) for it in said["bases"]] == [("attested", "recorded")]


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (["--purpose", "newsletter"], "no purpose"),
        (["--channel", "phone"], "is for email"),
        (["--on", "2001-01-01"], "over already"),
        (["--phone", "12"], "no e-mail address and no telephone number"),
    ],
)
def test_bad_input_gets_a_sentence(site: Path, more: list[str], says: str) -> None:
    """L6, S5: no traceback, nothing stored."""
    outcome = attest(site, *more)
    assert outcome.exit_code == 1, outcome.output
    assert says in outcome.stderr
