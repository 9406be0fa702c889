"""Which IP addresses belong to the public internet; no others are called.

What is not known to be public is not. A place where Python versions differ stands in `NOT_PUBLIC`.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

GLOBAL_UNICAST = IPv6Network("2000::/3")  # RFC 4291, section 2.4: nothing else is assigned
NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052: an IPv4 address is in its last four bytes
NOT_PUBLIC = (  # which `ipaddress` of some Python versions calls global
    IPv4Network("192.0.0.0/24"),  # RFC 6890: protocols
    IPv4Network("192.88.99.0/24"),  # RFC 7526: relays of 6to4
    IPv6Network("2001::/23"),  # RFC 2928: protocols, with Teredo (RFC 4380), which carries an IPv4 address
    IPv6Network("2002::/16"),  # RFC 7526: 6to4, which carries an IPv4 address
    IPv6Network("3fff::/20"),  # RFC 9637: documentation
)


def is_public(text: str) -> bool:
    """Return whether an IP address is public, including one embedded in an IPv6 address."""
    try:
        address = ip_address(text)
    except ValueError:
        return False
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return is_public(str(address.ipv4_mapped))
        if address in NAT64:
            return is_public(str(IPv4Address(int(address) & 0xFFFF_FFFF)))
        if address.scope_id is not None or address not in GLOBAL_UNICAST:
            return False
    if any(address.version == network.version and address in network for network in NOT_PUBLIC):
        return False
    return address.is_global and not (address.is_multicast or address.is_reserved)
