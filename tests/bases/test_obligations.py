"""What a law requires to keep: recorded by a rule, left by an erasure, told to the person, and ended."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from email import message_from_bytes
from email.policy import default
from pathlib import Path

import pytest
from click.testing import Result

from optin.bases.all_bases import bases_for
from optin.bases.basis_part import AskedUse
from optin.bases.obligation import RequiredDocument
from optin.consent.email_and_telephone import parse_email
from optin.consent.erasure_grounds import BY_PERSON
from optin.errors import RequestRefused
from optin.flows.bases.record_basis import end_basis
from optin.flows.delivery.mail_order import MailKind, NoticeOrder
from optin.flows.rights.erase import erase_person
from optin.flows.rights.officer_requests import DocumentToHold, OfficerRequest, hold_under_obligation
from optin.theme.views import EraseView
from tests.bases.shop import SETTINGS, TOML, add, findings, invoice, register, stated
from tests.bases.test_customers import customer
from tests.bases.test_register import ALICE, on_file
from tests.export.test_scrub import site as site  # noqa: PLC0414 - a site with people
from tests.mail.orders import composer
from tests.own_site import add_settings
from tests.shell import shell
from tests.site.test_rights_commands import kept
from tests.theme.gallery import frame
from tests.theme.test_pages import LANGUAGES, THEME
from tests.web.conftest import Visit
from tests.web.conftest import visit as visit  # noqa: PLC0414 - the site over HTTP
from tests.web.test_personal_page import personal_link, press
from tests.world import TIPS, World, mark_trusted

LETTER = OfficerRequest(b"", "Eva", "letter of 3 November")
PAYROLL = DocumentToHold("bookkeeping", "loonstaat", date(2026, 3, 1), parse_email(ALICE), "nl")


def hold(world: World, held: DocumentToHold = PAYROLL) -> None:
    """Put a document on record that a law requires to keep."""
    world.policy = replace(world.policy, bases=SETTINGS)
    handling = replace(LETTER, email_index=world.vault.index(parse_email(ALICE)))
    world.run(hold_under_obligation, handling, held, [], now=world.now)


def test_an_erasure_leaves_exactly_what_a_rule_names(world: World) -> None:
    """L5, R6: the document and its address, used for nothing; at the end of the term it goes by itself."""
    world.join(ALICE, TIPS, first_name="Alice", phone="+31201234567")
    add(world, invoice(), stated(ALICE, linked="she ordered by this address"))
    hold(world)
    index = world.vault.index(parse_email(ALICE))
    gone = world.run(erase_person, index, BY_PERSON, now=world.now)
    assert gone is not None
    facts = sorted((dict(it.statement.facts) for it in gone.kept), key=lambda it: it["document"])
    assert facts == [
        {"rule": "bookkeeping", "law": "AWR 52", "document": "invoice", "number": "2026-0077",
         "day": "2026-11-03"},
        {"rule": "bookkeeping", "law": "AWR 52", "document": "loonstaat", "day": "2026-03-01"},
    ]  # fmt: skip
    for entry in gone.kept:
        assert (dict(entry.statement.addresses), dict(entry.statement.person)) == ({"email": ALICE}, {})
    use = AskedUse(TIPS, "email", world.now, SETTINGS)
    assert bases_for(on_file(world), use).held == ()
    assert world.count("subject") == world.count("request") == 0
    world.now = datetime(2034, 1, 1, tzinfo=UTC) - timedelta(seconds=1)
    assert world.sweep_step("bases") == 0
    world.now += timedelta(seconds=2)
    assert world.sweep_step("bases") == 2
    assert world.count("held_basis") == world.count("evidence_file") == 0
    assert findings(world) == []


def test_a_wrong_clock_ends_no_duty_to_keep(world: World) -> None:
    """L5, O7: by a clock that is years ahead an erasure leaves what a law requires, and staff ends none."""
    recorded = add(world, invoice(), stated(ALICE, linked="she ordered by this address"))
    assert recorded.required is not None
    index = world.vault.index(parse_email(ALICE))
    ahead = world.now + timedelta(days=9 * 365)
    mark_trusted(world.store, world.vault, world.now)
    with pytest.raises(RequestRefused, match="A law requires"):
        world.run(end_basis, recorded.required.id, now=ahead)
    gone = world.run(erase_person, index, BY_PERSON, now=ahead)
    assert gone is not None
    assert gone.kept == (recorded.required,)
    assert world.run(erase_person, index, BY_PERSON, now=ahead) is None
    assert [it.statement.basis for it in on_file(world, ALICE)] == ["obligation"]


@pytest.mark.parametrize(
    ("held", "says"),
    [
        (replace(PAYROLL, rule="tax"), "no obligation 'tax'; there are: bookkeeping"),
        (replace(PAYROLL, day=date(2026, 12, 1)), "has not come yet"),
        (replace(PAYROLL, day=date(2018, 12, 31)), "over already"),
    ],
)
def test_what_no_rule_names_is_not_kept(world: World, held: DocumentToHold, says: str) -> None:
    """L5: an erasure is not got round by a word."""
    with pytest.raises(RequestRefused, match=says):
        hold(world, held)
    assert world.count("held_basis") == 0


def test_a_document_is_held_once(world: World) -> None:
    """L5: the same again is refused."""
    hold(world)
    with pytest.raises(RequestRefused, match="on record already"):
        hold(world)
    assert world.count("held_basis") == 1


def test_the_person_is_told_before_and_after(visit: Visit) -> None:
    """L5, R5: document, law and day stand on the page before the erasure, and in the last mail."""
    visit.join(consent="tips-email")
    handling = replace(LETTER, email_index=visit.installation.vault.index(parse_email(ALICE)))
    visit.installation.policy = replace(visit.installation.policy, bases=SETTINGS)
    visit.installation.run(
        hold_under_obligation, handling, replace(PAYROLL, day=visit.moment.date()), [], now=visit.moment
    )
    link = personal_link(visit)
    asked = visit.client.get(f"{link}?erase=1").text
    until = f"1 januari {visit.moment.year + 8}"
    sentence = rf"Wij bewaren loonstaat van .* met uw adres tot {until}, .* \(AWR 52\)"
    assert re.search(sentence, asked)
    press(visit, link, "erase")
    (last,) = visit.mails()
    assert isinstance(last, NoticeOrder)
    assert last.kind is MailKind.ERASED
    made = message_from_bytes(composer().compose(last, visit.moment), policy=default)
    for part in ("plain", "html"):
        body = made.get_body((part,))
        assert body is not None
        assert re.search(sentence, " ".join(body.get_content().split())), part
    assert RequiredDocument("loonstaat", visit.moment.date(), "AWR 52") == replace(
        last.required[0], until=None
    )


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_language_names_document_law_and_day(lang: str) -> None:
    """L5, M9: an invoice by the language's own word, another document as staff named it."""
    shown = (
        RequiredDocument("invoice", date(2026, 3, 5), "AWR 52", datetime(2034, 1, 1, tzinfo=UTC), "7"),
        RequiredDocument("<Akte>", date(2026, 3, 5), "AO 147", datetime(2035, 1, 1, tzinfo=UTC)),
    )
    page = THEME.page(EraseView(frame(lang), "/me/t", (), (), shown))
    words = {"nl": "factuur 7", "en": "invoice 7", "de": "Rechnung 7", "fr": "facture 7"}
    for said in (words[lang], "(AWR 52)", "2034", "&lt;Akte&gt;", "(AO 147)", "2035"):
        assert said in page


