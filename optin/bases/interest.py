"""Legitimate interest, with its balancing test as a document (GDPR 6(1)(f), recital 47). Pure."""

from __future__ import annotations

from collections.abc import Sequence

from optin.bases.basis_part import AskedUse, BasisPart, held_by
from optin.consent.held_basis import BasisEntry
from optin.consent.status_transitions import EventKind
from optin.rules.contact_rule import LawfulBasis
from optin.rules.may_contact import HeldBasis

TOLD_SOURCE = "told-source"  # the condition that the person was told; stated, or told since


def _held(entry: BasisEntry, use: AskedUse) -> Sequence[HeldBasis]:
    if use.purpose not in entry.statement.purposes or not use.covers(entry):
        return ()
    weighed = ("assessment",) if use.purpose in use.settings.assessments else ()
    told = (TOLD_SOURCE,) if any(act.kind is EventKind.BASIS_NOTIFIED for act in entry.acts) else ()
    return (held_by(entry, LawfulBasis.INTEREST, *weighed, *told),)


PART = BasisPart(name="interest", article="GDPR 6(1)(f)", held=_held)
