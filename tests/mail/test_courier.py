"""The courier over a real store and a real mail server."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from optin.consent.email_and_telephone import parse_email
from optin.errors import StoreBusy
from optin.flows.delivery.deliver_mails import LEASE
from optin.flows.delivery.mail_order import MailKind, Order, Verdict
from optin.jobs.background_job import Job
from optin.jobs.courier_outbox import StoreOutbox
from optin.mail.courier import Courier, MailWriter
from optin.mail.dkim_signing import Signer
from optin.mail.smtp_refusals import CURES, MailTrouble
from optin.mail.smtp_transport import SmtpAddress, SmtpTransport
from optin.mail.trouble_log import TroubleLog
from tests.mail.orders import composer, confirmation
from tests.mail.server import Script, mail_server
from tests.ports import NOBODY
from tests.world import NOON, TIPS, World


def carry(
    world: World,
    port: int,
    until: Callable[[], bool],
    lanes: int = 4,
    timeout: float = 5,
    troubles: TroubleLog | None = None,
    **address: Any,
) -> None:
    """Let a courier work until something has happened, then stop it gracefully."""
    troubles = troubles or TroubleLog()

    async def run() -> None:
        installation = world.installation()
        server = SmtpAddress("127.0.0.1", port, timeout_seconds=timeout, **address)
        transport = SmtpTransport(server, troubles=troubles)
        courier = Courier(
            StoreOutbox(installation),
            MailWriter(composer(), Signer(), "tips@example.com"),
            transport,
            lambda: world.now,
            lanes,
            troubles,
        )
        stop = asyncio.Event()
        running = asyncio.ensure_future(courier.run(stop))
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and not until():
            courier.wake()
            await asyncio.sleep(0.02)
        stop.set()
        await running

    asyncio.run(run())
    assert until()


def states(world: World) -> dict[str, int]:
    rows = world.do(lambda tx: tx.all("SELECT state, COUNT(*) FROM outbox GROUP BY state"))
    return {row[0]: row[1] for row in rows}


def test_every_mail_leaves_once_and_is_evidence(world: World) -> None:
    """D1, P2: all of them, once, over few connections; each kept with its digest."""
    for number in range(30):
        world.sign_up(f"p{number}@example.com", TIPS)
    script = Script()
    with mail_server(script) as port:
        carry(world, port, lambda: len(script.mails) == 30)
    assert sorted(script.recipients) == sorted(f"p{number}@example.com" for number in range(30))
    assert states(world) == {"sent": 30}
    assert world.count("mail") == 30
    assert script.connections <= 4


def test_a_greylisted_mail_is_tried_again_and_a_refused_one_is_not(world: World) -> None:
    """D1: 4xx comes again after its back-off, 5xx never."""
    world.sign_up("grey@example.com", TIPS)
    world.sign_up("gone@example.com", TIPS)
    script = Script(
        rcpt=lambda address, time: (
            "550 5.1.1 no" if address.startswith("gone") else "450 later" if time == 1 else "250 ok"
        )
    )
    with mail_server(script) as port:
        carry(
            world, port, lambda: states(world).get("dead") == 1 and script.seen.get("grey@example.com") == 1
        )
        world.wait(timedelta(seconds=10))
        assert world.claim() == []  # not before the back-off
        world.wait(timedelta(seconds=30))
        carry(world, port, lambda: states(world).get("sent") == 1)
    assert script.recipients == ["grey@example.com"]
    assert script.seen["gone@example.com"] == 1


def test_an_address_of_another_alphabet_gets_its_mail(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """D1, S4: from a server without SMTPUTF8; a name outside ASCII is refused, and that is logged."""
    world.sign_up("jan@b\u00fccher.de", TIPS)
    world.sign_up("jos\u00e9@example.com", TIPS)
    script = Script()
    with mail_server(script, utf8=False) as port, caplog.at_level(logging.WARNING, logger="optin.mail"):
        carry(world, port, lambda: states(world) == {"sent": 1, "dead": 1})
    assert script.recipients == ["jan@xn--bcher-kva.de"]
    (line,) = [record.getMessage() for record in caplog.records if "was given up" in record.getMessage()]
    assert re.search(r"<[0-9a-f]{32}@example\.com>", line)
    assert "jos" not in line
    assert world.vault.index(parse_email("jan@xn--bcher-kva.de")) == world.vault.index(
        parse_email("jan@b\u00fccher.de")
    )


def test_a_mail_server_that_is_down_for_days_loses_nothing(world: World) -> None:
    """D1, S6: mail waits with a growing back-off as long as its request lives."""
    world.sign_up("alice@example.com", TIPS)
    waits = []
    for _ in range(12):
        (order,) = world.claim()
        assert world.settle(order, Verdict.LATER)
        row = world.do(lambda tx: tx.one("SELECT next_at FROM outbox"))
        assert row is not None
        waits.append(row[0] / 1000 - world.now.timestamp())
        world.wait(timedelta(seconds=waits[-1] + 0.01))
    assert 15 <= waits[0] <= 30
    assert max(waits) <= 6 * 3600
    assert waits[-1] > 3600
    script = Script()
    with mail_server(script) as port:
        carry(world, port, lambda: len(script.mails) == 1)


def test_a_late_courier_cannot_settle_what_another_has(world: World) -> None:
    """D1: the fence; the second verdict of a lost lease changes nothing."""
    world.sign_up("alice@example.com", TIPS)
    (late,) = world.claim()
    world.wait(LEASE + timedelta(seconds=1))
    (order,) = world.claim()
    assert not world.settle(late, Verdict.SENT)
    assert world.settle(order, Verdict.SENT)
    assert world.count("mail") == 1


def test_a_mail_that_kills_its_courier_is_tried_alone_and_given_up(world: World) -> None:
    """D1, S6: the innocent mails beside it all arrive."""
    for number in range(3):
        world.sign_up(f"p{number}@example.com", TIPS)
    for _ in range(2):  # two couriers die with all three: one may die of anything
        assert len(world.claim()) == 3
        world.wait(LEASE + timedelta(seconds=1))
    assert world.claim(suspect=False) == []
    poison = world.claim(1, suspect=True)[0]
    world.wait(LEASE + timedelta(seconds=1))
    for _ in range(5):
        for order in world.claim(1, suspect=True):
            if order.number != poison.number:
                assert world.settle(order, Verdict.SENT)
        world.wait(LEASE + timedelta(seconds=1))
    world.claim(1, suspect=True)
    assert states(world) == {"sent": 2, "dead": 1}


def test_a_confirmation_nobody_needs_any_more_is_not_sent(world: World) -> None:
    """D4: confirmed by the code meanwhile: its mail is dropped."""
    request = world.sign_up("alice@example.com", TIPS)
    world.confirm(request)
    assert [order.kind for order in world.claim()] == [MailKind.DELIVERY]


def test_a_server_that_hangs_does_not_keep_the_courier_from_stopping(world: World) -> None:
    """S6: a graceful stop takes as long as one mail may take, no longer."""
    world.sign_up("alice@example.com", TIPS)
    script = Script(hang_at_data=True)
    with mail_server(script) as port:
        carry(world, port, lambda: script.connections == 1, timeout=0.5)
    assert states(world) == {"queued": 1}


def test_a_store_that_is_busy_and_a_mail_that_cannot_be_made_stop_nothing() -> None:
    """S6: the courier goes on; the broken mail is tried later."""
    order = confirmation(expires_at=None)
    settled: list[Verdict] = []

    class Outbox:
        """Fails once, then has one mail that cannot be composed."""

        def __init__(self) -> None:
            self.calls = 0

        async def claim(self, most: int, most_unasked: int) -> list[Order]:
            assert most >= most_unasked > 0
            self.calls += 1
            if self.calls == 1:
                raise StoreBusy
            return [order] if self.calls == 2 else []

        def accepted(self, order: Order, message: bytes) -> None:
            raise AssertionError(order, message)

        async def settle(self, order: Order, verdict: Verdict, reply: str, message: bytes) -> bool:
            del order, reply, message
            settled.append(verdict)
            raise StoreBusy

        async def hurry(self) -> None:
            raise StoreBusy

        async def revive(self, orders: list[Order]) -> None:
            raise AssertionError(orders)

    async def run(monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("optin.mail.courier.BACK_OFF_SECONDS", 0.01)
        transport = SmtpTransport(SmtpAddress("127.0.0.1", NOBODY))
        courier = Courier(
            Outbox(), MailWriter(composer(), Signer(), "t@example.com"), transport, lambda: NOON
        )
        stop = asyncio.Event()
        running = asyncio.ensure_future(Job("courier", courier.run).run(stop))
        while not settled:
            await asyncio.sleep(0.01)
        stop.set()
        await running

    with pytest.MonkeyPatch.context() as monkeypatch:
        asyncio.run(run(monkeypatch))
    assert settled == [Verdict.LATER]


def test_the_same_words_to_several_people_are_not_believed(
    world: World, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """D1: also when they claim that the mailbox is wrong; those that had been given up come back."""
    monkeypatch.setattr("optin.mail.courier.BACK_OFF_SECONDS", 0.01)
    monkeypatch.setattr("optin.mail.courier.LONGEST_BACK_OFF_SECONDS", 0.05)
    people = [f"p{number}@example.org" for number in range(6)]
    for person in people:
        world.sign_up(person, TIPS)

    def tries() -> int:
        row = world.do(lambda tx: tx.one("SELECT SUM(attempts) FROM outbox"))
        return 0 if row is None else int(row[0])

    script = Script(rcpt=lambda address, _time: f"550 5.1.1 <{address}>: not here")
    with mail_server(script) as port:
        carry(world, port, lambda: states(world) == {"queued": 6} and tries() >= 3)
    (line,) = [it.getMessage() for it in caplog.records if it.levelno == logging.ERROR]
    assert CURES[MailTrouble.ALIKE] in line
    assert "example.org" not in caplog.text
    world.wait(timedelta(minutes=1))
    mended = Script()
    with mail_server(mended) as port:
        carry(world, port, lambda: states(world) == {"sent": 6})
    assert sorted(mended.recipients) == people
