"""The register of bases: recorded, found, extended, ended, swept, erased, audited; never a consent."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from optin.bases.all_bases import BASES, bases_for
from optin.bases.basis_part import AskedUse, BasisSettings
from optin.consent.email_and_telephone import parse_email
from optin.consent.erasure_grounds import BY_PERSON, ErasureGround, ErasureReason, erasure_faults
from optin.consent.event_content import erased
from optin.consent.held_basis import BasisEntry, BasisEntryId, BasisStatement, BasisTerm
from optin.consent.retention_period import RetentionPeriod
from optin.consent.status_transitions import ABOUT_ENTRIES, EventKind
from optin.errors import LogDisagrees, RequestRefused
from optin.flows.bases.record_basis import (
    EvidenceFile,
    Extension,
    end_basis,
    extend_basis,
    indexes_of,
    record_basis,
)
from optin.flows.evidence.check_journal_lines import check_replay_line
from optin.flows.rights.erase import erase_person
from optin.flows.rights.personal_data import view_personal
from optin.flows.rights.replay_journal import replay
from optin.jobs.sweep_runner import sweep
from optin.rules.contact_rule import LawfulBasis, Relation
from optin.settings.bases import Product
from optin.store.evidence_files import load_file
from optin.store.held_bases import BasisAddresses, add_entry, entries_about, erase_entries
from optin.store.journal_lines import lines_after
from tests.bases.shop import findings
from tests.world import NOON, TIPS, World, export_from, open_world

ALICE, BOB = "alice@example.com", "bob@example.com"
INVOICE = EvidenceFile("invoice.pdf", b"%PDF-1.7 invoice 2026-114", "application/pdf")
TODAY = NOON.date()
DAY = timedelta(days=1)
PERIOD = BasisTerm(TODAY, "3 months")


def stated(basis: str = "contract", email: str = ALICE, **more: Any) -> BasisStatement:
    """Return a statement about somebody."""
    plain: dict[str, Any] = {"term": PERIOD, "who": "Eva", "source": "order desk", **more}
    return BasisStatement(basis=basis, at="", addresses={"email": email}, **plain)


def recorded(world: World, statement: BasisStatement | None = None, reference: str = "") -> BasisEntry:
    """Put a statement on record, with an invoice as evidence."""
    return world.run(record_basis, statement or stated(), files=[INVOICE], now=world.now, reference=reference)


def on_file(world: World, email: str = ALICE) -> list[BasisEntry]:
    """Return what is on the register about an address."""
    index = world.vault.index(parse_email(email))
    return world.store.read(entries_about, vault=world.vault, indexes=[index])


def test_an_entry_stands_with_its_evidence_and_events(world: World) -> None:
    """L1: what was stated, by whom, until when, the sealed file, and an event without personal data."""
    entry = recorded(world, stated(met={"own-sale": "the invoice"}, facts={"product": "courses"}))
    assert on_file(world) == [entry]
    assert entry.until == datetime(2027, 2, 23, tzinfo=UTC)
    assert world.store.read(load_file, vault=world.vault, note=entry.statement.files[0]) == INVOICE.data
    bodies = world.store.read(lambda tx: tx.all("SELECT body FROM event WHERE body LIKE '%basis%'"))
    assert len(bodies) == 1
    assert "alice" not in bodies[0][0]
    assert "courses" not in bodies[0][0]
    raw = world.store.read(lambda tx: tx.all("SELECT sealed FROM held_basis_act"))
    assert b"alice" not in bytes(raw[0][0])
    assert findings(world) == []


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        (stated("friendship"), "no lawful basis"),
        (stated(email=""), "Name whom"),
        (stated(who=" "), "who records"),
        (stated(email="Alice@Example.COM"), "normal form"),
        (stated(term=BasisTerm(TODAY + timedelta(days=1), "3 months")), "has not come"),
        (stated(term=BasisTerm(date(2020, 1, 1), "3 months")), "over already"),
    ],
)
def test_what_is_no_basis_is_refused(world: World, statement: BasisStatement, says: str) -> None:
    """L1, S5: with a sentence, and nothing half stored."""
    with pytest.raises(RequestRefused, match=says):
        recorded(world, statement)
    assert world.count("held_basis") == world.count("event") == world.count("evidence_file") == 0


def test_what_needs_evidence_has_some(world: World) -> None:
    """L1, L2: a contract without an invoice is refused, and so is an empty or a huge file."""
    with pytest.raises(RequestRefused, match="invoice"):
        world.run(record_basis, stated(), files=[], now=world.now)
    for data in (b"", b"x" * 10_000_001):
        with pytest.raises(RequestRefused, match="bytes"):
            world.run(record_basis, stated(), files=[EvidenceFile("a", data, "")], now=world.now)
    assert world.count("held_basis") == 0


def test_one_document_is_evidence_once(world: World) -> None:
    """L2: a second entry with the number of an invoice that is on record is refused."""
    recorded(world, reference="seller 1 / 2026-114")
    with pytest.raises(RequestRefused, match="on record already"):
        recorded(world, stated(email=BOB), reference="seller 1 / 2026-114")
    assert on_file(world, BOB) == []
    assert findings(world) == []


@pytest.mark.parametrize("basis", BASES)
def test_no_basis_reads_as_a_consent(world: World, basis: str) -> None:
    """L6, P8: whatever staff records, nothing is exported, no status is given, no consent is shown."""
    recorded(world, stated(basis, purposes=(TIPS,), channels=("email",), met={"own-sale": "yes"}))
    assert list(export_from(world).proven()) == []
    assert world.status(ALICE, TIPS) is None
    index = world.vault.index(parse_email(ALICE))
    data = world.view(view_personal, index, now=world.now)
    assert data.consents == ()
    assert [it.basis for it in data.bases] == [basis]
    use = AskedUse(TIPS, "email", world.now, BasisSettings())
    assert LawfulBasis.CONSENT not in {it.basis for it in bases_for(on_file(world), use).held}


def test_an_entry_is_extended_only_with_a_reason(world: World) -> None:
    """L4: the reason stays on record, and the end moves."""
    entry = recorded(world, stated("enquiry"))
    longer = Extension(BasisTerm(TODAY, "5 months"), "Eva", "the tender was moved to March")
    with pytest.raises(RequestRefused, match="why"):
        world.run(extend_basis, entry.id, replace(longer, why=" "), now=world.now)
    with pytest.raises(RequestRefused, match="over already"):
        world.run(extend_basis, entry.id, replace(longer, term=BasisTerm(TODAY, "1 day")), now=NOON + 2 * DAY)
    world.run(extend_basis, entry.id, longer, now=world.now)
    found = on_file(world)[0]
    assert found.until == datetime(2027, 4, 23, tzinfo=UTC)
    assert [act.why for act in found.acts] == ["the tender was moved to March"]
    assert findings(world) == []
    world.now = NOON + timedelta(days=160)
    with pytest.raises(RequestRefused, match="over"):
        world.run(extend_basis, entry.id, longer, now=world.now)


def test_what_is_over_is_swept_with_its_evidence(world: World) -> None:
    """L4, R8: at the end of its term and not before; what is extended stays; the file goes with the last."""
    short = recorded(world, stated("enquiry"))
    long = recorded(world, stated("contract", term=BasisTerm(TODAY, "5 years")))
    world.now = short.until - timedelta(seconds=1) if short.until else NOON
    assert world.due("bases") == 0
    assert world.sweep_step("bases") == 0
    world.now += timedelta(seconds=2)
    assert world.due("bases") == 1
    assert sweep(world.installation())["bases"] == 1
    assert on_file(world) == [long]
    assert world.store.read(load_file, vault=world.vault, note=long.statement.files[0]) == INVOICE.data
    assert findings(world) == []
    world.run(end_basis, long.id, now=world.now)
    assert on_file(world) == []
    assert world.count("evidence_file") == world.count("held_basis_act") == 0
    assert findings(world) == []


def test_an_erasure_takes_every_basis_but_what_a_law_requires(world: World) -> None:
    """L5, R5, R6: the same act, whether or not there is a consent; the obligation stays, and then goes."""
    world.join(ALICE, TIPS)
    recorded(world)
    recorded(world, stated("enquiry"))
    books = recorded(world, stated("obligation", term=BasisTerm(TODAY, "7 years")))
    index = world.vault.index(parse_email(ALICE))
    result = world.run(erase_person, index, BY_PERSON, now=world.now)
    assert result is not None
    assert result.kept == (books,)
    assert on_file(world) == [books]
    assert world.run(erase_person, index, BY_PERSON, now=world.now) is None
    data = world.view(view_personal, index, now=world.now)
    assert data.empty
    assert [it.required for it in data.bases] == [True]
    with pytest.raises(RequestRefused, match="law"):
        world.run(end_basis, books.id, now=world.now)
    assert findings(world) == []
    world.now = datetime(2033, 11, 24, tzinfo=UTC)
    assert world.sweep_step("bases") == 1
    assert world.count("evidence_file") == 0
    assert findings(world) == []


def test_somebody_with_a_basis_alone_is_erased(world: World) -> None:
    """R5: nobody signed up; the address of the entry is told of the erasure."""
    recorded(world)
    result = world.run(erase_person, world.vault.index(parse_email(ALICE)), BY_PERSON, now=world.now)
    assert result is not None
    assert result.address == ALICE
    assert world.count("held_basis") == 0


def test_a_restored_backup_brings_no_ended_entry_back(world: World, tmp_path: Path) -> None:
    """S7, L4: who has a number alone asks staff to be wiped; the journal remembers it, by digests."""
    number = {"phone": "+31201234567"}
    entry = recorded(world, replace(stated("enquiry"), addresses=number))
    world.run(end_basis, entry.id, now=world.now)
    lines = [line for _, line in world.store.read(lines_after, number=0) if "person" in line.content]
    for line in lines:
        check_replay_line(line.content)
    assert "+3120" not in repr(lines)
    older = open_world(f"sqlite:///{tmp_path}/older.db", tmp_path, world.vault)
    try:
        found_by = BasisAddresses(indexes_of(world.vault, number))
        older.do(add_entry, vault=world.vault, entry=entry, found_by=found_by, now=older.now)
        assert older.count("held_basis") == 1
        assert older.run(replay, lines, 0, now=older.now) == {"basis-ended": 1}
        assert older.count("held_basis") == 0
        assert older.run(replay, lines, 0, now=older.now) == {}
        older.check_evidence()
    finally:
        older.store.close()


def test_ending_a_basis_blanks_nothing_but_bases() -> None:
    """P9, O7: neither what is over nor what staff ends may hide a consent or a withdrawal."""
    for reason in (ErasureReason.BASIS_OVER, ErasureReason.BASIS_ENDED):
        ground = ErasureGround(reason)
        for kind in EventKind:
            faults = list(erasure_faults(erased(NOON, ground, [1], {kind.value: 1})))
            allowed = kind in ABOUT_ENTRIES
            assert any("blanked events" in it for it in faults) != allowed


def test_erasing_too_early_is_refused(world: World) -> None:
    """O7: an entry whose row says another end stays, and the audit says so."""
    entry = recorded(world)
    world.do(lambda tx: tx.run("UPDATE held_basis SET ends_at = 1"))
    world.tampered = True
    assert world.sweep_step("bases") == 0
    assert on_file(world) == [entry]
    assert any("another end" in it for it in findings(world))
    with pytest.raises(LogDisagrees):
        world.do(
            erase_entries,
            vault=world.vault,
            entries=[entry.id],
            reason=ErasureGround(ErasureReason.BASIS_OVER, NOON, None),
            now=NOON,
        )


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("DELETE FROM held_basis_act WHERE kind = 'basis-extended'", "another number of statements"),
        ("UPDATE held_basis SET basis = 'enquiry'", "another basis"),
        ("DELETE FROM held_basis_address", "other addresses"),
        ("DELETE FROM evidence_file", "file of evidence"),
        ("DELETE FROM evidence_file_of", "other files"),
        ("UPDATE held_basis_act SET at = at + 1", "another moment"),
        ("UPDATE held_basis_act SET kind = 'basis-extended'", "another kind"),
        ("UPDATE held_basis_act SET sealed = (SELECT sealed FROM held_basis_act ORDER BY id DESC LIMIT 1)",
         "cannot be read"),
        ("DELETE FROM held_basis", "is about a request that is gone"),
    ],
)  # fmt: skip
def test_an_edited_register_is_found(world: World, statement: str, says: str) -> None:
    """P4: whoever has the database and no keys changes nothing unseen."""
    entry = recorded(world)
    world.run(extend_basis, entry.id, Extension(BasisTerm(TODAY, "4 months"), "Eva", "why"), now=world.now)
    world.do(lambda tx: tx.run(statement))
    world.tampered = True
    assert any(says in it for it in findings(world)), findings(world)


def test_an_entry_copied_to_somebody_else_is_found(world: World) -> None:
    """P4: an address added to an entry does not make its owner a customer unseen."""
    recorded(world)
    other = world.vault.index(parse_email(BOB))
    world.do(
        lambda tx: tx.run(
            "INSERT INTO held_basis_address(address, entry) SELECT :it, id FROM held_basis", it=other
        )
    )
    world.tampered = True
    assert any("other addresses" in it for it in findings(world))


def test_a_contract_carries_what_is_on_its_record() -> None:
    """L3: each condition counts only where it stands on record, or follows from the settings."""
    settings = BasisSettings(
        {"courses": Product(life_cycle=RetentionPeriod.parse("5 years"), similar=("tips-email",))}
    )
    statement = stated(facts={"product": "courses"}, met={"told-at-collection": "order form 3"})
    entries = [BasisEntry(BasisEntryId(b"1" * 16), statement)]
    use = AskedUse("tips-email", "email", NOON, settings)
    found = bases_for(entries, use)
    assert found.relation is Relation.CUSTOMER
    met = {it.basis: it.met for it in found.held}
    assert met[LawfulBasis.INTEREST] == {"told-at-collection", "own-similar", "sale-or-mail-within-year"}
    assert "own-similar" not in bases_for(entries, replace(use, purpose="other")).held[0].met
    later = bases_for(entries, replace(use, at=NOON + timedelta(days=100)))
    assert later.held == ()
    assert later.relation is Relation.NONE
