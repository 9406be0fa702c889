"""Export: exactly the proven ones, each refusal with its reason, every run recorded."""

from __future__ import annotations

import csv
import io
import json
import re
import sqlite3
import subprocess
import sys
from datetime import timedelta
from operator import methodcaller
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from optin.app.main import main
from optin.consent.channel import Channel
from optin.consent.email_and_telephone import EmailAddress
from optin.consent.form_version import FormDigest, FormKey, FormVersion
from optin.consent.purpose import ConsentKey, ConsentQuestion, PurposeId
from optin.consent.retention_period import RetentionPeriod
from optin.consent.signed_links import LinkKind
from optin.consent.status_transitions import ID_BYTES
from optin.errors import RequestRefused
from optin.export.destination import destination
from optin.export.lead_row import LeadRows
from optin.export.writers import safe_cell, write_csv, write_jsonl
from optin.flows.evidence.prove_consent import ProvenConsent
from optin.flows.exports.export_leads import LeadExport
from optin.flows.exports.lead_list import count_leads_of
from optin.services.open_installation import open_installation
from optin.services.site_edition import load_edition
from optin.services.steady_clock import utc_now
from optin.store.export_records import ExportRun, list_exports, record_export
from tests.installed import KINDS
from tests.site_people import people_of
from tests.stranger import past_triggers
from tests.web.conftest import site_at
from tests.world import CALL, TIPS, TIPS_BY_EMAIL, World, form_version, with_questions

PHONE = "+31201234567"


def lead_export(world: World, channel: Channel = Channel.EMAIL) -> tuple[list[ProvenConsent], dict[str, int]]:
    """Export from a world."""
    purpose = TIPS if channel is Channel.EMAIL else CALL
    gathered = LeadExport(
        world.store.read, world.do, world.vault, KINDS.details, ConsentKey(purpose, channel), world.now
    )
    return list(gathered.proven()), dict(gathered.refused)


def tamper(world: World, *statements: str) -> None:
    """Do what somebody with the database in hand can do: drop the triggers, then write."""
    world.tampered = True
    past_triggers(world.store, *statements)


def test_only_the_confirmed_leave(world: World) -> None:
    """E1: alice confirmed, bob never answered, carol withdrew (PEERS 14)."""
    world.join("alice@example.com", TIPS, CALL, phone=PHONE)
    world.sign_up("bob@example.com", TIPS)
    world.withdraw(world.join("carol@example.com", TIPS))
    world.join("dave@example.com")
    proven, refused = lead_export(world)
    assert [lead.email for lead in proven] == ["alice@example.com"]
    assert refused == {"withdrawn": 1, "unconfirmed": 1}


def test_purposes_and_channels_are_kept_apart(world: World) -> None:
    """E1: a consent to mail is none to call, and the other way round."""
    world.join("alice@example.com", TIPS)
    world.join("bert@example.com", CALL, phone=PHONE)
    assert [lead.email for lead in lead_export(world)[0]] == ["alice@example.com"]
    called, _ = lead_export(world, Channel.PHONE)
    assert [(lead.email, lead.fields["phone"]) for lead in called] == [("bert@example.com", PHONE)]


def test_an_expired_consent_stays_although_nobody_swept(world: World) -> None:
    """E1: the retention the form promised ends by the clock."""
    world.join("alice@example.com", TIPS)
    world.wait(timedelta(days=731))
    assert lead_export(world) == ([], {"expired": 1})


def test_a_suppressed_address_stays(world: World) -> None:
    """E1: whatever else is on record."""
    world.join("alice@example.com", TIPS)
    index = world.vault.index(EmailAddress("alice@example.com"))
    world.do(lambda tx: tx.run("INSERT INTO suppression VALUES (:i, :p, 'email', 1)", i=index, p=TIPS))
    assert lead_export(world) == ([], {"suppressed": 1})


def test_who_asked_anew_after_a_withdrawal_is_proven_by_the_new_consent(world: World) -> None:
    """E1, E2: with the new request's moments."""
    first = world.join("carol@example.com", TIPS)
    world.withdraw(first)
    world.wait(timedelta(days=1))
    second = world.join("carol@example.com", TIPS)
    (lead,), _ = lead_export(world)
    assert lead.request == second


