"""What a stranger sees who gave somebody else's address: the same, whatever becomes of that person (D7)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial

import pytest
from starlette.requests import Request
from starlette.responses import Response

from optin.consent.confirmation_code import MAX_TRIES
from optin.consent.email_and_telephone import parse_email
from optin.consent.erasure_grounds import BY_PERSON
from optin.consent.signed_links import LinkKind
from optin.consent.status_transitions import RequestId
from optin.errors import LinkSpent
from optin.flows.delivery.mail_order import MailKind
from optin.jobs.sweep_runner import sweep
from optin.store.requests import erase_requests
from optin.web import timing_protection
from optin.web.app import ROUTES, VISITOR_ROUTES
from optin.web.timing_protection import PACE_SECONDS, at_even_times
from tests.web.conftest import Visit
from tests.web.test_removed_magnet_pages import remove, serve

REAL_PACE = PACE_SECONDS  # as it is served, whatever a fixture makes of it


def sign_up(visit: Visit) -> str:
    """Give alice's address, as mallory does; return the token of the page after it."""
    return visit.fill("alice@example.com", consent="tips-email").split("to=")[1]


def confirm(visit: Visit) -> str:
    """Let alice confirm; return the link by which she withdraws."""
    token = visit.mail(MailKind.CONFIRMATION).confirm_token
    visit.press(f"/confirm/{token}")
    return f"/unsubscribe/{visit.mail(MailKind.DELIVERY).unsubscribe_token}"


def withdraw(visit: Visit) -> None:
    visit.press(confirm(visit), what="everything")


def erase(visit: Visit) -> None:
    """Let alice erase everything, on her own page."""
    confirm(visit)
    index = visit.installation.vault.index(parse_email("alice@example.com"))
    own = visit.installation.vault.links.sign(LinkKind.PERSONAL, index, visit.moment)
    visit.press(f"/me/{own}", action="erase")
    assert visit.rows()["request"] == 0


def forget(visit: Visit) -> None:
    """Erase a request that nobody confirmed, as its end does."""
    (row,) = visit.installation.store.read(lambda tx: tx.all("SELECT id FROM request"))
    gone = partial(
        erase_requests, vault=visit.installation.vault, requests=[RequestId(row[0])], reason=BY_PERSON
    )
    visit.installation.write(gone, now=visit.moment)


def let_the_link_expire(visit: Visit) -> None:
    visit.wait(timedelta(hours=80))
    sweep(visit.installation)
    assert visit.rows()["request"] == 1


STATES: dict[str, Callable[[Visit], object]] = {
    "unconfirmed": lambda _visit: None,
    "confirmed": confirm,
    "withdrawn": withdraw,
    "erased": erase,
    "gone": forget,
    "expired": let_the_link_expire,
}


def seen(visit: Visit, token: str) -> list[tuple[int, str, str]]:
    """Return what the page after the form answers: looked at, wrong codes, none, another mail."""
    answers = [visit.client.get(f"/paper/sent?to={token}")]
    tries = ["0000 0000"] * (MAX_TRIES + 2) + [" ", ""]
    answers += [visit.press("/paper/sent", token=token, action="code", code=code) for code in tries]
    answers.append(visit.press("/paper/sent", token=token, action="resend"))
    answers.append(visit.client.get(f"/paper/sent?to={token}&again=1"))
    return [
        (it.status_code, it.headers.get("location", "").replace(token, "T"), it.text.replace(token, "T"))
        for it in answers
    ]


@pytest.mark.parametrize("removed", [False, True], ids=["served", "removed"])
def test_tries_of_a_code_are_answered_alike_whatever_became_of_the_person(
    visit: Visit, *, removed: bool
) -> None:
    """D7, D3: unconfirmed, confirmed, withdrawn, erased, gone or expired; of a magnet served or removed."""
    serve(visit)
    told = {}
    for name, happen in STATES.items():
        token = sign_up(visit)
        happen(visit)
        if removed:
            paper = {it.name: it.read_bytes() for it in (visit.root / "magnets" / "paper").iterdir()}
            remove(visit)
        told[name] = seen(visit, token)
        if removed:
            (visit.root / "magnets" / "paper").mkdir()
            for file, data in paper.items():
                (visit.root / "magnets" / "paper" / file).write_bytes(data)
            serve(visit)
        visit.mails()
        visit.wait(timedelta(days=8))
        sweep(visit.installation)
    assert [status for status, _, _ in told["unconfirmed"]] == [200, *[422] * (MAX_TRIES + 4), 303, 200]
    for name, answers in told.items():
        assert answers == told["unconfirmed"], name


def test_the_personal_page_is_asked_for_alike(visit: Visit) -> None:
    """D7, R1: known, unknown, withdrawn, erased."""
    told = []
    for happen in STATES.values():
        sign_up(visit)
        happen(visit)
        answer = visit.client.post("/me", data={"email": "alice@example.com"})
        told.append((answer.status_code, answer.headers["location"], answer.text))
        visit.mails()
        visit.wait(timedelta(days=8))
        sweep(visit.installation)
    assert len(set(told)) == 1


def test_answers_about_a_person_leave_at_even_times(monkeypatch: pytest.MonkeyPatch) -> None:
    """D7: what was found costs a write, which nobody can time; a refusal waits like an answer."""
    monkeypatch.setattr(timing_protection, "PACE_SECONDS", REAL_PACE)

    async def quick(_request: Request) -> Response:
        return Response("nobody")

    async def slow(_request: Request) -> Response:
        await asyncio.sleep(REAL_PACE / 4)
        return Response("somebody")

    async def refused(_request: Request) -> Response:
        raise LinkSpent

    for handler in (quick, slow, refused):
        began = time.monotonic()
        try:
            asyncio.run(at_even_times(handler)(Request({"type": "http"})))  # type: ignore[arg-type]  # any callable
        except LinkSpent:
            assert handler is refused
        assert time.monotonic() - began >= REAL_PACE


def test_every_post_that_looks_for_a_person_is_paced() -> None:
    """D7: the routes where a stranger types somebody's address, or uses a page that he got for it."""
    paced = {
        it.path for it in (*ROUTES, *VISITOR_ROUTES) if it.endpoint.__qualname__.startswith("at_even_times")
    }
    assert paced == {"/me", "/{slug}/sent"}
