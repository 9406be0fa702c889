"""What a dead process had in hand is taken up again at once, and what it handed over is not sent twice."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import cast

import psycopg
import pytest

from optin.consent.email_and_telephone import EmailAddress
from optin.errors import StoreBusy, StoreUnusable
from optin.flows.delivery.deliver_mails import claim_orders, record_crashed_send
from optin.flows.delivery.mail_order import MailKind, MailOrder, Order, Verdict
from optin.flows.rights.erase import BY_PERSON, erase_person
from optin.jobs.courier_outbox import StoreOutbox
from optin.keys import KeyRing
from optin.services import accepted_mail_log
from optin.services.accepted_mail_log import AcceptedMailLog, mails_of_dead_processes
from optin.services.installation import Installation
from optin.services.interrupted_sendings import recover_crashed_work
from optin.services.open_store import StoreUse
from optin.store import postgres_presence
from optin.store.database_interface import Store
from optin.store.encryption import Vault
from optin.store.mail_outbox import NoticeMail, enqueue_notice, give_up_crashing_mails
from optin.store.postgres import PostgresStore
from optin.store.sending_claims import ClaimBatch, new_incarnation
from tests.stores import SCHEMA, open_store
from tests.world import TIPS, World, open_world

ON_POSTGRES = pytest.mark.parametrize("store_url", ["postgres"], indirect=True)
ALICE = "alice@example.com"


def claim(world: World, holder: bytes) -> list[Order]:
    """Claim as the process of an incarnation."""
    return world.run(
        claim_orders, batch=ClaimBatch(9, holder), now=world.now, suspect=False
    )  # fmt: skip


def renew(store: Store, world: World) -> int:
    return store.submit(store.presence.renew, now=world.now).result()


def test_a_server_that_starts_takes_back_what_the_one_before_had(tmp_path: Path) -> None:
    """D1, S6: on SQLite at once, also what a version before this one had claimed; not what it has itself."""
    world = open_world(f"sqlite:///{tmp_path}/optin.db", tmp_path)
    for number in range(3):
        world.sign_up(f"p{number}@example.com", TIPS)
    claim(world, new_incarnation())
    world.do(lambda tx: tx.run("UPDATE outbox SET holder = NULL WHERE id = 1"))
    own = world.store.presence.incarnation
    world.sign_up(ALICE, TIPS)
    assert len(claim(world, own)) == 1
    assert world.claim() == []
    assert renew(world.store, world) == 3
    assert len(world.claim()) == 3
    world.tampered = True
    world.store.close()


@pytest.fixture
def others(store_url: str, world: World) -> Iterator[list[PostgresStore]]:
    """Open two more processes' stores."""
    stores = [PostgresStore(store_url, SCHEMA) for _ in range(2)]
    yield stores
    for store in stores:
        store.close()
    del world


@ON_POSTGRES
def test_servers_that_live_keep_what_they_have(world: World, others: list[PostgresStore]) -> None:
    """D1, O1: whatever the age of their rows, while they hold their lock."""
    one, other = others
    renew(one, world)
    renew(other, world)
    world.sign_up(ALICE, TIPS)
    assert len(claim(world, one.presence.incarnation)) == 1
    world.do(lambda tx: tx.run("UPDATE server_process SET seen_at = 0"))
    assert renew(other, world) == 0
    assert world.claim() == []


@ON_POSTGRES
def test_a_clock_that_is_ahead_takes_nothing_from_the_living(
    world: World, others: list[PostgresStore]
) -> None:
    """D1, O7: leases end by the clock of another machine; only its death frees what it has in hand."""
    one, other = others
    renew(one, world)
    renew(other, world)
    world.sign_up(ALICE, TIPS)
    assert len(claim(world, one.presence.incarnation)) == 1
    world.now += timedelta(hours=3)
    assert claim(world, other.presence.incarnation) == []
    assert world.claim() == []
    world.do(lambda tx: tx.run("UPDATE outbox SET starts = 4"))
    assert world.do(lambda tx: give_up_crashing_mails(tx, world.now, other.presence.incarnation)) == []
    world.do(lambda tx: tx.run("UPDATE outbox SET starts = 1"))
    assert len(claim(world, one.presence.incarnation)) == 1  # its own, whose lease is over by its own clock
    world.do(one.presence.leave)
    assert len(claim(world, other.presence.incarnation)) == 0  # another lease, of the present clock
    world.now += timedelta(hours=3)
    world.do(lambda tx: tx.run("UPDATE outbox SET starts = 1"))
    assert len(claim(world, other.presence.incarnation)) == 1