FORGERIES = {
    "time": ("UPDATE event SET body = REPLACE(body, '2026-11-23', '2026-11-22')",),
    "purpose": ("UPDATE event SET body = REPLACE(body, 'tips-email', 'othr-email')",),
    "leaf-and-body": (
        "UPDATE event SET leaf = (SELECT leaf FROM event WHERE body LIKE '%confirmed%' ORDER BY 1 LIMIT 1)",
    ),
    "confirmation-dropped": ("DELETE FROM event WHERE body LIKE '%confirmed%'",),
    "request-dropped": ("DELETE FROM event WHERE body LIKE '%requested%'",),
    "blanked": ("UPDATE event SET body = NULL",),
    "cache": ("UPDATE consent SET status = 'revoked'",),
    "page": ("UPDATE form_version SET page = REPLACE(page, 'v1', 'v9')",),
    "words": ("UPDATE form_version SET declaration = REPLACE(declaration, 'tips-email', 'other')",),
    "form-of-request": ("UPDATE request SET form = form || 'x'",),
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_evidence_that_was_touched_proves_nothing(world: World, forgery: str) -> None:
    """E1, P3: changed behind the program's back: refused as unproven (PEERS 9)."""
    world.join("alice@example.com", TIPS)
    assert len(lead_export(world)[0]) == 1
    is_sqlite = world.store.__class__.__name__ == "SqliteStore"
    if forgery == "page":
        page = world.form.page.replace(b"v1", b"v9").hex()
        literal = f"x'{page}'" if is_sqlite else f"'\\x{page}'"
        tamper(world, f"UPDATE form_version SET page = {literal}")
    elif forgery == "form-of-request":
        world.serve(FormVersion(FormDigest("e" * 64), FormKey("k"), b"other", world.form.declaration))
        tamper(world, "UPDATE request SET form = '" + "e" * 64 + "'")
    else:
        tamper(world, *FORGERIES[forgery])
    proven, refused = lead_export(world)
    assert proven == []
    assert refused == {"unproven": 1}


def test_a_lead_that_was_written_in_proves_nothing(world: World) -> None:
    """E1, P3: a consent without a request and a confirmation never leaves (PEERS 9)."""
    world.join("alice@example.com", TIPS)
    world.join("dave@example.com")
    world.tampered = True
    world.do(
        lambda tx: tx.run(
            "INSERT INTO consent(subject_id, purpose, channel, status, since, expires_at, request_id)"
            " SELECT subject.id, purpose, channel, status, since, expires_at, request_id"
            " FROM consent, subject"
            " WHERE subject.id NOT IN (SELECT subject_id FROM consent)"
        )
    )
    proven, refused = lead_export(world)
    assert [lead.email for lead in proven] == ["alice@example.com"]
    assert refused == {"unproven": 1}


def test_one_persons_evidence_does_not_serve_for_another(world: World) -> None:
    """E1: sealed declarations cannot be swapped, they are bound to their rows."""
    world.join("alice@example.com", TIPS)
    world.join("bert@example.com", TIPS)
    world.tampered = True
    rows = world.do(lambda tx: tx.all("SELECT id, sealed FROM subject"))
    for (one, _), (_, sealed) in zip(rows, reversed(rows), strict=True):
        world.do(methodcaller("run", "UPDATE subject SET sealed = :s WHERE id = :i", s=sealed, i=one))
    assert lead_export(world) == ([], {"unproven": 2})


def test_a_row_says_everything_about_its_consent(world: World) -> None:
    """E2: moments, version, words, expiry, evidence and a way out of its own."""
    request = world.join("alice@example.com", TIPS, first_name="Alice", phone=PHONE)
    (lead,), _ = lead_export(world)
    rows = LeadRows(world.vault, "https://optin.example.com", ("first_name",), world.now)
    row = rows.row(lead)
    assert tuple(row) == rows.columns
    question = world.form.declaration.questions[0]
    assert row["email"] == "alice@example.com"
    assert row["first_name"] == "Alice"
    assert (row["purpose"], row["channel"]) == ("tips-email", "email")
    assert row["consent_text"] == question.wording
    for name in ("requested_at", "confirmed_at", "expires_at"):
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", row[name])
    assert row["requested_at"] < row["confirmed_at"] < row["expires_at"]
    assert row["form_version"] == world.form.digest
    assert row["privacy_version"] == world.form.declaration.privacy
    assert row["evidence"].startswith(request.hex() + ":")
    token = row["unsubscribe_url"].rpartition("/")[2]
    payload = world.vault.links.read(LinkKind.UNSUBSCRIBE, token, world.now, None)
    assert (payload[:ID_BYTES], payload[ID_BYTES:]) == (request, b"tips-email")


def test_a_telephone_number_leaves_for_telephone_purposes_alone(world: World) -> None:
    """E1, F4: who may be called gave a number; an export for mail does not carry it (GDPR 5(1)(b), (c))."""
    world.join("alice@example.com", TIPS, CALL, phone=PHONE)
    rows = LeadRows(world.vault, "https://optin.example.com", (), world.now)
    (mailed,), _ = lead_export(world)
    assert rows.row(mailed)["phone"] == ""
    (called,), _ = lead_export(world, Channel.PHONE)
    assert rows.row(called)["phone"] == PHONE


def test_the_number_is_the_one_given_with_that_consent(world: World) -> None:
    """E1, P7: a number declared for something else later is not the number that may be called for this."""
    other = ConsentQuestion(
        PurposeId("survey-phone"), Channel.PHONE, "Bel mij voor de enquête.", RetentionPeriod.parse("1 month")
    )
    world.join("alice@example.com", CALL, phone=PHONE)
    world.serve(form_version("v2", with_questions(other)))
    world.join("alice@example.com", other.purpose, phone="+31209999999")
    called, _ = lead_export(world, Channel.PHONE)
    assert [lead.fields["phone"] for lead in called] == [PHONE]


def test_unconfirmed_sign_ups_are_counted_by_channel(world: World) -> None:
    """E1: whoever did not confirm a box for calls is not held back from an export for mail."""
    by_phone = ConsentQuestion(TIPS, Channel.PHONE, "Bel mij met tips.", RetentionPeriod.parse("1 year"))
    world.serve(form_version("v2", with_questions(by_phone)))
    world.sign_up("bob@example.com", TIPS, phone=PHONE)
    assert lead_export(world) == ([], {})
    counts = count_leads_of(world.store.read, TIPS_BY_EMAIL, world.now)
    assert counts.held_back == {}
    called = count_leads_of(world.store.read, ConsentKey(TIPS, Channel.PHONE), world.now)
    assert called.held_back == {"unconfirmed": 1}


def test_pages_of_an_export_miss_nobody(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """E4: read in short pages, each lead once."""
    monkeypatch.setattr("optin.store.leads.PAGE_LEADS", 3)
    expected = {f"p{number}@example.com" for number in range(10)}
    for address in expected:
        world.join(address, TIPS)
    proven, _ = lead_export(world)
    assert sorted(lead.email for lead in proven) == sorted(expected)


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+cmd|' /C calc'!A0",
        "-2+3",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        " =1",
        "＝1",
        "%0A=1",
        "|x",
        "+31 20 =1",
        '"=1"',
    ],
)
def test_no_cell_runs_as_a_formula(text: str) -> None:
    """E4: whatever a spreadsheet takes for a formula begins with a quote."""
    assert safe_cell(text).startswith("'")


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("x;=cmd|'/c calc'!A1;y", "x;'=cmd|'/c calc'!A1;y"),
        ("x\t=1", "x\t'=1"),
        ("x\n=1", "x\n'=1"),
        ("x,\uff1d1", "x,'\uff1d1"),
        ('x; "=1"', 'x; "\'=1"'),
        ("x; +31201234567", "x; '+31201234567"),
        ("Jan; Piet, en Klaas", "Jan; Piet, en Klaas"),
    ],
)
def test_no_part_of_a_cell_runs_where_another_sign_parts_cells(text: str, cell: str) -> None:
    """E4: a Dutch, German or French spreadsheet parts cells at a semicolon, whatever we meant."""
    file = io.StringIO(newline="")
    write_csv(file, ("a", "b"), [{"a": "first", "b": text}])
    file.seek(0)
    assert list(csv.reader(file))[1] == ["first", cell]
    file.seek(0)
    for row in csv.reader(file, delimiter=";"):
        assert not any(part.lstrip().startswith(tuple("=+-@\uff1d|%")) for part in row)


