"""Many customers at once: each row by itself, with line, reason and cure; again changes nothing."""

from __future__ import annotations

import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from openpyxl import Workbook

from tests.bases.shop import TOML, invoice, register
from tests.export.test_scrub import site as site  # noqa: PLC0414 - a site with people
from tests.invoices.samples import pdf
from tests.own_site import add_settings
from tests.shell import shell
from tests.terminal import at_a_terminal

DAY = datetime.now(UTC).date().replace(day=1).isoformat()
LIST = f"""email,product,number,day,evidence,told,remarks
c1@example.com,courses,1,{DAY},1.xml,order form 3,x
c2@example.com,courses,,,2.xml,,x
c3@example.com,courses,9,,3.xml,,x
no address,courses,,,2.xml,,x
c5@example.com,courses,,,../secret.xml,,x
c6@example.com,courses,,,,,x
c7@example.com,cars,,,1.xml,,x
c8@example.com,courses,8,{DAY},8.pdf,,x
c9@example.com,courses,,01-11-2026,1.xml,,x
c1@example.com,courses,1,{DAY},1.xml,order form 3,x
"""
KILLED = """
import os, signal, sys
from optin.app.main import main
from optin.store import evidence_files

keep, kept = evidence_files.keep_file, []

def killed(*arguments):
    kept.append(1)
    if len(kept) == 17:
        os.kill(os.getpid(), signal.SIGKILL)
    return keep(*arguments)

import optin.flows.bases.record_basis as record
record.keep_file = killed
main(sys.argv[1:])
"""


def invoice_to(number: int) -> bytes:
    """Return the invoice of one of many customers."""
    return invoice(number=f"{number}", issued=DAY, contacts=((f"C {number}", "", f"c{number}@example.com"),))


@pytest.fixture
def shop(site: Path) -> Path:
    """Return a site that sells courses, and a folder of invoices beside it."""
    add_settings(site, TOML)
    folder = site.parent / "invoices"
    folder.mkdir()
    for number in (1, 2, 3):
        (folder / f"{number}.xml").write_bytes(invoice_to(number))
    (folder / "8.pdf").write_bytes(pdf("Factuur 8"))
    (site.parent / "secret.xml").write_bytes(invoice_to(5))
    (site.parent / "list.csv").write_text(LIST)
    return site


def imports(shop: Path, *words: str, file: str = "list.csv") -> Result:
    """Give the command that puts a list on record."""
    where = [str(shop.parent / file)] if file else []
    return shell(shop, "customers", "import", *where, "--evidence-dir", str(shop.parent / "invoices"), *words)


def known(shop: Path, basis: str = "contract") -> set[tuple[str, str]]:
    """Return addresses and numbers on the register."""
    entries = (it.statement for it in register(shop) if it.statement.basis == basis)
    return {(it.addresses["email"], it.facts["number"]) for it in entries}


def test_each_row_stands_by_itself(shop: Path) -> None:
    """L2, E6: a faulty row is told with its line, reason and cure, and leaves the others alone."""
    done = imports(shop)
    assert done.exit_code == 1
    told = done.stderr.splitlines()
    for line, reason in {
        4: "gives 3 as number, and 9 was stated. Correct",
        5: "'no address' is not an e-mail address. Write one",
        6: "../secret.xml is not in the folder of the evidence. Put",
        7: "There is no evidence. Name the file",
        8: "no product line 'cars'. Name one of optin.toml: courses",
        10: "'01-11-2026' is no day. Write it like",
    }.items():
        assert any(it.startswith(f"line {line}: ") and reason in it for it in told), (line, told)
    assert "columns remarks" in told[0]
    assert "3 put on record, 1 known already." in done.stdout
    assert "No advertising to 2 of them without consent, for want of: told-at-collection." in done.stdout
    assert "6 not put on record" in done.stderr
    assert known(shop) == {("c1@example.com", "1"), ("c2@example.com", "2"), ("c8@example.com", "8")}
    assert known(shop, "obligation") == known(shop)


def test_the_same_list_again_changes_nothing(shop: Path) -> None:
    """L2: what is on record is known already."""
    imports(shop)
    before = register(shop)
    assert "0 put on record, 4 known already." in imports(shop).stdout
    assert register(shop) == before