@ON_POSTGRES
def test_what_a_dead_server_had_is_taken_up_by_another(world: World, others: list[PostgresStore]) -> None:
    """D1, S6: as soon as its lock is free and its row a few seconds old; its row goes too."""
    one, other = others
    for store in others:
        renew(store, world)
    world.sign_up(ALICE, TIPS)
    assert len(claim(world, one.presence.incarnation)) == 1
    one._presence.close()  # noqa: SLF001 - as a server that dies - its connection ends, as when it is killed
    assert renew(other, world) == 0  # a connection that was lost is no death
    world.do(
        lambda tx: tx.run(
            "UPDATE server_process SET seen_at = seen_at - 60000 WHERE id = :id", id=one.presence.incarnation
        )
    )
    deadline = time.monotonic() + 60  # the server notices in its own time that a connection is gone
    while not (taken := renew(other, world)) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert taken == 1
    assert len(world.claim()) == 1
    assert world.count("server_process") == 1
    assert renew(one, world) == 0  # it lived after all, and shows itself again
    assert world.count("server_process") == 2


@ON_POSTGRES
def test_a_database_that_was_away_is_nobodys_death(world: World, others: list[PostgresStore]) -> None:
    """D1, S6: locks are lost and rows old then; who is back first takes nothing from those that live."""
    one, other = others
    now = 0.0
    other._presence = postgres_presence.PostgresPresence(other._presence._info, lambda: now)  # noqa: SLF001 - its clock
    for store in others:
        renew(store, world)
    world.sign_up(ALICE, TIPS)
    assert len(claim(world, one.presence.incarnation)) == 1
    one._presence.close()  # noqa: SLF001 - as a server that dies
    now = 12.0
    world.do(lambda tx: tx.run("UPDATE server_process SET seen_at = seen_at - 12000"))
    taken = []
    for _ in range(22):
        taken.append(renew(other, world))
        now += 1.0
    assert taken == [0] * 20 + [1, 0]  # it did not come back