def test_every_cell_is_in_quotes() -> None:
    """E4: no separator inside a cell ends it."""
    file = io.StringIO(newline="")
    write_csv(file, ("a", "b"), [{"a": PHONE, "b": ""}])
    assert file.getvalue() == f'"a","b"\r\n"{PHONE}",""\r\n'


@given(st.text(max_size=60) | st.text(alphabet="a;,|\t\n\"'=+-@ ", max_size=20))
def test_a_cell_is_harmless_and_readable(text: str) -> None:
    """E4: any text goes through CSV and comes back, at most with quotes before what looks like a formula."""
    file = io.StringIO(newline="")
    write_csv(file, ("a", "b"), [{"a": text, "b": "x"}])
    file.seek(0)
    _, (cell, other) = list(csv.reader(file))
    plain = text.replace("\0", "")
    assert cell.replace("'", "") == plain.replace("'", "")
    assert re.search(r"[;,|\t\r\n][\s\"]*[=+\-@]", cell) is None
    assert other == "x"
    assert cell[:1] not in set("=@-\t\r") or cell == ""
    assert not cell.startswith("+") or cell[1:].isdigit()


def test_a_telephone_number_stays_bare() -> None:
    """E4: E.164 is digits behind a plus; importers need it so."""
    assert safe_cell(PHONE) == PHONE


