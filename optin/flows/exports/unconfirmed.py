"""How many sign-ups for a purpose by a channel nobody confirmed: no consents, so nobody exports them."""

from __future__ import annotations

from optin.consent.purpose import ConsentKey
from optin.consent.status_transitions import EventKind
from optin.proof.canonical_json import parse
from optin.store.database_interface import Runner
from optin.store.leads import unconfirmed_bodies


def count_unconfirmed_of(read: Runner, key: ConsentKey) -> int:
    """Count the consents of a key that were asked for and not confirmed, in constant memory."""
    wanted = {"kind": EventKind.REQUESTED.value, "purpose": key.purpose, "channel": key.channel.value}
    count = after = 0
    while page := read(unconfirmed_bodies, after=after):
        for _, body in page:
            event = parse(body)
            count += all(event.get(name) == value for name, value in wanted.items())
        after = page[-1][0]
    return count
