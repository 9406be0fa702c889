"""Put many customers on record, in constant memory; the same list again changes nothing (L2).

Each row is a transaction of its own, so a faulty row leaves the others alone, and a killed import goes on
where it was when it is run again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from optin.bases.contract import missing_conditions
from optin.consent.purpose import Controller
from optin.errors import RequestRefused
from optin.flows.bases.record_basis import EvidenceFile
from optin.flows.bases.record_customer import RecordedSale, record_customer
from optin.invoices.customer_statement import SalesSetting, customer_sale
from optin.invoices.invoice import Invoice, UnreadInvoice
from optin.services.customer_list import FaultyRow, ListedCustomer
from optin.services.installation import Installation
from optin.settings.bases import Product

MOST_WAITING, MOST_WAITING_BYTES = 200, 32_000_000
ReadEvidence = Callable[[Path], tuple[EvidenceFile, Invoice | UnreadInvoice]]


class RowOutcome(StrEnum):
    """What became of a row."""

    RECORDED = "recorded"
    KNOWN = "known already"
    FAULTY = "faulty"


@dataclass(frozen=True)
class RowResult:
    """What became of a row: its place, the reason if it is faulty, the conditions that it lacks (L3)."""

    where: str
    outcome: RowOutcome
    reason: str = field(default="", repr=False)
    missing: tuple[str, ...] = ()


@dataclass(frozen=True)
class ImportSetting:
    """What the site says of its sales, and how a file of evidence is read."""

    controller: Controller
    country: str
    products: Mapping[str, Product]
    read: ReadEvidence


@dataclass(frozen=True)
class _Waiting:
    where: str
    product: Product
    bytes: int
    future: Future[RecordedSale]

    def result(self) -> RowResult:
        try:
            recorded = self.future.result()
        except RequestRefused as problem:
            return RowResult(self.where, RowOutcome.FAULTY, str(problem))
        outcome = RowOutcome.KNOWN if recorded.known else RowOutcome.RECORDED
        return RowResult(self.where, outcome, missing=missing_conditions(recorded.contract, self.product))


def import_customers(
    installation: Installation, rows: Iterable[ListedCustomer | FaultyRow], setting: ImportSetting
) -> Iterator[RowResult]:
    """Record each row, and yield what became of it, in the order of the rows.

    Raises RequestRefused where the list cannot be read on, StoreBusy: what was yielded before is stored.
    """
    waiting: deque[_Waiting] = deque()
    for row in rows:
        found = _begin(installation, row, setting)
        if isinstance(found, RowResult):
            yield from _all(waiting)
            yield found
            continue
        waiting.append(found)
        while len(waiting) > MOST_WAITING or sum(it.bytes for it in waiting) > MOST_WAITING_BYTES:
            yield waiting.popleft().result()
    yield from _all(waiting)


def _all(waiting: deque[_Waiting]) -> Iterator[RowResult]:
    while waiting:
        yield waiting.popleft().result()


def _begin(
    installation: Installation, row: ListedCustomer | FaultyRow, setting: ImportSetting
) -> _Waiting | RowResult:
    """Read a row's evidence, and queue what is to be recorded."""
    if isinstance(row, FaultyRow):
        return RowResult(row.where, RowOutcome.FAULTY, row.reason)
    product = setting.products.get(row.stated.product)
    if product is None:
        known = ", ".join(setting.products) or "none"
        reason = f"There is no product line {row.stated.product!r}. Name one of optin.toml: {known}."
        return RowResult(row.where, RowOutcome.FAULTY, reason)
    now = installation.clock()
    try:
        file, read = setting.read(row.evidence)
        sales = SalesSetting(setting.controller, setting.country, product)
        sale = customer_sale(row.stated, read, file.name, sales, now.date())
    except RequestRefused as problem:
        return RowResult(row.where, RowOutcome.FAULTY, str(problem))
    future = installation.store.submit(record_customer, installation.context, sale=sale, file=file, now=now)
    return _Waiting(row.where, product, len(file.data), future)
