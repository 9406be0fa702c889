"""Events of a kind that this version does not know: they change no status, and a forged one is found."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from optin.consent.event_content import (
    KIND_AWAY,
    OWN_ROWS,
    of_magnet,
    own_forgotten,
    rfc3339,
)
from optin.consent.kind_part_lookup import PartsByKind
from optin.consent.status_transitions import EventKind, RequestId, Status
from optin.flows.evidence.audit import Audit
from optin.flows.evidence.log_kind_event import note_event
from optin.flows.kind_flow_hooks import FlowPart
from optin.flows.records.decrypted_request import open_request
from optin.jobs.sweep_runner import sweep
from optin.proof.canonical_json import canonical, parse
from optin.proof.commitment import leaf_digest
from optin.proof.verify_bundle import verify_bundle
from optin.store.database_interface import Tx
from optin.store.event_log import integrate
from optin.store.events import add_events, contents_about_nobody
from optin.store.requests import peek_request
from tests.export.test_export import lead_export
from tests.flows.test_deletion_grounds import findings, forge
from tests.flows.test_personal_data import erase
from tests.installed import KINDS
from tests.proof.test_consents_told import bundle
from tests.web.conftest import Visit
from tests.web.test_personal_page import personal_link
from tests.world import NOON, TIPS, World

ABOUT_TIPS = {"kind": "parcel-sent", "purpose": TIPS, "channel": "email"}
CHANGES: dict[str, dict[str, Any]] = {"noted": {}, "an unknown kind": {"kind": "parcel-sent"}}
ABOUT_A_CONSENT: dict[str, dict[str, Any]] = {
    "noted": {**ABOUT_TIPS, "kind": "noted"},
    "an unknown kind": ABOUT_TIPS,
    "an unknown channel": {**ABOUT_TIPS, "channel": "pigeon"},
}


def note(tx: Tx, world: World, request: RequestId, changes: dict[str, Any]) -> dict[str, Any]:
    """Return what a kind of magnet notes about a request."""
    opened = open_request(tx, world.vault, peek_request(tx, request))
    return {**opened.event_builder.noted(world.now, "parcel", "sent"), **changes}


def write(world: World, request: RequestId, changes: dict[str, Any]) -> None:
    """Write such an event as optin does."""
    world.do(lambda tx: add_events(tx, world.vault, request, [note(tx, world, request, changes)]))
    world.wait(timedelta(seconds=1))


@pytest.mark.parametrize("changes", CHANGES.values(), ids=list(CHANGES))
def test_it_changes_no_status(world: World, changes: dict[str, Any]) -> None:
    """P1, E1: a proven consent stays proven, a withdrawn one withdrawn; the audit tells of the unknown."""
    alice, carol = world.join("alice@example.com", TIPS), world.join("carol@example.com", TIPS)
    for request in (alice, carol):
        write(world, request, changes)
    world.withdraw(carol)
    write(world, carol, changes)
    proven, refused = lead_export(world)
    assert [lead.email for lead in proven] == ["alice@example.com"]
    assert refused == {"withdrawn": 1}
    assert world.status("carol@example.com", TIPS) is Status.WITHDRAWN
    world.check_evidence()
    audit = Audit(world.store.read, world.vault, KINDS.flows)
    assert list(audit.run()) is not None
    said = [it for it in audit.notes if "this version does not know" in it]
    assert [it.split(":")[0].split("kind ")[1] for it in said] == (["'parcel-sent'"] if changes else [])


@pytest.mark.parametrize("changes", CHANGES.values(), ids=list(CHANGES))
def test_it_goes_with_its_request(world: World, changes: dict[str, Any]) -> None:
    """D6, R5: whatever a kind noted keeps nobody's data; the erasure is one that was allowed."""
    write(world, world.sign_up("bob@example.com", TIPS), changes)
    world.wait(timedelta(days=8))
    assert sweep(world.installation())["unconfirmed"] == 1
    assert world.count("request") == 0
    world.check_evidence()


def test_a_kind_notes_something_about_a_request(world: World) -> None:
    """P1, M2: with its name; of the same request, and without a consent."""
    request = world.join("alice@example.com", TIPS)
    opened = world.store.read(lambda tx: open_request(tx, world.vault, peek_request(tx, request)))
    world.do(lambda tx: note_event(tx, world.vault, opened, "parcel", "sent", world.now))
    *_, (body,) = world.store.read(lambda tx: tx.all("SELECT body FROM event ORDER BY id"))
    said = parse(body)
    assert (said["kind"], said["by"], said["what"]) == ("noted", "parcel", "sent")
    assert (said["request"], said["purpose"], said["at"]) == (request.hex(), None, rfc3339(world.now))
    world.check_evidence()


