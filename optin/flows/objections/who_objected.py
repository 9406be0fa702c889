"""Look up objections and the company's do-not-contact list, before anybody is contacted (L7, GDPR 21(3)).

Every way out asks here: exports, letters, webhooks, notices to staff, scrubbed lists, and the gate. A mail
that performs what the person asked for (a confirmation, the magnet, a personal link) is no advertising and
does not ask.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from optin.consent.channel import MAILBOX, Address, Channel, address_at
from optin.consent.email_and_telephone import EmailAddress
from optin.consent.mail_domain import domain_and_parents, domain_of
from optin.consent.objection import DOMAIN, ContactUse, Objection, first_bar
from optin.store.database_interface import Tx
from optin.store.encryption import Vault
from optin.store.objections import any_objection, objections_about


@dataclass(frozen=True)
class Approach:
    """A person about to be contacted: every address known of it, in normal form, by form field.

    `asked_at`: when the person asked for exactly this with a proven consent (UTC); None for another basis.
    `numbers`: keyed digests of numbers, or other addresses, whose text is not at hand.
    """

    addresses: Mapping[str, str] = field(repr=False)
    asked_at: datetime | None = None
    numbers: Sequence[bytes] = field(default=(), repr=False)


def objects(
    tx: Tx,
    vault: Vault,
    addresses: Mapping[str, str],
    channel: Channel,
    asked_at: datetime | None = None,
) -> Objection | None:
    """Return what forbids to contact a person for advertising by a channel; None: nothing does.

    `addresses`: all that are known of the person, in normal form, each by the form field of its kind.
    `asked_at`: when the person asked for exactly this with a proven consent (UTC); leave it out for every
    other basis. One indexed lookup.
    """
    return objections_to(tx, vault, [Approach(addresses, asked_at)], channel)[0]


def objections_to(
    tx: Tx, vault: Vault, approaches: Sequence[Approach], channel: Channel
) -> list[Objection | None]:
    """Return for each person what forbids the contact, with one lookup for all of them."""
    if not approaches or not any_objection(tx):
        return [None] * len(approaches)
    found_by = [(it, _indexes(vault, it)) for it in approaches]
    by_address: dict[bytes, list[Objection]] = {}
    for it in objections_about(tx, sorted({index for _, indexes in found_by for index in indexes})):
        by_address.setdefault(it.address, []).append(it)
    bars: list[Objection | None] = []
    for approach, indexes in found_by:
        mailbox = approach.addresses.get(MAILBOX.field, "")
        use = ContactUse(vault.index(EmailAddress(mailbox)) if mailbox else b"", channel, approach.asked_at)
        about = [it for index in indexes for it in by_address.get(index, ())]
        bars.append(first_bar(about, use))
    return bars


def domain_index(vault: Vault, domain: str) -> bytes:
    """Return the keyed digest under which an entry about a domain is found."""
    return vault.reference(DOMAIN, domain)


def domain_indexes(vault: Vault, address: str) -> list[bytes]:
    """Return the digests of an e-mail address's domain and of every domain above it."""
    try:
        domain = domain_of(EmailAddress(address))
    except ValueError:
        return []
    return [domain_index(vault, it) for it in domain_and_parents(domain)]


def _indexes(vault: Vault, approach: Approach) -> list[bytes]:
    found = [*approach.numbers]
    for kind, value in _known(approach.addresses.items()):
        found.append(vault.address_index(kind, value))
        if kind is MAILBOX:
            found += domain_indexes(vault, value)
    return list(dict.fromkeys(found))


def _known(addresses: Iterable[tuple[str, str]]) -> Iterable[tuple[Address, str]]:
    for name, value in addresses:
        kind = address_at(name)
        if kind is not None and value:
            yield kind, value
