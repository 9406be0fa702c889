"""The lawful bases on which a purpose rests. Whoever adds a basis to a purpose adds it in `bases_of` alone.

Privacy statements, the record of processing and their checks ask here.
"""

from __future__ import annotations

from collections.abc import Mapping

from optin.rules.contact_rule import LawfulBasis
from optin.settings.site import Purpose

# The part of GDPR 6(1) that each basis is; statements write it in the way of their language.
LETTERS: Mapping[LawfulBasis, str] = {
    LawfulBasis.CONSENT: "a",
    LawfulBasis.CONTRACT: "b",
    LawfulBasis.ENQUIRY: "b",
    LawfulBasis.OBLIGATION: "c",
    LawfulBasis.INTEREST: "f",
}


def bases_of(_purpose: Purpose) -> tuple[LawfulBasis, ...]:
    """Return the bases of a purpose, the first one first: consent, which every purpose asks for."""
    return (LawfulBasis.CONSENT,)
