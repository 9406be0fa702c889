"""Whoever can write to the database, and has no keys, opens no desk."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from optin.consent.staff_role import Role
from optin.flows.staff.sign_in import digest_of
from optin.store.database_interface import Tx, to_ms
from tests.desk.conftest import Desk
from tests.world import audit_findings

EVA = "eva@example.com"


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


def test_an_audit_tells_of_an_edited_account(desk: Desk) -> None:
    """K1, P3: roles that somebody wrote into the database."""
    desk.add(EVA, Role.OFFICER)
    edit(desk, "UPDATE staff SET roles = 'officer admin'")
    assert any(
        "accounts of staff were edited" in it
        for it in audit_findings(desk.installation.store, desk.installation.vault)
    )
