"""Whoever can write to the database, and has no keys, opens no desk."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from optin.consent.email_and_telephone import EmailAddress
from optin.consent.erasure_grounds import BY_OFFICER
from optin.consent.staff_role import IDLE, Role
from optin.flows.rights.erase import erase_person
from optin.flows.staff.sign_in import digest_of
from optin.flows.staff.trail import ActKind, Doing, note_act
from optin.services.audit_job import view_audit
from optin.store.database_interface import Tx, to_ms
from optin.store.person_numbers import known_number, number_of_person, person_of_number
from optin.store.staff_trail import act_rows, open_act
from tests.desk.conftest import Desk, list_acts
from tests.world import audit_findings

EVA = "eva@example.com"
ALICE = EmailAddress("alice@example.com")


def edit(desk: Desk, sql: str, **values: Any) -> None:
    def run(tx: Tx) -> None:
        tx.run(sql, **values)

    desk.installation.write(run)


def invented(desk: Desk, staff_id: bytes, now: datetime, sealed: bytes | None) -> None:
    edit(
        desk,
        "INSERT INTO staff_session(digest, staff_id, begun_at, seen_at, proved_at, sealed)"
        " VALUES (:digest, :staff, :now, :now, :now, :sealed)",
        digest=digest_of("mine"),
        staff=staff_id,
        now=to_ms(now),
        sealed=sealed,
    )


def number_of(desk: Desk, index: bytes) -> str:
    vault = desk.installation.vault
    return desk.installation.write(number_of_person, vault=vault, address=index)


def person_with(desk: Desk, number: str) -> bytes | None:
    return desk.installation.store.read(person_of_number, vault=desk.installation.vault, text=number)


@pytest.mark.parametrize("sealed", [None, b"", b"\0" * 40])
def test_a_session_that_was_written_into_the_database_is_none(desk: Desk, sealed: bytes | None) -> None:
    """K1, P9: with the digest of a secret of one's own, whatever stands beside it."""
    officer = desk.add(EVA, Role.OFFICER)
    invented(desk, officer.id, desk.moment, sealed)
    browser = desk.browser()
    browser.take("optin-desk", "mine")
    assert browser.get("/desk").status_code == 303


def test_a_session_is_not_handed_to_another_account(desk: Desk) -> None:
    """K1: nor made fresh by an edit."""
    officer = desk.add(EVA, Role.OFFICER)
    browser = desk.signed_in(Role.SALES)
    assert browser.get("/desk").status_code == 200
    edit(desk, "UPDATE staff_session SET staff_id = :staff", staff=officer.id)
    assert browser.get("/desk").status_code == 303
    other = desk.signed_in(Role.ADMIN)
    edit(desk, "UPDATE staff_session SET proved_at = proved_at + 1")
    assert other.get("/desk").status_code == 303


def test_an_idle_session_is_not_woken_by_an_edit(desk: Desk) -> None:
    """K1: whoever writes to the database and has an old cookie does not move its end."""
    browser = desk.signed_in(Role.OFFICER)
    for _ in range(3):  # a session in use lives on
        desk.wait(IDLE - timedelta(minutes=1))
        assert browser.get("/desk").status_code == 200
    desk.wait(IDLE)
    edit(desk, "UPDATE staff_session SET seen_at = :now", now=to_ms(desk.moment))
    assert browser.get("/desk").status_code == 303
    edit(desk, "UPDATE staff_session SET seen_at = seen_at + 1")
    assert browser.get("/desk").status_code == 303


def test_edited_roles_close_the_account(desk: Desk) -> None:
    """K1: the roles are those that an account was given, or it is none."""
    browser = desk.signed_in(Role.SALES)
    edit(desk, "UPDATE staff SET roles = 'sales officer admin'")
    assert browser.get("/desk").status_code == 303
    assert desk.browser().ask("sales@example.com") == ""


def test_a_link_is_not_handed_to_another_account(desk: Desk) -> None:
    """K1: a link of one's own signs nobody else in."""
    officer = desk.add(EVA, Role.OFFICER)
    desk.add("mallory@example.com", Role.SALES)
    browser = desk.browser()
    link = browser.ask("mallory@example.com")
    edit(desk, "UPDATE staff_link SET staff_id = :staff", staff=officer.id)
    assert browser.follow(link).status_code == 410


