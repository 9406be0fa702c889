"""Look up objections and the company's do-not-contact list, before anybody is contacted (L7, GDPR 21(3)).

Every way out asks here: exports, letters, webhooks, notices to staff, scrubbed lists, and the gate. A mail
that performs what the person asked for (a confirmation, the magnet, a personal link) is no advertising and
does not ask.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from optin.consent.channel import MAILBOX, Channel, declared_addresses
from optin.consent.email_and_telephone import EmailAddress
from optin.consent.mail_domain import domain_and_parents, domain_of
from optin.consent.objection import DOMAIN, ContactUse, Objection, first_objection
from optin.store.database_interface import Tx
from optin.store.encryption import Vault
from optin.store.objections import any_objection, objections_about


@dataclass(frozen=True)
class PlannedContact:
    """A person about to be contacted: every address known of it, in normal form, by form field.

    `asked_at`: when the person asked for exactly this with a proven consent (UTC); None for another basis.
    `numbers`: keyed digests of numbers, or other addresses, whose text is not at hand.
    """

    addresses: Mapping[str, str] = field(repr=False)
    asked_at: datetime | None = None
    numbers: Sequence[bytes] = field(default=(), repr=False)


def find_objection(
    tx: Tx,
    vault: Vault,
    addresses: Mapping[str, str],
    channel: Channel,
    asked_at: datetime | None = None,
) -> Objection | None:
    """Return the objection or list entry that forbids advertising to a person by a channel, or None.

    `addresses`: all that are known of the person, in normal form, each by the form field of its kind.
    `asked_at`: when the person asked for exactly this with a proven consent (UTC); leave it out for every
    other basis. One indexed lookup.
    """
    return find_objections(tx, vault, [PlannedContact(addresses, asked_at)], channel)[0]


def find_objections(
    tx: Tx, vault: Vault, contacts: Sequence[PlannedContact], channel: Channel
) -> list[Objection | None]:
    """Return for each planned contact what `find_objection` does, with one lookup for all of them."""
    if not contacts or not any_objection(tx):
        return [None] * len(contacts)
    digests = _Digests(vault)
    found_by = [(it, *digests.of(it)) for it in contacts]
    by_address: dict[bytes, list[Objection]] = {}
    for it in objections_about(tx, list({index for *_, indexes in found_by for index in indexes})):
        by_address.setdefault(it.address, []).append(it)
    bars: list[Objection | None] = []
    for contact, person, indexes in found_by:
        about = [it for index in indexes for it in by_address.get(index, ())]
        bars.append(first_objection(about, ContactUse(person, channel, contact.asked_at)) if about else None)
    return bars


def domain_index(vault: Vault, domain: str) -> bytes:
    """Return the keyed digest under which an entry about a domain is found."""
    return vault.reference(DOMAIN, domain)


class _Digests:
    """The digests by which people are found; those of a domain, which many share, are made once."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._kinds = {kind.field: kind for kind in (MAILBOX, *declared_addresses())}
        self._domains: dict[str, list[bytes]] = {}
        self._parts: dict[str, bytes] = {}

    def of(self, contact: PlannedContact) -> tuple[bytes, list[bytes]]:
        """Return the digest of a person's mailbox, empty when unknown, and every digest to look for."""
        person, found = b"", [*contact.numbers]
        for name, value in contact.addresses.items():
            kind = self._kinds.get(name)
            if kind is None or not value:
                continue
            index = self._vault.address_index(kind, value)
            found.append(index)
            if kind is MAILBOX:
                person = index
                found += self._of_domain(value)
        return person, found

    def _of_domain(self, address: str) -> list[bytes]:
        written = address.rpartition("@")[2]
        known = self._domains.get(written)
        if known is None:
            known = self._domains[written] = [self._of_part(it) for it in _domains_of(address)]
        return known

    def _of_part(self, domain: str) -> bytes:
        index = self._parts.get(domain)
        if index is None:
            index = self._parts[domain] = domain_index(self._vault, domain)
        return index


def _domains_of(address: str) -> list[str]:
    try:
        return domain_and_parents(domain_of(EmailAddress(address)))
    except ValueError:
        return []
