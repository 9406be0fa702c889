"""Mails to one mailbox: never more than its limit in 24 hours, whoever asks, wherever it is asked."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from optin.consent.email_and_telephone import EmailAddress, parse_email
from optin.consent.status_transitions import RequestId
from optin.flows.consents.confirm import CodeRefused, confirm_by_code
from optin.flows.consents.resend_confirmation import resend_confirmation
from optin.flows.delivery.mail_limits import has_read, take_link, take_reader_mail, take_site_mails
from optin.flows.rights.personal_link import ask_for_link
from optin.store.database_interface import Tx
from optin.store.limit_counters import CounterTable, LimitedCount, take_amount
from optin.store.requests import SealedRequest, load_request
from tests.world import NOON, TIPS, World, open_world

BOB = EmailAddress("bob@gmail.com")
SPELLINGS = ("bob@gmail.com", "B.O.B@Gmail.com", "bob+tips@googlemail.com", "b.ob+x@gmail.com")


def mails(world: World, kind: str = "confirmation") -> int:
    """Count the mails of a kind that were queued, ever."""
    row = world.do(lambda tx: tx.one("SELECT COUNT(*) FROM outbox WHERE kind = :kind", kind=kind))
    assert row is not None
    return int(row[0])


def test_many_posts_at_once_cause_the_mails_of_a_day_exactly(world: World) -> None:
    """D8, O8: however many at once, by whatever spelling of the address."""
    for who in ("bob", "carol", "dave"):
        spellings = (f"{who}@gmail.com", f"{'.'.join(who)}@GMail.com", f"{who}+x@googlemail.com")
        before = mails(world)
        with ThreadPoolExecutor(16) as people:
            for number in range(40):
                people.submit(world.sign_up, spellings[number % 3], TIPS, first_name=f"Bob {number}")
        assert mails(world) - before == world.policy.limits.per_address_per_day


def test_forms_and_mails_sent_again_are_one_count(world: World) -> None:
    """D8, D6: a form, its mail again and again, a form by another spelling."""
    requests = [world.sign_up(spelling, TIPS) for spelling in SPELLINGS[:2]]
    for request in requests * 4:
        world.send()
        world.run(resend_confirmation, request=request, now=world.now)
    for number in range(9):
        world.sign_up(f"bob+{number}@gmail.com", TIPS)
    assert mails(world) == world.policy.limits.per_address_per_day


def test_a_day_is_any_24_hours(world: World) -> None:
    """D8: not the day of a calendar: around midnight, in whatever time zone, there are no more of them."""
    world.now = NOON.replace(hour=23, minute=50)
    moments = []
    for _ in range(100):
        before = mails(world)
        world.sign_up("bob@example.com", TIPS, first_name=f"at {world.now}")
        moments += [world.now] * (mails(world) - before)
        world.wait(timedelta(minutes=31))
    most = world.policy.limits.per_address_per_day
    assert len(moments) >= 2 * most
    for first, sixth in zip(moments, moments[most:], strict=False):
        assert sixth - first >= timedelta(days=1)
        assert sixth - first < timedelta(days=1, minutes=31)


def test_a_clock_that_is_behind_another_gives_no_more(world: World) -> None:
    """O8: two servers whose clocks lie around midnight."""
    for number in range(12):
        world.now = NOON.replace(hour=0, minute=0, second=0) + timedelta(seconds=-2 if number % 2 else 2)
        world.sign_up("bob@example.com", TIPS, first_name=f"Bob {number}")
    assert mails(world) == world.policy.limits.per_address_per_day


def test_a_sign_up_that_is_undone_uses_up_nothing(world: World) -> None:
    """D1, D8: the count is in the transaction of the mail it counts."""

    def undone(tx: Tx) -> None:
        assert take_reader_mail(tx, world.context, BOB, world.now)
        raise ZeroDivisionError

    for _ in range(2 * world.policy.limits.per_address_per_day):
        with pytest.raises(ZeroDivisionError):
            world.do(undone)
    takes = [
        world.run(take_reader_mail, email=BOB, now=world.now)
        for _ in range(world.policy.limits.per_address_per_day + 1)
    ]
    assert takes.count(True) == world.policy.limits.per_address_per_day


def test_one_network_cannot_use_up_the_links_of_a_person(world: World) -> None:
    """D8, R1: half of them, rounded up; the rest is for who asks from elsewhere; together never more."""

    def ask(network: str) -> bool:
        before = mails(world, "personal")
        world.run(
            ask_for_link,
            address=BOB,
            lang="nl",
            now=world.now,
            network=network,
        )
        return mails(world, "personal") > before

    assert [ask("203.0.113.1") for _ in range(6)] == [True] * 3 + [False] * 3
    assert [ask("198.51.100.7") for _ in range(6)] == [True] * 2 + [False] * 4
    assert not ask("192.0.2.1")
    world.wait(timedelta(days=1))
    assert ask("203.0.113.1")


def test_a_code_shows_for_a_day_that_its_mailbox_was_read(world: World) -> None:
    """D8: any code that was mailed to it, by any spelling; no other code, and no code of another mailbox."""
    request = world.sign_up(SPELLINGS[2], TIPS)
    code = world.do(lambda tx: code_of(tx, world, request))
    read = partial(has_read, vault=world.vault, now=world.now)

    def knows(email: str, typed: str) -> bool:
        return world.do(read, email=parse_email(email), typed=typed)

    assert knows("bob@gmail.com", f"{code[:4]} {code[4:]}")
    assert not knows("bob@gmail.com", f"{(int(code) + 1) % 10**8:08}")
    assert not knows("bob@gmail.com", "")
    assert not knows("carol@gmail.com", code)
    read = partial(read, now=world.now + timedelta(hours=25))
    assert not knows("bob@gmail.com", code)


def test_the_codes_of_a_mailbox_are_not_guessed_at_on_page_after_page(world: World) -> None:
    """D3, D8: each form has five tries of its own, and anybody sends as many forms as he likes."""
    request = world.sign_up("bob@example.com", TIPS)
    code = world.do(lambda tx: code_of(tx, world, request))
    tries = partial(confirm_by_code, context=world.context)

    def guess(typed: str, on: RequestId) -> str:
        said = world.do(tries, request=on, typed=typed, now=world.now)
        return said.reason if isinstance(said, CodeRefused) else "confirmed"

    def page(number: int) -> RequestId:
        return world.sign_up(f"bob+{number}@example.com", TIPS)

    assert guess(code, page(0)) == "code-elsewhere"
    for number in range(1, 30):
        on, wrong = page(number), f"{(int(code) + number) % 10**8:08}"
        assert {guess(wrong, on) for _ in range(4)} <= {"code-wrong"}
    assert guess(code, page(30)) == "code-wrong"
    world.send()
    assert guess(code, request) == "confirmed"  # the person's own page goes on


def code_of(tx: Tx, world: World, request: RequestId) -> str:
    stored = load_request(tx, request)
    assert stored is not None
    return SealedRequest.open(world.vault, stored.id, stored.sealed).code


@pytest.mark.parametrize("where", list(CounterTable))
def test_what_processes_count_together_is_exact(world: World, where: CounterTable) -> None:
    """O8: one statement takes it or refuses it; a window that is over does not count."""
    amount = LimitedCount(3, 100, NOON + timedelta(hours=1))
    with ThreadPoolExecutor(8) as processes:
        takes = list(
            processes.map(
                lambda _: world.do(take_amount, where=where, key=b"k" * 32, amount=amount), range(60)
            )
        )
    assert takes.count(True) == 33
    assert world.do(take_amount, where=where, key=b"k" * 32, amount=LimitedCount(1, 100, amount.until))
    assert not world.do(take_amount, where=where, key=b"k" * 32, amount=LimitedCount(1, 100, amount.until))
    assert not world.do(take_amount, where=where, key=b"m" * 32, amount=LimitedCount(2, 1, amount.until))


def test_what_is_counted_alone_leaves_others_their_transactions(world: World) -> None:
    """D1, O8: a connection that ran one statement by itself still undoes a whole operation afterwards."""

    def wrong(tx: Tx) -> int:
        return tx.run("INSERT INTO limit_site(key, n, until) VALUES (:key, NULL, 0)", key=b"k")

    def undone(tx: Tx) -> None:
        take_amount(tx, CounterTable.SITE, b"k", LimitedCount(1, 5, NOON))
        raise ZeroDivisionError

    for _ in range(12):  # more than there are connections
        one = world.store.submit_alone(
            take_amount, where=CounterTable.SITE, key=b"a", amount=LimitedCount(1, 100, NOON)
        )
        assert one.result()
        assert world.store.submit_alone(wrong).exception() is not None
        with pytest.raises(ZeroDivisionError):
            world.do(undone)
    rows = world.do(lambda tx: tx.all("SELECT key, n FROM limit_site"))
    assert [(bytes(key), count) for key, count in rows] == [(b"a", 12)]


def test_the_mails_of_the_site_are_counted_by_day(world: World) -> None:
    """D8, O8: the next day there are others."""

    def take_one() -> bool:
        return world.do(take_site_mails, vault=world.vault, what="links", count=1, most=2, now=world.now)

    assert [take_one() for _ in range(3)] == [True, True, False]
    world.wait(timedelta(hours=12))
    assert take_one()


def test_counts_are_forgotten_with_their_window(world: World) -> None:
    """D8, R8: a sweep removes them, and says so beforehand; one that still counts stays."""
    for number in range(3):
        world.sign_up("bob@example.com", TIPS, first_name=f"Bob {number}")
    for where in CounterTable:
        amount = LimitedCount(1, 5, world.now + timedelta(hours=1))
        world.do(take_amount, where=where, key=where.encode(), amount=amount)

    def over() -> int:
        return world.due("limits")

    def swept() -> int:
        return world.sweep_step("limits")

    assert (over(), swept()) == (0, 0)
    world.wait(timedelta(hours=2))
    assert (over(), swept(), over()) == (2, 2, 0)
    world.wait(timedelta(hours=22))
    assert (over(), swept(), over()) == (3, 3, 0)
    assert [world.count(table) for table in ("limit_mail", *CounterTable)] == [0, 0, 0]


def test_counts_of_a_clock_that_ran_ahead_go_as_well(world: World) -> None:
    """D8, R8: when the clock is right again, they count for nothing and are not kept for years."""
    world.wait(timedelta(days=3_650))
    amount = LimitedCount(1, 5, world.now + timedelta(hours=1))

    def taken() -> bool:
        mail = partial(take_reader_mail, context=world.context, email=BOB, now=world.now)
        return world.do(mail)

    assert [taken() for _ in range(6)] == [True] * 5 + [False]
    for where in CounterTable:
        world.do(take_amount, where=where, key=where.encode(), amount=amount)
    world.wait(timedelta(days=-3_650))
    assert taken()
    while world.sweep_step("limits"):
        pass
    assert [world.count(table) for table in ("limit_mail", *CounterTable)] == [1, 0, 0]


def test_no_count_names_anybody(world: World) -> None:
    """D8, S4: neither an address nor its digest stands in a count; two days have nothing in common."""
    seen = set()
    for _ in range(3):
        world.sign_up("bob@example.com", TIPS, first_name=str(world.now))
        world.run(
            take_link,
            email=parse_email("bob@example.com"),
            network="203.0.113.9",
            now=world.now,
        )
        world.wait(timedelta(days=1))
    rows = world.do(lambda tx: tx.all("SELECT key, mark FROM limit_mail"))
    seen = {bytes(value) for row in rows for value in row}
    assert len(seen) == 2 * 2 * 3
    assert world.vault.index(parse_email("bob@example.com")) not in seen


def test_a_restart_forgets_no_mail(store_url: str, tmp_path: Path) -> None:
    """O8, D8: what was counted is in the store."""
    world = open_world(store_url, tmp_path)
    for number in range(12):
        world.sign_up("bob@example.com", TIPS, first_name=f"Bob {number}")
        world.store.close()
        world = open_world(store_url, tmp_path, world.vault)
    assert mails(world) == world.policy.limits.per_address_per_day
    world.store.close()
