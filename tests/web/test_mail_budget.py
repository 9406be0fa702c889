"""The mails of the whole site in a day: who is refused, who never is, and what everybody learns of it."""

from __future__ import annotations

import asyncio
import logging
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from html5lib import HTMLParser

from optin.errors import StoreBusy
from optin.flows.delivery.mail_order import MailKind
from optin.services.site_edition import Edition
from optin.settings.site import Limits
from optin.web.post_limits import PostLimits
from tests.web.conftest import Visit

MAILS = 6
TAKEN = MAILS // 2
BOTH = {"consent": ["tips-email", "follow-up-phone"], "phone": "020 123 45 67", "first_name": "Alice"}


@pytest.fixture
def small(visit: Visit) -> Visit:
    """Let few mails a day leave."""
    visit.moment = visit.moment.replace(hour=12)
    visit.app_context.limits = PostLimits(Limits(mails_per_day=MAILS), (), visit.installation)
    return visit


def post(visit: Visit, email: str, **more: object):  # type: ignore[no-untyped-def]  # noqa: ANN201 - httpx
    return visit.client.post("/paper", data={"form": visit.form_key(), "email": email, **more})


def spend(visit: Visit) -> None:
    """Use up the mails that forms may cause."""
    for number in range(2 * TAKEN):
        post(visit, f"stranger{number}@example.com")


def test_half_of_the_mails_of_a_day_are_for_forms(small: Visit) -> None:
    """D8, O8: exactly; another process of the site, begun later, has no more."""
    with ThreadPoolExecutor(8) as people:
        key = small.form_key()
        posts = [{"form": key, "email": f"stranger{number}@example.com"} for number in range(12)]
        answers = list(people.map(lambda data: small.client.post("/paper", data=data).status_code, posts))
    assert sorted(answers) == [303] * TAKEN + [429] * (12 - TAKEN)
    small.app_context.limits = PostLimits(Limits(mails_per_day=MAILS), (), small.installation)
    assert post(small, "late@example.com").status_code == 429
    assert len(small.mails()) == TAKEN
    assert small.rows()["request"] == TAKEN


def test_who_is_refused_keeps_what_was_typed(small: Visit) -> None:
    """D8, F6: the form with every word and tick, in the visitor's language, with the time to come back."""
    spend(small)
    answer = post(small, "alice@example.com", **BOTH)
    assert answer.status_code == 429
    assert 0 < int(answer.headers["retry-after"]) <= 12 * 3_600 + 1
    HTMLParser(strict=True).parse(answer.text)
    assert "geen mails meer" in answer.text
    assert re.search(r"over 1[12]\suur opnieuw", answer.text)
    for typed in ("alice@example.com", "020 123 45 67", "Alice"):
        assert f'value="{typed}"' in answer.text
    assert answer.text.count(" checked") == 2
    small.wait(timedelta(hours=12))
    assert post(small, "alice@example.com", **BOTH).status_code == 303
    assert "alice@example.com" in {mail.recipient for mail in small.mails()}


def test_known_and_unknown_are_refused_alike(small: Visit) -> None:
    """D7, D8: whoever is on the list reads the same words."""
    small.join("alice@example.com", consent="tips-email")
    spend(small)
    pages = {
        post(small, email).text.replace(email, "ADDRESS") for email in ("alice@example.com", "no@example.com")
    }
    assert len(pages) == 1


def test_what_people_have_a_right_to_is_never_refused(small: Visit) -> None:
    """D8, R1, R2, R3: a delivery that was promised, a personal link, a consent anew, a link that expired."""
    delivery = small.join("alice@example.com", consent="tips-email")
    token = small.fill("bob@example.com").split("to=")[1]
    waiting = small.mail(MailKind.CONFIRMATION)
    spend(small)
    small.mails()
    assert small.press("/paper/sent", token=token, action="resend").status_code == 429
    assert small.press("/paper/sent", token=token, code=waiting.code, action="code").status_code == 303
    assert small.mail(MailKind.DELIVERY).recipient == "bob@example.com"
    assert small.client.post("/me", data={"email": "alice@example.com"}).status_code == 303
    own = small.notice(MailKind.PERSONAL).token
    assert small.press(f"/unsubscribe/{delivery.unsubscribe_token}").status_code == 200
    answer = small.press(f"/me/{own}", action="give", consent="tips-email email")
    assert answer.headers["location"].endswith("?done=given")
    assert small.mail(MailKind.RENEWAL).recipient == "alice@example.com"


def test_an_old_confirmation_link_still_gets_a_new_one(small: Visit) -> None:
    """D4, D8: only the mail has the link, so no stranger asks."""
    small.fill("bob@example.com")
    old = small.mail(MailKind.CONFIRMATION).confirm_token
    small.wait(timedelta(hours=73))
    spend(small)
    small.mails()
    assert small.press(f"/confirm/{old}", action="resend").status_code == 303
    assert small.mail(MailKind.CONFIRMATION).recipient == "bob@example.com"


def test_a_form_that_causes_no_mail_uses_up_none(small: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    """D8: a double click, a mailbox that had enough, a store that is busy."""
    for _ in range(2):
        small.fill("alice@example.com")

    def busy(*_args: object, **_kwargs: object) -> None:
        raise StoreBusy

    data = {"form": small.form_key(), "email": "carol@example.com"}
    with monkeypatch.context() as full:
        full.setattr(small.app_context.installation.store, "submit", busy)
        assert {small.client.post("/paper", data=data).status_code for _ in range(4)} == {503}
    small.fill("bob@example.com")
    small.fill("carol@example.com")
    assert post(small, "dave@example.com").status_code == 429


def test_the_log_says_it_once_and_once_that_it_is_over(
    small: Visit, caplog: pytest.LogCaptureFixture
) -> None:
    """D8, O8: of two processes one says it; without anybody's address."""
    edition: Edition = small.app_context.edition
    with caplog.at_level(logging.WARNING, "optin.limits"):
        spend(small)
        first = small.app_context.limits.mails
        small.app_context.limits = PostLimits(Limits(mails_per_day=MAILS), (), small.installation)
        spend(small)
        second = small.app_context.limits.mails
        tomorrow = (small.moment + timedelta(days=1)).strftime("%Y-%m-%d")
        said = f"limit reached: kind=mails_per_day; forms are refused until {tomorrow} 00:00 UTC"
        assert caplog.messages == [said]
        asyncio.run(first.look())
        small.wait(timedelta(hours=12))
        for budget in (first, second, first):
            asyncio.run(budget.look())
        assert caplog.messages == [said, "limit open again: kind=mails_per_day"]
    assert edition.site.settings.limits.mails_per_day == Limits().mails_per_day


def test_the_default_is_no_hindrance_to_a_campaign_and_one_to_a_flood() -> None:
    """D8: 864,000 posts a day are let through by the minute; 10,000 of them cause a mail."""
    limits = Limits()
    assert limits.per_site_per_minute * 60 * 24 == 864_000
    assert limits.mails_per_day // 2 == 10_000
