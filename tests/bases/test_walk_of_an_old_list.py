"""A customer, an enquirer, a lead and a stranger on one old list: from import to the gate to erasure."""

from __future__ import annotations

import csv
import json
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from optin.app.main import main
from optin.services.open_installation import open_installation
from optin.services.site_edition import load_edition
from optin.services.steady_clock import utc_now
from tests.bases.shop import TOML
from tests.installed import KINDS
from tests.invoices.samples import Sample, ubl
from tests.own_site import add_settings
from tests.site_people import people_of
from tests.web.conftest import site_at
from tests.world import TIPS

CUSTOMER, ENQUIRER, LEAD, STRANGER = (
    f"{name}@example.com" for name in ("customer", "enquirer", "lead", "stranger")
)
OLD_LIST = f"Naam;E-mail\nKlant;{CUSTOMER}\nVrager;{ENQUIRER}\nLead;{LEAD}\nNiemand;{STRANGER}\n"


class Desk:
    """The company's people at a terminal, with the old list before them."""

    def __init__(self, root: Path, papers: Path) -> None:
        self.root, self.papers = root, papers
        self.list = papers / "old.csv"
        self.list.write_text(OLD_LIST)

    def run(self, *words: str | Path, code: int = 0) -> str:
        """Give a command; return what it prints."""
        result = CliRunner().invoke(main, [*map(str, words), "--site", str(self.root)])
        assert result.exit_code == code, (words, result.output)
        return result.output

    def answers(self, purpose: str = "tips-email", channel: str = "email") -> dict[str, list[str]]:
        """Ask about the whole list; return for each address yes or no, the reason, the basis."""
        out = self.papers / f"answers-{len(list(self.papers.iterdir()))}.csv"
        self.run("may", "--list", self.list, "--purpose", purpose, "--channel", channel, "--out", out)
        _, *rows = csv.reader(out.read_text("utf-8-sig").splitlines())
        return {row[1]: row[2:5] for row in rows}

    def one(self, who: str, purpose: str = "tips-email", channel: str = "email") -> dict[str, object]:
        """Ask about one person, at the moment of the contact."""
        words = ["may", who, "--purpose", purpose, "--channel", channel, "--who", "Mia", "--format", "json"]
        result = CliRunner().invoke(main, [*words, "--site", str(self.root)])
        assert result.exit_code in {0, 1}, result.output
        return dict(json.loads(result.output))


def sign_up(desk: Desk, email: str) -> None:
    """Let somebody sign up for the tips, and confirm."""
    edition, _ = load_edition(desk.root, KINDS)
    assert edition is not None
    with open_installation(edition.site.settings, edition.policy, KINDS, "serve") as installation:
        people_of(installation, edition, timedelta(hours=1)).join(email, TIPS)


def open_shop(folder: Path) -> Desk:
    """Return the staff of a site that sells courses and has served; one person signed up."""
    root, papers = folder / "site", folder / "papers"
    site_at(root)
    add_settings(root, TOML)
    papers.mkdir()
    desk = Desk(root, papers)
    sign_up(desk, "somebody.else@example.com")
    return desk


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A shop with courses, before anything is on record."""
    root = tmp_path / "site"
    site_at(root)
    add_settings(root, TOML)
    papers = tmp_path / "papers"
    papers.mkdir()
    desk = Desk(root, papers)
    sign_up(desk, "somebody.else@example.com")  # the site has served for a while
    return desk


def test_the_walk_of_an_old_list(desk: Desk) -> None:
    """L1, L2, L4, L5, L7, G1, G3, G4, E6, R5: nobody is approached without a basis; what goes is gone."""
    # Nobody is on record: the list says nothing.
    assert {said[0] for said in desk.answers().values()} == {"no"}

    # The customer's invoice, the enquirer's call, the lead's own sign-up.
    invoices = desk.papers / "invoices"
    invoices.mkdir()
    day = (utc_now() - timedelta(days=30)).date()
    buyer = ("Kim Klant", "+31 20 123 4567", CUSTOMER)
    sold = Sample(number="2026-7", issued=day.isoformat(), contacts=(buyer,))
    (invoices / "2026-7.xml").write_text(ubl(sold))
    (desk.papers / "customers.csv").write_text(
        f"email,evidence,own-sale,told\n{CUSTOMER},2026-7.xml,our trade name,order form 3\n"
    )
    listed = desk.papers / "customers.csv"
    imported: list[str | Path] = ["customers", "import", listed, "--evidence-dir", invoices]
    for _ in range(2):  # again nothing is doubled
        desk.run(*imported, "--product", "courses", "--who", "Eva")
    desk.run("enquiry", "add", ENQUIRER, "--about", "offerte voor een cursus", "--who", "Eva")
    sign_up(desk, LEAD)

    # One by one and as a list: each by its own basis, and the stranger by none.
    answers = desk.answers()
    assert {who: said[0] for who, said in answers.items()} == {
        CUSTOMER: "yes", ENQUIRER: "no", LEAD: "yes", STRANGER: "no",
    }  # fmt: skip
    assert (answers[CUSTOMER][2], answers[LEAD][2]) == ("interest", "consent")
    for who, said in answers.items():
        assert desk.one(who)["may"] is (said[0] == "yes")
    assert desk.one(ENQUIRER)["reason"] == desk.one(STRANGER)["reason"] == "no basis"
    assert desk.one(ENQUIRER, "enquiry")["may"]
    assert desk.one(CUSTOMER, "contract")["may"]
    assert not desk.one(LEAD, "contract")["may"]

    # The cleaned list holds just these, and the papers name what is kept.
    kept = desk.papers / "kept.csv"
    desk.run("scrub", desk.list, "--purpose", "tips-email", "--channel", "email", "--out", kept)
    assert [row[1] for row in csv.reader(kept.read_text().splitlines())][1:] == [CUSTOMER, LEAD]

    # The customer objects: no advertising, but the delivery goes on.
    desk.run("object", CUSTOMER, "--who", "Eva", "--why", "letter of today")
    assert desk.answers()[CUSTOMER][0] == "no"
    assert not desk.one(CUSTOMER)["may"]
    assert desk.one(CUSTOMER, "contract")["may"]

    # All are erased: the invoice stays for the tax office, and permits nothing.
    for who in (CUSTOMER, ENQUIRER, LEAD):
        told = desk.run("subject", "erase", who, "--yes", "--why", "letter of today")
        assert ("AWR 52" in told) is (who == CUSTOMER), told
    assert {said[0] for said in desk.answers().values()} == {"no"}
    for who in (CUSTOMER, ENQUIRER, LEAD, STRANGER):
        for purpose in ("tips-email", "contract", "enquiry"):
            assert not desk.one(who, purpose)["may"]
    shown = desk.run("subject", "show", CUSTOMER, "--why", "to see what stays")
    assert "2026-7" in shown
    assert "AWR 52" in shown
    desk.run("audit")
