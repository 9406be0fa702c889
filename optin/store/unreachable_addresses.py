"""Mailboxes that mails came back from, by the keyed digest of the address; sums of reports (O6)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import NamedTuple

from optin.store.database_interface import Tx, from_ms, to_ms
from optin.store.installation_facts import put_fact
from optin.store.row_queries import add_to_sums, count_rows, list_parameters

INDEX_BYTES = 32
ARRIVED = "mail-came-back-"  # a fact of the installation, for each way
RETURNED_TEST = "test-mail-came-back"
NOTED_EVERY = timedelta(hours=1)
_ON_FILE = ("subject.email_index", "request.email_index", "held_basis_address.address")


@dataclass(frozen=True)
class Unreachable:
    """Why a mailbox is taken for unreachable.

    `cause`, `source`: of the report that said so; `status`: by RFC 3463, or empty. `sent_at`: of the mail
    that came back; `at`: when that was told.
    """

    cause: str
    source: str
    status: str
    sent_at: datetime
    at: datetime


class ReportKey(NamedTuple):
    """What is counted together."""

    monday: date  # of the week in UTC
    cause: str
    source: str


def mark_unreachable(tx: Tx, email_index: bytes, why: Unreachable) -> bool:
    """Mark a mailbox as unreachable; return False when it was."""
    return (
        tx.run(
            "INSERT INTO unreachable(email_index, cause, source, status, sent_at, at)"
            " VALUES (:email_index, :cause, :source, :status, :sent_at, :at)"
            " ON CONFLICT (email_index) DO NOTHING",
            email_index=email_index,
            cause=why.cause,
            source=why.source,
            status=why.status,
            sent_at=to_ms(why.sent_at),
            at=to_ms(why.at),
        )
        == 1
    )


def unreachable_since(tx: Tx, email_index: bytes) -> Unreachable | None:
    """Return why a mailbox is unreachable; None when it is not."""
    row = tx.one(
        "SELECT cause, source, status, sent_at, at FROM unreachable WHERE email_index = :email_index",
        email_index=email_index,
    )
    return None if row is None else Unreachable(row[0], row[1], row[2], from_ms(row[3]), from_ms(row[4]))


def unreachable_among(tx: Tx, indexes: Sequence[bytes]) -> set[bytes]:
    """Return those of these digests whose mailbox is unreachable."""
    if not indexes:
        return set()
    values, among = list_parameters(indexes)
    rows = tx.all(f"SELECT email_index FROM unreachable WHERE email_index IN ({among})", **values)
    return {bytes(row[0]) for row in rows}


def note_delayed(tx: Tx, email_index: bytes, sent_at: datetime, at: datetime) -> bool:
    """Note that a mail did not arrive for now; return False when that was told of this mail before."""
    return (
        tx.run(
            "INSERT INTO delayed_mail(email_index, sent_at, at) VALUES (:email_index, :sent_at, :at)"
            " ON CONFLICT (email_index, sent_at) DO NOTHING",
            email_index=email_index,
            sent_at=to_ms(sent_at),
            at=to_ms(at),
        )
        == 1
    )


def count_delayed(tx: Tx, email_index: bytes, since: datetime) -> int:
    """Count the mails to an address that did not arrive, as told since a moment."""
    return count_rows(
        tx,
        "delayed_mail WHERE email_index = :email_index AND at >= :since",
        email_index=email_index,
        since=to_ms(since),
    )


def forget_returned(tx: Tx, email_index: bytes) -> bool:
    """Forget what came back from a mailbox; return whether it was unreachable."""
    tx.run("DELETE FROM delayed_mail WHERE email_index = :email_index", email_index=email_index)
    return tx.run("DELETE FROM unreachable WHERE email_index = :email_index", email_index=email_index) == 1


def forget_delayed(tx: Tx, before: datetime) -> int:
    """Delete the notes of mails that did not arrive, told before a moment; return how many."""
    return tx.run("DELETE FROM delayed_mail WHERE at < :before", before=to_ms(before))


def count_old_delayed(tx: Tx, before: datetime) -> int:
    """Count the notes that `forget_delayed` would delete."""
    return count_rows(tx, "delayed_mail WHERE at < :before", before=to_ms(before))


def _of_nobody() -> str:
    return " AND ".join(
        f"NOT EXISTS (SELECT 1 FROM {table} WHERE {table}.{column} = unreachable.email_index)"
        for table, column in (name.split(".") for name in _ON_FILE)
    )


def forget_unreachable_nobody(tx: Tx, most: int) -> int:
    """Delete what came back from mailboxes of which nobody is on file any more; return how many."""
    return tx.run(
        "DELETE FROM unreachable WHERE email_index IN"
        f" (SELECT email_index FROM unreachable WHERE {_of_nobody()} LIMIT :most)",
        most=most,
    )


def count_unreachable_nobody(tx: Tx) -> int:
    """Count the rows that `forget_unreachable_nobody` would delete."""
    return count_rows(tx, f"unreachable WHERE {_of_nobody()}")


def count_unreachable(tx: Tx) -> int:
    """Count the mailboxes that are unreachable."""
    return count_rows(tx, "unreachable")


def mailboxes_like(tx: Tx, first: bytes) -> list[bytes]:
    """Return the digests of mailboxes on file that begin with these bytes."""
    last = first + b"\xff" * (INDEX_BYTES - len(first))
    parts = (
        f"SELECT {column} AS found FROM {table} WHERE {column} BETWEEN :first AND :last"
        for table, column in (name.split(".") for name in _ON_FILE)
    )
    rows = tx.all(" UNION ".join(parts), first=first, last=last)
    return sorted(bytes(row[0]) for row in rows)


def add_to_report_sums(tx: Tx, counts: Mapping[ReportKey, int]) -> None:
    """Add reports to the sums."""
    add_to_sums(tx, "bounce_sum", ReportKey._fields, counts)


def all_report_sums(tx: Tx) -> dict[ReportKey, int]:
    """Return every sum."""
    rows = tx.all("SELECT monday, cause, source, count FROM bounce_sum")
    return {ReportKey(date.fromisoformat(row[0]), row[1], row[2]): row[3] for row in rows}


def count_unreachable_since(tx: Tx, since: datetime) -> int:
    """Count the mailboxes that became unreachable since a moment, and still are."""
    return count_rows(tx, "unreachable WHERE at >= :since", since=to_ms(since))


def note_arrival(tx: Tx, source: str, now: datetime) -> None:
    """Note that a mail of ours came back by a way; once an hour, for many come at once."""
    before = last_arrivals(tx).get(source)
    if before is None or not before <= now < before + NOTED_EVERY:
        put_fact(tx, f"{ARRIVED}{source}", str(to_ms(now)).encode())


def last_arrivals(tx: Tx) -> dict[str, datetime]:
    """Return when a mail of ours last came back by each way, to the hour."""
    rows = tx.all("SELECT name, value FROM installation WHERE name LIKE :arrived", arrived=f"{ARRIVED}%")
    return {row[0].removeprefix(ARRIVED): from_ms(int(bytes(row[1]))) for row in rows}


@dataclass(frozen=True)
class ReturnedTest:
    """How a test mail came back. `sent_at`: to the second; `meaning`: what was said of it."""

    sent_at: datetime
    source: str
    meaning: str


def note_returned_test(tx: Tx, found: ReturnedTest) -> None:
    """Note how a test mail came back, in place of the one before."""
    put_fact(tx, RETURNED_TEST, f"{to_ms(found.sent_at)} {found.meaning} {found.source}".encode())


def returned_test(tx: Tx) -> ReturnedTest | None:
    """Return how the last test mail that came back did; None when there was none."""
    row = tx.one("SELECT value FROM installation WHERE name = :name", name=RETURNED_TEST)
    if row is None:
        return None
    moment, meaning, source = bytes(row[0]).decode().split(" ", 2)
    return ReturnedTest(from_ms(int(moment)), source, meaning)
