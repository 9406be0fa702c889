"""The gate asks the journal, too: rows deleted from the database lift no objection and no erasure."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.bases.shop import ALICE, invoice
from tests.bases.test_walk_of_an_old_list import Desk, open_shop, sign_up


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A shop that has served, with alice as a customer who signed up as well."""
    desk = open_shop(tmp_path)
    sign_up(desk, ALICE)
    return desk


def sell(desk: Desk) -> None:
    """Record a sale to alice, with every condition of the exception."""
    paper = desk.papers / "1.xml"
    paper.write_bytes(invoice(number="1"))
    words = ("--own-sale", "our trade name", "--told-at-collection", "order form 3", "--who", "Eva")
    desk.run("customer", "add", ALICE, "--product", "courses", "--evidence", paper, *words)


def delete_rows(desk: Desk) -> None:
    """Do as somebody does who has the database and no keys."""
    with closing(sqlite3.connect(desk.root / "var" / "optin.db", isolation_level=None)) as file:
        for table in ("objection", "suppression", "number_objection"):
            file.execute(f"DELETE FROM {table}")


@pytest.mark.parametrize(
    "words",
    [
        ("object", ALICE, "--who", "Eva", "--why", "letter"),
        ("object", ALICE, "--channel", "email", "--who", "Eva", "--why", "letter"),
        ("subject", "withdraw", ALICE, "--why", "letter"),
    ],
)
def test_a_deleted_objection_still_bars(desk: Desk, words: tuple[str, ...]) -> None:
    """L7, O9, G3: by one question and in a list; a contact that is no advertising goes on."""
    sell(desk)
    assert desk.one(ALICE)["may"]
    desk.run(*words)
    delete_rows(desk)
    assert not desk.one(ALICE)["may"], desk.one(ALICE)
    assert desk.one(ALICE, "contract")["may"]
    desk.list.write_text(f"E-mail\n{ALICE}\n")
    out = desk.papers / "asked.csv"
    desk.run("may", "--list", desk.list, "--purpose", "tips-email", "--channel", "email", "--out", out)
    assert "yes" not in out.read_text()