@ON_POSTGRES
def test_behind_a_pooler_the_row_alone_tells(
    world: World, others: list[PostgresStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    """D1, O1: no lock outlives a transaction there; so it is waited for longer."""
    monkeypatch.setattr(postgres_presence, "is_pooled", lambda _connection: True)
    one, other = others
    renew(one, world)
    renew(other, world)
    world.sign_up(ALICE, TIPS)
    claim(world, one.presence.incarnation)
    held = "SELECT COUNT(*) FROM pg_locks WHERE locktype = 'advisory'"
    assert world.store.read(lambda tx: tx.one(held)) == (0,)

    def age(seconds: int) -> None:
        world.do(
            lambda tx: tx.run(
                "UPDATE server_process SET seen_at = seen_at - :ms WHERE id = :id",
                ms=seconds * 1000,
                id=one.presence.incarnation,
            )
        )

    age(10)
    assert renew(other, world) == 0
    age(15)
    assert renew(other, world) == 1


@ON_POSTGRES
def test_a_lock_that_was_lost_is_taken_anew(
    world: World, others: list[PostgresStore], store_url: str
) -> None:
    """S6: after a failover, at the next beat."""
    one = others[0]
    renew(one, world)
    with psycopg.connect(store_url, autocommit=True) as connection:
        held = "SELECT pid FROM pg_locks WHERE locktype = 'advisory'"
        before = connection.execute(held).fetchall()
        connection.execute("SELECT pg_terminate_backend(%s)", before[0])
        while connection.execute(held).fetchall():
            pass
        renew(one, world)
        after = connection.execute(held).fetchall()
    assert len(after) == 1
    assert after != before


@ON_POSTGRES
def test_nobody_replaces_a_store_that_is_served(world: World, others: list[PostgresStore]) -> None:
    """S7: and nobody serves one that is being replaced."""
    one, other = others
    renew(one, world)
    with pytest.raises(StoreUnusable, match="A server uses this database"), world.store.alone():
        raise AssertionError
    one.submit(one.presence.leave).result()
    with world.store.alone():
        with pytest.raises(StoreUnusable, match="A backup is being restored"):
            renew(other, world)
        with pytest.raises(StoreUnusable, match="A server uses this database"), other.alone():
            raise AssertionError
    assert renew(other, world) == 0


# what was handed over


@pytest.fixture
def installation(world: World, tmp_path: Path) -> Installation:
    """Open an installation whose courier writes down what it hands over."""
    opened = world.installation()
    opened.handover_log = AcceptedMailLog(tmp_path / "taken", world.vault, world.store.presence.incarnation)
    return opened


def dies(installation: Installation) -> None:
    """End as a killed process does: its locks go, its files stay."""
    assert installation.handover_log is not None
    for page in installation.handover_log._pages:  # noqa: SLF001 - nothing of it runs any more
        os.close(page.descriptor)
    installation.handover_log = None


def test_what_was_taken_before_the_courier_died_is_settled_not_sent(
    world: World, installation: Installation, tmp_path: Path
) -> None:
    """D1, P2: the event and the very bytes are as the courier would have kept them."""
    world.join(ALICE, TIPS)
    outbox = StoreOutbox(installation)
    (order,) = asyncio.run(outbox.claim(9))
    outbox.accepted(order, b"the very bytes")
    dies(installation)
    world.wait(timedelta(hours=1))
    recover_crashed_work(installation.store, installation.context, installation.clock(), tmp_path / "taken")
    assert world.do(lambda tx: tx.all("SELECT state FROM outbox")) == [("sent",)]
    assert world.count("mail") == 1
    assert list((tmp_path / "taken").iterdir()) == []
    assert world.claim() == []


def test_what_was_not_taken_is_sent(world: World, installation: Installation, tmp_path: Path) -> None:
    """D1: nothing is lost by it."""
    world.sign_up(ALICE, TIPS)
    asyncio.run(StoreOutbox(installation).claim(9))
    dies(installation)
    recover_crashed_work(installation.store, installation.context, installation.clock(), tmp_path / "taken")
    world.do(world.store.presence.renew, now=world.now)
    released = world.do(lambda tx: tx.run("UPDATE outbox SET claim = NULL, next_at = 0"))
    assert released == 1
    assert len(world.claim()) == 1


@pytest.mark.parametrize("kind", ["personal", "erased"])
def test_a_notice_that_was_taken_is_settled_too(
    world: World, installation: Installation, tmp_path: Path, kind: str
) -> None:
    """D1, R5: the last mail to somebody who was erased is forgotten with it."""
    world.join(ALICE, TIPS)
    world.send()
    index = world.vault.index(EmailAddress(ALICE))
    world.do(
        enqueue_notice, vault=world.vault, notice=NoticeMail(kind, index, {"email": ALICE, "lang": "nl"}),
            domain="example.com", now=world.now
    )  # fmt: skip
    outbox = StoreOutbox(installation)
    (order,) = asyncio.run(outbox.claim(9))
    outbox.accepted(order, b"the very bytes")
    dies(installation)
    mails = world.count("mail")
    recover_crashed_work(installation.store, installation.context, installation.clock(), tmp_path / "taken")
    states = [
        row[0] for row in world.do(lambda tx: tx.all(f"SELECT state FROM outbox WHERE kind = '{kind}'"))
    ]
    assert states == (["sent"] if kind == "personal" else [])
    assert world.count("mail") == mails


def test_a_request_that_was_erased_meanwhile_stays_erased(
    world: World, installation: Installation, tmp_path: Path
) -> None:
    """R5: what was written down says nothing about somebody who is gone."""
    world.sign_up(ALICE, TIPS)
    outbox = StoreOutbox(installation)
    (order,) = asyncio.run(outbox.claim(9))
    outbox.accepted(order, b"the very bytes")
    dies(installation)
    index = world.vault.index(EmailAddress(ALICE))
    erase = partial(erase_person, context=world.context, email_index=index, reason=BY_PERSON, now=world.now)
    assert world.do(erase) is not None
    recover_crashed_work(installation.store, installation.context, installation.clock(), tmp_path / "taken")
    assert world.count("mail") == 0
    assert list((tmp_path / "taken").iterdir()) == []


def test_the_file_is_sealed_and_empty_as_soon_as_the_store_knows(
    world: World, installation: Installation, tmp_path: Path
) -> None:
    """S2, R5: nobody is named in it; nothing stays."""
    for number in range(3):
        world.sign_up(f"p{number}@example.com", TIPS)
    outbox = StoreOutbox(installation)
    orders = asyncio.run(outbox.claim(9))
    (file,) = (tmp_path / "taken").iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    for order in orders:
        outbox.accepted(order, f"To: {order.recipient}".encode() * 100)
    assert file.stat().st_size > 1000
    assert b"@example.com" not in file.read_bytes()
    for order in orders:
        assert file.stat().st_size > 0
        asyncio.run(outbox.settle(order, Verdict.SENT, "250", b"mail"))
    assert file.stat().st_size == 0
    assert installation.handover_log is not None
    installation.handover_log.close()
    assert list((tmp_path / "taken").iterdir()) == []


def test_a_long_file_is_followed_by_another(
    world: World, installation: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S6: under a load that never ends, none grows for ever; each goes when all of it is known."""
    monkeypatch.setattr(accepted_mail_log, "PAGE_BYTES", 100)
    for number in range(9):
        world.sign_up(f"p{number}@example.com", TIPS)
    outbox = StoreOutbox(installation)
    waiting: list[Order] = asyncio.run(outbox.claim(9))
    for before, order in pairwise(waiting):
        outbox.accepted(before, b"mail")
        outbox.accepted(order, b"mail")
        asyncio.run(outbox.settle(before, Verdict.SENT, "250", b"mail"))
    assert 1 <= len(list((tmp_path / "taken").iterdir())) <= 3
    dies(installation)
    found = [it for file in mails_of_dead_processes(tmp_path / "taken", world.vault) for it in file]
    assert waiting[-1].number in {it.number for it in found}


def test_a_file_that_was_cut_short_tells_what_is_whole(
    world: World, installation: Installation, tmp_path: Path
) -> None:
    """S6: killed in the middle of a write; and what other keys sealed is not taken for ours."""
    for number in range(2):
        world.sign_up(f"p{number}@example.com", TIPS)
    outbox = StoreOutbox(installation)
    orders = asyncio.run(outbox.claim(9))
    for order in orders:
        outbox.accepted(order, b"mail")
    dies(installation)
    (file,) = (tmp_path / "taken").iterdir()
    file.write_bytes(file.read_bytes()[:-1])
    assert [
        it.number for taken in mails_of_dead_processes(tmp_path / "taken", world.vault) for it in taken
    ] == [orders[0].number]
    file.write_bytes(b"\0\0\0\1")
    assert list(mails_of_dead_processes(tmp_path / "taken", Vault(KeyRing.fresh("dev")))) == [[]]


def test_what_a_living_process_wrote_is_left_alone(
    world: World, installation: Installation, tmp_path: Path
) -> None:
    """D1, O1: of several workers each has its own file."""
    world.sign_up(ALICE, TIPS)
    outbox = StoreOutbox(installation)
    (order,) = asyncio.run(outbox.claim(9))
    outbox.accepted(order, b"mail")
    look = (
        "import sys\nfrom pathlib import Path\n"
        "from optin.services.accepted_mail_log import mails_of_dead_processes\n"
        "print(list(mails_of_dead_processes(Path(sys.argv[1]), None)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", look, str(tmp_path / "taken")], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
    asyncio.run(outbox.settle(order, Verdict.SENT, "250", b"mail"))


def test_a_folder_that_cannot_be_written_stops_no_mail(
    world: World, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """S6: it is said once."""
    (tmp_path / "taken").write_text("a file")
    installation = world.installation()
    installation.handover_log = AcceptedMailLog(tmp_path / "taken", world.vault, new_incarnation())
    world.sign_up(ALICE, TIPS)
    outbox = StoreOutbox(installation)
    (order,) = asyncio.run(outbox.claim(9))
    outbox.accepted(order, b"mail")
    assert asyncio.run(outbox.settle(order, Verdict.SENT, "250", b"mail"))
    assert caplog.text.count("cannot be recorded") == 1
    installation.handover_log.close()


def test_a_verdict_that_cannot_be_recorded_is_recorded_before_more_is_claimed(
    world: World, installation: Installation
) -> None:
    """D1: the store was away for a moment; the mail that left is not claimed again when its lease is over."""
    world.sign_up(ALICE, TIPS)
    outbox, store = StoreOutbox(installation), installation.store

    class Away:
        """A store that takes nothing."""

        def submit(self, *_args: object, **_kwargs: object) -> None:
            raise StoreBusy

    async def send() -> None:
        (order,) = await outbox.claim(9)
        assert isinstance(order, MailOrder)
        outbox.accepted(order, b"mail")
        installation.store = cast("Store", Away())
        with pytest.raises(StoreBusy):
            await outbox.settle(order, Verdict.SENT, "250", b"mail")
        with pytest.raises(StoreBusy):
            await outbox.claim(9)
        installation.store = store
        world.wait(timedelta(hours=1))
        assert await outbox.claim(9) == []

    asyncio.run(send())
    assert world.do(lambda tx: tx.all("SELECT state FROM outbox")) == [("sent",)]
    assert world.count("mail") == 1


def test_a_suspect_gets_its_turn_beside_a_load_that_never_ends(
    world: World, installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """D1, S6: a mail that is tried alone is not kept waiting by all the others."""
    monkeypatch.setattr("optin.jobs.courier_outbox.SUSPECTS_EVERY_SECONDS", 0.0)
    world.sign_up(ALICE, TIPS)
    world.do(lambda tx: tx.run("UPDATE outbox SET starts = 2"))
    world.sign_up("bob@example.com", TIPS)
    outbox = StoreOutbox(installation)

    async def work() -> None:
        (alone,) = await outbox.claim(9)
        assert alone.recipient == ALICE
        assert await outbox.claim(9) == []
        await outbox.settle(alone, Verdict.SENT, "250", b"mail")
        (order,) = await outbox.claim(9)
        assert order.recipient == "bob@example.com"

    asyncio.run(work())


def test_settling_what_another_has_by_now_changes_nothing(world: World) -> None:
    """D1: the fence holds here too."""
    world.sign_up(ALICE, TIPS)
    (order,) = world.claim()
    settle = partial(
        record_crashed_send, context=world.context, number=order.number, message=b"mail", now=world.now
    )
    assert not world.do(settle, fence=b"another fence")
    assert world.do(settle, fence=order.claim)
    assert not world.do(settle, fence=order.claim)
    assert order.kind is MailKind.CONFIRMATION
    assert world.count("mail") == 1


def test_a_rule_for_addresses_is_not_changed_beside_a_server(tmp_path: Path) -> None:
    """D2, S7: rows are moved by whoever is alone with them."""
    url = f"sqlite:///{tmp_path}/optin.db"
    world = open_world(url, tmp_path)
    world.sign_up(ALICE, TIPS)
    world.do(lambda tx: tx.run("DELETE FROM installation WHERE name = 'address_rule'"))
    world.store.close()
    serving = open_store(url, tmp_path, world.vault, use=StoreUse.SERVER)
    serving.submit(lambda tx: tx.run("DELETE FROM installation WHERE name = 'address_rule'")).result()
    with pytest.raises(StoreUnusable, match="Another optin server"):
        open_store(url, tmp_path, world.vault)
    serving.close()
    open_store(url, tmp_path, world.vault).close()
