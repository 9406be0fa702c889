"""A domain of recipients gets as much mail as it takes, and delays no other."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from pathlib import Path

import pytest

from optin.flows.delivery.mail_order import Order, Verdict
from optin.jobs.build_courier import domains_of
from optin.jobs.courier_outbox import StoreOutbox
from optin.mail.courier import Courier, MailWriter
from optin.mail.dkim_signing import Signer
from optin.mail.recipient_domains import (
    FIRST_REST_SECONDS,
    LONGEST_REST_SECONDS,
    SPREAD_SECONDS,
    TRIAL_SECONDS,
    DomainLimit,
    RecipientDomains,
)
from optin.mail.smtp_transport import SmtpAddress, SmtpTransport
from optin.services.site_edition import load_edition
from optin.store.mail_outbox import Urgency, count_waiting_letters
from tests.installed import KINDS
from tests.mail.orders import composer, confirmation
from tests.mail.server import Script, mail_server
from tests.mail.test_courier import states
from tests.mail.test_mail_priority import queue_unasked
from tests.own_site import add_settings, own_site
from tests.world import TIPS, World

UNLIMITED = DomainLimit()


class Clocked:
    """Domains whose time is moved by hand."""

    def __init__(self, limit: DomainLimit = UNLIMITED) -> None:
        self.now = 0.0
        self.domains = RecipientDomains({"big.example": limit}, clock=lambda: self.now)

    def wait(self, domain: str = "big.example", *, asked: bool = False) -> tuple[Order, float]:
        order = confirmation(f"p@{domain}", asked=asked)
        return order, self.domains.wait_seconds(order)

    def answer(self, order: Order, reply: str) -> None:
        self.domains.done(order, Verdict.SENT if reply == "250" else Verdict.LATER, reply)

    def leave(self, seconds: float, *, asked: bool = False) -> int:
        """Offer mails for some time, each again when it is told; return how many left."""
        until, left, due = self.now + seconds, 0, self.now
        while due <= until:
            self.now = due
            order, wait = self.wait(asked=asked)
            if wait == 0:
                self.answer(order, "250")
                left += 1
            due = self.now + max(wait, 0.01)
        self.now = until
        return left


def test_a_domain_gets_its_mails_a_minute() -> None:
    """D1: no more than its rate, with a few at once after a quiet while; and no less."""
    clocked = Clocked(DomainLimit(per_minute=60))
    assert 600 <= clocked.leave(600) <= 606


def test_each_mail_that_is_held_back_gets_a_moment_of_its_own() -> None:
    """D1: a thousand mails to one domain are looked at twice each, not all of them each second."""
    clocked = Clocked(DomainLimit(per_minute=60))
    waits = [clocked.wait()[1] for _ in range(100)]
    held = [it for it in waits if it]
    assert len(held) > 90
    assert held == sorted(held)
    assert held[-1] - held[0] == pytest.approx(len(held) - 1)


def test_letters_leave_a_part_of_the_rate_to_what_somebody_waits_for() -> None:
    """D1: while letters take all that they get, a confirmation to that domain leaves at once."""
    clocked = Clocked(DomainLimit(per_minute=100))
    while clocked.wait()[1] == 0:
        pass
    assert clocked.wait(asked=True)[1] == 0
    assert clocked.wait("other.example")[1] == 0


def test_no_more_are_in_hand_than_a_domain_takes_at_once() -> None:
    """D1: as many connections as are set; the next when one is free."""
    clocked = Clocked(DomainLimit(connections=2))
    (first, _), (_second, none) = clocked.wait(asked=True), clocked.wait()
    assert none == 0
    assert clocked.wait()[1] > 0
    assert clocked.wait(asked=True)[1] > 0
    clocked.answer(first, "250")
    assert clocked.wait()[1] == 0


@pytest.mark.parametrize("reply", ["421 4.7.0", "421", "450 4.7.1", "451 4.7.650"])
def test_a_domain_that_has_enough_rests_and_the_others_do_not(reply: str) -> None:
    """D1: longer each time it says so again; what somebody waits for tries it, one at a time."""
    clocked = Clocked()
    rest = FIRST_REST_SECONDS
    while rest < LONGEST_REST_SECONDS:
        order, wait = clocked.wait()
        assert wait == 0
        clocked.answer(order, reply)
        assert clocked.wait()[1] >= rest
        assert clocked.wait("other.example")[1] == 0
        trial, wait = clocked.wait(asked=True)
        assert wait == 0
        assert clocked.wait(asked=True)[1] > 0
        clocked.answer(trial, reply)  # within its rest: that does not make it longer
        clocked.now += rest - 1
        assert clocked.wait()[1] > 0
        clocked.now += 2
        rest *= 2
    order, _ = clocked.wait()
    clocked.answer(order, "250")
    assert [clocked.wait()[1] for _ in range(3)] == [0, 0, 0]


def test_a_rest_delays_a_crowd_of_letters_little() -> None:
    """D1: a domain without limits that rests once is tried by all of them soon after."""
    clocked = Clocked()
    clocked.answer(clocked.wait()[0], "421")
    waits = [clocked.wait()[1] for _ in range(20_000)]
    assert min(waits) >= FIRST_REST_SECONDS
    assert max(waits) <= FIRST_REST_SECONDS + SPREAD_SECONDS + TRIAL_SECONDS


@pytest.mark.parametrize("reply", ["452 4.2.2", "450 4.1.8", "ServerDisconnected", "550 5.7.1", ""])
def test_other_answers_are_about_one_mail(reply: str) -> None:
    """D1: a full mailbox is no reason to delay a neighbour's mail."""
    clocked = Clocked()
    order, _ = clocked.wait()
    clocked.answer(order, reply)
    assert clocked.wait()[1] == 0


