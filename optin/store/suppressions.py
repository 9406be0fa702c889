"""Suppressions: who must not be approached for a purpose, or at all, whatever becomes of the consent (R3)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from optin.consent.purpose import ConsentKey
from optin.store.consent_key_columns import EVERYTHING, columns_of
from optin.store.database_interface import Tx, from_ms, to_ms
from optin.store.row_queries import list_parameters


def suppress(tx: Tx, email_index: bytes, key: ConsentKey | None, now: datetime) -> None:
    """Suppress an address for a consent, or for all, by a digest that outlives an erasure (R7)."""
    tx.run(
        "INSERT INTO suppression(email_index, purpose, channel, at)"
        " VALUES (:email_index, :purpose, :channel, :now)"
        " ON CONFLICT (email_index, purpose, channel) DO UPDATE SET at = excluded.at",
        email_index=email_index,
        **columns_of(key),
        now=to_ms(now),
    )


def suppressed_at(tx: Tx, email_index: bytes, key: ConsentKey | None) -> datetime | None:
    """Return since when an address is suppressed for a consent (None: for all); None when it is not."""
    row = tx.one(
        "SELECT at FROM suppression"
        " WHERE email_index = :email_index AND purpose = :purpose AND channel = :channel",
        email_index=email_index,
        **columns_of(key),
    )
    return None if row is None else from_ms(row[0])


def erased_at(tx: Tx, email_index: bytes) -> datetime | None:
    """Return when the person of an address was last erased by their own wish; None: never."""
    return suppressed_at(tx, email_index, None)


def last_objection(tx: Tx, email_index: bytes) -> datetime | None:
    """Return when an address last withdrew, was erased or was suppressed; None: never.

    Whoever objects to calls is suppressed in the same moment, so the numbers need no look.
    """
    row = tx.one(
        "SELECT MAX(at) FROM (SELECT at FROM suppression WHERE email_index = :email_index"
        " UNION ALL SELECT withdrawn_at FROM consent JOIN subject ON subject.id = consent.subject_id"
        " WHERE subject.email_index = :email_index) AS said",
        email_index=email_index,
    )
    return None if row is None or row[0] is None else from_ms(row[0])


def unsuppress(tx: Tx, email_index: bytes, key: ConsentKey) -> None:
    """Lift a suppression: the person asked again and confirmed."""
    tx.run(
        "DELETE FROM suppression"
        " WHERE email_index = :email_index AND purpose = :purpose AND channel = :channel",
        email_index=email_index,
        **columns_of(key),
    )


def suppress_numbers(
    tx: Tx, numbers: Iterable[bytes], email_index: bytes, key: ConsentKey | None, now: datetime
) -> None:
    """Suppress numbers for a consent, or for all, as the person of an address wishes (R7)."""
    for number in numbers:
        tx.run(
            "INSERT INTO number_objection(number, email_index, purpose, channel, at)"
            " VALUES (:number, :email_index, :purpose, :channel, :now)"
            " ON CONFLICT (number, email_index, purpose, channel) DO UPDATE SET at = excluded.at",
            number=number,
            email_index=email_index,
            **columns_of(key),
            now=to_ms(now),
        )


def unsuppress_numbers(tx: Tx, number: bytes, email_index: bytes, key: ConsentKey) -> None:
    """Lift this person's suppression of numbers, and nobody else's: the person asked again and confirmed."""
    tx.run(
        "DELETE FROM number_objection WHERE number = :number AND email_index = :email_index"
        " AND purpose = :purpose AND channel = :channel",
        number=number,
        email_index=email_index,
        **columns_of(key),
    )


def suppressions_of(tx: Tx, email_index: bytes) -> list[tuple[str, str, datetime]]:
    """Return the suppressions of an address: purpose, channel and start."""
    rows = tx.all(
        "SELECT purpose, channel, at FROM suppression WHERE email_index = :email_index"
        " ORDER BY purpose, channel",
        email_index=email_index,
    )
    return [(row[0], row[1], from_ms(row[2])) for row in rows]


def suppressed_among(tx: Tx, key: ConsentKey, indexes: Sequence[bytes]) -> set[bytes]:
    """Return the digests of addresses or numbers suppressed for a purpose, or for all."""
    values, among = list_parameters(indexes)
    about = "((purpose = :purpose AND channel = :channel) OR purpose = :everything)"
    rows = tx.all(
        f"SELECT email_index FROM suppression WHERE email_index IN ({among}) AND {about}"
        f" UNION SELECT number FROM number_objection WHERE number IN ({among}) AND {about}",
        **columns_of(key),
        everything=EVERYTHING,
        **values,
    )
    return {bytes(row[0]) for row in rows}