def test_json_lines_change_nothing() -> None:
    """E2: one object a line, values as they are."""
    file = io.StringIO()
    write_jsonl(file, ("a",), [{"a": "=1\n\u2028é"}, {"a": "x"}])
    assert [json.loads(line)["a"] for line in file.getvalue().rstrip("\n").split("\n")] == [
        "=1\n\u2028é",
        "x",
    ]


def test_a_run_is_recorded_with_everything(world: World) -> None:
    """E5: who, when, why, to whom, how many, refused by reason."""
    run = ExportRun(world.now, "vera", "campagne", "crm", TIPS_BY_EMAIL, "csv", 3, {"withdrawn": 1})
    number = world.do(record_export, vault=world.vault, run=run)
    (listed,) = world.do(list_exports)
    assert listed == ExportRun(**{**vars(run), "number": number})


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Make a site where alice and bert confirmed."""
    root = tmp_path / "site"
    edition = site_at(root)
    with open_installation(edition.site.settings, edition.policy, KINDS, "dev") as installation:
        world = people_of(installation, edition, timedelta(hours=1))
        world.join("alice@example.com", TIPS, CALL, phone=PHONE, first_name="=cmd")
        world.join("bert@example.com", TIPS)
        world.withdraw(world.join("carol@example.com", TIPS))
    return root


def run(site: Path, **changes: str) -> Result:
    """Run `optin export`."""
    options = {"purpose": "tips-email", "channel": "email", "to": "crm", "why": "test", "out": "-", **changes}
    words = [word for name, value in options.items() for word in (f"--{name}", value)]
    return CliRunner().invoke(main, ["export", "--site", str(site), *words])


def test_the_command_writes_and_records(site: Path, tmp_path: Path) -> None:
    """E1, E2, E5: the file is its owner's alone, and the run is in the list."""
    out = tmp_path / "leads.csv"
    outcome = run(site, out=str(out))
    assert outcome.exit_code == 0, outcome.output
    assert "2 proven consents to crm" in outcome.stderr
    assert "1 refused: withdrawn" in outcome.stderr
    assert out.stat().st_mode & 0o777 == 0o600
    with out.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["email"] for row in rows} == {"alice@example.com", "bert@example.com"}
    assert {row["first_name"] for row in rows} == {"'=cmd", ""}
    listed = CliRunner().invoke(main, ["exports", "--site", str(site), "--format", "json"])
    (recorded,) = json.loads(listed.stdout)
    assert (recorded["processor"], recorded["exported"]) == ("crm", 2)
    assert "crm" in CliRunner().invoke(main, ["exports", "--site", str(site)]).stdout
    assert list(tmp_path.glob(".leads*")) == []


def test_standard_output_gets_the_rows_alone(site: Path) -> None:
    """E2: what is for people goes to the other stream."""
    outcome = run(site, format="jsonl", to="self")
    rows = [json.loads(line) for line in outcome.stdout.splitlines()]
    assert len(rows) == 2


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"purpose": "tip-email"}, "Did you mean 'tips-email'?"),
        ({"channel": "phone"}, "is for email, not for phone"),
        ({"to": "cmr"}, "Did you mean 'crm'?"),
        ({"to": "mailchimp"}, "GDPR 28"),
        ({"why": " "}, "--why is empty"),
    ],
)
def test_what_the_site_may_not_do_is_refused(site: Path, changes: dict[str, str], sentence: str) -> None:
    """E1, E7: only a known purpose by its channel, only a processor with an agreement."""
    outcome = run(site, **changes)
    assert outcome.exit_code == 1
    assert sentence in outcome.stderr
    assert outcome.stdout == ""
    listed = CliRunner().invoke(main, ["exports", "--site", str(site), "--format", "json"])
    assert json.loads(listed.stdout) == []


