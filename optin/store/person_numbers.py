"""Numbers by which pages of the desk name a person: random, so that an address in a browser tells nothing."""

from __future__ import annotations

import secrets

from optin.errors import StoreBusy
from optin.store.database_interface import Tx

_BITS = 30
_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base 32: no I, L, O, U
_LENGTH = 6
_TRIES = 20


def number_of_person(tx: Tx, address: bytes) -> str:
    """Return the number of a person, by the digest of an address; a new one when there is none.

    Raises StoreBusy when no free number was found.
    """
    for _ in range(_TRIES):
        row = tx.one("SELECT number FROM person_number WHERE address = :address", address=address)
        if row is not None:
            return _written(int(row[0]))
        tx.run(
            "INSERT INTO person_number(number, address) VALUES (:number, :address) ON CONFLICT DO NOTHING",
            number=secrets.randbits(_BITS),
            address=address,
        )
    raise StoreBusy


def known_number(tx: Tx, address: bytes) -> str:
    """Return the number that a person has already; empty when there is none."""
    row = tx.one("SELECT number FROM person_number WHERE address = :address", address=address)
    return "" if row is None else _written(int(row[0]))


def person_of_number(tx: Tx, text: str) -> bytes | None:
    """Return the digest of the address of a numbered person; None for what is no number of anybody."""
    number = _read(text)
    row = None if number is None else tx.one("SELECT address FROM person_number WHERE number = :n", n=number)
    return None if row is None else bytes(row[0])


def forget_number(tx: Tx, address: bytes) -> None:
    """Remove a person's number, with the person."""
    tx.run("DELETE FROM person_number WHERE address = :address", address=address)


def _written(number: int) -> str:
    return "".join(_LETTERS[number >> shift & 31] for shift in range((_LENGTH - 1) * 5, -1, -5))


def _read(text: str) -> int | None:
    if len(text) != _LENGTH or any(it not in _LETTERS for it in text):
        return None
    number = 0
    for letter in text:
        number = number << 5 | _LETTERS.index(letter)
    return number
