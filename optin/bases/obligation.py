"""Legal obligation: what a law requires to keep, by kind of document; never used to contact (L5). Pure."""

from __future__ import annotations

from collections.abc import Sequence

from optin.bases.basis_part import AskedUse, BasisPart
from optin.consent.held_basis import BasisEntry
from optin.rules.may_contact import HeldBasis

RULE = "rule"  # the fact that names the obligation of the settings


def _held(_entry: BasisEntry, _use: AskedUse) -> Sequence[HeldBasis]:
    return ()


PART = BasisPart(name="obligation", article="GDPR 6(1)(c), 17(3)(b)", held=_held, survives_erasure=True)
