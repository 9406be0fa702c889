"""Work that nobody waits for leaves its time to visitors."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest

from optin.mail.courier import Courier, MailWriter
from optin.mail.dkim_signing import Signer
from optin.mail.smtp_transport import SmtpAddress, SmtpTransport
from optin.services.visitor_load import LONGEST_REST, LOOK_SECONDS, GiveWay, VisitorLoad
from tests.mail.orders import composer
from tests.mail.server import Script, mail_server
from tests.mail.test_mail_priority import Waiting
from tests.web.conftest import Visit
from tests.web.conftest import visit as visit  # noqa: PLC0414 - a fixture among them
from tests.world import NOON


@dataclass
class Time:
    """A clock that sleeping moves, and the work and visits that pass it."""

    now: float = 0.0
    load: VisitorLoad = field(init=False)
    pace: GiveWay = field(init=False)

    def __post_init__(self) -> None:
        self.load = VisitorLoad(lambda: self.now)
        self.pace = GiveWay(self.load, lambda: self.now, self.sleep)

    async def sleep(self, seconds: float) -> None:
        self.now += seconds

    def steps(self, seconds: float, cost: float, visits: float) -> int:
        """Return how many steps of a job come in some time, while visits take a share of it."""
        count, until = 0, self.now + seconds

        async def work() -> None:
            nonlocal count
            while self.now < until:
                began = self.now
                await self.pace.turn()
                self.pace.worked(cost)
                self.now += cost
                for _ in range(round((self.now - began) * visits * 1000)):
                    self.load.answered(0.001)
                count += 1

        asyncio.run(work())
        return count


@pytest.fixture
def timed() -> Time:
    """Begin without visitors."""
    return Time()


def test_without_visitors_nothing_rests(timed: Time) -> None:
    """O1, W13: a job has all of the time."""
    assert timed.steps(1.0, 0.002, visits=0.0) == pytest.approx(500, rel=0.01)
    assert timed.steps(1.0, 0.002, visits=0.02) == pytest.approx(500, rel=0.01)


def test_the_more_visitors_the_longer_a_job_rests(timed: Time) -> None:
    """O1, W13: where they need everything, it has a sixteenth; and it is never stopped."""
    timed.steps(1.0, 0.002, visits=1.0)
    assert timed.steps(2.0, 0.002, visits=1.0) == pytest.approx(1_000 / (1 + LONGEST_REST), rel=0.2)
    timed.steps(1.0, 0.002, visits=0.3)
    some = timed.steps(2.0, 0.002, visits=0.3)
    assert 1_000 / (1 + LONGEST_REST) < some < 500


def test_when_visitors_are_gone_a_job_works_on_at_once(timed: Time) -> None:
    """O1: within the time of a look."""
    timed.steps(2.0, 0.002, visits=1.0)
    timed.steps(2 * LOOK_SECONDS, 0.002, visits=0.0)
    assert timed.steps(1.0, 0.002, visits=0.0) == pytest.approx(500, rel=0.05)


def test_one_request_that_takes_for_ever_is_not_many(timed: Time) -> None:
    """O1: whoever waits for a slow client keeps nothing busy."""
    timed.now += 60
    timed.load.answered(60.0)
    timed.now += LOOK_SECONDS
    assert timed.load.share < 0.01


def test_requests_are_visits(visit: Visit) -> None:
    """O1: pages that are held ready, forms, and what is refused."""
    load = visit.app_context.installation.visitors
    for path in ("/paper", "/nothing-here", "/health/live"):
        before = load.seconds
        visit.client.get(path)
        assert load.seconds > before, path


def test_letters_wait_for_their_turn_and_confirmations_do_not() -> None:
    """D1, W13: however busy visitors keep the process, what somebody waits for leaves."""

    class Never:
        """The turn of letters never comes."""

        async def turn(self) -> None:
            await stopped.wait()

        def worked(self, seconds: float) -> None:
            """Do nothing."""

    outbox, stopped = Waiting(20, 20), asyncio.Event()

    async def run(port: int) -> None:
        writer = MailWriter(composer(), Signer(), "t@example.com")
        transport = SmtpTransport(SmtpAddress("127.0.0.1", port))
        courier = Courier(outbox, writer, transport, lambda: NOON)
        courier.pace = Never()
        stop = asyncio.Event()
        running = asyncio.ensure_future(courier.run(stop))
        while len(outbox.settled) < 20:
            await asyncio.sleep(0.01)
        assert all(it.startswith("asked") for it in outbox.settled)
        stop.set()
        stopped.set()
        await running

    with mail_server(Script()) as port:
        asyncio.run(asyncio.wait_for(run(port), 60))
    assert any(it.startswith("p") for it in outbox.settled), "what was claimed leaves before the end"
