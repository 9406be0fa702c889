"""CSV files as those who read them read them: mailing tools, programs, Excel in three languages."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from optin.app.main import main
from optin.export.column_presets import PRESETS
from optin.export.writers import FOR_EXCEL, write_csv
from tests.export.test_export import run
from tests.export.test_export import site as site  # noqa: PLC0414 - the same people
from tests.house.requirements_table import ROOT

MARK = b"\xef\xbb\xbf"
LIST = "email;naam\r\nalice@example.com;Zoë\r\nzed@example.com;=cmd\r\n"


def read_as_go(data: bytes, comma: str = ",") -> list[list[str]]:
    """Read as Go's encoding/csv does, which listmonk uses (no LazyQuotes, FieldsPerRecord 0).

    A field is quoted only if its quote is its first sign; a quote elsewhere in a bare field is an error; so
    are rows of different lengths. It knows no byte order mark.
    """
    rows: list[list[str]] = []
    row: list[str] = []
    text, at = data.decode().replace("\r\n", "\n"), 0
    while at < len(text):
        if text[at] == '"':
            field, at = "", at + 1
            while not (text[at] == '"' and text[at + 1 : at + 2] != '"'):
                field, at = field + text[at], at + (2 if text[at] == '"' else 1)
            at += 1
            assert text[at : at + 1] in {comma, "\n", ""}, 'extraneous or missing " in quoted-field'
        else:
            end = min(i for i in (text.find(comma, at), text.find("\n", at), len(text)) if i >= 0)
            field, at = text[at:end], end
            assert '"' not in field, 'bare " in non-quoted-field'
        row = [*row, field]
        if text[at : at + 1] != comma:
            rows, row = [*rows, row], []
        at += 1
    assert len({len(it) for it in rows}) == 1, "wrong number of fields"
    return rows


def test_the_reader_of_this_test_refuses_what_go_refuses() -> None:
    """E3: as Go 1.27 said of the very bytes of an earlier preset."""
    with pytest.raises(AssertionError, match="bare"):
        read_as_go(MARK + b'"email","name"\r\n"a@b.nl","A"\r\n')
    assert read_as_go(b'"email","name"\r\n"a@b.nl","A ""x"",\r\n b"\r\n') == [
        ["email", "name"],
        ["a@b.nl", 'A "x",\n b'],
    ]


@pytest.mark.parametrize("name", PRESETS)
def test_each_preset_is_read_by_a_strict_reader(site: Path, tmp_path: Path, name: str) -> None:
    """E3: the first column has its own name, and nothing before it; in a file and on standard output."""
    out = tmp_path / "leads.csv"
    assert run(site, preset=name, out=str(out)).exit_code == 0
    for data in (out.read_bytes(), run(site, preset=name).stdout_bytes):
        assert not data.startswith(MARK)
        head, *rows = read_as_go(data)
        assert head[0] in {"email", "Email Address", "EMAIL", "Email"}
        assert {row[0] for row in rows} == {"alice@example.com", "bert@example.com"}
        assert data.endswith(b"\r\n")


@pytest.mark.parametrize("name", PRESETS)
def test_each_preset_names_the_document_by_which_its_reader_is_known(name: str) -> None:
    """E3: in the code, and in the guide for whoever looks it up."""
    document = PRESETS[name].document
    assert document.startswith("https://")
    guide = (ROOT / "docs" / "guide" / "commands.md").read_text("utf-8")
    (line,) = [line for line in guide.splitlines() if line.startswith(f"| `{name}` |")]
    assert document in line


def test_a_csv_without_a_preset_is_for_programs(site: Path) -> None:
    """E2: RFC 4180, with no mark before its first name."""
    data = run(site).stdout_bytes
    assert read_as_go(data)[0][:2] == ["email", "phone"]


def test_excel_in_dutch_german_and_french_opens_it(site: Path, tmp_path: Path) -> None:
    """E2, E4: semicolons, a mark, CR LF; the same columns; nothing runs."""
    out = tmp_path / "leads.csv"
    words = [
        "--purpose",
        "tips-email",
        "--channel",
        "email",
        "--to",
        "crm",
        "--why",
        "test",
        "--out",
        str(out),
    ]
    assert CliRunner().invoke(main, ["export", "--site", str(site), *words, "--excel"]).exit_code == 0
    data = out.read_bytes()
    assert data.startswith(MARK + b'"email";"phone";"first_name"')
    assert data.count(b"\n") == data.count(b"\r\n") == 3
    rows = list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline=""), delimiter=";"))
    assert {row["first_name"] for row in rows} == {"'=cmd", ""}
    plain = csv.DictReader(io.StringIO(run(site).stdout))
    assert plain.fieldnames == list(rows[0])


@pytest.mark.parametrize("text", ["a;=1+1", "=1", "x\r\n@y", 'a";"=b', "ë;-1"])
def test_no_part_of_a_cell_runs_in_it(text: str) -> None:
    """E4: whichever sign a spreadsheet parts cells at."""
    file = io.StringIO(newline="")
    write_csv(file, ("a", "b"), [{"a": "first", "b": text}], FOR_EXCEL)
    for sign in ";,\t":
        file.seek(1)
        for row in csv.reader(file, delimiter=sign):
            assert not any(part.lstrip(' "').startswith(tuple("=+-@")) for part in row)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"preset": "mailchimp"}, "leave out --preset"),
        ({"format": "xlsx"}, "An XLSX opens in every Excel"),
        ({"format": "jsonl"}, "leave out --preset and --format"),
    ],
)
def test_what_excel_is_not_for_is_a_sentence(site: Path, more: dict[str, str], said: str) -> None:
    """E2, E3: and nothing is exported."""
    words = [word for name, value in more.items() for word in (f"--{name}", value)]
    what = ["--purpose", "tips-email", "--channel", "email", "--to", "crm", "--why", "x", "--out", "-"]
    outcome = CliRunner().invoke(main, ["export", "--site", str(site), *what, *words, "--excel"])
    assert outcome.exit_code == 1
    assert said in outcome.stderr
    assert outcome.stdout == ""


def scrub(site: Path, file: Path, *more: str) -> Result:
    what = ["--purpose", "tips-email", "--channel", "email", "--suppress-only"]
    return CliRunner().invoke(main, ["scrub", str(file), *what, *more, "--site", str(site)])


def test_lists_of_people_are_written_either_way(site: Path, tmp_path: Path) -> None:
    """E6, E5: a scrubbed list, what was dropped, and whom a processor must delete."""
    old = tmp_path / "old.csv"
    old.write_text(LIST, "utf-8")
    for number, excel in enumerate(([], ["--excel"])):
        kept, ended = tmp_path / f"kept-{number}.csv", tmp_path / f"ended-{number}.csv"
        assert scrub(site, old, "--out", str(kept), *excel).exit_code == 0
        assert run(site, out=str(tmp_path / f"leads-{number}.csv")).exit_code == 0
        done = CliRunner().invoke(
            main, ["exports", "--site", str(site), "--since", "1", "--out", str(ended), *excel]
        )
        assert done.exit_code == 0, done.output
        sign = ";" if excel else ","
        for path in (kept, kept.with_stem(f"{kept.stem}-dropped"), ended):
            data = path.read_bytes()
            assert data.startswith(MARK) == bool(excel), path
            head = next(csv.reader(io.StringIO(data.decode("utf-8-sig")), delimiter=sign))
            assert len(head) > 1, path
        rows = list(csv.reader(io.StringIO(kept.read_bytes().decode("utf-8-sig")), delimiter=sign))
        assert rows[1:] == [["alice@example.com", "Zoë"], ["zed@example.com", "'=cmd"]]
        assert read_as_go(kept.read_bytes().removeprefix(MARK), sign) == rows


def test_a_list_as_xlsx_needs_no_excel(site: Path, tmp_path: Path) -> None:
    """E6: a sentence, and no file."""
    old = tmp_path / "old.csv"
    old.write_text(LIST, "utf-8")
    outcome = scrub(site, old, "--out", str(tmp_path / "kept.xlsx"), "--excel")
    assert outcome.exit_code == 1
    assert "leave --excel" in outcome.stderr
    assert list(tmp_path.glob("kept*")) == []
