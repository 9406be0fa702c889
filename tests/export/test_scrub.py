"""Old lists from anywhere: who on them may still be approached, and why not."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from functools import partial
from pathlib import Path

import openpyxl
import pytest
from click.testing import CliRunner, Result
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from xlsxwriter import Workbook

from optin.app.main import main
from optin.consent.email_and_telephone import parse_email
from optin.errors import RequestRefused
from optin.export.contact_list_reader import open_list
from optin.flows.rights.erase import BY_PERSON, erase_person
from optin.services.open_installation import open_installation
from tests.installed import KINDS
from tests.site_people import people_of
from tests.web.conftest import site_at
from tests.world import CALL, TIPS

PHONE = "+31201234567"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """alice gave both consents, bert one, carol withdrew, erica was erased, bob never answered."""
    root = tmp_path / "site"
    edition = site_at(root)
    with open_installation(edition.site.settings, edition.policy, KINDS, "serve") as installation:
        world = people_of(installation, edition, timedelta(hours=1))
        world.join("alice@example.com", TIPS, CALL, phone=PHONE)
        world.join("bert@example.com", TIPS)
        world.withdraw(world.join("carol@example.com", TIPS))
        world.join("erica@example.com", TIPS, CALL, phone="+31207654321")
        index = installation.vault.index(parse_email("erica@example.com"))
        erase = partial(
            erase_person, context=installation.context, email_index=index, reason=BY_PERSON, now=world.now
        )
        world.do(erase)
        world.sign_up("bob@example.com", TIPS)
    return root


def scrub(site: Path, file: Path, *more: str, channel: str = "email") -> Result:
    purpose = "tips-email" if channel == "email" else "follow-up-phone"
    out = str(file.with_name("kept.csv"))
    what = ["--purpose", purpose, "--channel", channel, "--out", out]
    what += (
        [] if "--suppress-only" in more else ["--consent-only"]
    )  # the gate's answers: tests/gate/test_list.py
    return CliRunner().invoke(main, ["scrub", str(file), *what, *more, "--site", str(site)])


def rows(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file))


OLD_LIST = (
    "Naam;E-mailadres;Plaats\r\n"
    "Alice;Alice@Example.com;Utrecht\r\n"
    'Bert;bert@example.com;"Den Haag; Scheveningen"\r\n'
    "Carol;carol@example.com;Delft\r\n"
    "Erica;erica@example.com;Delft\r\n"
    "Bob;bob@example.com;Delft\r\n"
    "Zed;zed@example.com;Delft\r\n"
    "Niets;;Delft\r\n"
    "Fout;geen adres;Delft\r\n"
)


def test_only_who_has_a_proven_consent_stays(site: Path, tmp_path: Path) -> None:
    """E6: for exactly this purpose and channel; the reason for each other row in a second file."""
    file = tmp_path / "old.csv"
    file.write_text(OLD_LIST)
    outcome = scrub(site, file)
    assert outcome.exit_code == 0, outcome.output
    assert rows(tmp_path / "kept.csv") == [
        ["Naam", "E-mailadres", "Plaats"],
        ["Alice", "Alice@Example.com", "Utrecht"],
        ["Bert", "bert@example.com", "Den Haag; Scheveningen"],
    ]
    dropped = {row[1]: (row[0], row[2]) for row in rows(tmp_path / "kept-dropped.csv")[1:]}
    assert dropped["carol@example.com"] == ("4", "withdrawn")
    assert dropped["erica@example.com"] == ("5", "no consent")
    assert dropped["bob@example.com"][1] == "no consent"
    assert dropped["zed@example.com"][1] == "no consent"
    assert dropped["geen adres"][1] == "no address"
    assert "2 rows kept" in outcome.stderr


def test_only_who_objected_is_dropped_when_asked_so(site: Path, tmp_path: Path) -> None:
    """E6, R7: withdrawn or erased, also after the erasure forgot everything else (PEERS 21)."""
    file = tmp_path / "old.csv"
    file.write_text(OLD_LIST)
    outcome = scrub(site, file, "--suppress-only")
    assert outcome.exit_code == 0, outcome.output
    dropped = {row[1]: row[2] for row in rows(tmp_path / "kept-dropped.csv")[1:]}
    objected = {address for address, reason in dropped.items() if reason == "withdrawn or erased"}
    assert objected == {"carol@example.com", "erica@example.com"}


@pytest.mark.parametrize(
    "first", ["Erica <erica@example.com>", "erica@example.com (prive)", "; erica@example.com"]
)
def test_a_first_row_with_a_person_in_it_is_no_header(site: Path, tmp_path: Path, first: str) -> None:
    """E6: an address with something around it never passes as the name of a column."""
    file = tmp_path / "old.csv"
    file.write_text(f'"{first}"\n' + "alice@example.com\n" * 3)
    assert scrub(site, file).exit_code == 0
    assert rows(tmp_path / "kept.csv") == [["alice@example.com"]] * 3
    for name in ("kept.csv", "kept-dropped.csv"):
        (tmp_path / name).unlink()
    assert scrub(site, file, "--suppress-only").exit_code == 0
    assert "erica" not in (tmp_path / "kept.csv").read_text()


def test_an_objection_in_another_column_drops_the_row(site: Path, tmp_path: Path) -> None:
    """E6, R7: a private address beside that of the company is of the same person."""
    file = tmp_path / "old.csv"
    file.write_text(
        "email,email 2\n"
        "zed@example.com,Erica <erica@example.com>\n"
        "yves@example.com,\n"
        "x@example.com,unknown@example.com\n"
    )
    assert scrub(site, file, "--suppress-only").exit_code == 0
    assert [row[0] for row in rows(tmp_path / "kept.csv")] == ["email", "yves@example.com", "x@example.com"]
    assert ["2", "zed@example.com", "withdrawn or erased"] in rows(tmp_path / "kept-dropped.csv")


def test_a_list_of_telephone_numbers_is_scrubbed_as_well(site: Path, tmp_path: Path) -> None:
    """E6: however they are written; a number whose owner was erased goes."""
    file = tmp_path / "numbers.csv"
    file.write_text("Telefoon\n020 123 45 67\n+31 (0)20 7654321\n0201112223\n12\n")
    outcome = scrub(site, file, channel="phone")
    assert outcome.exit_code == 0, outcome.output
    assert rows(tmp_path / "kept.csv") == [["Telefoon"], ["020 123 45 67"]]
    (tmp_path / "kept.csv").unlink()
    (tmp_path / "kept-dropped.csv").unlink()
    outcome = scrub(site, file, "--suppress-only", channel="phone")
    assert "1 dropped: withdrawn or erased" in outcome.stderr


def test_a_spreadsheet_comes_and_goes_as_one(site: Path, tmp_path: Path) -> None:
    """E6, E4: XLSX is read, also where cells are formulas or numbers, and written as texts."""
    file = tmp_path / "old.xlsx"
    with Workbook(str(file)) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ["Nr", "Contact", "Som"])
        sheet.write_row(1, 0, [1, "alice@example.com", "x"])
        sheet.write_formula(1, 2, "=1+1", None, 2)
        sheet.write_row(2, 0, [2, "zed@example.com", "=cmd"])
    out = tmp_path / "kept.xlsx"
    what = ["--purpose", "tips-email", "--channel", "email", "--out", str(out), "--site", str(site)]
    outcome = CliRunner().invoke(main, ["scrub", str(file), *what])
    assert outcome.exit_code == 0, outcome.output
    kept = [[cell.value for cell in row] for row in openpyxl.load_workbook(out).worksheets[0]]
    assert kept == [["Nr", "Contact", "Som", "basis"], ["1", "alice@example.com", "2", "consent"]]
    assert (tmp_path / "kept-dropped.xlsx").exists()


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "is empty"),
        (b"Naam,Plaats\nAlice,Utrecht\n", "has no column with an e-mail address; line 1"),
        ("Naam,E-mail\nRenée,renee@example.com\n".encode("latin-1"), "is not utf-8 from line"),
        (b"E-mail\nalice@example.com\nx\0y\n", "line 3 holds a NUL"),
        (b"E-mail" + b"," * 5_000 + b"\n", "columns"),
        (b"E-mail\n" + b"a" * 2_000_000, "line 2"),
        (b'E-mail\n"' + b"a" * 300_000 + b'"\n', "line 2"),
        (b"PK\x03\x04 no archive", "was cut off"),
    ],
    ids=["empty", "no-column", "latin-1", "nul", "columns", "long-line", "long-cell", "no-zip"],
)
def test_a_list_that_cannot_be_read_is_a_sentence_with_the_line(
    site: Path, tmp_path: Path, data: bytes, sentence: str
) -> None:
    """E6, S5: never a traceback, and no file half written."""
    file = tmp_path / "old.csv"
    file.write_bytes(data)
    outcome = scrub(site, file)
    assert outcome.exit_code == 1, outcome.output
    assert sentence in outcome.stderr
    assert not (tmp_path / "kept.csv").exists()


def test_what_a_spreadsheet_would_run_is_defused(site: Path, tmp_path: Path) -> None:
    """E4: whatever stood in the list."""
    file = tmp_path / "old.csv"
    file.write_text("E-mail,Note\nalice@example.com,\"=cmd|'/c calc'!A1\"\n")
    scrub(site, file)
    assert rows(tmp_path / "kept.csv")[1][1].startswith("'=")


def test_an_encoding_and_a_column_can_be_named(site: Path, tmp_path: Path) -> None:
    """E6: for lists that do not tell."""
    file = tmp_path / "old.csv"
    file.write_bytes("Renée\talice@example.com\tzed@example.com\n".encode("cp1252"))
    outcome = scrub(site, file, "--encoding", "cp1252", "--column", "2")
    assert outcome.exit_code == 0, outcome.output
    assert rows(tmp_path / "kept.csv") == [["Renée", "alice@example.com", "zed@example.com"]]
    assert scrub(site, file, "--encoding", "klingon").exit_code == 1


def test_nothing_of_a_list_is_stored(site: Path, tmp_path: Path) -> None:
    """E6, R7: the database is the same before and after."""
    file = tmp_path / "old.csv"
    file.write_text(OLD_LIST)
    before = (site / "var" / "optin.db").read_bytes()
    scrub(site, file)
    after = (site / "var" / "optin.db").read_bytes()
    assert b"zed@" not in after
    assert len(after) == len(before)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=2_000))
def test_any_bytes_are_rows_or_a_sentence(tmp_path: Path, data: bytes) -> None:
    """S5: the reader never fails otherwise."""
    file = tmp_path / "any.csv"
    file.write_bytes(data)
    try:
        for line in open_list(file, "email", "1", "utf-8").rows:
            assert line.number > 0
    except RequestRefused as problem:
        assert str(problem)


def test_rows_are_numbered_as_an_editor_does(tmp_path: Path) -> None:
    """E6: cells that go over lines count as their last line."""
    file = tmp_path / "old.csv"
    out = io.StringIO()
    csv.writer(out).writerows([["e-mail", "note"], ["a@example.com", "two\nlines"], ["b@example.com", "x"]])
    file.write_text(out.getvalue(), newline="")
    assert [line.number for line in open_list(file, "email", None, "utf-8").rows] == [3, 4]
