"""After an erasure no byte of a person is left: not in the files, not in the journal, not in a dump."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from optin.consent.email_and_telephone import parse_email
from optin.flows.delivery.mail_order import MailKind, Verdict
from optin.flows.rights.erase import BY_PERSON, erase_and_notify, erase_person
from optin.proof.inclusion_proof import InclusionProof
from tests.world import CALL, TIPS, World, about_requests, export_from, open_world

NAME, PHONE, ADDRESS = "Zwaantje-Wilhelmina", "+31612345678", "zwaantje.wilhelmina@example.com"
PLAIN = [text.encode() for text in (NAME, PHONE, ADDRESS, "zwaantje")]


def sealed_of(world: World) -> list[bytes]:
    """Return everything sealed that belongs to the person, and what finds her."""
    index = world.vault.index(parse_email(ADDRESS))
    read = world.store.read
    requests = read(lambda tx: tx.all("SELECT id, sealed FROM request WHERE email_index = :i", i=index))
    subjects = read(lambda tx: tx.all("SELECT id, sealed FROM subject WHERE email_index = :i", i=index))
    mails = read(
        lambda tx: tx.all(
            "SELECT mail.sealed FROM mail JOIN request ON request.id = mail.request_id"
            " WHERE email_index = :i",
            i=index,
        )
    )
    bodies = read(
        lambda tx: tx.all(
            "SELECT body FROM event JOIN request ON request.id = event.request_id WHERE email_index = :i",
            i=index,
        )
    )
    assert requests
    assert subjects
    assert mails
    assert bodies
    values = [bytes(row[1]) for row in (*requests, *subjects)] + [bytes(row[0]) for row in mails]
    return values + [row[0].encode() for row in bodies] + [bytes(row[0]) for row in subjects]


def fill(world: World) -> None:
    world.join(ADDRESS, TIPS, CALL, phone=PHONE, first_name=NAME)
    for order in world.claim():
        world.settle(order, Verdict.SENT, f"Dear {NAME}, {ADDRESS}".encode())
    world.sign_up(ADDRESS, TIPS)  # and a request that is still open, its mail queued
    for number in range(30):
        world.join(f"p{number}@example.com", TIPS)


@contextmanager
def traffic(world: World) -> Iterator[None]:
    """Let others sign up and an export run meanwhile."""
    stop = threading.Event()
    problems: list[BaseException] = []

    def sign_ups() -> None:
        number = 0
        try:
            while not stop.is_set() and number < 2_000:
                number += 1
                world.sign_up(f"live{number}@example.com", TIPS)
        except BaseException as problem:  # noqa: BLE001 - told to the test
            problems.append(problem)

    def exports() -> None:
        try:
            for _ in range(200):
                if stop.is_set():
                    return
                lead_export = export_from(world)
                list(lead_export.proven())
        except BaseException as problem:  # noqa: BLE001 - told to the test
            problems.append(problem)

    threads = [threading.Thread(target=work) for work in (sign_ups, exports)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert problems == []


def erase(world: World) -> None:
    gone = world.run(
        erase_and_notify,
        email_index=world.vault.index(parse_email(ADDRESS)),
        reason=BY_PERSON,
        lang="nl",
        now=world.now,
    )
    assert gone is not None
    assert gone.requests == 2
    for order in world.claim():
        if order.recipient == ADDRESS:
            world.settle(order, Verdict.SENT, b"erased")


def test_no_byte_is_left_in_the_files_under_live_traffic(tmp_path: Path) -> None:
    """R5, P9: database, journal and a backup made afterwards, while others sign up and an export runs."""
    world = open_world(f"sqlite:///{tmp_path}/optin.db", tmp_path)
    fill(world)
    sought = sealed_of(world)

    def on_disk() -> bytes:
        return b"".join(path.read_bytes() for path in sorted(tmp_path.glob("optin.db*")))

    assert any(value in on_disk() for value in sought), "the search finds what is there"
    assert not any(plain in on_disk() for plain in PLAIN), "nothing was ever stored in the open"
    with traffic(world):
        erase(world)
        assert world.installation().truncate_wal(tries=50), "readers are short, so the log can be emptied"
    left = [value for value in sought if value in on_disk()]
    assert left == []
    world.check_evidence()
    world.store.close()


def test_no_byte_is_left_in_a_dump_of_postgres(postgres_url: str, tmp_path: Path) -> None:
    """R5, P9: every table, copied out as a dump does, holds nothing of the person."""
    world = open_world(postgres_url, tmp_path)
    fill(world)
    sought = sealed_of(world)

    def dump() -> bytes:
        """Copy every table out, as a dump does."""
        with psycopg.connect(postgres_url) as connection:
            rows = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
            tables = [row[0] for row in rows]
            parts: list[bytes] = []
            for table in tables:
                with connection.cursor().copy(f"COPY {table} TO STDOUT".encode()) as copy:
                    parts += [bytes(part) for part in copy]
        assert "event" in tables
        return b"".join(parts)

    def holds(data: bytes, value: bytes) -> bool:
        return value in data or value.hex().encode() in data

    before = dump()
    assert all(holds(before, value) for value in sought)
    assert not any(plain in before for plain in PLAIN)
    with traffic(world):
        erase(world)
    after = dump()
    assert [value for value in sought if holds(after, value)] == []
    world.check_evidence()
    world.store.close()


def test_after_an_erasure_old_receipts_still_verify(world: World) -> None:
    """P9, P5: the log goes on; what the person has in the mailbox stays a proof."""
    world.join(ADDRESS, TIPS, first_name=NAME)
    (delivery,) = about_requests(world.send(), MailKind.DELIVERY)
    proofs = [data for name, data in delivery.proof.items() if name.endswith(".tlog-proof")]
    keys = [key.verifier for key in world.vault.log_keys("localhost/log")]
    world.run(
        erase_person,
        email_index=world.vault.index(parse_email(ADDRESS)),
        reason=BY_PERSON,
        now=world.now,
    )
    world.check_evidence()
    for data in proofs:
        proof = InclusionProof.parse(data.decode())
        proof.verify(proof.event, keys)