def test_a_folder_of_invoices_needs_no_list(shop: Path) -> None:
    """L2: each invoice names its customer; what no program can read is told by its name."""
    done = imports(shop, "--product", "courses", "--told-at-collection", "order form 3", file="")
    assert "3 put on record." in done.stdout
    assert "8.pdf cannot be read by a program. Name the customer" in done.stderr
    assert "No advertising" not in done.stdout
    assert len(known(shop)) == 3


def test_a_spreadsheet_is_read_as_a_list_is(shop: Path) -> None:
    """L2, E6: with its days as a spreadsheet keeps them."""
    book = Workbook()
    sheet: Any = book.active
    sheet.append(["E-mail", "Product", "Number", "Day", "Evidence"])
    sheet.append(["c8@example.com", "courses", 8, datetime.fromisoformat(DAY), "8.pdf"])
    book.save(shop.parent / "list.xlsx")
    done = imports(shop, file="list.xlsx")
    assert done.exit_code == 0, done.output
    assert known(shop) == {("c8@example.com", "8")}


def test_on_a_terminal_a_faulty_row_has_its_own_line(shop: Path) -> None:
    """L2: the faulty rows stand above the count, each on its own line."""
    words = ["customer", "import", "--product", "courses", "--evidence-dir", str(shop.parent / "invoices")]
    with at_a_terminal(*words, "--site", str(shop)) as terminal:
        said = terminal.until("3 put on record.")
    assert "\n8.pdf cannot be read by a program" in f"\n{said}"


@pytest.mark.parametrize(
    ("text", "words", "says"),
    [
        ("email,evidence\nc1@example.com,1.xml\n", [], "no column 'product'"),
        ("email,product\nc1@example.com,courses\n", [], "no column 'evidence'"),
        ("email,evidence,evidence\nc1@example.com,1.xml,1.xml\n", [], "two columns 'evidence'"),
        ("c1@example.com,1.xml\nc2@example.com,2.xml\n", [], "has no header"),
        ("email,evidence\nc1@example.com,1.xml\n", ["--product", "course"], "courses"),
    ],
)
def test_a_list_that_says_too_little_is_refused(shop: Path, text: str, words: list[str], says: str) -> None:
    """L2, S5: before anything is stored."""
    (shop.parent / "list.csv").write_text(text)
    done = imports(shop, *words)
    assert done.exit_code == 1
    assert says in done.stderr
    assert register(shop) == []


def test_a_link_out_of_the_folder_is_refused(shop: Path) -> None:
    """L2, S5: neither by its name nor by a symbolic link."""
    (shop.parent / "invoices" / "5.xml").symlink_to(shop.parent / "secret.xml")
    (shop.parent / "list.csv").write_text("email,evidence\nc5@example.com,5.xml\nc5@example.com,/etc/hosts\n")
    done = imports(shop, "--product", "courses")
    assert done.stderr.count("is not in the folder of the evidence") == 2
    assert register(shop) == []


def test_a_killed_import_goes_on_where_it_was(shop: Path) -> None:
    """L2: kill -9 in the middle, and the same again, is the whole list once; each row whole or not at all."""
    many = 40
    for number in range(1, many + 1):
        (shop.parent / "invoices" / f"{number}.xml").write_bytes(invoice_to(number))
    rows = [f"c{it}@example.com,{it}.xml" for it in range(1, many + 1)]
    (shop.parent / "list.csv").write_text("email,evidence\n" + "\n".join(rows))
    words = ["customer", "import", str(shop.parent / "list.csv"), "--product", "courses", "--evidence-dir",
             str(shop.parent / "invoices"), "--site", str(shop)]  # fmt: skip
    killed = subprocess.run([sys.executable, "-c", KILLED, *words], capture_output=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert known(shop) == known(shop, "obligation")
    done = imports(shop, "--product", "courses")
    assert done.exit_code == 0, done.output
    assert known(shop) == {(f"c{it}@example.com", f"{it}") for it in range(1, many + 1)}
    assert known(shop) == known(shop, "obligation")
    assert "0 put on record, 40 known already." in imports(shop, "--product", "courses").stdout
    assert shell(shop, "audit").exit_code == 0
