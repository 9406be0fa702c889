"""How many sign-ups for a purpose by a channel nobody confirmed: no consents, so nobody exports them."""

from __future__ import annotations

from optin.consent.purpose import ConsentKey
from optin.store.database_interface import Runner
from optin.store.leads import count_unconfirmed


def count_unconfirmed_of(read: Runner, key: ConsentKey) -> int:
    """Count the consents of a key that were asked for and not confirmed."""
    return read(count_unconfirmed, key=key)
