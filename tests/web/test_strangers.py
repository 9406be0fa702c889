"""What a stranger asks with somebody's address takes nothing away from what the person can ask."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from html5lib import HTMLParser

from optin.consent.signed_links import LinkKind
from optin.flows.delivery.mail_order import MailKind, MailOrder, NoticeOrder, Order
from optin.settings.site import Limits
from tests.web.conftest import Visit
from tests.web.test_error_pages import client_from

ALICE = "alice@example.com"
STRANGERS = [f"203.0.113.{number}" for number in range(1, 9)]
AT_HOME = "198.51.100.7"


def ask_from(visit: Visit, network: str, times: int = 1, email: str = ALICE) -> int:
    """Ask for a personal link from a network; return how many mails came of it."""
    with client_from(visit.app_context.edition, visit, network, Limits()) as client:
        for _ in range(times):
            answer = client.post("/me", data={"email": email})
            assert (answer.status_code, answer.headers["location"]) == (303, "/me?sent=1")
    return len(visit.mails())


def link_token(order: Order) -> str:
    """Return the token of the personal link in a mail."""
    assert isinstance(order, NoticeOrder)
    return order.token


def fill_from(visit: Visit, network: str, **more: Any) -> str:
    """Fill in the form from a network; return the token of the page after it."""
    data = {"form": visit.form_key(), "email": ALICE, **more}
    with client_from(visit.app_context.edition, visit, network, Limits()) as client:
        answer = client.post("/paper", data=data)
    assert answer.status_code == 303
    return str(answer.headers["location"].split("to=")[1])


def strangers_fill(visit: Visit) -> list[MailOrder]:
    """Let strangers fill in forms until the mailbox gets no more; return the mails."""
    for number, network in enumerate(STRANGERS):
        fill_from(visit, network, first_name=f"Stranger {number}")
    mails = [order for order in visit.mails() if isinstance(order, MailOrder)]
    assert len(mails) == visit.installation.policy.limits.per_address_per_day
    return mails


def test_six_posts_of_a_stranger_leave_the_person_their_link(visit: Visit) -> None:
    """D8, R1: from one network; the person is at another. Together never more than the mailbox's mails."""
    visit.join(ALICE)
    visit.mails()
    assert ask_from(visit, STRANGERS[0], times=6) == 3
    assert ask_from(visit, AT_HOME) == 1
    assert sum(ask_from(visit, network, times=3) for network in STRANGERS) == 1


def test_a_link_that_expired_mails_another_whatever_strangers_asked(visit: Visit) -> None:
    """D8, R1: however many networks: the newest mail opens the page, or a button for a new link."""
    visit.join(ALICE)
    for network in STRANGERS:
        with client_from(visit.app_context.edition, visit, network, Limits()) as client:
            client.post("/me", data={"email": ALICE})
    old = visit.notice(MailKind.PERSONAL).token
    assert ask_from(visit, AT_HOME) == 0
    assert visit.client.get(f"/me/{old}").status_code == 200
    visit.wait(timedelta(hours=2))
    page = visit.client.get(f"/me/{old}")
    assert page.status_code == 410
    HTMLParser(strict=True).parse(page.text)
    assert 'value="anew"' in page.text
    assert ALICE not in page.text
    mailed = 0
    for _ in range(7):
        answer = visit.press(f"/me/{old}", action="anew")
        assert answer.headers["location"] == f"/me/{old}?again=1"
        orders = visit.mails()
        mailed += len(orders)
        if orders:
            fresh = link_token(orders[-1])
    assert mailed == visit.installation.policy.limits.per_address_per_day
    assert visit.client.get(f"/me/{old}?again=1").status_code == 200
    assert visit.client.get(f"/me/{fresh}").status_code == 200


def test_only_a_link_of_ours_that_expired_today_mails_another(visit: Visit) -> None:
    """S3, D8: no forged one, none for another action, none of long ago; an expired one does nothing else."""
    delivery = visit.join(ALICE, consent="tips-email")
    visit.client.post("/me", data={"email": ALICE})
    old = visit.notice(MailKind.PERSONAL).token
    visit.wait(timedelta(hours=2))
    for token in (f"{old[:-2]}xx", delivery.unsubscribe_token, delivery.download_token):
        assert visit.press(f"/me/{token}", action="anew").status_code == 404
    for action in ("withdraw", "give", "erase", "json", "page", "correct", "give-up"):
        assert visit.press(f"/me/{old}", action=action, consent="tips-email email").status_code == 410
    visit.wait(timedelta(hours=24))
    assert visit.press(f"/me/{old}", action="anew").status_code == 410
    assert visit.client.get(f"/me/{old}").status_code == 410
    assert visit.mails() == []


