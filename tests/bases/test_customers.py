"""Customers on record by an invoice: who, which document, which conditions, and what a law keeps of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import Result

from optin.bases.all_bases import bases_for
from optin.bases.basis_part import AskedUse
from optin.bases.contract import missing_conditions
from optin.bases.obligation import required_term
from optin.consent.email_and_telephone import parse_email
from optin.consent.erasure_grounds import BY_PERSON
from optin.consent.held_basis import BasisEntry, BasisEntryId
from optin.consent.retention_period import RetentionPeriod
from optin.errors import InvoiceRefused, RequestRefused
from optin.flows.bases.record_basis import EvidenceFile
from optin.flows.bases.record_customer import record_customer
from optin.flows.rights.erase import erase_person
from optin.invoices.customer_statement import StatedCustomer, customer_sale
from optin.invoices.read_invoice import read_invoice
from optin.rules.contact_rule import LawfulBasis, Relation
from optin.rules.may_contact import Aim, Contact, Decision, may_contact
from optin.rules.rule_files import rule_book
from optin.settings.bases import Obligation
from tests.bases.shop import (
    ALICE,
    BOOKS,
    COURSES,
    SALE,
    SETTINGS,
    TOML,
    add,
    findings,
    invoice,
    register,
    sale,
    stated,
)
from tests.bases.test_register import on_file
from tests.export.test_scrub import site as site  # noqa: PLC0414 - a site with people
from tests.invoices.samples import Sample, cii, pdf, with_attachment
from tests.own_site import add_settings
from tests.shell import shell
from tests.world import TIPS, World

ISSUED = datetime.now(UTC).date().replace(day=1)  # of the invoices that commands read
TOLD = "order form 3: you can object here"


def test_an_invoice_makes_a_customer(world: World) -> None:
    """L2: who, number and day are the invoice's; the term is the product line's; the file is kept."""
    recorded = add(world, invoice(), stated(told_at_collection=TOLD))
    entry = recorded.contract
    assert entry.statement.facts["number"] == "2026-0077"
    assert entry.statement.person["name"] == "Alice Jansen"
    assert entry.statement.facts["linked"] == "invoice"
    assert entry.until == recorded.until == datetime(2031, 11, 3, tzinfo=UTC)
    assert [note.media_type for note in entry.statement.files] == ["application/xml"]
    assert missing_conditions(entry, COURSES) == ()
    assert findings(world) == []


def test_the_newest_invoice_counts(world: World) -> None:
    """L2: somebody is a customer until the newest evidence plus the life cycle, in any order."""
    add(world, invoice())
    older = add(world, invoice(number="2024-1", issued="2024-03-05"))
    assert older.until == datetime(2031, 11, 3, tzinfo=UTC)
    world.now = datetime(2029, 3, 6, tzinfo=UTC)
    world.sweep_step("bases")
    left = {(it.statement.basis, it.statement.facts["number"]) for it in on_file(world, ALICE)}
    assert left == {("contract", "2026-0077"), ("obligation", "2026-0077"), ("obligation", "2024-1")}
    assert findings(world) == []


def test_what_a_law_keeps_is_recorded_with_it(world: World) -> None:
    """L5: in the same act, from the end of the year, by the address alone; the file is stored once."""
    recorded = add(world, invoice(), stated(phone="+31 20 123 4567"))
    books = recorded.required
    assert books is not None
    assert dict(books.statement.facts) == {
        "rule": "bookkeeping", "law": "AWR 52", "document": "invoice", "number": "2026-0077",
        "day": "2026-11-03",
    }  # fmt: skip
    assert books.until == datetime(2034, 1, 1, tzinfo=UTC)
    assert dict(books.statement.addresses) == {"email": ALICE}
    assert world.count("evidence_file") == 1
    assert world.count("evidence_file_of") == 2
    gone = world.run(erase_person, world.vault.index(parse_email(ALICE)), BY_PERSON, now=world.now)
    assert gone is not None
    assert gone.kept == (books,)
    assert findings(world) == []


@pytest.mark.parametrize(
    ("rule", "since", "until"),
    [
        (BOOKS, date(2027, 1, 1), datetime(2034, 1, 1, tzinfo=UTC)),
        (Obligation.model_validate({"keep": "7 years", "law": "x", "starts": "day"}), date(2026, 1, 1),
         datetime(2033, 1, 1, tzinfo=UTC)),
    ],
)  # fmt: skip
def test_a_term_counts_from_the_end_of_the_year_or_from_the_day(
    rule: Obligation, since: date, until: datetime
) -> None:
    """L5: all of the last 31 December is within it (AO 147(4))."""
    term = required_term(rule, date(2026, 1, 1))
    assert (term.since, term.until) == (since, until)


def test_what_a_law_no_longer_requires_is_not_recorded(world: World) -> None:
    """L5: a contract may outlast the duty to keep its invoice."""
    short = BOOKS.model_copy(update={"keep": RetentionPeriod.parse("1 year")})
    settings = replace(SETTINGS, obligations={"bookkeeping": short})
    assert add(world, invoice(number="1", issued="2025-03-05"), settings=settings).required is not None
    assert add(world, invoice(number="2", issued="2024-03-05"), settings=settings).required is None


def test_the_same_invoice_changes_nothing(world: World) -> None:
    """L2: added again it is known already; another customer or another file of that number is refused."""
    first = add(world, invoice())
    again = add(world, invoice())
    assert again.known
    assert again.contract == first.contract
    assert world.count("held_basis") == 2
    with pytest.raises(RequestRefused, match="on record already"):
        add(world, invoice(), stated("bob@example.com", linked="he said so"))
    with pytest.raises(RequestRefused, match="by another file"):
        add(world, invoice(amount="1.00"))
    add(world, invoice(seller="Zuster B.V.", seller_id="99999999"))  # whose numbers are her own
    assert findings(world) == []


def test_an_erased_customer_does_not_come_back_by_the_kept_invoice(world: World) -> None:
    """L5, R5: what a law keeps serves nothing else."""
    add(world, invoice())
    world.run(erase_person, world.vault.index(parse_email(ALICE)), BY_PERSON, now=world.now)
    with pytest.raises(RequestRefused, match="under a law alone"):
        add(world, invoice())
    assert [it.statement.basis for it in on_file(world, ALICE)] == ["obligation"]
    assert findings(world) == []


def test_a_file_is_evidence_of_one_sale(world: World) -> None:
    """L2, P8: nobody becomes a customer by somebody else's invoice, under whatever number."""
    paper = pdf("Factuur")
    add(world, paper, stated(number="A-1", day=date(2026, 11, 1)))
    for email, number in (("bob@example.com", "A-2"), (ALICE, "A-3")):
        with pytest.raises(RequestRefused, match="under another number"):
            add(world, paper, stated(email, number=number, day=date(2026, 11, 1)))
    world.run(erase_person, world.vault.index(parse_email(ALICE)), BY_PERSON, now=world.now)
    with pytest.raises(RequestRefused, match="under another number"):  # a law keeps it
        add(world, paper, stated("bob@example.com", number="A-2", day=date(2026, 11, 1)))
    assert world.count("held_basis") == 1
    assert findings(world) == []


