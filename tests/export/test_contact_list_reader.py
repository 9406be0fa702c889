"""Lists as people have them: read whole, or refused with the line; nobody on them is hidden."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest
from xlsxwriter import Workbook

from optin.errors import RequestRefused
from optin.export.contact_list_reader import PeopleList, open_list
from tests.export.test_scrub import rows, scrub
from tests.export.test_scrub import site as site  # noqa: PLC0414 - the same people
from tests.export.test_since import export, open_world_of, run


def opened(path: Path, text: str | bytes, kind: str = "email", **more: str) -> PeopleList:
    """Write a list, open it."""
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return open_list(path, kind, more.get("column"), more.get("encoding", "utf-8"))


def people(path: Path, text: str | bytes, kind: str = "email", **more: str) -> list[str]:
    """Return every address of a list, of each row first its own."""
    found = opened(path, text, kind, **more)
    return [it for line in found.rows for part in found.addresses(line) for it in part]


def refusal(path: Path, text: str | bytes, **more: str) -> str:
    """Return the sentence by which a list is refused, sooner or later."""
    with pytest.raises(RequestRefused) as refused:
        people(path, text, **more)
    return str(refused.value)


# --- one stray quote

HEADER = "E-mail;Naam;Plaats\n"
MANY = "".join(f"p{number}@example.org;Naam;Plaats\n" for number in range(3_000))
STRAY = {
    "never closed": HEADER + 'x@example.org;"Bakker;B.V.\n' + "carol@example.com;Carol;Delft\n",
    "never closed, long": HEADER + 'x@example.org;"Bakker;B.V.\n' + MANY,
    "never closed, longer than any cell": HEADER + 'x@example.org;"Bakker;B.V.\n' + MANY + MANY,
    "closed by a quoted cell below": HEADER
    + 'x@example.org;"Bakker;B.V.\ncarol@example.com;Carol;Delft\ny@example.org;"Smit";Delft\n',
    "closed by another stray quote": HEADER
    + 'x@example.org;"Bakker;B.V.\ncarol@example.com;Carol;Delft\ny@example.org;Smit;Delft"\n',
    "closed in the next line": HEADER + 'x@example.org;"Bakker;B.V.\ncarol@example.com;Smit";Delft\n',
    "before the address": "Naam;E-mail\n" + '"Bakker;x@example.org\nSmit";carol@example.com\n',
    "inside a quoted cell": HEADER + 'x@example.org;"Bakker "de snelle" B.V.";Delft\n',
    "with backslashes": HEADER + 'x@example.org;"Bakker \\"de snelle\\" B.V.";Delft\n',
}


@pytest.mark.parametrize("case", STRAY)
def test_a_stray_quote_is_refused_with_its_line(tmp_path: Path, case: str) -> None:
    """E6, E5: what it swallows would be hidden, so nothing of the list is used."""
    sentence = refusal(tmp_path / "old.csv", STRAY[case])
    assert sentence.startswith("old.csv, line 2: a quote")


def test_a_stray_quote_far_below_has_its_line(tmp_path: Path) -> None:
    """E6: not the line where the reader noticed."""
    text = HEADER + MANY + 'x@example.org;"Bakker;B.V.\n' + MANY
    assert "old.csv, line 3002: a quote" in refusal(tmp_path / "old.csv", text)


@pytest.mark.parametrize("case", STRAY)
def test_neither_command_answers_about_such_a_list(site: Path, tmp_path: Path, case: str) -> None:
    """E6, E5: no file, no "nobody"."""
    leads, theirs = tmp_path / "leads.csv", tmp_path / "old.csv"
    export(site, leads)
    open_world_of(site, "erase", "alice@example.com")
    theirs.write_text(STRAY[case])
    for how in ((), ("--suppress-only",)):
        outcome = scrub(site, theirs, *how)
        assert (outcome.exit_code, "line 2" in outcome.stderr) == (1, True), outcome.output
        assert not (tmp_path / "kept.csv").exists()
        assert not (tmp_path / "kept-dropped.csv").exists()
    for shape in ("json", "table"):
        outcome = run(site, "exports", "--since", "1", "--file", str(theirs), "--format", shape)
        assert (outcome.exit_code, outcome.stdout, "line 2" in outcome.stderr) == (1, "", True)
    outcome = run(site, "exports", "--since", "1", "--file", str(theirs), "--out", str(tmp_path / "gone.csv"))
    assert outcome.exit_code == 1
    assert not (tmp_path / "gone.csv").exists()


@pytest.mark.parametrize("end", ["\n", '"\n'])
def test_numbers_are_not_hidden_by_a_stray_quote_either(tmp_path: Path, end: str) -> None:
    """E6: a list for the telephone, parted by tabs."""
    told = f'Telefoon\tNaam\n020 123 45 67\t"Bakker\n020 765 43 21\tSmit{end}'
    with pytest.raises(RequestRefused, match="line 2: a quote"):
        list(opened(tmp_path / "old.csv", told, "phone").rows)
    note = 'Telefoon\tNaam\n020 123 45 67\t"gebeld op\n12-03-2026\tom 10:15"\n'
    assert len(list(opened(tmp_path / "old.csv", note, "phone").rows)) == 1


@pytest.mark.parametrize(
    "text",
    [
        HEADER + 'alice@example.com;"Bakker; B.V.";"Den ""Haag"""\n',
        HEADER + 'alice@example.com;Bakker "de snelle" B.V.;Delft\n',
        HEADER + 'alice@example.com;"Beste Jan,\nmail carol, graag.\n\nGroet";Delft\n',
        HEADER + 'alice@example.com;"";""\n',
        '"E-mail";"Naam";"Plaats"\r\n"alice@example.com";"B;V";"x"\r\n',
    ],
)
def test_quotes_where_they_belong_are_read(tmp_path: Path, text: str) -> None:
    """E6: cells with a separator, a quote or a line break in them."""
    assert people(tmp_path / "old.csv", text) == ["alice@example.com"]


