"""Legal obligation: what a law requires to keep, by kind of document; never used to contact (L5). Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from optin.bases.basis_part import BasisPart
from optin.consent.held_basis import BasisTerm
from optin.settings.bases import Obligation

RULE = "rule"  # the fact that names the obligation of the settings
LAW = "law"  # the law and its article, as the settings named it on the day of the entry
DOCUMENT = "document"  # what is kept: INVOICE, or what staff calls it
NUMBER = "number"  # of an invoice
DAY = "day"  # of the document
INVOICE = "invoice"
END_OF_YEAR = "end of year"


def required_term(rule: Obligation, day: date) -> BasisTerm:
    """Return how long a law requires to keep a document of `day`.

    A term that counts from the end of the calendar year begins on 1 January after it, so that all of its last
    31 December is within it (AO 147(4): it begins "mit dem Schluss des Kalenderjahrs"; AWR 52 is read so).
    """
    since = date(day.year + 1, 1, 1) if rule.starts == END_OF_YEAR else day
    return BasisTerm(since, rule.keep.text)


@dataclass(frozen=True)
class RequiredDocument:
    """A document that a law requires to keep: what it is, of which day, by which law, until when.

    `number`: of an invoice; other documents are named by staff in the words of `document`.
    """

    document: str
    day: date
    law: str
    until: datetime | None = None
    number: str = ""

    @property
    def is_invoice(self) -> bool:
        """Whether it is an invoice with its number, which every language has a word for."""
        return self.document == INVOICE and bool(self.number)

    def facts(self, rule_id: str) -> Mapping[str, str]:
        """Return the facts of its entry."""
        facts = {RULE: rule_id, LAW: self.law, DOCUMENT: self.document, DAY: self.day.isoformat()}
        return {**facts, NUMBER: self.number} if self.number else facts

    @classmethod
    def of_facts(cls, facts: Mapping[str, str], since: date, until: datetime | None) -> RequiredDocument:
        """Return the document that an entry is about; `since`: its day, if the facts do not say."""
        day = date.fromisoformat(facts[DAY]) if facts.get(DAY) else since
        return cls(facts.get(DOCUMENT, ""), day, facts.get(LAW, ""), until, facts.get(NUMBER, ""))


PART = BasisPart(
    name="obligation",
    article="GDPR 6(1)(c), 17(3)(b)",
    survives_erasure=True,
    may_begin_later=True,
)
