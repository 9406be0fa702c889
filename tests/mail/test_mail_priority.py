"""Which of many due mails leave first."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from datetime import timedelta

from optin.consent.status_transitions import ID_BYTES, RequestId
from optin.flows.delivery.deliver_mails import LEASE
from optin.flows.delivery.mail_order import MailKind, Order, Verdict
from optin.mail.courier import POLL_SECONDS, Courier, MailWriter
from optin.mail.dkim_signing import Signer
from optin.mail.smtp_transport import SmtpAddress, SmtpTransport
from optin.store.database_interface import Tx, Value, to_ms
from optin.store.mail_outbox import Urgency, claim, enqueue_as, give_up_crashing_mails, new_message_id
from optin.store.sending_claims import ClaimBatch
from tests.mail.orders import composer, confirmation
from tests.mail.server import Script, mail_server
from tests.store.test_statistics_index import explained
from tests.world import NOON, TIPS, World


def queue_unasked(world: World, count: int, urgency: Urgency) -> None:
    """Let mails be due for a minute that nobody waits for."""
    kind = MailKind.LETTER if urgency is Urgency.LETTER else MailKind.BASIS

    def queue(tx: Tx) -> None:
        for number in range(count):
            request = RequestId(number.to_bytes(ID_BYTES, "big"))
            due = world.now - timedelta(minutes=1)
            enqueue_as(tx, new_message_id("example.com"), kind, request, due, urgency)

    world.do(queue)


def taken(world: World, batch: ClaimBatch) -> Counter[Urgency]:
    """Claim mails; return how many there are of each urgency."""
    claimed = world.do(claim, batch=batch, lease=LEASE, now=world.now, suspect=False)
    return Counter(mail.urgency for mail in claimed)


def test_what_somebody_waits_for_goes_before_letters_and_those_before_reminders(world: World) -> None:
    """D1, W13: however long the others are due; but reminders have a part of what letters might take."""
    queue_unasked(world, 40, Urgency.LETTER)
    queue_unasked(world, 40, Urgency.UNASKED)
    for number in range(6):
        world.sign_up(f"p{number}@example.com", TIPS)
    asked, letter, unasked = Urgency
    assert taken(world, ClaimBatch(4)) == {asked: 4}
    assert taken(world, ClaimBatch(10)) == {asked: 2, letter: 6, unasked: 2}
    assert taken(world, ClaimBatch(30, most_unasked=8)) == {letter: 6, unasked: 2}
    assert taken(world, ClaimBatch(100)) == {letter: 28, unasked: 36}
    assert taken(world, ClaimBatch(100)) == {}


def test_reminders_alone_take_every_place(world: World) -> None:
    """D1: places are kept for nobody who does not come."""
    queue_unasked(world, 40, Urgency.UNASKED)
    assert taken(world, ClaimBatch(30)) == {Urgency.UNASKED: 30}


def test_a_claim_does_not_read_what_else_is_due(world: World, store_url: str) -> None:
    """D1, S6: an index leads to what somebody waits for, and to what couriers died with, past all letters."""
    rows: list[dict[str, Value]] = [
        {"id": f"<{number}@example.com>", "due": to_ms(world.now - timedelta(minutes=1)), "request": b"r"}
        for number in range(5_000)
    ]

    def fill(tx: Tx) -> None:
        tx.many(
            "INSERT INTO outbox(message_id, kind, request_id, next_at, created_at, urgency)"
            " VALUES (:id, 'letter', :request, :due, :due, 1)",
            rows,
        )
        tx.run("ANALYZE outbox")

    def plan(tx: Tx) -> tuple[str, str]:
        claims, crashes = explained(tx, store_url), explained(tx, store_url)
        claim(claims, ClaimBatch(4, b"holder", 0), LEASE, world.now, suspect=False)  # type: ignore[arg-type]  # it answers `all` alone
        give_up_crashing_mails(crashes, world.now)  # type: ignore[arg-type]  # as above
        return " ".join(claims.told), " ".join(crashes.told)

    world.do(fill)
    claims, crashes = world.do(plan)
    assert "outbox_urgency" in claims, claims
    assert "outbox_due" not in claims, claims
    assert "outbox_suspect" in crashes, crashes
    world.do(lambda tx: tx.run("DELETE FROM outbox"))


class Waiting:
    """An outbox of orders that are due: those that somebody waits for, and others."""

    def __init__(self, asked: int, unasked: int) -> None:
        self.asked = [confirmation(f"asked{number}@example.com") for number in range(asked)]
        self.unasked = [confirmation(f"p{number}@example.com", asked=False) for number in range(unasked)]
        self.in_hand = 0
        self.most_in_hand = 0
        self.settled: list[str] = []

    async def claim(self, most: int, most_unasked: int) -> list[Order]:
        orders: list[Order] = [*self.asked[:most]]
        others = self.unasked[: min(most_unasked, most - len(orders))]
        del self.asked[: len(orders)], self.unasked[: len(others)]
        self.in_hand += len(others)
        self.most_in_hand = max(self.most_in_hand, self.in_hand)
        return [*orders, *others]

    def accepted(self, order: Order, message: bytes) -> None:
        del order, message

    async def settle(self, order: Order, verdict: Verdict, reply: str, message: bytes) -> bool:
        del reply, message
        assert verdict is Verdict.SENT
        self.in_hand -= not order.asked
        self.settled.append(order.recipient)
        return True

    async def hurry(self) -> None:
        """Do nothing."""

    async def revive(self, orders: list[Order]) -> None:
        raise AssertionError(orders)


def test_a_confirmation_overtakes_mails_that_are_on_their_way() -> None:
    """D1: a slow mail server is busy with letters; what somebody waits for is the next that it gets."""
    outbox, script = Waiting(0, 60), Script(data_seconds=0.05)

    async def run(port: int) -> None:
        transport = SmtpTransport(SmtpAddress("127.0.0.1", port), most=1)
        courier = Courier(
            outbox, MailWriter(composer(), Signer(), "t@example.com"), transport, lambda: NOON, lanes=12
        )
        stop = asyncio.Event()
        running = asyncio.ensure_future(courier.run(stop))
        while len(outbox.settled) < 3:
            await asyncio.sleep(0.005)
        outbox.asked.append(confirmation("alice@example.com"))
        before = len(outbox.settled)
        courier.wake()
        while "alice@example.com" not in outbox.settled:
            await asyncio.sleep(0.005)
        assert outbox.settled.index("alice@example.com") <= before + 2  # those that the server had
        while len(outbox.settled) < 61:
            await asyncio.sleep(0.01)
        stop.set()
        await running

    with mail_server(script) as port:
        asyncio.run(asyncio.wait_for(run(port), 60))
    assert len(set(outbox.settled)) == 61


def test_letters_leave_lanes_to_what_somebody_waits_for_and_neither_stops_the_other() -> None:
    """D1: thirty of each leave, and letters never have more than two of three lanes."""
    outbox, script = Waiting(30, 30), Script(data_seconds=0.01)

    async def run(port: int) -> None:
        transport = SmtpTransport(SmtpAddress("127.0.0.1", port), most=4)
        courier = Courier(
            outbox, MailWriter(composer(), Signer(), "t@example.com"), transport, lambda: NOON, lanes=12
        )
        stop = asyncio.Event()
        running = asyncio.ensure_future(courier.run(stop))
        began = time.monotonic()
        while len(outbox.settled) < 60:
            await asyncio.sleep(0.01)
        assert time.monotonic() - began < 10 * POLL_SECONDS, "no lane waits for the next look"
        stop.set()
        await running

    with mail_server(script) as port:
        asyncio.run(asyncio.wait_for(run(port), 60))
    assert outbox.most_in_hand <= 8