def test_what_a_kind_logs_about_its_magnet_is_no_finding(world: World) -> None:
    """P1, M2: also when the kind that gave the event its name is not installed."""
    packed = of_magnet("parcels-packed", world.now, "koud-bellen", {"parcels": 7})
    gone = own_forgotten(world.now, "parcels", "koud-bellen")
    world.do(lambda tx: add_events(tx, world.vault, None, [packed, gone]))
    world.check_evidence()
    assert world.store.read(contents_about_nobody, vault=world.vault, kind="parcels-packed") == [packed]
    parcel = FlowPart(events=frozenset({"parcels-packed"}))
    for found, said in (({}, ["parcels-packed"]), ({"parcel": parcel}, [])):
        kinds = PartsByKind(FlowPart(), partial(list, found), found.get)
        audit = Audit(world.store.read, world.vault, kinds)
        assert list(audit.run()) is not None
        assert list(audit.noted) == said


@pytest.mark.parametrize("changes", CHANGES.values(), ids=list(CHANGES))
def test_an_event_that_is_cut_off_from_its_request_is_found(world: World, changes: dict[str, Any]) -> None:
    """P3: whatever its name is, it does not pass for one about nobody."""
    write(world, world.join("alice@example.com", TIPS), changes)
    forge(world, "UPDATE event SET request_id = NULL WHERE id = (SELECT max(id) FROM event)")
    assert any("cut off from its request" in finding for finding in findings(world))


@pytest.mark.parametrize("name", EventKind)
def test_a_kind_logs_no_event_of_optin_s(name: str) -> None:
    """P1: what it says could be taken for evidence."""
    with pytest.raises(ValueError, match="optin's own"):
        of_magnet(name, NOON, "koud-bellen", {})


@pytest.mark.parametrize("what", sorted(OWN_ROWS))
def test_a_kind_lets_no_rows_of_optin_s_go_unmissed(what: str) -> None:
    """P4: an audit misses what no event says to be forgotten."""
    with pytest.raises(ValueError, match="optin's own"):
        own_forgotten(NOON, what, "koud-bellen")


def test_a_kind_does_not_say_that_it_was_away(world: World) -> None:
    """P4: an audit misses no rows of a request that was confirmed while its kind was not installed."""
    request = world.join("alice@example.com", TIPS)
    opened = world.store.read(lambda tx: open_request(tx, world.vault, peek_request(tx, request)))
    with pytest.raises(ValueError, match="optin's own"):
        world.do(lambda tx: note_event(tx, world.vault, opened, "parcel", KIND_AWAY, world.now))


@pytest.mark.parametrize("changes", ABOUT_A_CONSENT.values(), ids=list(ABOUT_A_CONSENT))
def test_one_about_a_consent_lets_nobody_go_on_with_it(world: World, changes: dict[str, Any]) -> None:
    """P8, E1, R5: a newer version may have ended it, so it is not proven; the person is still erased."""
    write(world, world.join("alice@example.com", TIPS), changes)
    world.tampered = True
    assert lead_export(world) == ([], {"unproven": 1})
    audit = Audit(world.store.read, world.vault, KINDS.flows)
    assert list(audit.run()) is not None
    assert [it for it in audit.findings if "cannot be read" in it]
    erase(world, "alice@example.com")
    assert world.count("request") == 0


@pytest.mark.parametrize("kind", ["noted", "parcel-sent"])
def test_one_that_optin_did_not_write_is_found(world: World, kind: str) -> None:
    """P3, P4: no name of an event makes it believed; the consent beside it is not proven any more."""
    request = world.join("alice@example.com", TIPS)

    def forge(tx: Tx) -> None:
        data = canonical(note(tx, world, request, {"kind": kind}))
        tx.run(
            "INSERT INTO event(request_id, body, leaf, mac) VALUES (:request, :body, :leaf, :mac)",
            request=request,
            body=data.decode(),
            leaf=leaf_digest(data),
            mac=bytes(32),
        )

    world.do(forge)
    world.tampered = True
    while world.do(integrate):
        pass
    audit = Audit(world.store.read, world.vault, KINDS.flows)
    assert list(audit.run()) is not None
    assert [it for it in audit.findings if "was not written by optin" in it]
    assert lead_export(world) == ([], {"unproven": 1})


@pytest.mark.parametrize("changes", CHANGES.values(), ids=list(CHANGES))
def test_the_bundle_and_the_page_tell_that_it_is_there(visit: Visit, changes: dict[str, Any]) -> None:
    """P6, R1: it verifies; what the event means, the bundle says, this version does not know."""
    visit.join(consent="tips-email")
    installation = visit.installation
    world = World(installation.store, installation.vault, visit.moment, policy=installation.policy)
    (row,) = installation.store.read(lambda tx: tx.all("SELECT id FROM request"))
    write(world, RequestId(bytes(row[0])), changes)
    report = verify_bundle(bundle(visit), visit.moment)
    assert report.holds, report.lines
    assert any("consent GIVEN" in line for _, line in report.lines)
    strange = [it for it in report.limits if "this version does not know it" in it]
    assert len(strange) == ("kind" in changes)
    page = visit.client.get(personal_link(visit))
    assert "aantekening bij uw aanvraag" in page.text
