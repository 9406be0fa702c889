"""Limits on posts: per client network and per site, in memory, politely (D8).

The network is the address itself, or the /64 of an IPv6 address, and is stored nowhere. The loopback
address is never counted. What stands in X-Forwarded-For is believed only from a configured proxy.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from limits import RateLimitItem, RateLimitItemPerHour, RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter
from starlette.requests import Request

from optin.errors import TooManyRequests
from optin.site.model import Limits


class PostLimits:
    """Counts posts; refuses those above a limit."""

    def __init__(self, limits: Limits, trusted_proxies: Sequence[str]) -> None:
        """Start counting from nothing."""
        self._counter = FixedWindowRateLimiter(MemoryStorage())
        self._per_network = RateLimitItemPerHour(limits.per_network_per_hour)
        self._per_site = RateLimitItemPerMinute(limits.per_site_per_minute)
        self._trusted = [ip_network(network, strict=False) for network in trusted_proxies]

    def count(self, request: Request) -> None:
        """Count one post. Raises TooManyRequests with the seconds to wait."""
        address = self.client(request)
        if address is None or address.is_loopback:
            return
        self._hit(self._per_network, network_of(address))
        self._hit(self._per_site, "site")

    def client(self, request: Request) -> IPv4Address | IPv6Address | None:
        """Return the address the post came from, seen through the proxies that are trusted."""
        address = _parse(request.client.host if request.client else "")
        hops = [hop for line in request.headers.getlist("x-forwarded-for") for hop in line.split(",")]
        while hops and address is not None and self._is_proxy(address):
            address = _parse(hops.pop()) or address
        return address

    def _is_proxy(self, address: IPv4Address | IPv6Address) -> bool:
        return any(address in network for network in self._trusted)

    def _hit(self, item: RateLimitItem, who: str) -> None:
        if not self._counter.hit(item, who):
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
