"""Contract: an invoice shows a customer, for the life cycle of what was bought (L2, L3). Pure.

The contract carries the deal, not advertising. That rests on a legitimate interest, and on
the conditions of the exception for existing customers, each of which must be on record (ePrivacy 13(2)).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

from optin.bases.basis_part import AskedUse, BasisPart, held_by
from optin.consent.held_basis import BasisEntry
from optin.rules.contact_rule import LawfulBasis, Relation
from optin.rules.may_contact import Aim, HeldBasis

PRODUCT = "product"  # the fact that names the product line
NUMBER = "number"  # that of the invoice


def _held(entry: BasisEntry, use: AskedUse) -> Sequence[HeldBasis]:
    if not use.covers(entry):
        return ()
    more = tuple(_conditions(entry, use))
    return (held_by(entry, LawfulBasis.CONTRACT, *more), held_by(entry, LawfulBasis.INTEREST, *more))


def _conditions(entry: BasisEntry, use: AskedUse) -> Iterator[str]:
    """Yield the conditions that follow from settings and dates; all others must be on the entry's record."""
    line = use.settings.products.get(entry.statement.facts.get(PRODUCT, ""))
    if line is not None and use.purpose in line.similar:
        yield "own-similar"
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
