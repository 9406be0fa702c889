"""Exports on another basis than consent: as the gate answers, recorded, told to the person, and ended."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from optin.app.main import main
from optin.consent.channel import Channel
from optin.consent.email_and_telephone import parse_email
from optin.consent.erasure_grounds import BY_PERSON
from optin.consent.purpose import ConsentKey
from optin.flows.bases.record_basis import end_basis
from optin.flows.exports.people_to_delete import PersonToDelete, count_erased
from optin.flows.gate.export_by_basis import OTHER_BASIS, BasisExport, ended_entries
from optin.flows.request_policy import GatePolicy, GatePurpose
from optin.flows.rights.erase import erase_person
from optin.flows.rights.object_to_contact import object_by_person
from optin.flows.rights.personal_data import view_personal
from optin.store.export_records import ExportRun, find_export, record_export
from optin.store.held_bases import entries_about
from tests.bases.shop import ALICE, SETTINGS, add, invoice, stated
from tests.bases.test_walk_of_an_old_list import open_shop
from tests.gate.asking import may
from tests.world import CALL, TIPS, World, export_from

KEY = ConsentKey(TIPS, Channel.EMAIL)
BOB = "bob@bakkerij.example"


@pytest.fixture
def shop(world: World) -> World:
    """A shop whose tips are about its courses; alice bought two, and bob one."""
    gate = GatePolicy("NL", {TIPS: GatePurpose(Channel.EMAIL), CALL: GatePurpose(Channel.PHONE)})
    world.policy = replace(world.policy, gate=gate, bases=SETTINGS)
    for email, number in ((ALICE, "1"), (ALICE, "2"), (BOB, "3")):
        data = invoice(number=number, contacts=(("Somebody", "", email),))
        add(world, data, stated(email, told_at_collection="order form 3"))
        world.wait(timedelta(seconds=1))
    return world


def exported(world: World, basis: str = "contract", key: ConsentKey = KEY) -> tuple[BasisExport, list[str]]:
    """Export people of a basis, and record it; return the export and who was in it."""
    people = BasisExport(world.store.read, world.do, world.context, key, basis, world.now)
    found = [it.entry.statement.addresses["email"] for it in people.allowed()]
    run = ExportRun(
        at=world.now, who="eva", why="brief", processor="crm", key=key, format="csv",
        exported=people.exported, refused=people.refused, members=people.run,
    )  # fmt: skip
    world.do(record_export, vault=world.vault, run=run)
    return people, found


def ended(world: World) -> list[PersonToDelete]:
    """Return whom the processor must delete since the export."""
    return list(ended_entries(world.store.read, world.context, first_run(world), world.now, {}))


def first_run(world: World) -> ExportRun:
    run = world.store.read(find_export, number=1)
    assert run is not None
    return run


def test_customers_leave_once_and_as_such(shop: World) -> None:
    """G3, E1, E5: who may be contacted, by the entry that carries it; never among proven consents."""
    people, found = exported(shop)
    assert sorted(found) == [ALICE, BOB]
    assert people.refused == {OTHER_BASIS: 1}
    assert list(export_from(shop).proven()) == []
    assert all(may(shop, it).may for it in found)


@pytest.mark.parametrize("basis", ["enquiry", "interest", "obligation", "attested"])
def test_another_basis_exports_nobody(shop: World, basis: str) -> None:
    """G3, L5, L6: the invoices that the law keeps are no list of people."""
    assert exported(shop, basis)[1] == []


def test_who_objected_or_consented_is_not_exported_as_a_customer(shop: World) -> None:
    """L7, G3: an objection stops it; whoever consented leaves by the consent."""
    shop.run(object_by_person, shop.vault.index(parse_email(ALICE)), now=shop.now)
    shop.join(BOB, TIPS)
    people, found = exported(shop)
    assert found == []
    assert people.refused == {"objected": 2, OTHER_BASIS: 1}


def test_the_person_sees_the_export(shop: World) -> None:
    """G4, E5, R1: who got it, when and why."""
    exported(shop)
    data = shop.view(view_personal, shop.vault.index(parse_email(BOB)), now=shop.now)
    assert [(it.processor, it.why) for it in data.exports] == [("crm", "brief")]


def test_the_processor_is_told_of_ends(shop: World) -> None:
    """E5: whoever may not be contacted any more, and by digest who was erased."""
    exported(shop)
    assert ended(shop) == []
    shop.run(object_by_person, shop.vault.index(parse_email(BOB)), now=shop.now)
    assert [(it.email, it.what) for it in ended(shop)] == [(BOB, "objected")]
    shop.run(erase_person, shop.vault.index(parse_email(ALICE)), BY_PERSON, now=shop.now)
    assert count_erased(shop.store.read, first_run(shop)) == 1
    shop.check_evidence()


def test_an_entry_that_is_over_leaves_its_digest(shop: World) -> None:
    """E5, R8: the count of an export holds, whatever became of its people."""
    exported(shop)
    index = shop.vault.index(parse_email(BOB))
    for entry in shop.store.read(entries_about, vault=shop.vault, indexes=[index]):
        if entry.statement.basis == "contract":
            shop.run(end_basis, entry.id, now=shop.now)
    shop.check_evidence()
    assert shop.count("export_gone") == 1


def run(site: Path, out: Path, *more: str) -> Result:
    words = ["--purpose", "tips-email", "--channel", "email", "--to", "crm", "--why", "brief"]
    return CliRunner().invoke(main, ["export", *words, "--out", str(out), *more, "--site", str(site)])


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A site that has served, with alice as a customer."""
    desk = open_shop(tmp_path)
    paper = desk.papers / "1.xml"
    paper.write_bytes(invoice(number="1"))
    desk.run(
        "customer", "add", ALICE, "--product", "courses", "--evidence", paper, "--who", "Eva",
        "--own-sale", "our trade name", "--told-at-collection", "order form 3",
    )  # fmt: skip
    return desk.root


def test_a_command_names_the_basis(site: Path, tmp_path: Path) -> None:
    """G3, E2: columns with basis, evidence, rule and end; a preset for a tool is refused."""
    done = run(site, tmp_path / "out.csv", "--basis", "contract")
    assert done.exit_code == 0, done.output
    assert "1 people by contract" in done.output
    (row,) = csv.DictReader((tmp_path / "out.csv").read_text().splitlines())
    assert (row["email"], row["basis"], row["rule"]) == (ALICE, "interest", "NL-email-customer-natural")
    assert row["evidence"].startswith("contract ")
    assert row["phone"] == ""
    lines = run(site, tmp_path / "out.jsonl", "--basis", "contract", "--format", "jsonl")
    assert lines.exit_code == 0
    assert json.loads((tmp_path / "out.jsonl").read_text())["basis"] == "interest"
    assert run(site, tmp_path / "b.csv", "--basis", "contract", "--preset", "brevo").exit_code == 1
    plain = run(site, tmp_path / "c.csv")
    assert plain.exit_code == 0, plain.output
    assert ALICE not in (tmp_path / "c.csv").read_text()
    since = CliRunner().invoke(main, ["exports", "--since", "1", "--site", str(site)])
    assert since.exit_code == 0, since.output
