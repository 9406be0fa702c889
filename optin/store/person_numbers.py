"""Numbers by which pages of the desk name a person: random, so that an address in a browser tells nothing.

Each number is bound to its person by the keys: whoever edits the database gives nobody another's number. An
edited row counts for nothing, an audit tells of it, and the person gets a new number.
"""

from __future__ import annotations

import hmac
import secrets

from optin.errors import StoreBusy
from optin.store.database_interface import Row, Tx
from optin.store.encryption import Vault

_BITS = 30
_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base 32: no I, L, O, U
_LENGTH = 6
_TRIES = 20
_COLUMNS = "number, address, seal"


def number_of_person(tx: Tx, vault: Vault, address: bytes) -> str:
    """Return the number of a person, by the digest of an address; a new one when there is none.

    Raises StoreBusy when no free number was found.
    """
    for _ in range(_TRIES):
        row = tx.one(f"SELECT {_COLUMNS} FROM person_number WHERE address = :address", address=address)
        if row is not None and _is_own(vault, row):
            return _written(int(row[0]))
        if row is not None:
            forget_number(tx, address)
        number = secrets.randbits(_BITS)
        tx.run(
            "INSERT INTO person_number(number, address, seal) VALUES (:number, :address, :seal)"
            " ON CONFLICT DO NOTHING",
            number=number,
            address=address,
            seal=_seal(vault, number, address),
        )
    raise StoreBusy


def known_number(tx: Tx, vault: Vault, address: bytes) -> str:
    """Return the number that a person has already; empty when there is none, or it was edited."""
    row = tx.one(f"SELECT {_COLUMNS} FROM person_number WHERE address = :address", address=address)
    return _written(int(row[0])) if row is not None and _is_own(vault, row) else ""


def person_of_number(tx: Tx, vault: Vault, text: str) -> bytes | None:
    """Return the digest of the address of a numbered person.

    None for what is no number of anybody, or was edited.
    """
    number = _read(text)
    if number is None:
        return None
    row = tx.one(f"SELECT {_COLUMNS} FROM person_number WHERE number = :number", number=number)
    return bytes(row[1]) if row is not None and _is_own(vault, row) else None


def edited_numbers(tx: Tx, vault: Vault) -> int:
    """Return how many numbers are not as optin gave them."""
    rows = tx.all(f"SELECT {_COLUMNS} FROM person_number")
    return sum(not _is_own(vault, row) for row in rows)


def forget_number(tx: Tx, address: bytes) -> None:
    """Remove a person's number, with the person."""
    tx.run("DELETE FROM person_number WHERE address = :address", address=address)


def _is_own(vault: Vault, row: Row) -> bool:
    return hmac.compare_digest(bytes(row[2]), _seal(vault, int(row[0]), bytes(row[1])))


def _seal(vault: Vault, number: int, address: bytes) -> bytes:
    return vault.reference("person-number", f"{number} {address.hex()}")


def _written(number: int) -> str:
    return "".join(_LETTERS[number >> shift & 31] for shift in range((_LENGTH - 1) * 5, -1, -5))


def _read(text: str) -> int | None:
    if len(text) != _LENGTH or any(it not in _LETTERS for it in text):
        return None
    number = 0
    for letter in text:
        number = number << 5 | _LETTERS.index(letter)
    return number
