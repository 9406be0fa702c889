"""What the operator and the visitor learn of a limit that is hit."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Iterator
from dataclasses import replace

import pytest

from optin.consent.confirmation_code import MAX_TRIES
from optin.consent.email_and_telephone import EmailAddress
from optin.consent.signed_links import LinkKind
from optin.settings.site import Limits
from optin.web import limit_log
from optin.web.limit_log import LimitLog, keep_limit_log
from tests.web.conftest import Visit
from tests.web.test_error_pages import client_from

LINE = re.compile(r"limit hit: kind=([a-z_]+) count=(\d+)")


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture) -> Iterator[list[tuple[str, int]]]:
    """Gather what the log says of limits while a test runs."""
    found: list[tuple[str, int]] = []

    class Gather(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            line = LINE.fullmatch(record.getMessage())
            assert line is not None
            found.append((line[1], int(line[2])))

    handler = Gather()
    limit_log.log.addHandler(handler)
    with caplog.at_level(logging.WARNING, "optin.limits"):
        yield found
    limit_log.log.removeHandler(handler)


def test_each_kind_is_said_at_once_and_then_once_a_minute(said: list[tuple[str, int]]) -> None:
    """D8, S4: with how often since the last line; kinds apart."""
    now = 0.0
    told = LimitLog(lambda: now)
    for _ in range(40):
        told.note("per_network_per_hour")
    told.note("resend")
    assert said == [("per_network_per_hour", 1), ("resend", 1)]
    now = 59.9
    told.say()
    assert len(said) == 2
    now = 60.0
    told.say()
    assert said[2:] == [("per_network_per_hour", 39)]
    told.note("per_network_per_hour")
    told.say(everything=True)
    assert said[3:] == [("per_network_per_hour", 1)]
    now = 500.0
    told.say()
    assert len(said) == 4


def test_what_was_counted_is_said_before_the_server_stops(said: list[tuple[str, int]]) -> None:
    """D8: also of a minute that is not over."""
    told = LimitLog()
    for _ in range(3):
        told.note("resend")

    async def stopping() -> None:
        stop = asyncio.Event()
        work = asyncio.ensure_future(keep_limit_log(told, stop, lambda: None))
        await asyncio.sleep(0)
        stop.set()
        await work

    asyncio.run(stopping())
    assert said == [("resend", 1), ("resend", 2)]


WORDS = {
    "nl": r"U kunt het over (1\sminuut|\d+\sminuten) opnieuw proberen\.",
    "en": r"You can try again in (1\sminute|\d+\sminutes)\.",
    "de": r"In (1\sMinute|\d+\sMinuten) können Sie es noch einmal versuchen\.",
    "fr": r"Vous pourrez réessayer dans (1\sminute|\d+\sminutes)\.",
}


@pytest.mark.parametrize(
    "limits", [Limits(per_network_per_hour=1), Limits(per_site_per_minute=1)], ids=["network", "site"]
)
def test_a_post_too_many_is_said_to_both(visit: Visit, said: list[tuple[str, int]], limits: Limits) -> None:
    """D8, S4: whichever page it went to; a visitor reads when to try again, a log which limit it was."""
    sent = visit.fill(consent="tips-email").split("to=")[1]
    row = visit.installation.store.read(lambda tx: tx.one("SELECT id FROM request"))
    assert row is not None
    old = visit.installation.vault.links.sign(LinkKind.CONFIRM, row[0], visit.moment.replace(year=2020))
    index = visit.installation.vault.index(EmailAddress("alice@example.com"))
    own = visit.installation.vault.links.sign(LinkKind.PERSONAL, index, visit.moment)
    posts = {
        "/paper": {"form": visit.form_key(), "email": "a@example.com"},
        "/paper/sent": {"token": sent, "action": "code", "code": "1"},
        f"/confirm/{old}": {"action": "resend"},
        "/me": {"email": "a@example.com"},
        f"/me/{own}": {"action": "give", "consent": "tips-email email"},
    }
    kind = "per_network_per_hour" if limits.per_network_per_hour == 1 else "per_site_per_minute"
    with client_from(visit.app_context.edition, visit, "203.0.113.77", limits) as client:
        client.post("/me", data={"email": "a@example.com"})
        for path, data in posts.items():
            answer = client.post(path, data=data)
            assert answer.status_code == 429, path
            assert 1 <= int(answer.headers["retry-after"]) <= 3_601
            found = re.search(WORDS["nl"], answer.text)
            assert found is not None, path
            minutes = int(found[1].split()[0])
            assert (minutes - 1) * 60 < int(answer.headers["retry-after"]) <= minutes * 60
    assert said == [(kind, 1)]


def test_the_wait_is_told_in_every_language(visit: Visit) -> None:
    """D8, M9: with one minute and with several, rounded up; a long one in hours."""
    theme = visit.app_context.edition.theme
    for lang, pattern in WORDS.items():
        words = theme.wording(lang)
        for seconds, count in ((1, 1), (60, 1), (61, 2), (3_600, 60)):
            told = words.text("error.wait", wait=words.wait(seconds))
            found = re.fullmatch(pattern, told)
            assert found is not None, told
            assert found[1].split()[0] == str(count)
        assert words.wait(7_200).split()[0] == "2"


def test_a_mail_that_is_kept_back_in_silence_is_said_to_the_operator(
    visit: Visit, said: list[tuple[str, int]], caplog: pytest.LogCaptureFixture
) -> None:
    """D7, D8, S4: forms, mails sent again, personal links, the visitor learns nothing."""
    most = visit.installation.policy.limits.per_address_per_day
    for number in range(most + 3):
        visit.fill("bomb@example.com", first_name=f"Bob {number}")
    visit.app_context.limits.log.say(everything=True)
    assert said == [("per_address_per_day", 1), ("per_address_per_day", 2)]
    said.clear()
    for _ in range(most + 2):
        visit.client.post("/me", data={"email": "other@example.com"})
    visit.app_context.limits.log.say(everything=True)
    assert sum(count for _, count in said) == 2
    said.clear()
    token = visit.fill("again@example.com").split("to=")[1]
    for _ in range(visit.installation.policy.unconfirmed.resend + 2):
        visit.mails()
        visit.press("/paper/sent", token=token, action="resend")
    visit.app_context.limits.log.say(everything=True)
    assert ("resend", 1) in said
    assert not re.search("bomb|other|again@|testclient|127\\.0", caplog.text)


def test_a_consent_that_cannot_be_given_anew_today_is_said(visit: Visit, said: list[tuple[str, int]]) -> None:
    """R2, D8: on the personal page, to both."""
    visit.installation.policy = replace(visit.installation.policy, limits=Limits(per_address_per_day=1))
    delivery = visit.join(consent="tips-email")
    visit.press(f"/unsubscribe/{delivery.unsubscribe_token}")
    index = visit.installation.vault.index(delivery.recipient)
    own = visit.installation.vault.links.sign(LinkKind.PERSONAL, index, visit.moment)
    answer = visit.press(f"/me/{own}", action="give", consent="tips-email email")
    assert answer.headers["location"].endswith("?done=given")
    assert said == []
    answer = visit.press(f"/me/{own}", action="give", consent="tips-email email")
    assert answer.headers["location"].endswith("?done=limited")
    assert "morgen" in visit.client.get(answer.headers["location"]).text
    assert said == [("per_address_per_day", 1)]


def test_a_code_tried_too_often_is_said(visit: Visit, said: list[tuple[str, int]]) -> None:
    """D3, D8: on the page with the way out, in the log by its kind."""
    token = visit.fill().split("to=")[1]
    for _ in range(MAX_TRIES):
        visit.press("/paper/sent", token=token, code="0", action="code")
    assert said == []
    assert "vijf verkeerde codes" in visit.press("/paper/sent", token=token, code="0", action="code").text
    assert said == [("code_tries", 1)]


def test_a_site_that_is_loaded_anew_goes_on_saying_it(visit: Visit, said: list[tuple[str, int]]) -> None:
    """O2: the limits are those of the site as it is now."""
    visit.app_context.replace(visit.app_context.edition)
    for number in range(visit.installation.policy.limits.per_address_per_day + 1):
        visit.fill("bomb@example.com", first_name=f"Bob {number}")
    assert said == [("per_address_per_day", 1)]
