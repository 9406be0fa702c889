"""Attested: evidence of a consent from elsewhere or on paper; it never counts as proven (L6). Pure."""

from __future__ import annotations

from collections.abc import Sequence

from optin.bases.basis_part import AskedUse, BasisPart
from optin.consent.held_basis import BasisEntry
from optin.rules.may_contact import HeldBasis

GRADE = "grade"  # the fact that says how strong the evidence is


def _held(_entry: BasisEntry, _use: AskedUse) -> Sequence[HeldBasis]:
    return ()


PART = BasisPart(
    name="attested",
    article="GDPR 7(1)",
    held=_held,
    needs_evidence="Add the file that shows what the person agreed to.",
)
