"""Enquiry: somebody asked for a quote or an answer; erased after some months (L4, GDPR 6(1)(b)). Pure."""

from __future__ import annotations

from collections.abc import Sequence

from optin.bases.basis_part import AskedUse, BasisPart, held_by
from optin.consent.held_basis import BasisEntry
from optin.rules.contact_rule import LawfulBasis, Relation
from optin.rules.may_contact import Aim, HeldBasis


def _held(entry: BasisEntry, use: AskedUse) -> Sequence[HeldBasis]:
    return (held_by(entry, LawfulBasis.ENQUIRY),) if use.covers(entry) else ()


PART = BasisPart(
    name="enquiry",
    article="GDPR 6(1)(b)",
    held=_held,
    relation=Relation.ENQUIRY,
    aim=Aim.REQUESTED,
    tells_person=True,
)
