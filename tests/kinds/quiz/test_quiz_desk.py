"""A quiz at the desk: sign-ups by result, in sums that agree with the statistics."""

from __future__ import annotations

from datetime import timedelta

from optin.consent.staff_role import Role
from optin.flows.reports.form_sums import FormSums, sums_by_form
from optin.flows.reports.statistics import StatisticsCount
from optin.jobs.sweep_runner import sweep
from tests.desk.conftest import Desk, desk
from tests.desk.test_home import words_of
from tests.desk.test_requests import in_english
from tests.kinds.quiz.quizzes import write_quiz

__all__ = ["desk"]

SLUG = "sterk-of-zwak"
PAGE = f"/desk/magnets/{SLUG}/kind"


def send(desk: Desk, outcome: str, email: str) -> None:
    """Sign up from a result, without confirming."""
    path = f"{SLUG}/result/{outcome}"
    desk.fill(email, slug=path)


def test_sign_ups_are_counted_by_result(desk: Desk) -> None:
    """M2, O4: as `optin stats` counts them, also when they are erased; nobody is named."""
    write_quiz(desk.root)
    desk.serve_again()
    for number, outcome in enumerate(("sterk", "sterk", "zwak")):
        send(desk, outcome, f"p{number}@example.com")
    browser = in_english(desk, "mila@example.com", Role.MARKETER)
    page = words_of(browser, PAGE)
    assert "3 sign-ups, by the result that came before them." in page
    assert "Uw toestemmingen zijn zwak 1 0 33" in page
    assert "Uw toestemmingen zijn sterk 2 0 67" in page
    assert "p1@" not in page
    desk.wait(timedelta(days=30))
    sweep(desk.installation)
    installation = desk.installation
    sums = installation.store.read(sums_by_form, magnet=SLUG)
    assert sums == {"sterk": FormSums(2, 0), "zwak": FormSums(1, 0)}
    statistics = StatisticsCount(installation.store.read, installation.policy, desk.moment).run()
    counted = sum(it.asked for it in statistics.rates if it.magnet == SLUG)
    assert counted == sum(it.asked for it in sums.values())


def test_a_result_that_is_gone_is_counted_apart(desk: Desk) -> None:
    """M2: what people signed up from stays counted when the quiz changes."""
    write_quiz(desk.root)
    desk.serve_again()
    send(desk, "sterk", "alice@example.com")
    write_quiz(desk.root, change=("id: sterk", "id: heel-sterk"))
    desk.serve_again()
    page = words_of(in_english(desk, "mila@example.com", Role.MARKETER), PAGE)
    assert "Results that the quiz had before 1 0 100" in page