def test_nothing_is_overwritten_and_nothing_is_left_half(site: Path, tmp_path: Path) -> None:
    """E5: a file that is there, a folder that is not, a break in the middle."""
    out = tmp_path / "leads.csv"
    out.write_text("mine")
    assert run(site, out=str(out)).exit_code == 1
    assert out.read_text() == "mine"
    assert run(site, out=str(tmp_path / "nowhere" / "x.csv")).exit_code == 1
    with pytest.raises(KeyboardInterrupt), destination(str(tmp_path / "y.csv")) as draft:
        draft.file.write("half")
        raise KeyboardInterrupt
    with pytest.raises(RequestRefused), destination(str(tmp_path / "z.csv")) as draft:
        draft.file.write("half")
        raise OSError(28, "No space left on device")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["leads.csv", "site"]


@pytest.mark.parametrize(
    "words",
    [
        ("export", "--purpose", "tips-email", "--channel", "email", "--to", "crm", "--why", "test"),
        ("evidence", "alice@example.com"),
    ],
)
def test_an_output_that_takes_no_more_is_said_in_one_sentence(site: Path, words: tuple[str, ...]) -> None:
    """E5, S6: a full disk behind standard output, a reader that went away: status 1, no traceback."""
    command = [sys.executable, "-m", "optin", *words, "--site", str(site), "--out", "-"]
    with Path("/dev/full").open("wb") as full:
        outcome = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert outcome.returncode == 1
    assert "Standard output cannot be written (No space left on device)" in outcome.stderr
    assert "Traceback" not in outcome.stderr
    assert "Exception ignored" not in outcome.stderr


def test_a_file_that_cannot_be_written_is_said_truly_for_every_command(site: Path, tmp_path: Path) -> None:
    """E5: nothing was written, whatever it would have been."""
    out = str(tmp_path / "nowhere" / "x.zip")
    outcome = CliRunner().invoke(main, ["evidence", "alice@example.com", "--out", out, "--site", str(site)])
    assert (outcome.exit_code, "nothing was written" in outcome.stderr) == (1, True)


def test_keys_that_do_not_fit_end_with_one_sentence(site: Path) -> None:
    """S2, S6: another key file, a readable one, none: refused, nothing overwritten."""
    keys = site / "var" / "keys.json"
    own = keys.read_text()
    keys.chmod(0o644)
    outcome = run(site)
    assert (outcome.exit_code, "chmod 600" in outcome.stderr) == (1, True)
    keys.unlink()
    outcome = run(site)
    assert (outcome.exit_code, "is missing" in outcome.stderr) == (1, True)
    assert not keys.exists()
    keys.write_text(own.replace("a", "b"))
    keys.chmod(0o600)
    assert run(site).exit_code == 1
    keys.write_text("{}")
    outcome = run(site)
    assert (outcome.exit_code, "cannot be read" in outcome.stderr) == (1, True)
    keys.write_text(own)
    assert run(site).exit_code == 0


def test_a_database_that_is_none_ends_with_one_sentence(site: Path) -> None:
    """S6: exit 1, nothing overwritten."""
    path = site / "var" / "optin.db"
    for file in (site / "var").glob("optin.db*"):
        file.unlink()
    path.write_bytes(b"nonsense" * 400)
    outcome = run(site)
    assert (outcome.exit_code, "cannot be opened" in outcome.stderr) == (1, True)
    assert path.read_bytes() == b"nonsense" * 400
    with pytest.raises(sqlite3.DatabaseError):
        sqlite3.connect(path).execute("SELECT 1 FROM sqlite_master")


def test_the_site_is_loaded_for_an_export_although_a_magnet_is_broken(site: Path) -> None:
    """M4: a broken magnet keeps nobody from exporting."""
    (site / "magnets" / "broken.md").write_text("nonsense")
    assert run(site).exit_code == 0
    (site / "optin.toml").write_text("nonsense")
    assert run(site).exit_code == 1
    assert load_edition(site, KINDS)[0] is None


def test_a_processor_whose_agreement_ended_gets_no_export(site: Path, tmp_path: Path) -> None:
    """L9, E1: no file is made after its last day."""
    out, today = tmp_path / "leads.csv", utc_now().date()
    words = ["export", "--purpose", "tips-email", "--channel", "email", "--to", "old", "--why", "x"]
    for ends, status in ((today - timedelta(days=2), 1), (today + timedelta(days=2), 0)):
        text = (site / "optin.toml").read_text("utf-8").partition("[processors.old]")[0]
        added = f'[processors.old]\nname = "Old B.V."\nagreement = "x"\nends = {ends}\n'
        (site / "optin.toml").write_text(f"{text}\n{added}", "utf-8")
        done = CliRunner().invoke(main, [*words, "--out", str(out), "--site", str(site)])
        assert done.exit_code == status, done.stderr
        assert out.exists() == (status == 0)
        if status:
            assert f"The agreement with 'old' ended on {ends}" in done.stderr
