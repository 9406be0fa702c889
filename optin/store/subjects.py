"""Data subjects: contact data, the status of each consent, and suppressed addresses."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from optin.consent.address import EmailAddress
from optin.consent.channel import declared_addresses
from optin.consent.consent_record import ConsentRecord, ConsentState, RequestId, Status, SubjectId
from optin.consent.form import EMAIL_FIELD
from optin.consent.purpose import ConsentKey
from optin.proof.canonical import canonical, parse
from optin.store.consent_columns import columns_of
from optin.store.transaction import Row, Tx, from_ms, to_ms
from optin.store.vault import Place, Vault, new_id


def find_or_add_subject(tx: Tx, email_index: bytes, sealed_empty: bytes, now: datetime) -> SubjectId:
    """Return the person behind an address, added if new, and locked until the transaction ends."""
    row = tx.one(
        "INSERT INTO subject(id, email_index, sealed, created_at)"
        " VALUES (:id, :email_index, :sealed, :now)"
        " ON CONFLICT (email_index) DO UPDATE SET created_at = subject.created_at RETURNING id",
        id=new_id(),
        email_index=email_index,
        sealed=sealed_empty,
        now=to_ms(now),
    )
    if row is None:
        msg = "an upsert returns its row"
        raise AssertionError(msg)
    return SubjectId(row[0])


def lock_subject(tx: Tx, subject: SubjectId) -> bool:
    """Lock this person's consents until the transaction ends.

    Tells whether the person is still there: another process may have erased it while this one waited.
    """
    return tx.one(f"SELECT id FROM subject WHERE id = :id {tx.for_update}", id=subject) is not None


def find_subject(tx: Tx, email_index: bytes) -> SubjectId | None:
    """Return the person behind an address, or None."""
    row = tx.one("SELECT id FROM subject WHERE email_index = :email_index", email_index=email_index)
    return None if row is None else SubjectId(row[0])


def address_index(tx: Tx, subject: SubjectId) -> bytes:
    """Return the digest by which a person's address is found; empty when the person is gone."""
    row = tx.one("SELECT email_index FROM subject WHERE id = :id", id=subject)
    return b"" if row is None else bytes(row[0])


@dataclass(frozen=True)
class Correction:
    """What a person corrected: the values, and the salt of the committing event (GDPR 16).

    An empty value was taken away. `moments` says of each when it was put right.
    """

    values: dict[str, str]
    salt: bytes
    moments: dict[str, datetime]

    @property
    def plain(self) -> bytes:
        """The bytes that the event commits to."""
        return canonical({**self.values})

    def after(self, asked_at: datetime) -> dict[str, str]:
        """Return the corrections made since a moment: they override an earlier form."""
        return {name: value for name, value in self.values.items() if self.moments[name] > asked_at}


@dataclass(frozen=True)
class Contact:
    """A person's contact details, with corrections made since the declaration.

    `salt` is that of the event that commits to it; empty: kept by an older version, which wrote none.
    """

    values: dict[str, str]
    correction: Correction | None = None
    salt: bytes = b""
    read_from: str = ""  # the text that it was read from; not of one that is about to be kept

    @property
    def plain(self) -> bytes:
        """The bytes that are encrypted, and committed to by the event."""
        if self.read_from:
            return self.read_from.encode()
        correction = self.correction
        told = {
            **self.values,
            _CORRECTED: None
            if correction is None
            else {
                "values": correction.values,
                "salt": correction.salt.hex(),
                "moments": {name: to_ms(moment) for name, moment in correction.moments.items()},
            },
        }
        return json.dumps(told).encode()

    @property
    def email(self) -> EmailAddress:
        """The confirmed address. Raises KeyError for a person without details yet."""
        return EmailAddress(self.values[EMAIL_FIELD])


def save_contact(tx: Tx, vault: Vault, subject: SubjectId, contact: Contact) -> None:
    """Store a person's details, indexed by the declared addresses and earlier ones."""
    sealed = seal_contact(vault, subject, contact)
    tx.run("UPDATE subject SET sealed = :sealed WHERE id = :id", sealed=sealed, id=subject)
    for address in declared_addresses():
        if value := address.own(contact.values):
            tx.run(
                "INSERT INTO number_index(number, subject_id) VALUES (:number, :id) ON CONFLICT DO NOTHING",
                number=vault.address_index(address, value),
                id=subject,
            )


def seal_contact(vault: Vault, subject: SubjectId, contact: Contact) -> bytes:
    """Return a person's details encrypted, bound to the person's row."""
    plain = {_SALT: contact.salt.hex(), _DETAILS: contact.plain.decode()}
    return vault.seal(Place("subject", subject), json.dumps(plain).encode())


def forget_numbers(tx: Tx, subject: SubjectId) -> None:
    """Remove a person's numbers from the index: they were wrong."""
    tx.run("DELETE FROM number_index WHERE subject_id = :id", id=subject)


def load_contact(tx: Tx, vault: Vault, subject: SubjectId) -> Contact:
    """Return a person's decrypted details."""
    row = tx.one("SELECT sealed FROM subject WHERE id = :id", id=subject)
    return Contact({}) if row is None else open_contact(vault, subject, row[0])


