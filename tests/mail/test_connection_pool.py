"""As many connections as the server takes, and a fresh one where the old one has had its mails."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import pytest

from optin.flows.delivery.mail_order import Verdict
from optin.mail.connection_pool import GROW_AFTER_SECONDS, ConnectionPool, ServerUnusable
from optin.mail.send_outcome import SendOutcome
from optin.mail.smtp_transport import SmtpAddress, SmtpTransport
from optin.services.site_edition import load_edition
from tests.installed import KINDS
from tests.mail.server import Script, mail_server
from tests.mail.test_courier import carry, states
from tests.site.conftest import findings
from tests.site.conftest import site as site  # noqa: PLC0414 - a fixture among them
from tests.world import TIPS, World

MAIL = b"From: tips@example.com\r\nMessage-ID: <a@example.com>\r\n\r\nhello\r\n"
MAILS = 24


@pytest.fixture
def store_url(tmp_path: Path) -> str:
    """Keep the mails in SQLite: connections do not depend on the database."""
    return f"sqlite:///{tmp_path}/optin.db"


def all_leave(world: World, script: Script, lanes: int = 24) -> None:
    """Send mails to as many people; none of them may have to wait for another try."""
    for number in range(MAILS):
        world.sign_up(f"p{number}@example.org", TIPS)
    with mail_server(script) as port:
        carry(world, port, lambda: states(world) == {"sent": MAILS}, lanes=lanes)
    assert len(set(script.recipients)) == len(script.recipients) == MAILS
    row = world.do(lambda tx: tx.one("SELECT SUM(attempts) FROM outbox"))
    assert row is not None
    assert row[0] == 0


@pytest.mark.parametrize("beyond", ["421", "554", "close", "hang"])
def test_a_server_that_takes_two_connections_gets_two(
    world: World, beyond: str, caplog: pytest.LogCaptureFixture
) -> None:
    """D1: no mail waits for a back-off, and there is no flood of refused ones or of warnings."""
    script = Script(most_open=2, beyond=beyond, data_seconds=0.05)
    with caplog.at_level(logging.INFO, logger="optin.mail"):
        all_leave(world, script)
    assert script.most_seen == 2
    assert script.refused <= 3
    assert [record for record in caplog.records if record.name == "optin.mail"] == []


@pytest.mark.parametrize("most", [1, 3])
def test_a_connection_that_has_had_its_mails_is_followed_by_a_fresh_one(world: World, most: int) -> None:
    """D1: 452 from the second or fourth mail of a connection on: no mail waits for another try."""
    script = Script(mails_a_connection=most)
    all_leave(world, script)
    assert script.connections <= MAILS / most + 8


def test_both_at_once(world: World) -> None:
    """D1: two connections, three mails on each."""
    script = Script(mails_a_connection=3, most_open=2, data_seconds=0.05)
    all_leave(world, script)
    assert script.most_seen <= 2


def test_a_server_that_greets_one_too_many_and_then_hangs_up(world: World) -> None:
    """D1: 421 to the first command of a mail, beside others that are open."""
    script = Script(data_seconds=0.05)
    script.mail_from_at = lambda place: "421 4.7.0 too many" if place > 2 else "250 ok"
    all_leave(world, script)


def test_no_more_than_the_setting_says(world: World) -> None:
    """D1: never more connections than the operator allows."""
    script = Script(data_seconds=0.02)
    all_leave(world, script)
    assert 2 < script.most_seen <= 8
    few = Script(data_seconds=0.02)

    async def run(port: int) -> None:
        transport = SmtpTransport(SmtpAddress("127.0.0.1", port), 2)
        sent = await asyncio.gather(
            *(transport.send("t@example.com", f"{n}@x.example", MAIL) for n in range(9))
        )
        assert {it.verdict for it in sent} == {Verdict.SENT}
        await transport.close()

    with mail_server(few) as port:
        asyncio.run(run(port))
    assert few.most_seen == 2


def test_the_setting_is_read_and_held(site: Path) -> None:
    """M4: [mail_server] connections; a number that makes no sense is refused with its line."""
    edition, _ = load_edition(site, KINDS)
    assert edition is not None
    assert edition.site.settings.mail_server.connections == 8
    path = site / "optin.toml"
    text = path.read_text("utf-8")
    path.write_text(f"{text}\n[mail_server]\nconnections = 2\n", "utf-8")
    edition, _ = load_edition(site, KINDS)
    assert edition is not None
    assert edition.site.settings.mail_server.connections == 2
    path.write_text(f"{text}\n[mail_server]\nconnections = 0\n", "utf-8")
    assert [it.severity for it in findings(site)] == ["error"]


def test_a_greylisted_mail_takes_one_connection_along_and_waits(caplog: pytest.LogCaptureFixture) -> None:
    """D1: a fresh connection is tried once; what it says counts, and the others go on."""
    script = Script(rcpt=lambda address, _time: "450 4.2.0 later" if "grey" in address else "250 ok")

    async def run(port: int) -> list[SendOutcome]:
        transport = SmtpTransport(SmtpAddress("127.0.0.1", port))
        names = ("a", "b", "grey", "c", "d")
        outcomes = [await transport.send("t@example.com", f"{it}@x.example", MAIL) for it in names]
        await transport.close()
        return outcomes

    with mail_server(script) as port:
        outcomes = asyncio.run(run(port))
    assert [it.verdict is Verdict.SENT for it in outcomes] == [True, True, False, True, True]
    assert script.seen["grey@x.example"] == 2
    assert script.connections == 3
    assert [it.getMessage() for it in caplog.records] == ["the mail server postpones mail: 450 4.2.0"]


def test_a_connection_that_cannot_be_replaced_leaves_the_mail_to_the_others() -> None:
    """D1: to those that are open; with none left the server is not there."""
    script = Script(mails_a_connection=1, data_seconds=0.1)

    async def run(port: int) -> list[SendOutcome]:
        transport = SmtpTransport(SmtpAddress("127.0.0.1", port), 2)

        async def send(number: int) -> SendOutcome:
            return await transport.send("t@example.com", f"{number}@x.example", MAIL)

        outcomes = [await send(1), *await asyncio.gather(send(2), send(3))]
        script.most_open = -1  # no new ones
        outcomes.append(await send(4))
        script.most_open = 0
        outcomes.append(await send(5))
        await transport.close()
        return outcomes

    with mail_server(script) as port:
        outcomes = asyncio.run(run(port))
    assert [it.verdict is Verdict.SENT for it in outcomes] == [True, True, True, False, True]
    assert outcomes[3].server_down


def test_a_mail_that_is_hung_up_on_each_time_is_tried_a_few_times_at_once() -> None:
    """D1: 421 for this mail alone, beside others that are taken: then it waits."""
    script = Script(rcpt=lambda address, _time: "421 4.7.0 bye" if "bad" in address else "250 ok")
    script.data_seconds = 0.1

    async def run(port: int) -> list[SendOutcome]:
        transport = SmtpTransport(SmtpAddress("127.0.0.1", port), 3)

        async def send(name: str) -> SendOutcome:
            return await transport.send("t@example.com", f"{name}@x.example", MAIL)

        await asyncio.gather(*(send(f"a{number}") for number in range(6)))
        outcomes = await asyncio.gather(
            *(send(it) for it in ("b1", "bad", "b2", "b3", "b4", "b5", "b6", "b7"))
        )
        await transport.close()
        return list(outcomes)

    with mail_server(script) as port:
        outcomes = asyncio.run(run(port))
    assert [it.verdict is Verdict.SENT for it in outcomes] == [
        True,
        False,
        True,
        True,
        True,
        True,
        True,
        True,
    ]
    assert script.seen["bad@x.example"] == 3


def test_a_server_on_this_machine_is_known() -> None:
    """S2: only there may mail go unencrypted."""
    assert [SmtpAddress(it, 25).on_this_machine for it in ("127.0.0.1", "::1", "localhost", "a.example")] == [
        True,
        True,
        True,
        False,
    ]


def test_a_greeting_that_is_put_off_is_no_trouble_of_ours(caplog: pytest.LogCaptureFixture) -> None:
    """D1: 4xx to EHLO: later, and a warning only."""
    script = Script(ehlo=lambda _name: "421 4.3.2 not now")

    async def run(port: int) -> SendOutcome:
        return await SmtpTransport(SmtpAddress("127.0.0.1", port)).send("t@example.com", "a@x.example", MAIL)

    with mail_server(script) as port:
        outcome = asyncio.run(run(port))
    assert (outcome.verdict, outcome.server_down) == (Verdict.LATER, True)
    assert [it.levelno for it in caplog.records] == [logging.WARNING]


def test_idle_connections_that_died_cost_nothing() -> None:
    """D1: also when all of them did, and the server is there again."""

    async def run() -> None:
        script = Script(data_seconds=0.05)
        with mail_server(script) as port:
            transport = SmtpTransport(SmtpAddress("127.0.0.1", port))

            async def some() -> set[Verdict]:
                sends = (transport.send("t@example.com", f"{n}@x.example", MAIL) for n in range(8))
                return {it.verdict for it in await asyncio.gather(*sends)}

            assert await some() == {Verdict.SENT}
            script.hang_up()
            await asyncio.sleep(0.2)
            assert await some() == {Verdict.SENT}
            await transport.close()

    asyncio.run(run())


@dataclass
class Server:
    """Takes `most` connections, each a number; what is opened and closed is known."""

    most: int = 2
    opened: int = 0
    tried: int = 0
    now: float = 0.0
    numbers: list[int] = field(default_factory=list)

    async def connect(self) -> int:
        self.tried += 1
        await asyncio.sleep(0)
        if self.opened >= self.most:
            raise ServerUnusable(SendOutcome(Verdict.LATER, "421", server_down=True))
        self.opened += 1
        return self.tried

    async def leave(self, _number: int) -> None:
        self.opened -= 1

    def pool(self, most: int = 8) -> ConnectionPool[int]:
        return ConnectionPool(self.connect, self.leave, most, lambda: self.now)


async def settle() -> None:
    """Let everything run that can."""
    for _ in range(20):
        await asyncio.sleep(0)


async def under_load(pool: ConnectionPool[int], mails: int = 30) -> None:
    """Send mails, all at once."""

    async def one() -> None:
        connection = await pool.take()
        await asyncio.sleep(0)
        pool.give_back(connection)

    await asyncio.gather(*(one() for _ in range(mails)))
    await settle()


def test_one_more_is_tried_now_and_then_ever_more_seldom() -> None:
    """D1: a server that takes more later gets more; one that does not is left in peace."""

    async def run() -> None:
        server = Server(most=2)
        pool = server.pool()
        await under_load(pool)
        assert (pool.limit, server.opened) == (2, 2)
        at = []
        for second in range(4000):
            server.now = float(second)
            before = server.tried
            await under_load(pool, 3)
            at += [second] * (server.tried - before)
        assert pool.limit == 2
        assert len(at) <= 10
        gaps = [later - sooner for sooner, later in pairwise(at)]
        assert gaps == sorted(gaps)
        server.most = 4
        for _ in range(400):
            server.now += GROW_AFTER_SECONDS
            await under_load(pool, 8)
        assert (pool.limit, server.opened) == (4, 4)

    asyncio.run(run())


def test_a_server_that_is_gone_is_begun_anew() -> None:
    """D1, S6: all that wait are told; when it is there again it is as at first."""

    async def run() -> None:
        server = Server(most=0)
        pool = server.pool()
        takes = [asyncio.ensure_future(pool.take()) for _ in range(5)]
        await asyncio.sleep(0)
        takes.pop(2).cancel()
        await settle()
        assert all(isinstance(it.exception(), ServerUnusable) for it in takes)
        server.most = 8
        await under_load(pool)
        assert (pool.limit, server.opened) == (8, 8)
        await pool.close()
        assert server.opened == 0
        server.most = 0  # gone again, while several are opened at once
        takes = [asyncio.ensure_future(pool.take()) for _ in range(5)]
        await settle()
        assert all(isinstance(it.exception(), ServerUnusable) for it in takes)

    asyncio.run(run())


def test_who_stops_waiting_loses_no_connection() -> None:
    """D1: a connection that comes for somebody who has left goes to the next."""

    async def run() -> None:
        server = Server(most=1)
        pool = server.pool()
        held = await pool.take()
        leaving, staying = (asyncio.ensure_future(pool.take()) for _ in range(2))
        await settle()
        pool.give_back(held)
        leaving.cancel()
        await settle()
        assert await staying == held
        pool.give_back(held)
        await pool.close()
        assert server.opened == 0

    asyncio.run(run())


def test_a_mail_that_gets_no_connection_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """D1: not for longer than its lease lasts."""
    monkeypatch.setattr("optin.mail.smtp_transport.LONGEST_WAIT_SECONDS", 0.7)
    script = Script(data_seconds=2)

    async def run(port: int) -> list[SendOutcome]:
        transport = SmtpTransport(SmtpAddress("127.0.0.1", port), 1)
        sends = (transport.send("t@example.com", f"{n}@x.example", MAIL) for n in range(2))
        outcomes = list(await asyncio.gather(*sends))
        await transport.close()
        return outcomes

    with mail_server(script) as port:
        outcomes = asyncio.run(run(port))
    assert [it.verdict for it in outcomes] == [Verdict.SENT, Verdict.LATER]
    assert outcomes[1].reply == "no free connection"


def test_a_mail_that_somebody_waits_for_gets_the_next_connection() -> None:
    """D1: whoever asked for something does not wait behind letters that wait for a connection."""

    async def run() -> None:
        async def connect() -> int:
            return 1

        async def leave(_connection: int) -> None:
            """Do nothing."""

        pool, got = ConnectionPool[int](connect, leave, 1), []
        first = await pool.take(asked=False)

        async def take(name: str, *, asked: bool) -> None:
            connection = await pool.take(asked=asked)
            got.append(name)
            pool.give_back(connection)

        waiting = [
            asyncio.ensure_future(take(name, asked=name < "l"))
            for name in ("letter 1", "letter 2", "asked 1", "asked 2")
        ]
        await asyncio.sleep(0)
        pool.give_back(first)
        await asyncio.gather(*waiting)
        assert got == ["asked 1", "asked 2", "letter 1", "letter 2"]

    asyncio.run(run())
