"""One button against all advertising: on the personal page, and behind the link in every mail."""

from __future__ import annotations

from datetime import timedelta

import html5lib
import pytest

from optin.flows.delivery.mail_order import MailKind
from optin.store.row_queries import count_rows
from tests.web.conftest import Visit
from tests.web.test_personal_page import BOTH, TIPS, personal_link, press

BUTTON = 'value="object"'


def live(visit: Visit) -> int:
    """Count the consents that stand."""
    return visit.installation.store.read(lambda tx: count_rows(tx, "consent WHERE status = 'given'"))


def objections(visit: Visit) -> int:
    """Count the objections that are stored."""
    return visit.installation.store.read(lambda tx: count_rows(tx, "objection"))


def test_one_press_stops_all_advertising_and_keeps_the_data(visit: Visit) -> None:
    """L7, R2: no more clicks than withdrawing one consent; it is no erasure, and says so."""
    visit.join(**BOTH)
    link = personal_link(visit)
    page = visit.client.get(link).text
    assert page.count(BUTTON) == 1
    assert "Uw gegevens blijven bewaard" in page
    page = press(visit, link, "object")
    html5lib.HTMLParser(strict=True).parse(page)
    assert "U krijgt geen reclame meer." in page
    assert "wilt u van" in page
    assert "alice@example.com" in page
    assert BUTTON not in page
    assert live(visit) == 0
    assert visit.rows()["subject"] == 1


def test_pressed_twice_it_is_one_objection(visit: Visit) -> None:
    """L7, D7: two windows, or an impatient finger."""
    visit.join(**BOTH)
    link = personal_link(visit)
    for _ in range(3):
        page = press(visit, link, "object")
    assert "U krijgt geen reclame meer." in page
    assert objections(visit) == 2  # the mailbox and the number


def test_looking_objects_to_nothing(visit: Visit) -> None:
    """L7, R3: a mail scanner that opens links leaves everything as it was."""
    delivery = visit.join(**BOTH)
    link = personal_link(visit)
    before = visit.rows()
    for path in (
        f"{link}?action=object",
        f"{link}?done=objected",
        f"/unsubscribe/{delivery.unsubscribe_token}?what=everything",
    ):
        for method in ("GET", "HEAD"):
            assert visit.client.request(method, path).status_code == 200
    assert (visit.rows(), objections(visit)) == (before, 0)


def test_another_links_token_objects_to_nothing_on_the_personal_page(visit: Visit) -> None:
    """S3: the link in a mail opens its own page alone."""
    delivery = visit.join(**BOTH)
    answer = visit.client.post(f"/me/{delivery.unsubscribe_token}", data={"action": "object"})
    assert answer.status_code == 404
    assert live(visit) == 2


def test_signing_up_again_works_by_the_own_mailbox(visit: Visit) -> None:
    """L7, R7: after an objection the form works as before; what is confirmed may be used."""
    visit.join(**BOTH)
    link = personal_link(visit)
    press(visit, link, "object")
    visit.wait(timedelta(minutes=1))
    press(visit, link, "give", consent=TIPS)
    assert live(visit) == 0
    assert visit.press(f"/confirm/{visit.mail(MailKind.RENEWAL).confirm_token}").status_code == 303
    assert live(visit) == 1
    page = visit.client.get(link).text
    assert "wilt u van" in page
    assert page.count(BUTTON) == 1  # more was asked since


def test_the_link_in_a_mail_stops_all_advertising(visit: Visit) -> None:
    """L7, R3: "no advertising at all" on the page behind it; the other buttons are about one purpose."""
    delivery = visit.join(**BOTH)
    path = f"/unsubscribe/{delivery.unsubscribe_token}"
    assert "Helemaal geen reclame" in visit.client.get(path).text
    done = visit.press(path, what="everything")
    html5lib.HTMLParser(strict=True).parse(done.text)
    assert "Geen reclame meer" in done.text
    assert "Ook ingetrokken:" in done.text
    assert live(visit) == 0
    assert objections(visit) == 2
    again = visit.press(path, what="everything")
    assert "Geen reclame meer" in again.text
    assert "Ook ingetrokken:" not in again.text
    assert objections(visit) == 2


def test_one_click_withdraws_and_objects_to_nothing_else(visit: Visit) -> None:
    """R3: what a mail program posts is about the link's own consents (RFC 8058)."""
    delivery = visit.join(**BOTH)
    visit.client.post(f"/unsubscribe/{delivery.unsubscribe_token}", data={"List-Unsubscribe": "One-Click"})
    assert live(visit) == 0
    assert objections(visit) == 0


@pytest.mark.parametrize("path", ["json", "page"])
def test_what_is_taken_along_says_it(visit: Visit, path: str) -> None:
    """R1, L7: both files of the person hold the objection."""
    visit.join(**BOTH)
    link = personal_link(visit)
    press(visit, link, "object")
    told = visit.client.post(link, data={"action": path}).text
    assert ('"by": "person"' in told) if path == "json" else ("wilt u van" in told)
