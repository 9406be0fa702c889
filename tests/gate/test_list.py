"""A whole list at the gate: each row with its answer, basis, rule and reason."""

from __future__ import annotations

import csv
from pathlib import Path

import openpyxl
import pytest
from click.testing import CliRunner, Result

from optin.app.main import main
from optin.consent.email_and_telephone import parse_email
from optin.consent.held_basis import BasisStatement, BasisTerm
from optin.flows.bases.record_basis import EvidenceFile, record_basis
from optin.flows.rights.personal_data import view_personal
from optin.services.installation import Installation
from optin.services.open_installation import open_installation
from tests.gate.test_may_command import edition_again
from tests.gate.test_may_command import installation as installation  # noqa: PLC0414 - a fixture
from tests.gate.test_may_command import site as site  # noqa: PLC0414 - a fixture
from tests.installed import KINDS
from tests.own_site import add_settings

LISTED = (
    "Naam;E-mail;Contact\r\n"
    "Alice;Alice@Example.com;\r\n"
    "Zed;zed@example.com;\r\n"
    "Niets;;\r\n"
    "Fout;geen adres;\r\n"
)
MAIL = ("--purpose", "tips-email", "--channel", "email")
CALL = ("--purpose", "follow-up-phone", "--channel", "phone")


def answer(site: Path, file: Path, *more: str) -> Result:
    return CliRunner().invoke(main, ["may", "--list", str(file), *more, "--site", str(site)])


