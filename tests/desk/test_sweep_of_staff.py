"""What of the staff's sign-ins and acts goes by itself, and when."""

from __future__ import annotations

from datetime import timedelta

from optin.consent.staff_role import IDLE, LONGEST, Role
from optin.desk.cookies import SESSION
from optin.flows.staff.person_visits import give_reason
from optin.flows.staff.sign_in import current_session
from optin.flows.staff.unsaved_texts import ended_session
from optin.jobs.sweep_runner import sweep
from optin.store.row_queries import count_rows
from optin.store.staff_sessions import find_session
from optin.store.staff_trail import act_rows
from tests.desk.conftest import Desk, list_acts
from tests.desk.test_sign_in import EVA, trail


def rows(desk: Desk, table: str) -> int:
    return desk.installation.store.submit(lambda tx: count_rows(tx, table)).result()


def test_links_and_ended_sessions_go_by_themselves(desk: Desk) -> None:
    """K1, D6: an open session stays, and so does a link of today."""
    desk.add(EVA, Role.OFFICER)
    browser = desk.browser()
    browser.sign_in(EVA)
    browser.post("/desk/sign-in/passkey/options", page="/desk")
    assert sweep(desk.installation)["sign-ins"] == 0
    assert (rows(desk, "staff_link"), rows(desk, "staff_session")) == (1, 1)
    desk.wait(LONGEST + timedelta(days=1))
    assert sweep(desk.installation)["sign-ins"] == 2
    assert (rows(desk, "staff_link"), rows(desk, "staff_session"), rows(desk, "staff_challenge")) == (0, 0, 0)


def test_why_somebody_looked_goes_when_the_session_has_ended(desk: Desk) -> None:
    """K1, R7: the reason may name a person who was erased since; whose session it was is still known."""
    browser = desk.signed_in(Role.OFFICER)
    secret, installation = browser.client.cookies[f"__Host-{SESSION}"], desk.installation
    session = installation.view(current_session, secret, desk.moment)
    assert session is not None
    installation.run(give_reason, session, "Alice wrote a letter", None, desk.moment)
    assert sweep(installation)["sign-ins"] == 0
    desk.wait(IDLE)
    assert sweep(installation)["sign-ins"] == 1
    assert sweep(installation)["sign-ins"] == 0
    assert installation.view(ended_session, secret, desk.moment) is not None
    stored = installation.store.read(find_session, vault=installation.vault, digest=session.digest)
    assert stored is not None
    assert stored.notes == {}


def test_the_sweep_makes_no_edited_session_sound(desk: Desk) -> None:
    """K1: what it seals anew is what optin sealed before, of the same account and moments."""
    browser = desk.signed_in(Role.OFFICER)
    secret, installation = browser.client.cookies[f"__Host-{SESSION}"], desk.installation
    session = installation.view(current_session, secret, desk.moment)
    assert session is not None
    installation.run(give_reason, session, "Alice wrote a letter", None, desk.moment)
    desk.wait(IDLE)
    proved = "UPDATE staff_session SET proved_at = proved_at + 1"
    installation.store.submit(lambda tx: tx.run(proved)).result()
    sweep(installation)
    assert installation.store.read(find_session, vault=installation.vault, digest=session.digest) is None


def test_the_trail_is_kept_for_its_time(desk: Desk) -> None:
    """K1, D6: then each act goes with an event, so that an audit misses none."""
    desk.add(EVA, Role.OFFICER, name="Eva")
    desk.wait(timedelta(days=3 * 365 - 10))
    desk.browser().sign_in(EVA)
    assert sweep(desk.installation)["staff-trail"] == 0
    desk.wait(timedelta(days=20))
    assert sweep(desk.installation)["staff-trail"] == 1
    assert trail(desk) == [("signed-in", "Eva")]


def test_an_act_that_is_filed_as_older_stays(desk: Desk) -> None:
    """K1, D6: whoever edits the day of an act does not get rid of it."""
    desk.add(EVA, Role.OFFICER)
    desk.installation.store.submit(lambda tx: tx.run("UPDATE staff_act SET at = 0")).result()
    assert sweep(desk.installation)["staff-trail"] == 0
    assert len(desk.installation.store.submit(act_rows).result()) == 1
    assert desk.installation.view(list_acts)
