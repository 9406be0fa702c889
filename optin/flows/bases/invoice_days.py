"""The days of the invoices on record, by product line and customer (L2)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import date

from optin.bases import contract
from optin.consent.channel import MAILBOX
from optin.store.database_interface import Runner
from optin.store.encryption import Vault
from optin.store.held_bases import entries_page

PAGE = 500
InvoiceDays = Mapping[str, Mapping[bytes, list[date]]]


def invoice_days(read: Runner, vault: Vault) -> InvoiceDays:
    """Return the days of each customer's invoices by product line; a customer is named by a digest.

    Raises KeysUnusable.
    """
    found: defaultdict[str, defaultdict[bytes, list[date]]] = defaultdict(lambda: defaultdict(list))
    for product, customer, day in _sales(read, vault):
        found[product][customer].append(day)
    return found


def _sales(read: Runner, vault: Vault) -> Iterator[tuple[str, bytes, date]]:
    after = b""
    while page := read(entries_page, after=after, most=PAGE):
        for rows in page:
            if rows.row.basis == contract.PART.name:
                statement = rows.entry(vault).statement
                email, product = statement.addresses.get(MAILBOX.field), statement.facts.get(contract.PRODUCT)
                if email and product:
                    yield product, vault.address_index(MAILBOX, email), statement.term.since
        after = page[-1].row.id