@pytest.mark.parametrize("number", ["inv-7", "INV - 7", "INV\N{NON-BREAKING HYPHEN}7", "\uff29NV\u22127"])
def test_a_number_is_one_however_it_is_typed(world: World, number: str) -> None:
    """L2: case, spaces and kinds of dashes make no second invoice."""
    add(world, pdf("one"), stated(number="INV-7", day=date(2026, 11, 1)))
    with pytest.raises(RequestRefused, match="on record already"):
        add(world, pdf("two"), stated("bob@example.com", number=number, day=date(2026, 11, 1)))
    assert findings(world) == []


def test_an_erased_customer_does_not_come_back_by_an_old_list(world: World) -> None:
    """L2, R5: also where no law keeps the invoice; one of a later day is a new sale."""
    settings = replace(SETTINGS, products={"courses": COURSES.model_copy(update={"obligation": ""})})
    add(world, invoice(), settings=settings)
    world.run(erase_person, world.vault.index(parse_email(ALICE)), BY_PERSON, now=world.now)
    for number in ("2026-0077", "2026-0001"):
        with pytest.raises(RequestRefused, match="was erased on"):
            add(world, invoice(number=number), settings=settings)
    assert on_file(world, ALICE) == []
    erased = world.now
    world.now += timedelta(days=5)
    later = f"{erased + timedelta(days=3):%Y-%m-%d}"
    sold = replace(SALE, line=settings.products["courses"])
    data = invoice(number="2026-0101", issued=later)
    shown = customer_sale(stated(), read_invoice(data, "new.xml"), "new.xml", sold, world.now.date())
    file = EvidenceFile("new.xml", data, "application/xml")
    assert not world.run(record_customer, sale=shown, file=file, now=world.now).known
    assert findings(world) == []