def test_nothing_is_kept_of_domains_that_need_nothing() -> None:
    """D1, S4: who got mail is not remembered."""
    clocked = Clocked()
    for number in range(50):
        order, _ = clocked.wait(f"d{number}.example")
        clocked.answer(order, "250")
    assert vars(clocked.domains)["_domains"] == {}


def test_a_domain_that_is_throttled_slows_only_its_own_mails(world: World) -> None:
    """D1: a mail server that has enough of one domain's mail; all others leave, and these wait uncounted."""
    for number in range(20):
        world.sign_up(f"p{number}@big.example", TIPS)
        world.sign_up(f"p{number}@small.example", TIPS)
    world.do(lambda tx: tx.run("UPDATE outbox SET urgency = 1"))
    script = Script(
        rcpt=lambda address, _: "421 4.7.0 slow" if address.endswith("@big.example") else "250 ok"
    )
    with mail_server(script) as port:
        carry(world, RecipientDomains(), port, lambda: states(world).get("sent") == 20)
    assert states(world) == {"sent": 20, "queued": 20}
    tried = {address for address in script.seen if address.endswith("@big.example")}
    assert 1 <= len(tried) <= 12  # those that were on their way when it said so
    row = world.do(lambda tx: tx.one("SELECT COUNT(*) FROM outbox WHERE state = 'queued' AND attempts > 0"))
    assert row is not None
    assert row[0] == len(tried)
    world.wait(timedelta(minutes=30))
    with mail_server(Script()) as port:
        carry(world, RecipientDomains(), port, lambda: states(world) == {"sent": 40})


def test_a_rate_holds_against_a_real_server(world: World) -> None:
    """D1: of thirty letters to one domain a burst leaves; the confirmation and other domains do not wait."""
    for number in range(30):
        world.sign_up(f"p{number}@big.example", TIPS)
    world.do(lambda tx: tx.run("UPDATE outbox SET urgency = 1"))
    world.wait(timedelta(seconds=1))
    for email in ("alice@big.example", "bob@small.example"):
        world.sign_up(email, TIPS)
    script, limit = Script(), DomainLimit(per_minute=60, connections=2)
    with mail_server(script) as port:
        domains = RecipientDomains({"big.example": limit})
        wanted = {"alice@big.example", "bob@small.example"}
        carry(world, domains, port, lambda: wanted <= {*script.recipients} and len(script.recipients) >= 4)
    assert 4 <= len(script.recipients) <= 9
    due = world.do(lambda tx: tx.all("SELECT next_at FROM outbox WHERE state = 'queued' ORDER BY next_at"))
    waits = [row[0] / 1000 - world.now.timestamp() for row in due]
    assert waits[-1] - waits[0] == pytest.approx(len(waits) - 1, abs=0.5), "one a second, by the rate"


def test_letters_that_wait_for_their_domain_keep_no_others_out(world: World) -> None:
    """W13: the outbox takes further letters, whatever waits for a slow domain."""
    queue_unasked(world, 5, Urgency.LETTER)
    assert world.do(count_waiting_letters, now=world.now) == 5
    world.do(lambda tx: tx.run("UPDATE outbox SET next_at = next_at + 120000"))
    assert world.do(count_waiting_letters, now=world.now) == 0
    world.do(lambda tx: tx.run("UPDATE outbox SET claim = :claim", claim=b"c"))
    assert world.do(count_waiting_letters, now=world.now) == 5
    world.do(lambda tx: tx.run("DELETE FROM outbox"))


SETTINGS = """
[mail_server]
each_domain.connections = 4

[mail_server.domains."gmail.com"]
per_minute = 100

[mail_server.domains."slow.example"]
connections = 0
"""


def test_limits_of_domains_are_set_in_optin_toml(tmp_path: Path) -> None:
    """D1: a domain has what is set for it, and else what is set for each."""
    add_settings(own_site(tmp_path / "site"), SETTINGS)
    edition, found = load_edition(tmp_path / "site", KINDS)
    assert edition is not None, found
    domains = domains_of(edition.site.settings.mail_server)
    limits = {name: domains.limit_of(name) for name in ("gmail.com", "slow.example", "other.example")}
    assert limits == {
        "gmail.com": DomainLimit(100, 4),
        "slow.example": DomainLimit(0, 0),
        "other.example": DomainLimit(0, 4),
    }


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Gmail.com", "is written gmail.com"),
        ("bücher.de", "is written xn--bcher-kva.de"),
        ("co.uk", "belongs to everybody"),
        ("not a domain", "is an ending"),
        ("a b.de", "is no domain"),
    ],
)
def test_a_name_that_is_no_domain_is_told(tmp_path: Path, name: str, said: str) -> None:
    """D1, M3: with its line and the cure; a limit that would never apply is not taken."""
    add_settings(own_site(tmp_path / "site"), f'\n[mail_server.domains."{name}"]\nper_minute = 1\n')
    _, found = load_edition(tmp_path / "site", KINDS)
    (finding,) = [it for it in found if it.severity == "error"]
    assert said in finding.message
    assert finding.cure
    assert finding.line


def carry(world: World, domains: RecipientDomains, port: int, until: object) -> None:
    """Let a courier work until something has happened."""
    assert callable(until)

    async def run() -> None:
        transport = SmtpTransport(SmtpAddress("127.0.0.1", port))
        writer = MailWriter(composer(), Signer(), "tips@example.com")
        courier = Courier(
            StoreOutbox(world.installation(), domains), writer, transport, lambda: world.now, 12
        )
        stop = asyncio.Event()
        running = asyncio.ensure_future(courier.run(stop))
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and not until():
            courier.wake()
            await asyncio.sleep(0.02)
        stop.set()
        await running

    asyncio.run(run())
    assert until()
