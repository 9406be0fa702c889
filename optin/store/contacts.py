"""Contact details of people, sealed, and the digests of their numbers."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from optin.consent.channel import declared_addresses
from optin.consent.email_and_telephone import EmailAddress
from optin.consent.form_version import EMAIL_FIELD
from optin.consent.status_transitions import SubjectId
from optin.proof.canonical_json import canonical, parse
from optin.store.database_interface import Tx, from_ms, to_ms
from optin.store.encryption import EncryptedCell, Vault


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
        content = {
            **self.values,
            _CORRECTED: None
            if correction is None
            else {
                "values": correction.values,
                "salt": correction.salt.hex(),
                "moments": {name: to_ms(moment) for name, moment in correction.moments.items()},
            },
        }
        return json.dumps(content).encode()

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
    return vault.seal(EncryptedCell("subject", subject), json.dumps(plain).encode())


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
    plain: dict[str, Any] = parse(vault.open(EncryptedCell("subject", subject), bytes(sealed)))
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


_CORRECTED, _SALT, _DETAILS = "=", "=salt", "=details"  # no field has these names