@pytest.mark.parametrize(
    ("said", "both"),
    [
        (stated(number="2026-0078"), ("2026-0077", "2026-0078")),
        (stated(day=date(2026, 11, 1)), ("2026-11-03", "2026-11-01")),
        (stated(name="Bob"), ("Alice Jansen", "Bob")),
        (stated(phone="+31 20 765 4321"), ("+31201234567", "+31207654321")),
        (stated("bob@example.com"), ("alice@bakkerij.example", "bob@example.com")),
    ],
)
def test_a_difference_is_refused_with_both_values(said: StatedCustomer, both: tuple[str, str]) -> None:
    """L2: what was stated is what is written, or nothing is recorded."""
    with pytest.raises(InvoiceRefused) as refused:
        sale(invoice(), said)
    assert all(value in str(refused.value) for value in both), refused.value


@pytest.mark.parametrize(
    ("data", "said", "says"),
    [
        (invoice(contacts=()), stated(""), "no e-mail address"),
        (invoice(contacts=()), stated(), "facturen@bakkerij.example"),
        (invoice(issued="2027-01-01"), stated(), "a day to come"),
        (invoice(code="381"), stated(), "gives money back"),
        (invoice(code="325"), stated(), "before the sale"),
        (pdf("Factuur 9"), stated(day=date(2026, 10, 1)), "number"),
        (pdf("Factuur 9"), stated(number="9"), "day"),
        (pdf("Factuur 9"), stated("", number="9", day=date(2026, 10, 1)), "e-mail address"),
    ],
)
def test_what_is_no_evidence_of_a_customer_is_refused(data: bytes, said: StatedCustomer, says: str) -> None:
    """L2: with a sentence that says what is missing."""
    with pytest.raises(InvoiceRefused, match=says):
        sale(data, said)


def test_a_paper_invoice_is_stated_by_a_person(world: World) -> None:
    """L2: who read it, its number and its day are on record; the picture is the evidence."""
    recorded = add(world, pdf("Factuur 9"), stated(number=" 9 ", day=date(2026, 10, 1)))
    facts = recorded.contract.statement.facts
    assert (facts["number"], facts["linked"]) == ("9", "staff")
    assert recorded.contract.statement.files[0].media_type == "application/pdf"
    assert "own-sale" in missing_conditions(recorded.contract, COURSES)


def test_a_doubtful_file_is_looked_at_first() -> None:
    """L2: a PDF whose pages say another thing than its XML is refused until somebody says what they saw."""
    doubtful = with_attachment(pdf("Factuur 1"), cii(Sample(seller="Voorbeeld B.V.")))
    with pytest.raises(InvoiceRefused, match="looked at first"):
        sale(doubtful, stated(), "invoice.pdf")
    seen = sale(doubtful, stated(checked="page 2 shows the number"), "invoice.pdf")
    assert "page 2 shows the number" in seen.statement.facts["doubts"]


def test_each_condition_is_on_record_or_missing() -> None:
    """L3: the sale by the seller's name, the way out by a statement, the likeness by the settings."""
    statement = sale(invoice(), stated()).statement
    assert [*statement.met] == ["own-sale"]
    assert statement.met["own-sale"] == "invoice"
    assert sale(invoice(), stated(own_sale="invoice")).statement.met["own-sale"] == "invoice (Eva)"
    assert sale(invoice(seller="Zuster B.V.", seller_id="9"), stated()).statement.met == {}
    assert sale(invoice(seller="Anders", seller_id="12345678"), stated()).statement.met != {}  # its number
    both = sale(
        invoice(seller="Zuster B.V.", seller_id="9"), stated(own_sale="our old name", told_at_collection=TOLD)
    ).statement
    assert both.met == {
        "own-sale": "our old name (Eva)",
        "told-at-collection": f"{TOLD} (Eva)",
    }


@pytest.mark.parametrize(
    ("said", "purpose", "channel", "decision"),
    [
        (stated(told_at_collection=TOLD), TIPS, "email", Decision.PERMIT),
        (stated(), TIPS, "email", Decision.PROHIBIT),
        (stated(told_at_collection=TOLD), "other", "email", Decision.PROHIBIT),
        (stated(told_at_collection=TOLD), TIPS, "phone", Decision.PROHIBIT),
    ],
)
def test_a_customer_is_mailed_only_with_every_condition(
    world: World, said: StatedCustomer, purpose: str, channel: str, decision: Decision
) -> None:
    """L3, L8: own similar products by e-mail, with a way out offered; not by telephone."""
    add(world, invoice(), said)
    use = AskedUse(purpose, channel, world.now, SETTINGS)
    found = bases_for(on_file(world, ALICE), use)
    assert found.relation is Relation.CUSTOMER
    contact = Contact("NL", channel, world.now, relation=found.relation)
    answer = may_contact(contact, found.held, rule_book())
    assert answer.decision is decision
    service = may_contact(replace(contact, aim=Aim.SERVICE, channel="email"), found.held, rule_book())
    assert (service.decision, service.basis) == (Decision.PERMIT, LawfulBasis.CONTRACT)