def test_whoever_was_erased_gets_no_link_by_an_old_one(visit: Visit) -> None:
    """R5, D7: nothing is kept, nothing is mailed; the answer is the same."""
    visit.join(ALICE)
    visit.client.post("/me", data={"email": ALICE})
    own = visit.notice(MailKind.PERSONAL).token
    visit.press(f"/me/{own}", action="erase")
    visit.mails()
    visit.wait(timedelta(hours=2))
    assert visit.press(f"/me/{own}", action="anew").headers["location"] == f"/me/{own}?again=1"
    assert visit.mails() == []


def test_a_code_of_any_mail_of_today_brings_the_mail_that_is_missing(visit: Visit) -> None:
    """D8, D3: strangers' forms keep nobody's mail back; the code shows that its reader asks."""
    theirs = strangers_fill(visit)
    token = fill_from(visit, AT_HOME, first_name="Alice", consent="tips-email")
    assert visit.mails() == []
    answer = visit.press("/paper/sent", token=token, action="resend")
    assert (answer.status_code, visit.mails()) == (303, [])
    answer = visit.press("/paper/sent", token=token, code=theirs[0].code, action="code")
    assert answer.headers["location"].endswith("&again=1")
    assert visit.rows()["consent"] == 0
    own = visit.mail(MailKind.CONFIRMATION)
    assert own.questions[0].purpose == "tips-email"
    assert visit.press("/paper/sent", token=token, code=own.code, action="code").status_code == 303
    assert visit.rows()["consent"] == 1


def test_a_code_of_another_mailbox_is_a_wrong_one(visit: Visit) -> None:
    """D3, D7: it brings no mail, and counts as a try."""
    visit.fill("mallory@example.com")
    code = visit.mail(MailKind.CONFIRMATION).code
    strangers_fill(visit)
    token = fill_from(visit, STRANGERS[0], first_name="Mallory")
    pages = {
        visit.press("/paper/sent", token=token, code=typed, action="code").text
        for typed in (code, "0000 0000")
    }
    assert len(pages) == 1
    assert visit.mails() == []


def test_mails_that_readers_ask_for_have_an_end(visit: Visit) -> None:
    """D8: nobody's own code fills a mailbox either."""
    code = strangers_fill(visit)[0].code
    tokens = [fill_from(visit, AT_HOME, first_name=f"Alice {number}") for number in range(8)]
    for token in tokens:
        visit.press("/paper/sent", token=token, code=code, action="code")
    assert len(visit.mails()) == visit.installation.policy.limits.per_address_per_day


def test_what_strangers_ask_takes_no_consent_anew_away(visit: Visit) -> None:
    """R2, D8: on the personal page, after every mail of the day was caused by others."""
    delivery = visit.join(ALICE, consent="tips-email")
    visit.press(f"/unsubscribe/{delivery.unsubscribe_token}")
    for number, network in enumerate(STRANGERS):
        fill_from(visit, network, first_name=f"Stranger {number}")
    visit.mails()
    own = visit.installation.vault.links.sign(
        LinkKind.PERSONAL, visit.installation.vault.index(delivery.recipient), visit.moment
    )
    answer = visit.press(f"/me/{own}", action="give", consent="tips-email email")
    assert answer.headers["location"].endswith("?done=given")
    assert visit.mail(MailKind.RENEWAL).recipient == ALICE


def test_an_old_confirmation_link_brings_a_new_one_whatever_strangers_asked(visit: Visit) -> None:
    """D4, D6, D8: also where its mail was sent again too often from the page after the form."""
    token = visit.fill(ALICE).split("to=")[1]
    old = visit.mail(MailKind.CONFIRMATION).confirm_token
    for _ in range(visit.installation.policy.unconfirmed.resend + 1):
        visit.press("/paper/sent", token=token, action="resend")
        visit.mails()
    visit.wait(timedelta(hours=73))
    strangers_fill(visit)
    assert visit.press(f"/confirm/{old}", action="resend").status_code == 303
    assert visit.mail(MailKind.CONFIRMATION).recipient == ALICE


def test_links_that_strangers_ask_for_cannot_flood_either(visit: Visit) -> None:
    """D8, O8: half of the mails of a day; others wait for the next; one that a reader asks for does not."""
    people = [f"person{number}@example.com" for number in range(4)]
    for email in people:
        visit.join(email)
    visit.installation.policy = replace(visit.installation.policy, limits=Limits(mails_per_day=4))
    visit.moment = visit.moment.replace(hour=12)
    for email in people:
        visit.client.post("/me", data={"email": email})
    left = visit.mails()
    assert len(left) == 2
    visit.wait(timedelta(hours=2))
    visit.press(f"/me/{link_token(left[0])}", action="anew")
    assert [order.recipient for order in visit.mails()] == [left[0].recipient]
    visit.wait(timedelta(hours=10))
    assert {order.recipient for order in (*left, *visit.mails())} == set(people)
