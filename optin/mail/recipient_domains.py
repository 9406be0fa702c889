"""How much mail each domain of recipients gets at once, and a rest for one that has had enough.

A domain may have a rate and a number of connections; what is beyond them is put back into the outbox, each
mail to a moment of its own. A domain that answers 421 or X.7.x rests, the longer the more often it says so,
while mails to others go on. Nothing of this is stored or logged: after a restart, domains tell it anew.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from optin.consent.email_and_telephone import EmailAddress
from optin.consent.mail_domain import domain_of
from optin.flows.delivery.mail_order import Order, Verdict

FIRST_REST_SECONDS = 30.0
LONGEST_REST_SECONDS = 1_800.0
TRIAL_SECONDS = 1.0  # between mails to a domain that has not taken one since its rest
LEAST_SECONDS, MOST_SECONDS = 0.05, 60.0  # that a mail in hand is taken to need
SPREAD_SECONDS = 600.0  # over which mails are spread that wait for the end of a rest
BURST_MINUTES = 0.1  # mails of so much time may leave at once, after a quiet while
_ENOUGH = re.compile(r"421\b|4\d\d 4\.7\.\d")  # the server says: later, for you (RFC 5321; RFC 3463, X.7.x)


@dataclass(frozen=True)
class DomainLimit:
    """What one domain gets of one process. 0: as much as there is."""

    per_minute: int = 0
    connections: int = 0


@dataclass
class _Domain:
    """What is known of a domain. Times are seconds of a clock that only runs on."""

    limit: DomainLimit
    room: float  # mails that may leave now by its rate
    looked_at: float
    in_hand: dict[int, float] = field(default_factory=dict)  # mails by their number, and since when
    seconds: float = 1.0  # that a mail is in hand, lately
    rests: int = 0  # one after the other, since it took a mail
    rest_until: float = 0.0
    # up to when moments are given away: to mails that somebody waits for, and to others
    given: dict[bool, float] = field(default_factory=lambda: {True: 0.0, False: 0.0})

    @property
    def burst(self) -> float:
        """How many mails may leave at once by its rate."""
        return max(1.0, self.limit.per_minute * BURST_MINUTES)

    @property
    def interval(self) -> float:
        """Seconds between two mails, by all that is known."""
        rate, connections = self.limit.per_minute, self.limit.connections
        return max(
            60 / rate if rate else 0.0,
            self.seconds / connections if connections else 0.0,
            TRIAL_SECONDS if self.rests else LEAST_SECONDS,
        )

    def look(self, now: float) -> None:
        """Let room grow by the rate."""
        room = self.room + (now - self.looked_at) * self.limit.per_minute / 60
        self.room, self.looked_at = min(room, self.burst), now

    def is_plain(self, now: float) -> bool:
        """Return whether there is nothing to remember."""
        return not (self.in_hand or self.rests or self.room < self.burst or max(self.given.values()) > now)


class RecipientDomains:
    """Decides when a claimed mail may leave. Use it on the event loop."""

    def __init__(
        self,
        limits: Mapping[str, DomainLimit] | None = None,
        others: DomainLimit = DomainLimit(),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Give each domain of `limits` (in ASCII, in small letters) its own, and all others `others`."""
        self._limits = limits or {}
        self._others = others
        self._clock = clock
        self._domains: dict[str, _Domain] = {}

    def limit_of(self, name: str) -> DomainLimit:
        """Return what a domain gets."""
        return self._limits.get(name, self._others)

    def wait_seconds(self, order: Order) -> float:
        """Return 0 for a mail that may leave now, and count it as in hand; or how long it is to wait."""
        now, domain = self._clock(), self._of(order.recipient)
        domain.look(now)
        if self._may_leave(domain, now, asked=order.asked):
            domain.in_hand[order.number] = now
            if domain.limit.per_minute:
                domain.room -= 1
            return 0.0
        soonest = max(domain.rest_until, now)
        begin = max(domain.given[order.asked], soonest)
        if domain.limit == DomainLimit() and begin > soonest + SPREAD_SECONDS:
            begin = soonest  # it may take them all as soon as it has taken one
        domain.given[order.asked] = begin + domain.interval
        return domain.given[order.asked] - now

    def done(self, order: Order, verdict: Verdict, reply: str) -> None:
        """Take note of the result of a mail that was in hand. `reply`: a code, as `SendOutcome` has it."""
        now, domain = self._clock(), self._of(order.recipient)
        since = domain.in_hand.pop(order.number, now)
        if verdict is Verdict.SENT:
            lately = min(max(now - since, LEAST_SECONDS), MOST_SECONDS)
            domain.seconds += (lately - domain.seconds) / 8
            domain.rests, domain.rest_until = 0, 0.0
        elif verdict is Verdict.LATER and _ENOUGH.match(reply) and now >= domain.rest_until:
            domain.rests += 1
            rest = FIRST_REST_SECONDS * 2.0 ** min(domain.rests - 1, 10)
            domain.rest_until = now + min(rest, LONGEST_REST_SECONDS)
        domain.look(now)
        if domain.is_plain(now):
            del self._domains[domain_of(order.recipient)]

    def _may_leave(self, domain: _Domain, now: float, *, asked: bool) -> bool:
        """Return whether a mail may leave now.

        One that somebody waits for also tries a domain that rests, alone; others leave it half of the room.
        """
        limit, in_hand = domain.limit, len(domain.in_hand)
        if now < domain.rest_until and not asked:
            return False
        if domain.rests and in_hand:
            return False
        if limit.connections and in_hand >= limit.connections:
            return False
        needed = 1.0 if asked else min(1.0 + domain.burst / 2, domain.burst)
        return not limit.per_minute or domain.room >= needed

    def _of(self, recipient: EmailAddress) -> _Domain:
        name = domain_of(recipient)
        if name not in self._domains:
            fresh = _Domain(self.limit_of(name), 0.0, self._clock())
            fresh.room = fresh.burst
            self._domains[name] = fresh
        return self._domains[name]
