"""A form that is sent twice, over HTTP: on a slow line, by a double click."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from optin.flows.delivery.mail_order import MailKind, MailOrder
from tests.web.conftest import Visit


def confirmations(visit: Visit) -> list[MailOrder]:
    orders = visit.mails()
    return [it for it in orders if isinstance(it, MailOrder) and it.kind is MailKind.CONFIRMATION]


def test_the_one_mail_is_right_on_each_page(visit: Visit) -> None:
    """D3: its code is called right on the page of either post, and there is one delivery."""
    pages = [visit.fill(consent="tips-email") for _ in range(2)]
    (mail,) = confirmations(visit)
    for page in pages:
        token = page.split("to=")[1]
        done = visit.press("/paper/sent", token=token, code=mail.code, action="code")
        assert done.status_code == 303, done.text
        success = visit.client.get(done.headers["location"])
        assert success.status_code == 200
        assert "/download/" in success.text
    assert visit.rows()["consent"] == 1
    rows = visit.installation.store.read(lambda tx: tx.all("SELECT id FROM outbox WHERE kind = 'delivery'"))
    assert len(rows) == 1


def test_another_mail_from_the_second_page_is_the_same_mail(visit: Visit) -> None:
    """D6, D3: with the same code."""
    _, second = [visit.fill(consent="tips-email") for _ in range(2)]
    (mail,) = confirmations(visit)
    token = second.split("to=")[1]
    assert visit.press("/paper/sent", token=token, action="resend").status_code == 303
    (again,) = confirmations(visit)
    assert again.code == mail.code


def test_four_posts_at_once_lead_to_one_mail(visit: Visit) -> None:
    """D1: from a browser that sends the form time and again."""
    data = {"form": visit.form_key(), "email": "alice@example.com", "consent": "tips-email"}
    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda _: visit.client.post("/paper", data=data), range(4)))
    assert {answer.status_code for answer in answers} == {303}
    assert visit.rows()["request"] == 4
    assert len(confirmations(visit)) == 1


def test_a_stranger_learns_nothing_by_sending_the_form_of_somebody(visit: Visit) -> None:
    """D7: whether the same form was just sent for an address shows in no word and no try."""
    visit.fill("pending@example.com", consent="tips-email")
    seen = []
    for who in ("pending", "unknown"):
        where = visit.fill(f"{who}@example.com", consent="tips-email")
        token = where.split("to=")[1]
        answers = [visit.client.get(where)]
        answers += [visit.press("/paper/sent", token=token, code="0", action="code") for _ in range(7)]
        answers += [visit.press("/paper/sent", token=token, action="resend") for _ in range(2)]
        seen.append(
            [
                (
                    answer.status_code,
                    len(token),
                    answer.text.replace(token, "TOKEN").replace(f"{who}@example.com", "ADDRESS"),
                )
                for answer in answers
            ]
        )
    assert seen[0] == seen[1]


def test_a_form_sent_five_times_and_then_corrected_gets_a_mail(visit: Visit) -> None:
    """D8, D3: twins cause no mail, so they use up none of the day's."""
    most = visit.installation.policy.limits.per_address_per_day
    for _ in range(most):
        visit.fill(consent="follow-up-phone", phone="0475 12 34 56")
    assert len(confirmations(visit)) == 1
    where = visit.fill(consent="follow-up-phone", phone="+32 475 12 34 56")
    (mail,) = confirmations(visit)
    token = where.split("to=")[1]
    assert visit.press("/paper/sent", token=token, code=mail.code, action="code").status_code == 303


def test_mails_to_one_mailbox_stay_limited_where_forms_are_sent_twice(visit: Visit) -> None:
    """D8: each of its addresses twice, at once: the mails of a day, no more."""
    most = visit.installation.policy.limits.per_address_per_day
    key = visit.form_key()
    posts = [{"form": key, "email": f"bob+{it // 2}@example.com"} for it in range(4 * most)]
    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda data: visit.client.post("/paper", data=data), posts))
    assert {answer.status_code for answer in answers} == {303}
    assert 1 <= len(confirmations(visit)) <= most
    for number in range(most):
        visit.fill(f"bob+more{number}@example.com")
    confirmations(visit)
    rows = visit.installation.store.read(
        lambda tx: tx.all("SELECT id FROM outbox WHERE kind = 'confirmation'")
    )
    assert len(rows) == most