def test_an_address_in_a_note_of_several_lines_is_of_the_row(tmp_path: Path) -> None:
    """E6, R7: it is no row, and is looked up all the same."""
    text = 'email,note\nzed@example.com,"Hallo,\nmail anders carol@example.com, of bel.\n"\n'
    assert people(tmp_path / "old.csv", text) == ["zed@example.com", "carol@example.com"]


# --- other ways not to be read whole


def spreadsheet(path: Path, *sheets: list[list[str]]) -> Path:
    with Workbook(str(path)) as book:
        for number, told in enumerate(sheets, 1):
            sheet = book.add_worksheet(f"Blad{number}")
            for place, cells in enumerate(told):
                sheet.write_row(place, 0, cells)
    return path


LIST = [["E-mail", "Naam"], *[[f"p{number}@example.org", "x"] for number in range(2_000)]]


def test_a_spreadsheet_that_was_cut_off_is_refused(tmp_path: Path) -> None:
    """E6: by the end of a download, or in the middle of its sheet."""
    data = spreadsheet(tmp_path / "whole.xlsx", LIST).read_bytes()
    for size in (len(data) // 2, len(data) - 30):
        sentence = refusal(tmp_path / "old.xlsx", data[:size])
        assert "old.xlsx is damaged or was cut off" in sentence
    with zipfile.ZipFile(tmp_path / "whole.xlsx") as whole, zipfile.ZipFile(tmp_path / "x.xlsx", "w") as cut:
        for member in whole.infolist():
            told = whole.read(member)
            cut.writestr(member, told[: len(told) // 2] if "sheet1" in member.filename else told)
    assert "breaks off" in refusal(tmp_path / "old.xlsx", (tmp_path / "x.xlsx").read_bytes())


def test_a_spreadsheet_with_several_sheets_is_refused_unless_one_is_named(
    site: Path,
    tmp_path: Path,
) -> None:
    """E6, E5: people on a second sheet would be hidden; empty sheets hide nobody."""
    theirs = spreadsheet(tmp_path / "old.xlsx", LIST, [], [["E-mail"], ["alice@example.com"]])
    outcome = scrub(site, theirs)
    assert outcome.exit_code == 1
    assert "has rows on 2 sheets: 'Blad1', 'Blad3'" in outcome.stderr
    assert "--sheet" in outcome.stderr
    assert scrub(site, theirs, "--sheet", "Blad3").exit_code == 0
    assert rows(tmp_path / "kept.csv") == [["E-mail"], ["alice@example.com"]]
    assert "no sheet 'Blad9'" in scrub(site, theirs, "--sheet", "Blad9").stderr
    export(site, tmp_path / "leads.csv")
    open_world_of(site, "erase", "alice@example.com")
    since = ["exports", "--since", "1", "--file", str(theirs), "--format", "json"]
    assert run(site, *since).exit_code == 1
    found = json.loads(run(site, *since, "--sheet", "Blad3").stdout)
    assert [row["email"] for row in found] == ["alice@example.com"]
    alone = spreadsheet(tmp_path / "alone.xlsx", [], LIST)
    assert len(list(open_list(alone, "email", None, "utf-8").rows)) == 2_000


def test_an_empty_sheet_is_empty(tmp_path: Path) -> None:
    """E6: as an empty file is."""
    assert "is empty" in refusal(tmp_path / "x.xlsx", spreadsheet(tmp_path / "old.xlsx", []).read_bytes())


def test_formulas_whose_results_were_never_saved_are_refused(tmp_path: Path) -> None:
    """E6: they read as nothing, and whose address they make would be hidden."""
    path = spreadsheet(tmp_path / "whole.xlsx", [["E-mail"], ["alice@example.com"], ["x"]])
    with zipfile.ZipFile(path) as whole, zipfile.ZipFile(tmp_path / "old.xlsx", "w") as other:
        for member in whole.infolist():
            told = whole.read(member)
            if "sheet1" in member.filename:
                told = told.replace(b'<c r="A3" t="s"><v>2</v></c>', b'<c r="A3"><f>A2&amp;""</f><v></v></c>')
            other.writestr(member, told)
    sentence = refusal(tmp_path / "x.xlsx", (tmp_path / "old.xlsx").read_bytes())
    assert "formulas" in sentence
    assert "save it" in sentence


@pytest.mark.parametrize(
    ("data", "encoding", "sentence"),
    [
        (HEADER.encode() + b"a@example.org;x;y\n" * 900 + b"b@example.org;Ren\xe9;z\n", "utf-8", "line 902"),
        (HEADER.encode() + b"a@example.org;x;\x81\n", "cp1252", "is not cp1252 from line 2"),
        ((HEADER + "a@example.org;x;y\n").encode("utf-16")[:-1], "utf-8", "is not utf-16 from line"),
        (HEADER.encode() + b"a@example.org\0;x;y\n", "utf-8", "line 2 holds a NUL"),
    ],
    ids=["latin-1", "cp1252", "utf-16 cut off", "nul"],
)
def test_bytes_of_another_encoding_are_refused_with_their_line(
    tmp_path: Path, data: bytes, encoding: str, sentence: str
) -> None:
    """E6: even when they stand at the end."""
    assert sentence in refusal(tmp_path / "old.csv", data, encoding=encoding)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-8-sig"])
def test_unicode_of_every_width_is_read(tmp_path: Path, encoding: str) -> None:
    """E6: what Excel calls Unicode text, with and without a byte order mark."""
    text = "E-mail\tNaam\r\nalice@example.com\tRenée\r\n"
    assert people(tmp_path / "old.txt", text.encode(encoding)) == ["alice@example.com"]


def test_two_rows_that_run_together_are_refused(tmp_path: Path) -> None:
    """E6: a line break is missing, and with it a person."""
    rows_of_three = HEADER + "a@example.org;A;Delft\n" * 5
    sentence = refusal(tmp_path / "old.csv", rows_of_three + "b@example.org;B;Delftc@example.org;C;Delft\n")
    assert sentence.startswith("old.csv, line 7 has 5 columns")
    assert "line break" in sentence
    two = "Naam;E-mail\nA;a@example.org\nB;b@example.orgC;c@example.org\n"
    assert refusal(tmp_path / "old.csv", two).startswith("old.csv, line 3 has 3 columns")
    ragged = HEADER + "a@example.org;Bakker;B.V.;Delft\n"
    assert people(tmp_path / "old.csv", ragged) == ["a@example.org"], "a separator too many hides nobody"


def test_a_file_that_cannot_be_opened_is_a_sentence(tmp_path: Path) -> None:
    """S5: no traceback."""
    loop = tmp_path / "old.csv"
    loop.mkdir()
    with pytest.raises(RequestRefused, match="cannot be read"):
        open_list(loop, "email", None, "utf-8")


# --- what people have

READ = {
    "sep": "sep=;\r\nE-mail;Naam\r\nalice@example.com;Bakker, Jan\r\nbert@example.com;x\r\n",
    "sep in quotes": '"sep=;"\nE-mail;Naam\nalice@example.com;x\nbert@example.com;x\n',
    "sep and a mark": "\ufeffsep=|\nE-mail|Naam\nalice@example.com|x\nbert@example.com|x\n",
    "sep of a sign of its own": "sep=^\nE-mail^Naam\nalice@example.com^x\nbert@example.com^x\n",
    "commas in the header": "Naam, voornaam, titel;E-mail, zakelijk;Plaats, land\n"
    "Bakker;alice@example.com;Delft\nSmit;bert@example.com;Delft\n",
    "commas in cells": "Naam;E-mail;Plaats\nBakker, J.;alice@example.com;Delft, NL\n"
    "Smit, P.;bert@example.com;Delft, NL\n",
    "a title": "Klantenlijst 2026\nNaam;E-mail\nA;alice@example.com\nB;bert@example.com\n",
    "titles and empty lines": "Klantenlijst;;\n\nExport van 12-03-2026 10:15;;\n;;\nNaam;E-mail;Plaats\n"
    "A;alice@example.com;x\nB;bert@example.com;y\n",
    "a title with commas": "Klanten, leden, anderen\nNaam;E-mail\nA;alice@example.com\nB;bert@example.com\n",
    "a title over an unnamed header": "Klantenlijst\nNaam;Contact\nA;alice@example.com\nB;bert@example.com\n",
    "names": 'Contact\nAlice <alice@example.com>\n"Bert, B." <bert@example.com>\n',
    "recipients of a mail": '"Bakker, A." <alice@example.com>, Bert <bert@example.com>\n',
    "recipients of a mail in lines": '"Bakker, A." <alice@example.com>;\n"B" <bert@example.com>',
    "addresses on one line": "alice@example.com; bert@example.com\n",
    "names in quotes": 'Nr;Contact\n1;"""Bakker; Alice"" <alice@example.com>"\n2;Bert <bert@example.com>\n',
    "mailto": "E-mail,Naam\nmailto:alice@example.com,x\nMAILTO:bert@example.com?subject=Hallo,x\n",
    "two in a cell": 'E-mail,Naam\n"alice@example.com, bert@example.com",x\n',
    "two with a semicolon": 'E-mail,Naam\n"alice@example.com;bert@example.com",x\n',
    "two with a slash": "E-mail,Naam\nalice@example.com / bert@example.com,x\n",
    "two with a slash alone": "E-mail,Naam\nalice@example.com/bert@example.com,x\n",
    "two with a space": "E-mail,Naam\nalice@example.com bert@example.com,x\n",
    "two on two lines": 'E-mail,Naam\n"alice@example.com\nbert@example.com",x\n',
    "two without quotes": "E-mail\nalice@example.com;bert@example.com\n",
    "brackets and dots": "E-mail\n<alice@example.com>\nbert@example.com.\n",
    "single quotes": "E-mail;x\n'alice@example.com';x\n'bert@example.com';x\n",
    "signs that nobody sees": "E-mail\n\u200balice@example.com\u00a0\nbert@\u00adexample.com\ufeff\n",
    "line ends of old": "E-mail;x\ralice@example.com;x\rbert@example.com;x\r",
}


@pytest.mark.parametrize("case", READ)
def test_what_people_have_is_read(tmp_path: Path, case: str) -> None:
    """E6: as Excel, Outlook and other programs write it."""
    found = opened(tmp_path / "old.csv", READ[case])
    told = [it for line in found.rows for it in found.addresses(line)[0] if "@" in it]
    assert told == ["alice@example.com", "bert@example.com"]


def test_an_apostrophe_and_other_signs_belong_to_an_address(tmp_path: Path) -> None:
    """E6: O'Brien is not Brien, nor is R&D a D."""
    text = "E-mail;Naam\no'brien@example.com;x\nR&D <r&d@example.com>;x\na/b@example.com;x\n"
    assert people(tmp_path / "old.csv", text) == ["o'brien@example.com", "r&d@example.com", "a/b@example.com"]


def test_a_header_below_a_title_is_written_again(site: Path, tmp_path: Path) -> None:
    """E6: what stood above it is named among the dropped."""
    file = tmp_path / "old.csv"
    file.write_text("sep=;\nKlantenlijst\n\nNaam;E-mail\nA;alice@example.com\n")
    assert scrub(site, file).exit_code == 0
    assert rows(tmp_path / "kept.csv") == [["Naam", "E-mail"], ["A", "alice@example.com"]]
    assert ["2", "", "no address"] in rows(tmp_path / "kept-dropped.csv")


def test_an_address_above_the_header_is_a_persons(tmp_path: Path) -> None:
    """E6, R7: whatever it does there."""
    text = "Vragen: carol@example.com\nNaam;E-mail\nA;alice@example.com\n"
    found = opened(tmp_path / "old.csv", text)
    assert found.header == ("Naam", "E-mail")
    assert [it for line in found.rows for part in found.addresses(line) for it in part if it] == [
        "carol@example.com",
        "alice@example.com",
    ]


@pytest.mark.parametrize(
    "cell",
    [
        '"alice@example.com; carol@example.com"',
        '"carol@example.com, alice@example.com"',
        "alice@example.com/carol@example.com",
        '"Alice <alice@example.com>, Carol <carol@example.com>"',
        '"alice@example.com\ncarol@example.com"',
        "alice@example.com erica@example.com",
    ],
)
@pytest.mark.parametrize("how", [(), ("--suppress-only",)])
def test_one_objection_in_a_cell_drops_its_row(
    site: Path,
    tmp_path: Path,
    cell: str,
    how: tuple[str, ...],
) -> None:
    """E6, R7: two addresses in a cell are two, and each must be allowed."""
    file = tmp_path / "old.csv"
    file.write_text(f"E-mail,Naam\n{cell},x\nbert@example.com,y\n")
    outcome = scrub(site, file, *how)
    assert outcome.exit_code == 0, outcome.output
    assert rows(tmp_path / "kept.csv") == [["E-mail", "Naam"], ["bert@example.com", "y"]]


def test_who_is_unknown_beside_who_is_proven_drops_the_row(site: Path, tmp_path: Path) -> None:
    """E6: of two in a cell, both need a proven consent; two with one each stay."""
    file = tmp_path / "old.csv"
    file.write_text('E-mail\n"alice@example.com; zed@example.com"\n"alice@example.com; bert@example.com"\n')
    assert scrub(site, file).exit_code == 0
    assert rows(tmp_path / "kept.csv") == [["E-mail"], ["alice@example.com; bert@example.com"]]


def test_an_objection_in_another_column_drops_who_is_proven(site: Path, tmp_path: Path) -> None:
    """E6, R7: the list that is kept holds the address of nobody who withdrew or was erased."""
    file = tmp_path / "old.csv"
    file.write_text(
        "email,partner\nalice@example.com,erica@example.com\nalice@example.com,carol@example.com\n"
        "bert@example.com,zed@example.com\n"
    )
    assert scrub(site, file).exit_code == 0
    assert [row[0] for row in rows(tmp_path / "kept.csv")] == ["email", "bert@example.com"]


def test_two_numbers_in_a_cell_are_two(site: Path, tmp_path: Path) -> None:
    """E6, R7: for telephone as well; a title with a date above them is none."""
    file = tmp_path / "old.csv"
    file.write_text(
        "Export 12-03-2026 10:15;\nTelefoon;Naam\n020 123 45 67 / +31 20 765 43 21;x\n020-1234567;y\n"
    )
    outcome = scrub(site, file, "--suppress-only", channel="phone")
    assert outcome.exit_code == 0, outcome.output
    assert rows(tmp_path / "kept.csv") == [["Telefoon", "Naam"], ["020-1234567", "y"]]


def test_numbers_of_a_spreadsheet_are_read_as_they_show(tmp_path: Path) -> None:
    """E6: a cell with a number is no fraction."""
    path = tmp_path / "old.xlsx"
    with Workbook(str(path)) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ["Telefoon"])
        sheet.write_number(1, 0, 31201234567)
        sheet.write_number(2, 0, 3.1201234568e10)
    found = open_list(path, "phone", None, "utf-8")
    assert [found.value(line) for line in found.rows] == ["31201234567", "31201234568"]


def test_since_an_export_says_how_much_was_read(site: Path, tmp_path: Path) -> None:
    """E5: and which lines hold no address that can be read; "nobody" is said of the whole file only."""
    export(site, tmp_path / "leads.csv")
    theirs = tmp_path / "theirs.csv"
    theirs.write_text("Naam;E-mail\nA;alice@example.com\nB;bert at example.com\nC;\nD;d@example.com\n")
    for _ in range(2):
        outcome = run(site, "exports", "--since", "1", "--file", str(theirs), "--format", "json")
        assert outcome.exit_code == 0
        assert "theirs.csv: 4 rows read." in outcome.stderr
        assert "1 of them hold no readable address, in line 3; check them yourself." in outcome.stderr
        open_world_of(site, "erase", "alice@example.com")


def test_everybody_of_a_cell_is_found_since_an_export(site: Path, tmp_path: Path) -> None:
    """E5, R7: two in a cell, a name around it, far down in a long note."""
    export(site, tmp_path / "leads.csv")
    open_world_of(site, "erase", "alice@example.com")
    theirs = tmp_path / "theirs.csv"
    for row in (
        '"zed@example.com; alice@example.com",x',
        "mailto:alice@example.com,x",
        f'zed@example.com,"{"lang verhaal " * 500}alice@example.com"',
        "zed@example.com,of alice@example.com",
    ):
        theirs.write_text(f"E-mail,Naam\n{row}\n")
        found = run(site, "exports", "--since", "1", "--file", str(theirs), "--format", "json")
        assert [it["email"] for it in json.loads(found.stdout)] == ["alice@example.com"], row


# --- other files

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)
FOREIGN = {
    "old.xls": (OLE + "Workbook".encode("utf-16-le"), "Excel file of before 2007"),
    "secret.xlsx": (OLE + "EncryptedPackage".encode("utf-16-le"), "protected by a password"),
    "page.xls": (b"\r\n<html><table><tr><td>alice@example.com</td></tr></table>", "a web page"),
    "old.xml": (b'\xef\xbb\xbf<?xml version="1.0"?><Workbook/>', "XML"),
    "old.pdf": (b"%PDF-1.7 alice@example.com", "a PDF"),
    "old.rtf": (b"{\\rtf1 alice@example.com}", "a text of a word processor"),
    "old.csv.gz": (b"\x1f\x8b\x08\x00" + bytes(99), "packed"),
    "old.json": (b'[\n {"email": "alice@example.com"}]', "JSON"),
    "leads.jsonl": (b'{"email":"alice@example.com"}\n', "JSON"),
    "old.vcf": (b"BEGIN:VCARD\r\nEMAIL:alice@example.com\r\n", "business cards"),
    "old.db": (b"SQLite format 3\0" + bytes(99), "a database"),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_a_file_of_another_kind_gets_a_sentence_that_fits(tmp_path: Path, name: str) -> None:
    """E6: what it is, and what to do."""
    data, what = FOREIGN[name]
    sentence = refusal(tmp_path / name, data, column="1")
    assert sentence.startswith(f"{name} is ")
    assert what in sentence
    assert "CSV" in sentence or "password" in sentence or "unpack" in sentence


@pytest.mark.parametrize(
    ("name", "member", "told", "what"),
    [
        ("old.ods", "mimetype", "application/vnd.oasis.opendocument.spreadsheet", "OpenDocument"),
        ("old.numbers", "Index/Document.iwa", "x", "Numbers"),
        ("old.numbers", "Index.zip", "x", "Numbers"),
        ("old.xlsb", "xl/workbook.bin", "x", "binary Excel"),
        ("old.docx", "word/document.xml", "x", "word processor"),
        ("old.zip", "old.csv", "alice@example.com", "unpack"),
    ],
)
def test_a_packed_file_of_another_kind_gets_one_too(
    tmp_path: Path, name: str, member: str, told: str, what: str
) -> None:
    """E6: all of them are ZIPs inside."""
    with zipfile.ZipFile(tmp_path / name, "w") as archive:
        archive.writestr(member, told)
    sentence = refusal(tmp_path / name, (tmp_path / name).read_bytes())
    assert sentence.startswith(f"{name} is ")
    assert what in sentence


def test_a_list_with_the_wrong_ending_is_read(tmp_path: Path) -> None:
    """E6: a name says little; many programs write text and call it .xls."""
    assert people(tmp_path / "old.xls", "E-mail\tNaam\nalice@example.com\tx\n") == ["alice@example.com"]
    data = spreadsheet(tmp_path / "x.xlsx", [["E-mail"], ["alice@example.com"]]).read_bytes()
    assert people(tmp_path / "old.csv", data) == ["alice@example.com"]


def test_a_scrubbed_list_is_a_list_again(site: Path, tmp_path: Path) -> None:
    """E6: what we write is read as it was written."""
    file = tmp_path / "old.csv"
    file.write_text('E-mail;Naam\nalice@example.com;"B ""x""; y\nz"\n')
    assert scrub(site, file).exit_code == 0
    again = open_list(tmp_path / "kept.csv", "email", None, "utf-8")
    assert [line.cells for line in again.rows] == [("alice@example.com", 'B "x"; y\nz')]


# --- signs that stand in an address and between two

IN_BRACKETS = {
    "Jan <a/b@example.com>": ["a/b@example.com"],
    '"Jansen, Jan" <a|b@example.com>': ["a|b@example.com"],
    "Jan <'t.hooft@example.com>": ["'t.hooft@example.com"],
    "Jan < a/b@example.com >; Piet <c@example.com>": ["a/b@example.com", "c@example.com"],
    "Jan <a@example.com/b@example.com>": ["a@example.com", "b@example.com"],
    "Jan <a@example.com> / Piet <b@example.com>": ["a@example.com", "b@example.com"],
    "mailto:x%2By@example.org": ["x+y@example.org"],
    "MAILTO:x%2By%40example.org": ["x+y@example.org"],
    "<mailto:a%2Fb@example.com>": ["a/b@example.com"],
    "Jan mailto:a%2Fb@example.com?subject=c": ["a/b@example.com"],
    "[a](mailto:x%2By@example.org)": ["x+y@example.org"],
    "mailto:a@example.com?subject=x,b@example.com": ["a@example.com", "b@example.com"],
    "x%2By@example.org": ["x%2By@example.org"],
}


@pytest.mark.parametrize("cell", IN_BRACKETS)
def test_what_stands_in_brackets_or_a_link_is_read_as_the_form_reads_it(tmp_path: Path, cell: str) -> None:
    """E6, R7: in the column of the address, and in another."""
    quoted = '"' + cell.replace('"', '""') + '"'
    assert people(tmp_path / "old.csv", f"email\n{quoted}\n") == IN_BRACKETS[cell]
    beside = f"email;note\nzed@example.com;{quoted}\n"
    assert people(tmp_path / "old.csv", beside) == ["zed@example.com", *IN_BRACKETS[cell]]


@pytest.mark.parametrize("cell", ["Alice <a/b@example.com>", "mailto:a%2Fb@example.com"])
def test_nobody_who_objected_is_kept_by_how_the_address_is_written(
    site: Path,
    tmp_path: Path,
    cell: str,
) -> None:
    """E6, R7: the row is dropped as it is when it holds the address alone."""
    export(site, tmp_path / "leads.csv")
    for act in ("join", "erase"):
        open_world_of(site, act, "a/b@example.com")
    theirs = tmp_path / "old.csv"
    theirs.write_text(f"email\n{cell}\nzed@example.org\n")
    assert scrub(site, theirs, "--suppress-only").exit_code == 0
    assert rows(tmp_path / "kept.csv") == [["email"], ["zed@example.org"]]
