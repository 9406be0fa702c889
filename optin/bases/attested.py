"""Attested: evidence of a consent from elsewhere or on paper; it never counts as proven (L6). Pure.

It permits no contact: whoever is asked gets "no basis", as for somebody who was never heard of.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from optin.bases.basis_part import BasisPart
from optin.consent.email_and_telephone import address_key, parse_email
from optin.consent.held_basis import BasisStatement, BasisTerm
from optin.consent.purpose import ConsentKey
from optin.consent.retention_period import RetentionPeriod
from optin.errors import EvidenceRefused

GRADE = "grade"  # the fact that says how strong the evidence is
GIVEN = "given"  # the day of the consent, as 2026-03-01
WORDS = "words"  # the sentence that was shown, as staff or the form version says it
FORM = "form"  # of a reply card: the digest of its form version
THROUGH = "attested"  # how a request was made that asks the person to confirm it
BOX = "box"  # of a reply card: who says that the box is ticked, as follows
BY_INK, BY_STAFF = "ink", "staff"  # the catalogues have words for them
_LISTS = frozenset({"text/csv", "text/tab-separated-values", "application/json"})
_SHEETS = ("application/vnd.ms-excel", "application/vnd.openxmlformats", "application/vnd.oasis")
_ADDRESS = re.compile(r"[^\s@,;:<>\"'()\[\]]+@[^\s@,;:<>\"'()\[\]]+\.[^\s@,;:<>\"'()\[\].]+")


class Grade(StrEnum):
    """How strong evidence of a consent is, strongest first; none of them is proof."""

    SIGNED = "signed"  # the person's own hand: a reply card, a signed form
    RECORDED = "recorded"  # the record of a tool that names the moment and the form
    STATED = "stated"  # somebody's word


@dataclass(frozen=True)
class AttestedConsent:
    """A consent given elsewhere or on paper, as staff states it.

    `addresses`: in normal form, by the form fields of their kinds. `day`: when it was given. `kept`: the
    period of its purpose. `words`: the sentence that was shown; empty where nobody knows it.
    """

    who: str
    key: ConsentKey
    grade: Grade
    day: date
    kept: RetentionPeriod
    addresses: Mapping[str, str] = field(repr=False)
    source: str = ""
    words: str = ""
    lang: str = ""
    card: Mapping[str, str] = field(default_factory=dict)  # FORM and BOX, of a reply card

    @property
    def statement(self) -> BasisStatement:
        """The statement to record."""
        facts = {
            GRADE: self.grade.value,
            GIVEN: self.day.isoformat(),
            **({WORDS: self.words} if self.words else {}),
            **self.card,
        }
        return BasisStatement(
            basis=PART.name,
            at="",
            who=self.who,
            addresses=self.addresses,
            term=BasisTerm(self.day, self.kept.text),
            purposes=(self.key.purpose,),
            channels=(self.key.channel.value,),
            source=self.source,
            lang=self.lang,
            facts=facts,
        )


def verify_about_one(name: str, data: bytes, media_type: str, email: str) -> None:
    """Refuse a list that names other people: whoever it is about may have the file (GDPR 15(3), 15(4)).

    Raises EvidenceRefused for a list with other addresses, and for a spreadsheet, which is not looked into.
    """
    if media_type.startswith(_SHEETS):
        raise EvidenceRefused(name, "is a spreadsheet", "Save the rows about this person alone as CSV.")
    if media_type not in _LISTS:
        return
    own = address_key(parse_email(email))
    found = _ADDRESS.findall(data.decode("utf-8", "replace"))
    if any(_key(it) != own for it in found):
        problem = "has addresses of other people"
        raise EvidenceRefused(name, problem, "Keep the rows about this person alone.")


def _key(address: str) -> bytes:
    try:
        return address_key(parse_email(address))
    except ValueError:
        return b""


PART = BasisPart(
    name="attested",
    article="GDPR 7(1)",
    needs_evidence="Add the file that shows what the person agreed to.",
)