def test_without_a_purpose_of_similar_products_that_condition_is_missing() -> None:
    """L3: a product line that names none has no offers that are like it."""
    entry = BasisEntry(BasisEntryId(b"1"), sale(invoice(), stated(told_at_collection=TOLD)).statement)
    assert missing_conditions(entry, COURSES) == ()
    assert missing_conditions(entry, COURSES.model_copy(update={"similar": ()})) == ("own-similar",)
    assert missing_conditions(entry, None) == ("own-similar",)


@pytest.fixture
def shop(site: Path) -> Path:
    """Return a site that sells courses."""
    add_settings(site, TOML)
    (site.parent / "a.xml").write_bytes(invoice(issued=ISSUED.isoformat()))
    (site.parent / "bomb.xml").write_bytes(b'<!DOCTYPE a [<!ENTITY b "b">]>' + invoice().partition(b"?>")[2])
    (site.parent / "old.xml").write_bytes(invoice(issued="2001-01-01"))
    return site


def customer(site: Path, *words: str) -> Result:
    """Give a command about customers."""
    return shell(site, "customer", *words)


def adds(shop: Path, *words: str, email: str = ALICE, file: str = "a.xml") -> Result:
    """Give the command that adds a customer of the courses."""
    return customer(shop, "add", email, "--product", "courses", "--evidence", str(shop.parent / file), *words)


def test_the_command_says_what_is_missing(shop: Path) -> None:
    """L2, L3: what is on record, until when, and each condition, met or not, with its cure."""
    done = adds(shop)
    assert done.exit_code == 0, done.output
    said = " ".join(done.stdout.split())
    for words in (
        f"On record: invoice 2026-0077 of {ISSUED}",
        f"Customer until {ISSUED.year + 5}-{ISSUED:%m-%d}",
        f"Kept until {ISSUED.year + 8}-01-01, as AWR 52 requires",
        "yes own-sale: the invoice names Voorbeeld B.V. as seller",
        "yes own-similar: for tips-email",
        "no told-at-collection",
        "for want of: told-at-collection",
        "way out in every message",
    ):
        assert words in said
    again = shell(shop, "customers", "add", ALICE, "--product", "courses", "--evidence", "a.xml")
    assert "Known already" in again.stdout
    assert len(register(shop)) == 2


@pytest.mark.parametrize(
    ("file", "says"),
    [("bomb.xml", "document type"), ("old.xml", "over already"), ("site", "is a directory")],
)
def test_a_file_that_is_no_evidence_is_a_sentence(shop: Path, file: str, says: str) -> None:
    """L2, S5: what would harm whoever reads it, what is over, what is no file."""
    done = adds(shop, file=file)
    assert done.exit_code
    assert says in done.stderr
    assert register(shop) == []


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--number", "12"], "12 was stated"),
        (["--told-at-collection", " "], ""),
        (["--phone", "0900"], "telephone number"),
        (["--product", "cars"], "no product line 'cars'"),
    ],
)
def test_bad_input_is_a_sentence(shop: Path, words: list[str], says: str) -> None:
    """L2, S5: with its cure, and nothing stored."""
    done = adds(shop, *words)
    assert (done.exit_code == 1) == bool(says), done.output
    assert says in done.output
    assert len(register(shop)) == (0 if says else 2)
    assert all("told-at-collection" not in it.statement.met for it in register(shop))


def test_the_person_reads_it_in_their_own_language(shop: Path) -> None:
    """L2, R1: what the program noted is in words of the page; what staff stated, as they stated it."""
    adds(shop, "--told-at-collection", TOLD, "--subscriber", "trader")
    shown = " ".join(shell(shop, "subject", "show", ALICE, "--why", "letter").stdout.split())
    for words in (
        "staat op de factuur",
        "zoals de factuur laat zien",
        TOLD,
        "Document: factuur",
        "eenmanszaak",
    ):
        assert words in shown
