"""Draw lots that anybody can recompute, from a list fixed before its seed is known. Pure.

After RFC 3797, with two differences. SHA-256 takes the place of MD5, whose collisions can be made. And each
ticket has a lot of its own, the digest of seed, list and ticket; the lots in their order are the result.
So there is no remainder that favours the head of a list, the whole order takes one sort, and whoever holds
a ticket works out his own lot without the other tickets.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

SCHEME = "optin draw 1"  # begins what is hashed: a lot of this scheme is nothing else's
LEAST_SEED_CHARACTERS = 6
SHORT_CHARACTERS = 10  # of a ticket as people read it: a million million beginnings
GROUP_CHARACTERS = 5
_PARTS = re.compile(r"[0-9a-z]+")


class SeedRefused(ValueError):
    """A seed with more than one spelling, or too short to be a public number."""


def canonical_seed(text: str) -> str:
    """Return a seed in its canonical form. Raises SeedRefused.

    Small letters; each run of other characters than a-z and 0-9 parts two pieces; a piece of digits loses
    its leading zeros; the pieces are joined with full stops, and a slash ends them (RFC 3797, section 4).
    The order stays: a source that says numbers in no order is typed from small to large.
    """
    if not text.isascii():
        msg = "A seed is typed with the letters a-z and digits only."
        raise SeedRefused(msg)
    parts = [part.lstrip("0") or "0" if part.isdigit() else part for part in _PARTS.findall(text.lower())]
    if sum(map(len, parts)) < LEAST_SEED_CHARACTERS:
        msg = (
            f"A seed has {LEAST_SEED_CHARACTERS} letters and digits or more,"
            " so that nobody tries them all beforehand."
        )
        raise SeedRefused(msg)
    return ".".join(parts) + "/"


def list_digest(tickets: Iterable[str]) -> str:
    """Return the digest of a list of tickets: SHA-256 of the tickets in order, one per line.

    `sort tickets.txt | sha256sum` gives the same.
    """
    return hashlib.sha256("".join(f"{ticket}\n" for ticket in sorted(tickets)).encode()).hexdigest()


def lot_of_ticket(seed: str, digest: str, ticket: str) -> str:
    """Return the lot of one ticket, in hexadecimal. `seed` is canonical, `digest` that of the list."""
    return hashlib.sha256(f"{SCHEME}\n{seed}\n{digest}\n{ticket}\n".encode()).hexdigest()


def draw_order(seed: str, tickets: Collection[str]) -> list[str]:
    """Return all tickets in drawing order. `seed` is canonical.

    The same for the same set of tickets, in whatever order they come.
    """
    digest = list_digest(tickets)
    return sorted(tickets, key=lambda ticket: (lot_of_ticket(seed, digest, ticket), ticket))


@dataclass(frozen=True)
class ShownTicket:
    """A ticket in short form: its first characters, enough to find it in the published list."""

    full: str
    short: str

    @property
    def groups(self) -> tuple[str, ...]:
        """The short form in groups of a few characters."""
        return tuple(
            self.short[at : at + GROUP_CHARACTERS] for at in range(0, len(self.short), GROUP_CHARACTERS)
        )

    def __str__(self) -> str:
        """Return the short form."""
        return self.short


def shown_ticket(ticket: str, others: Iterable[str] = ()) -> ShownTicket:
    """Return a ticket's short form, distinct from `others`, of at least ten characters."""
    length = SHORT_CHARACTERS
    for other in others:
        while other != ticket and length < len(ticket) and other[:length] == ticket[:length]:
            length += 1
    return ShownTicket(ticket, ticket[:length])


def shown_tickets(tickets: Iterable[str], among: Iterable[str]) -> tuple[ShownTicket, ...]:
    """Return tickets in short form, in order, each distinct in its draw. Reads `among` once."""
    shown = tuple(tickets)
    alike: dict[str, list[str]] = {ticket[:SHORT_CHARACTERS]: [] for ticket in shown}
    for other in among:
        if other[:SHORT_CHARACTERS] in alike:
            alike[other[:SHORT_CHARACTERS]].append(other)
    return tuple(shown_ticket(ticket, alike[ticket[:SHORT_CHARACTERS]]) for ticket in shown)


@dataclass(frozen=True)
class DrawOutcome:
    """The result: the winners, and those passed over before the last winner, each in order."""

    winners: tuple[str, ...]
    passed_over: tuple[str, ...]


def pick_winners(order: Sequence[str], winners: int, reachable: Collection[str]) -> DrawOutcome:
    """Return the first `winners` of `order` who can be reached, and those before them who cannot."""
    won: list[str] = []
    passed: list[str] = []
    for ticket in order:
        if len(won) == winners:
            break
        (won if ticket in reachable else passed).append(ticket)
    return DrawOutcome(tuple(won), tuple(passed))