@pytest.fixture
def shop(site: Path) -> Path:
    """Return a site with a rule for its books, and an invoice beside it."""
    add_settings(site, TOML)
    (site.parent / "a.xml").write_bytes(invoice(issued=TODAY.replace(day=1).isoformat()))
    return site


TODAY = datetime.now(UTC).date()


def holds(shop: Path, *words: str) -> Result:
    """Give the command that keeps a document about alice."""
    return shell(shop, "subject", "hold", ALICE, "--why", "letter", *words)


def test_the_commands_say_what_stays(shop: Path) -> None:
    """L5, R9: the hold, what stays by it before the erasure, and that nothing is left but that."""
    done = holds(
        shop, "--under", "bookkeeping", "--document", "loonstaat", "--on", f"{TODAY}", "--evidence",
        str(shop.parent / "a.xml"),
    )  # fmt: skip
    until = f"{TODAY.year + 8}-01-01"
    assert f"Kept until {until}, for nothing else, as AWR 52 requires: loonstaat." in done.stdout
    assert [it.statement.files[0].name for it in register(shop)] == ["a.xml"]
    erased = shell(shop, "subject", "erase", ALICE, "--why", "letter", "--yes")
    assert f"stays until {until}: loonstaat of {TODAY}, with the address (AWR 52)" in erased.stderr
    assert "with 1 requests" in erased.stdout
    again = shell(shop, "subject", "erase", ALICE, "--why", "letter", "--yes")
    assert "Nothing is left to erase." in again.stdout
    assert len(register(shop)) == 1
    assert [kind for kind, _ in kept(shop)] == ["hold", "erase"]


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["--under", "bookkeeping"],
        ["--under", "bookkeeping", "--document", "x", "--on", "2026-01-01", "--until", "2099-01-01"],
        ["--until", "2099-01-01", "--document", "x"],
        ["--under", "bookkeeping", "--document", " ", "--on", "2026-01-01"],
    ],
)
def test_a_hold_is_by_a_rule_or_until_a_day(shop: Path, words: list[str]) -> None:
    """L5: never both, never half."""
    done = holds(shop, *words)
    assert done.exit_code == 2
    assert "--under with --document" in done.stderr
    assert register(shop) == []


def test_staff_ends_an_entry_with_a_reason(shop: Path) -> None:
    """L1, L5: it is erased with its evidence, and who did it and why is on record; what a law keeps stays."""
    customer(
        shop, "add", ALICE, "--product", "courses", "--evidence", str(shop.parent / "a.xml"), "--linked", "x"
    )
    contract, books = register(shop)
    assert "A law requires" in customer(shop, "end", books.id.hex(), "--why", "mistake").stderr
    assert "is empty" in customer(shop, "end", contract.id.hex(), "--why", " ").stderr
    assert "named by its id" in customer(shop, "end", "alice", "--why", "mistake").stderr
    assert "no such entry" in customer(shop, "end", "00" * 16, "--why", "mistake").stderr
    done = customer(shop, "end", contract.id.hex(), "--why", "mistake", "--who", "Eva")
    assert "Ended and erased: contract 2026-0077." in done.stdout
    assert register(shop) == [books]
    assert kept(shop) == [("end", "mistake")]
