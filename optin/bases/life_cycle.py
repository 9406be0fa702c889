"""How long customers take to come back: the time between invoices of one customer (L2). Pure.

What it cannot see: customers who come back after their entries were erased, and those who will still come
back. So it shortens long life cycles; whoever chooses one must know that.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from statistics import quantiles

FEWEST = 20  # times between invoices; quartiles of fewer say little
DAYS_A_MONTH = 365.2425 / 12


@dataclass(frozen=True)
class Quartiles:
    """Times between invoices, in days: the shortest, the three quartiles, the longest."""

    least: float
    lower: float
    median: float
    upper: float
    most: float


@dataclass(frozen=True)
class LineLifeCycle:
    """What the invoices of a product line show.

    `customers`: with at least one invoice; `returning`: with invoices of two days or more; `gaps`: times
    between them. `quartiles` None: too few. `since`, `until`: the days of the first and the last invoice.
    """

    product: str
    customers: int
    returning: int
    gaps: int
    since: date
    until: date
    quartiles: Quartiles | None


def gaps_between(days: Iterable[date]) -> Iterator[int]:
    """Yield the days between one invoice of a customer and the next; two of one day are one."""
    yield from ((later - earlier).days for earlier, later in pairwise(sorted(set(days))))


def quartiles_of(gaps: Sequence[int]) -> Quartiles | None:
    """Return the quartiles of times in days; None for fewer than FEWEST."""
    if len(gaps) < FEWEST:
        return None
    lower, median, upper = quantiles(gaps, n=4, method="inclusive")
    return Quartiles(min(gaps), lower, median, upper, max(gaps))


def life_cycle_of(product: str, customers: Mapping[bytes, Sequence[date]]) -> LineLifeCycle:
    """Return what the invoices of a product line show. `customers`: by each, the days; none is empty."""
    by_customer = [list(gaps_between(days)) for days in customers.values()]
    gaps = [gap for each in by_customer for gap in each]
    every = [day for days in customers.values() for day in days]
    return LineLifeCycle(
        product=product,
        customers=len(customers),
        returning=sum(bool(each) for each in by_customer),
        gaps=len(gaps),
        since=min(every),
        until=max(every),
        quartiles=quartiles_of(gaps),
    )
