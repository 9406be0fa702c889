"""Mail leaves on a thread of its own: a busy server hears at once that a mail was taken."""

from __future__ import annotations

import asyncio
import threading
import time

from optin.flows.delivery.mail_order import Verdict
from optin.mail.send_outcome import SendOutcome
from optin.mail.smtp_transport import SmtpAddress, SmtpTransport
from optin.mail.threaded_transport import ThreadedTransport
from tests.mail.server import Script, mail_server
from tests.ports import NOBODY

MAIL = b"Subject: x\r\n\r\nx\r\n"


def transport(port: int) -> ThreadedTransport:
    return ThreadedTransport(SmtpTransport(SmtpAddress("127.0.0.1", port)))


def test_a_busy_server_hears_at_once_that_a_mail_was_taken() -> None:
    """D1: while visitors are answered, the answer of the mail server does not wait."""
    script, heard = Script(), threading.Event()

    async def work(port: int) -> SendOutcome:
        way = transport(port)
        sending = asyncio.ensure_future(way.send("a@example.com", "b@example.com", MAIL, heard.set))
        await asyncio.sleep(0)
        deadline = time.monotonic() + 120
        while not heard.is_set() and time.monotonic() < deadline:
            time.sleep(0.01)  # noqa: ASYNC251 - the loop is busy: nothing else runs on it
        assert heard.is_set()
        assert not sending.done()
        outcome = await sending
        await way.close()
        return outcome

    with mail_server(script) as port:
        assert asyncio.run(work(port)).verdict is Verdict.SENT
    assert len(script.mails) == 1


def test_it_can_be_closed_and_used_again() -> None:
    """S6: a courier that begins anew sends over it; nothing is left behind."""
    script = Script()

    async def work(port: int) -> None:
        way = transport(port)
        await way.close()
        for _ in range(2):
            outcomes = await asyncio.gather(
                *(way.send("a@example.com", f"p{number}@example.com", MAIL) for number in range(9))
            )
            assert {it.verdict for it in outcomes} == {Verdict.SENT}
            assert way.places >= 1
            await way.close()

    with mail_server(script) as port:
        asyncio.run(work(port))
    assert len(script.mails) == 18
    assert not any(thread.name == "optin-mail" for thread in threading.enumerate())


def test_a_server_that_is_down_is_an_outcome() -> None:
    """D1: as without the thread."""

    async def work() -> SendOutcome:
        way = transport(NOBODY)
        outcome = await way.send("a@example.com", "b@example.com", MAIL)
        await way.close()
        return outcome

    assert asyncio.run(work()).server_down
