"""Legal obligation: what a law requires to keep, by kind of document; never used to contact (L5). Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from optin.bases.basis_part import AskedUse, BasisPart
from optin.consent.held_basis import BasisEntry, BasisTerm
from optin.rules.may_contact import HeldBasis
from optin.settings.bases import Obligation

RULE = "rule"  # the fact that names the obligation of the settings
LAW = "law"  # the law and its article, as the settings named it on the day of the entry
DOCUMENT = "document"  # what is kept, such as "invoice 2026-114"
DAY = "day"  # of the document
END_OF_YEAR = "end of year"


def required_term(rule: Obligation, day: date) -> BasisTerm:
    """Return how long a law requires to keep a document of `day`.

    A term that counts from the end of the calendar year begins on 1 January after it, so that all of its last
    31 December is within it (AO 147(4): it begins "mit dem Schluss des Kalenderjahrs"; AWR 52 is read so).
    """
    since = date(day.year + 1, 1, 1) if rule.starts == END_OF_YEAR else day
    return BasisTerm(since, rule.keep.text)


def obligation_facts(rule_id: str, rule: Obligation, document: str, day: date) -> Mapping[str, str]:
    """Return the facts of an entry: the rule, its law, the document and its day."""
    return {RULE: rule_id, LAW: rule.law, DOCUMENT: document, DAY: day.isoformat()}


def _held(_entry: BasisEntry, _use: AskedUse) -> Sequence[HeldBasis]:
    return ()


PART = BasisPart(
    name="obligation",
    article="GDPR 6(1)(c), 17(3)(b)",
    held=_held,
    survives_erasure=True,
    may_begin_later=True,
)