def test_a_number_is_not_handed_to_another_person(desk: Desk) -> None:
    """K4, P9: an officer who opens a number that they know finds its person, or nobody."""
    vault = desk.installation.vault
    alice, bob = vault.index(ALICE), vault.index(EmailAddress("bob@example.com"))
    of_alice, of_bob = number_of(desk, alice), number_of(desk, bob)
    assert (person_with(desk, of_alice), person_with(desk, of_bob)) == (alice, bob)
    assert number_of(desk, alice) == of_alice
    edit(desk, "DELETE FROM person_number WHERE address = :bob", bob=bob)
    edit(desk, "UPDATE person_number SET address = :bob", bob=bob)
    assert person_with(desk, of_alice) is None
    found = audit_findings(desk.installation.store, vault)
    assert any("numbers of people at the desk were edited" in it for it in found)
    given = number_of(desk, bob)  # in place of the edited row
    assert given != of_alice
    assert person_with(desk, given) == bob
    assert person_with(desk, of_alice) is None


def test_an_edited_number_is_shown_of_nobody(desk: Desk) -> None:
    """K4: nor does a line about one person lead to another's page."""
    vault = desk.installation.vault
    alice = vault.index(ALICE)
    number_of(desk, alice)
    edit(desk, "UPDATE person_number SET number = number + 1")
    assert desk.installation.store.read(known_number, vault=vault, address=alice) == ""


def test_an_audit_tells_of_an_edited_account(desk: Desk) -> None:
    """K1, P3: roles that somebody wrote into the database."""
    desk.add(EVA, Role.OFFICER)
    edit(desk, "UPDATE staff SET roles = 'officer admin'")
    assert any(
        "accounts of staff were edited" in it
        for it in audit_findings(desk.installation.store, desk.installation.vault)
    )


def test_an_edited_act_keeps_nobody_from_being_erased(desk: Desk) -> None:
    """R5: an unreadable row of the trail is emptied; one that was moved to a person keeps its reason."""
    index, account = desk.installation.vault.index(ALICE), desk.add(EVA, Role.OFFICER)
    desk.join(consent="tips-email")
    for about, why in ((index, "letter"), (b"x" * 32, "of another")):
        doing = Doing(account.id, ActKind.LOOKED_AT_PERSON, about, why)
        desk.installation.run(note_act, doing, desk.moment)
    edit(desk, "UPDATE staff_act SET about = :about WHERE about = :other", about=index, other=b"x" * 32)
    edit(desk, "UPDATE staff_act SET sealed = :bad WHERE kind = 'account-added'", bad=b"bad" * 20)
    edit(desk, "UPDATE staff_act SET about = :about WHERE kind = 'account-added'", about=index)
    gone = desk.installation.run(erase_person, email_index=index, reason=BY_OFFICER, now=desk.moment)
    assert gone is not None
    rows = desk.installation.store.read(act_rows)
    acts = [open_act(desk.installation.vault, row).act for row in rows if row[5]]
    assert [it.texts.get("why") for it in acts if it.kind == ActKind.LOOKED_AT_PERSON] == [None, "of another"]


def test_whoever_only_wrote_a_letter_leaves_no_reason_and_no_number(desk: Desk) -> None:
    """R5: at their erasure."""
    index, account = desk.installation.vault.index(ALICE), desk.add(EVA, Role.OFFICER)
    number = number_of(desk, index)
    doing = Doing(account.id, ActKind.REQUEST_IDENTITY, index, "Mr Letter of Main St 1")
    desk.installation.run(note_act, doing, desk.moment)
    desk.installation.run(erase_person, email_index=index, reason=BY_OFFICER, now=desk.moment)
    assert person_with(desk, number) is None
    (line,) = [it for it in desk.installation.view(list_acts) if it.kind == ActKind.REQUEST_IDENTITY]
    assert line.why == ""


def test_an_edited_account_can_be_given_anew(desk: Desk) -> None:
    """K1: on the server, once somebody saw it."""
    desk.add(EVA, Role.OFFICER)
    edit(desk, "UPDATE staff SET roles = 'officer admin'")
    assert desk.add(EVA, Role.OFFICER).has(Role.OFFICER)
    assert desk.browser().sign_in(EVA).status_code == 303


def test_the_result_of_an_audit_is_not_written_by_others(desk: Desk) -> None:
    """P4: as if it had found nothing."""
    state = '{"state": "done", "began": "2026-12-01T00:00:00+00:00", "seen": "2026-12-01T00:00:00+00:00"}'
    edit(desk, "INSERT INTO installation(name, value) VALUES ('audit', :value)", value=state.encode())
    assert desk.installation.view(view_audit) is None
