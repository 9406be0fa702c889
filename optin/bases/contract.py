"""Contract: an invoice shows a customer, for the life cycle of what was bought (L2, L3). Pure.

The contract carries the deal, not advertising. That rests on a legitimate interest, and on
the conditions of the exception for existing customers, each of which must be on record (ePrivacy 13(2)).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date

from optin.bases.basis_part import AskedUse, BasisPart, held_by
from optin.consent.held_basis import BasisEntry, BasisStatement
from optin.rules.contact_rule import LawfulBasis, Relation
from optin.rules.may_contact import Aim, HeldBasis
from optin.settings.bases import Product

PRODUCT = "product"  # the fact that names the product line
NUMBER = "number"  # that of the invoice
SELLER = "seller"  # who sold, as the invoice says
LINKED = "linked"  # what shows that the address is the customer's
DOUBTS = "doubts"  # what was doubtful about the file, and what somebody saw who looked at it
OWN_SALE, OWN_SIMILAR, TOLD = "own-sale", "own-similar", "told-at-collection"
# values that the catalogues have words for; what staff states ends with its name, so it never reads as these
BY_INVOICE, BY_STAFF = "invoice", "staff"
EXCEPTION = (OWN_SALE, OWN_SIMILAR, TOLD)  # the conditions of ePrivacy 13(2) that an entry can show


@dataclass(frozen=True)
class CustomerSale:
    """One sale to one customer: the statement to record, and the document that shows it.

    `reference`: what makes the document evidence once, its number and seller. `document`: its name in words.
    """

    statement: BasisStatement = field(repr=False)
    reference: str
    document: str

    @property
    def day(self) -> date:
        """The day of the document."""
        return self.statement.term.since


def missing_conditions(entry: BasisEntry, product: Product | None) -> tuple[str, ...]:
    """Return the conditions of the exception for existing customers that are not on record (L3)."""
    met = {*entry.statement.met, *((OWN_SIMILAR,) if product is not None and product.similar else ())}
    return tuple(it for it in EXCEPTION if it not in met)


def _held(entry: BasisEntry, use: AskedUse) -> Sequence[HeldBasis]:
    if not use.covers(entry):
        return ()
    more = tuple(_conditions(entry, use))
    return (held_by(entry, LawfulBasis.CONTRACT, *more), held_by(entry, LawfulBasis.INTEREST, *more))


def _conditions(entry: BasisEntry, use: AskedUse) -> Iterator[str]:
    """Yield the conditions that follow from settings and dates; all others must be on the entry's record."""
    line = use.settings.products.get(entry.statement.facts.get(PRODUCT, ""))
    if line is not None and use.purpose in line.similar:
        yield OWN_SIMILAR
    if use.purpose in use.settings.assessments:
        yield "assessment"
    if use.at.date() <= _year_after(entry.term.since):
        yield "sale-or-mail-within-year"


def _year_after(day: date) -> date:
    year = day.year + 1
    return day.replace(year=year, day=28) if (day.month, day.day) == (2, 29) else day.replace(year=year)


PART = BasisPart(
    name="contract",
    article="GDPR 6(1)(b)",
    held=_held,
    relation=Relation.CUSTOMER,
    aim=Aim.SERVICE,
    needs_evidence="An invoice, an order or a signed offer shows that somebody is a customer; add its file.",
)
