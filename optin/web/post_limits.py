"""Limits on posts: per client network and per site; and on the mails they cause (D8, O8).

The network is the address itself, or the /64 of an IPv6 address; the /48 around that is counted as well, for
one customer may have as much. It is stored nowhere but as a keyed digest, for the day in which it is counted.
The loopback address is nobody's network: it is counted for the site alone. What stands in X-Forwarded-For is
believed only from a configured proxy.

How many mails one mailbox gets is counted in the flows, with the mail itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from starlette.requests import Request

from optin.errors import TooManyRequests
from optin.flows.limits.time_window_counters import Share, Window
from optin.services.installation import Installation
from optin.settings.site import Limits
from optin.web.limit_counts_in_memory import NetworkCounts, SiteQuota
from optin.web.limit_log import LimitLog
from optin.web.mail_budget import MailBudget, wait_seconds

HOUR = Window("per_network_per_hour", timedelta(hours=1))
DAY = Window("per_network_per_day", timedelta(days=1))
HOURS_A_DAY = 5  # an office may all come in one hour; who goes on all day has no more than so many hours
WIDE_BITS = 48  # of IPv6: one customer may have as much (RFC 6177)
WIDE_TIMES = 4  # telephones of one carrier share it
MINUTE = Window("per_site_per_minute", timedelta(minutes=1))
SHARE = 20  # one post in so many hundredths of a minute's asks the store


class PostLimits:
    """Counts posts; refuses those above a limit."""

    def __init__(self, limits: Limits, trusted_proxies: Sequence[str], installation: Installation) -> None:
        """Count together with every process that serves the site of `installation`."""
        self._installation = installation
        self._clients, self._per_hour = NetworkCounts(installation), limits.per_network_per_hour
        self._site = SiteQuota(installation, MINUTE, limits.per_site_per_minute, SHARE)
        self.mails = MailBudget(installation, limits.mails_per_day)
        self.log = LimitLog(also=installation.count_limit)
        self._trusted = [ip_network(network, strict=False) for network in trusted_proxies]

    async def count(self, request: Request) -> None:
        """Count one post. Raises TooManyRequests with the seconds to wait."""
        now, address = self._now(), self._counted(request)
        if self._site.is_spent(now):  # nobody is counted who is refused anyway
            self._refuse(MINUTE)
        if address is not None and (full := await self._clients.hit(shares_of(address, self._per_hour), now)):
            self._refuse(full)
        if not await self._site.spend(now):
            self._refuse(MINUTE)

    def network(self, request: Request) -> str:
        """Return the widest network of a post; empty when it is local or unknown."""
        address = self._counted(request)
        return "" if address is None else wide_network_of(address)

    def client(self, request: Request) -> IPv4Address | IPv6Address | None:
        """Return the client address of a post, behind the trusted proxies."""
        address = _parse(request.client.host if request.client else "")
        hops = [hop for line in request.headers.getlist("x-forwarded-for") for hop in line.split(",")]
        while hops and address is not None and self._is_proxy(address):
            address = _parse(hops.pop()) or address
        return address

    def _counted(self, request: Request) -> IPv4Address | IPv6Address | None:
        address = self.client(request)
        return None if address is None or address.is_loopback else address

    def _is_proxy(self, address: IPv4Address | IPv6Address) -> bool:
        return any(address in network for network in self._trusted)

    def _now(self) -> datetime:
        return self._installation.clock()

    def _refuse(self, window: Window) -> None:
        self.log.note(window.what)
        raise TooManyRequests(wait_seconds(window, self._now()))


def network_of(address: IPv4Address | IPv6Address) -> str:
    """Return the network of one client: an IPv4 address, the /64 of an IPv6 address."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ip_network((address, 64), strict=False))
    return str(address)


def wide_network_of(address: IPv4Address | IPv6Address) -> str:
    """Return the network of one customer: an IPv4 address, the /48 of an IPv6 address."""
    if isinstance(address, IPv6Address) and address.ipv4_mapped is None:
        return str(ip_network((address, WIDE_BITS), strict=False))
    return network_of(address)


def shares_of(address: IPv4Address | IPv6Address, per_hour: int) -> tuple[Share, ...]:
    """Return how many posts a client's network may make in an hour and in a day."""
    own, wide = network_of(address), wide_network_of(address)
    if own == wide:
        return Share(HOUR, own, per_hour), Share(DAY, own, HOURS_A_DAY * per_hour)
    around = WIDE_TIMES * per_hour
    return Share(HOUR, own, per_hour), Share(HOUR, wide, around), Share(DAY, wide, HOURS_A_DAY * around)


def _parse(text: str) -> IPv4Address | IPv6Address | None:
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address  # as a socket for both kinds tells it