def open_contact(vault: Vault, subject: SubjectId, sealed: bytes) -> Contact:
    """Decrypt a contact; an empty value is a person without details yet. Raises KeysUnusable."""
    if not sealed:
        return Contact({})
    plain: dict[str, Any] = parse(vault.open(Place("subject", subject), bytes(sealed)))
    salt, text = bytes.fromhex(plain.get(_SALT, "")), plain.get(_DETAILS, "")
    if text:
        plain = _read_details(text)
    corrected = plain.pop(_CORRECTED, None)
    if corrected is None:
        return Contact(plain, None, salt, text)
    moments = {name: from_ms(moment) for name, moment in corrected["moments"].items()}
    correction = Correction(corrected["values"], bytes.fromhex(corrected["salt"]), moments)
    return Contact(plain, correction, salt, text)


def _read_details(text: str) -> dict[str, Any]:
    found: dict[str, Any] = parse(text)
    return found


def numbers_of(tx: Tx, subject: SubjectId) -> list[bytes]:
    """Return the digests of a person's telephone numbers."""
    rows = tx.all("SELECT number FROM number_index WHERE subject_id = :id ORDER BY number", id=subject)
    return [bytes(row[0]) for row in rows]


def refresh_idle(tx: Tx, subject: SubjectId) -> None:
    """Update since when a person has no live purpose, which starts the retention period (R8).

    Not before what it asked for last: a magnet of today is kept as long as without an old consent.
    """
    row = tx.one(
        "SELECT COUNT(*), MAX(CASE WHEN status IN ('given', 'expired') THEN expires_at ELSE since END)"
        " FROM consent"
        " WHERE subject_id = :id",
        id=subject,
    )
    asked = tx.one("SELECT MAX(confirmed_at) FROM request WHERE subject_id = :id", id=subject)
    consents, live = (0, None) if row is None else row
    idle = max(live or 0, (asked and asked[0]) or 0)
    tx.run(
        "UPDATE subject SET idle_from = :idle, consented = :consented WHERE id = :id",
        idle=idle,
        consented=1 if consents else 0,
        id=subject,
    )


def remove_subject(tx: Tx, subject: SubjectId) -> None:
    """Remove a person's row, consents and numbers. Remove the requests before."""
    for table in ("consent", "number_index", "export_member", "webhook_told"):
        tx.run(f"DELETE FROM {table} WHERE subject_id = :id", id=subject)
    tx.run("DELETE FROM subject WHERE id = :id", id=subject)


_CORRECTED, _SALT, _DETAILS = "=", "=salt", "=details"  # no field has these names
CONSENT_COLUMNS = "purpose, channel, status, since, expires_at, request_id, withdrawn_at"


def consents_of(tx: Tx, subject: SubjectId) -> list[ConsentState]:
    """Return every consent of a person."""
    rows = tx.all(
        f"SELECT {CONSENT_COLUMNS} FROM consent WHERE subject_id = :subject ORDER BY purpose, channel",
        subject=subject,
    )
    return [read_consent(row) for row in rows]


def save_consent(tx: Tx, subject: SubjectId, consent: ConsentState) -> None:
    """Update the cached status of a consent from the events just added."""
    record = consent.record
    if record.status is None or record.since is None or record.request is None:
        msg = "a consent without events is not stored"
        raise ValueError(msg)
    tx.run(
        f"INSERT INTO consent(subject_id, {CONSENT_COLUMNS})"
        " VALUES (:subject, :purpose, :channel, :status, :since, :expires_at, :request, :withdrawn_at)"
        " ON CONFLICT (subject_id, purpose, channel) DO UPDATE SET status = excluded.status,"
        " since = excluded.since, expires_at = excluded.expires_at,"
        " request_id = excluded.request_id, withdrawn_at = excluded.withdrawn_at, asked_again_at = NULL",
        subject=subject,
        purpose=consent.purpose,
        channel=consent.channel.value,
        status=record.status.value,
        since=to_ms(record.since),
        expires_at=to_ms(consent.expires_at),
        request=record.request,
        withdrawn_at=None if record.withdrawn_at is None else to_ms(record.withdrawn_at),
    )


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


def suppressed_at(tx: Tx, email_index: bytes, key: ConsentKey) -> datetime | None:
    """Return since when an address is suppressed for a purpose; None when it is not."""
    row = tx.one(
        "SELECT at FROM suppression"
        " WHERE email_index = :email_index AND purpose = :purpose AND channel = :channel",
        email_index=email_index,
        **columns_of(key),
    )
    return None if row is None else from_ms(row[0])


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


def object_to_calls(
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


def allow_calls(tx: Tx, number: bytes, email_index: bytes, key: ConsentKey) -> None:
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


def read_consent(row: Row) -> ConsentState:
    """Return a consent from a row of `CONSENT_COLUMNS`."""
    return ConsentState(
        key=ConsentKey.parse(row[0], row[1]),
        record=ConsentRecord(
            status=Status(row[2]),
            since=from_ms(row[3]),
            request=RequestId(row[5]),
            withdrawn_at=None if row[6] is None else from_ms(row[6]),
        ),
        expires_at=from_ms(row[4]),
    )