def rows(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def test_each_row_has_its_answer(site: Path, tmp_path: Path) -> None:
    """G3, E6: yes or no with basis, rule and reason, beside what the row was."""
    file, out = tmp_path / "old.csv", tmp_path / "asked.csv"
    file.write_text(LISTED)
    done = answer(site, file, *MAIL, "--out", str(out))
    assert done.exit_code == 0, done.output
    header, *found = rows(out)
    assert header == [
        "Naam",
        "E-mail",
        "Contact",
        "may",
        "reason",
        "basis",
        "rule",
        "evidence",
        "until",
        "what_to_do",
    ]
    assert [(it[0], *it[3:7]) for it in found] == [
        ("Alice", "yes", "", "consent", "NL-email-natural"),
        ("Zed", "no", "no basis", "", ""),
        ("Niets", "no", "no address", "", ""),
        ("Fout", "no", "no address", "", ""),
    ]
    assert "1 yes" in done.output
    assert "No row is a permission" in done.output


def test_a_list_of_numbers_is_for_whenever_calls_are_allowed(site: Path, tmp_path: Path) -> None:
    """G3: on a Sunday, too; at a moment that is named its hours count."""
    file, out = tmp_path / "numbers.csv", tmp_path / "asked.xlsx"
    file.write_text("phone\n020 123 45 67\n+31 20 123 45 68\n")
    assert answer(site, file, *CALL, "--out", str(out)).exit_code == 0
    sheet = openpyxl.load_workbook(out).active
    assert sheet is not None
    assert [row[1] for row in sheet.iter_rows(values_only=True)] == ["may", "yes", "no"]
    at = tmp_path / "at.csv"
    assert answer(site, file, *CALL, "--out", str(at), "--at", "2026-11-29 11:00").exit_code == 0
    assert [row[1:3] for row in rows(at)[1:]] == [["no", "not at this hour"], ["no", "no basis"]]


def test_a_list_of_addresses_is_asked_about_calls(site: Path, tmp_path: Path) -> None:
    """G3: by the mailbox it is plain whom each row is about."""
    file, out = tmp_path / "old.csv", tmp_path / "asked.csv"
    file.write_text("email\nalice@example.com\n")
    assert answer(site, file, *CALL, "--by", "email", "--out", str(out)).exit_code == 0
    assert rows(out)[1][1] == "yes"


def test_people_are_told_and_no_use_is_logged(site: Path, tmp_path: Path, installation: Installation) -> None:
    """G4, G1: a list is no contact; nothing of it is stored, besides that staff asked."""
    file, out = tmp_path / "old.csv", tmp_path / "asked.csv"
    file.write_text(LISTED)
    before = installation.store.read(lambda tx: tx.one("SELECT COUNT(*) FROM event"))
    assert answer(site, file, *MAIL, "--out", str(out)).exit_code == 0
    assert installation.store.read(lambda tx: tx.one("SELECT COUNT(*) FROM event")) == before
    index = installation.vault.index(parse_email("alice@example.com"))
    data = installation.view(view_personal, email_index=index, now=installation.clock())
    assert [(it.asker, it.may, it.reason) for it in data.questions] == [("staff", False, "in a list")]


@pytest.mark.parametrize(
    "words",
    [
        ("alice@example.com", *MAIL, "--list", "{file}", "--out", "{out}"),
        (*MAIL, "--list", "{file}"),
        (*MAIL,),
        ("alice@example.com", *MAIL, "--out", "{out}"),
        ("--purpose", "tip", "--channel", "email", "--list", "{file}", "--out", "{out}"),
    ],
)
def test_one_person_or_a_file(site: Path, tmp_path: Path, words: tuple[str, ...]) -> None:
    """G3: anything else is wrong use, and makes no file."""
    (tmp_path / "old.csv").write_text(LISTED)
    places = {"file": str(tmp_path / "old.csv"), "out": str(tmp_path / "out.csv")}
    done = CliRunner().invoke(main, ["may", *(it.format(**places) for it in words), "--site", str(site)])
    assert done.exit_code == 2, done.output
    assert not (tmp_path / "out.csv").exists()


def test_a_scrubbed_list_keeps_customers(site: Path, tmp_path: Path) -> None:
    """E6, G3, P8: with the basis in a column, so that nobody reads a customer as a consent."""
    add_settings(site, '\n[products.courses]\nlife_cycle = "5 years"\nsimilar = ["tips-email"]\n')
    edition = edition_again(site)
    with open_installation(edition.site.settings, edition.policy, KINDS) as installation:
        now = installation.clock()
        statement = BasisStatement(
            "contract",
            "",
            "Eva",
            addresses={"email": "zed@example.com"},
            facts={"product": "courses"},
            met={"own-sale": "the seller is us", "told-at-collection": "order form 3"},
            term=BasisTerm(now.date(), "5 years"),
        )
        invoice = EvidenceFile("invoice.pdf", b"%PDF-1.7 invoice", "application/pdf")
        installation.run(record_basis, statement, files=[invoice], now=now)
    listed, out = tmp_path / "old.csv", tmp_path / "kept.csv"
    listed.write_text(LISTED)
    words = ["scrub", str(listed), *MAIL, "--site", str(site), "--out"]
    done = CliRunner().invoke(main, [*words, str(out)])
    assert done.exit_code == 0, done.output
    assert [(row[0], row[-1]) for row in rows(out)] == [
        ("Naam", "basis"),
        ("Alice", "consent"),
        ("Zed", "interest"),
    ]
    assert [row[2] for row in rows(tmp_path / "kept-dropped.csv")[1:]] == ["no address", "no address"]
    alone = [*words, str(tmp_path / "c.csv"), "--consent-only"]
    assert CliRunner().invoke(main, alone).exit_code == 0
    assert [row[0] for row in rows(tmp_path / "c.csv")] == ["Naam", "Alice"]
    both = [*words, str(tmp_path / "d.csv"), "--suppress-only", "--consent-only"]
    assert CliRunner().invoke(main, both).exit_code == 2


def test_a_list_asks_for_objections_and_the_companys_list(site: Path, tmp_path: Path) -> None:
    """G3, L7: also of whoever is named in another cell."""

    def asked(name: str, contact: str) -> list[str]:
        file, out = tmp_path / f"{name}.csv", tmp_path / f"{name}-asked.csv"
        file.write_text(f"Naam;E-mail;Contact\r\nAlice;alice@example.com;{contact}\r\n")
        assert answer(site, file, *MAIL, "--out", str(out)).exit_code == 0
        return rows(out)[1][3:5]

    def listed(*words: str) -> None:
        who = ("--who", "Eva", "--why", "why", "--site", str(site))
        assert CliRunner().invoke(main, ["do-not-contact", "add", *words, *who]).exit_code == 0

    assert asked("before", "jan@firm.example") == ["yes", ""]
    listed("--domain", "firm.example")
    assert asked("named", "jan@firm.example") == ["no", "objected"]
    assert asked("alone", "") == ["yes", ""]
    listed("alice@example.com")
    assert asked("listed", "")[0] == "no"
