"""Limits on posts: per client network and per site, in memory, politely; and on mails, in silence (D8).

The network is the address itself, or the /64 of an IPv6 address, and is stored nowhere. The loopback
address is nobody's network: it is counted for the site alone. What stands in X-Forwarded-For is believed
only from a configured proxy.

The store counts mails by address; here they are counted by mailbox, for one mailbox has many addresses.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from limits import RateLimitItem, RateLimitItemPerHour, RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter
from starlette.requests import Request

from optin.errors import TooManyRequests
from optin.flows.policy import RequestPolicy
from optin.site.model import Limits
from optin.web.limit_log import LimitLog

DAY = timedelta(days=1)
MOST_MAILBOXES = 200_000  # counted at once: some 60 MB; beyond it the oldest are forgotten


class MailboxCounter:
    """Counts the mails to each mailbox for a day from its first; knows a mailbox by a keyed digest only."""

    def __init__(self, most: int = MOST_MAILBOXES) -> None:
        """Start counting from nothing: it is lost at the end of the process."""
        self._most = most
        self._counted: dict[bytes, tuple[datetime, int]] = {}  # in the order in which their days began

    def recent(self, mailbox: bytes, now: datetime) -> int:
        """Return how many mails a mailbox got in its day."""
        self._forget(now)
        return self._counted[mailbox][1] if mailbox in self._counted else 0

    def count(self, mailbox: bytes, now: datetime) -> None:
        """Count one mail."""
        self._forget(now)
        begun, count = self._counted.get(mailbox, (now, 0))
        self._counted[mailbox] = (begun, count + 1)

    def take_back(self, mailbox: bytes, now: datetime) -> None:
        """Count one mail less."""
        self._forget(now)
        begun, count = self._counted.get(mailbox, (now, 0))
        if count:
            self._counted[mailbox] = (begun, count - 1)

    def _forget(self, now: datetime) -> None:
        while self._counted:
            oldest = next(iter(self._counted))
            if self._counted[oldest][0] + DAY > now and len(self._counted) <= self._most:
                return
            del self._counted[oldest]


class PostLimits:
    """Counts posts; refuses those above a limit."""

    def __init__(self, limits: Limits, trusted_proxies: Sequence[str]) -> None:
        """Start counting from nothing."""
        self._counter = FixedWindowRateLimiter(MemoryStorage())
        self._per_network = RateLimitItemPerHour(limits.per_network_per_hour)
        self._per_site = RateLimitItemPerMinute(limits.per_site_per_minute)
        self._mails = MailboxCounter()
        self.log = LimitLog()
        self._trusted = [ip_network(network, strict=False) for network in trusted_proxies]

    def count(self, request: Request) -> None:
        """Count one post. Raises TooManyRequests with the seconds to wait."""
        address = self.client(request)
        if address is not None and not address.is_loopback:
            self._hit("per_network_per_hour", self._per_network, network_of(address))
        self._hit("per_site_per_minute", self._per_site, "site")

    def policy_for(self, mailbox: bytes, policy: RequestPolicy, now: datetime) -> RequestPolicy:
        """Return the policy for one mailbox: no mail more today when it had enough. Nobody is told (D7)."""
        if self._mails.recent(mailbox, now) < policy.per_address_per_day:
            return policy
        return replace(policy, per_address_per_day=0)

    def count_mail(self, mailbox: bytes, now: datetime) -> None:
        """Count one mail to a mailbox."""
        self._mails.count(mailbox, now)

    def no_mail(self, mailbox: bytes, now: datetime) -> None:
        """Take back what `count_mail` counted: no mail came of it."""
        self._mails.take_back(mailbox, now)

    def client(self, request: Request) -> IPv4Address | IPv6Address | None:
        """Return the address the post came from, seen through the proxies that are trusted."""
        address = _parse(request.client.host if request.client else "")
        hops = [hop for line in request.headers.getlist("x-forwarded-for") for hop in line.split(",")]
        while hops and address is not None and self._is_proxy(address):
            address = _parse(hops.pop()) or address
        return address

    def _is_proxy(self, address: IPv4Address | IPv6Address) -> bool:
        return any(address in network for network in self._trusted)

    def _hit(self, kind: str, item: RateLimitItem, who: str) -> None:
        if not self._counter.hit(item, who):
            self.log.note(kind)
            reset = self._counter.get_window_stats(item, who).reset_time
            raise TooManyRequests(max(1, int(reset - time.time()) + 1))


def network_of(address: IPv4Address | IPv6Address) -> str:
    """Return the network that one client has: an IPv4 address, the /64 of an IPv6 address."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ip_network((address, 64), strict=False))
    return str(address)


def _parse(text: str) -> IPv4Address | IPv6Address | None:
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        return ip_address(text)
    except ValueError:
        return None
