"""Look up many addresses or numbers at once, by their digests."""

from __future__ import annotations

from collections.abc import Sequence

from optin.consent.consent_record import SubjectId
from optin.consent.purpose import ConsentKey
from optin.store.consent_columns import EVERYTHING, columns_of
from optin.store.queries import list_parameters
from optin.store.transaction import Tx


def subjects_by_address(tx: Tx, indexes: Sequence[bytes]) -> dict[bytes, list[SubjectId]]:
    """Return the people with these addresses, by digest."""
    values, among = list_parameters(indexes)
    rows = tx.all(f"SELECT email_index, id FROM subject WHERE email_index IN ({among})", **values)
    return {bytes(row[0]): [SubjectId(bytes(row[1]))] for row in rows}


def subjects_by_number(tx: Tx, indexes: Sequence[bytes]) -> dict[bytes, list[SubjectId]]:
    """Return the people with these telephone numbers, by digest: several may share one."""
    values, among = list_parameters(indexes)
    rows = tx.all(f"SELECT number, subject_id FROM number_index WHERE number IN ({among})", **values)
    found: dict[bytes, list[SubjectId]] = {}
    for number, subject in rows:
        found.setdefault(bytes(number), []).append(SubjectId(bytes(subject)))
    return found


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
