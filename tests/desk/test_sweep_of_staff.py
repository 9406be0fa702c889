"""What of the staff's sign-ins and acts goes by itself, and when."""

from __future__ import annotations

from datetime import timedelta

from optin.consent.staff_role import LONGEST, Role
from optin.jobs.sweep_runner import sweep
from optin.store.row_queries import count_rows
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
