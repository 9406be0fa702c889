"""The lawful bases of the register, strongest relation first. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from optin.bases import attested, contract, enquiry, interest, obligation
from optin.bases.basis_part import AskedUse, BasisPart
from optin.consent.held_basis import BasisEntry
from optin.rules.contact_rule import Relation
from optin.rules.may_contact import HeldBasis

BASES = {it.PART.name: it.PART for it in (contract, enquiry, interest, obligation, attested)}


@dataclass(frozen=True)
class HeldBases:
    """What entries allow for one use: lawful bases, and the person's relation to the sender."""

    held: tuple[HeldBasis, ...]
    relation: Relation


def part_of(entry: BasisEntry) -> BasisPart | None:
    """Return the module part of a basis by its name; None for a basis that only a newer version knows."""
    return BASES.get(entry.statement.basis)


def bases_for(entries: Iterable[BasisEntry], use: AskedUse) -> HeldBases:
    """Return the lawful bases at the moment of a use, and the strongest relation among their entries."""
    held: list[HeldBasis] = []
    relations: set[Relation] = set()
    for entry in entries:
        part = part_of(entry)
        if part is not None and entry.lasts(use.at):
            held += part.held(entry, use)
            relations.add(part.relation)
    known = (part.relation for part in BASES.values() if part.relation in relations)
    return HeldBases(tuple(held), next(known, Relation.NONE))


def survives_erasure(entry: BasisEntry) -> bool:
    """Return whether a law requires to keep an entry when its person is erased (GDPR 17(3)(b))."""
    part = part_of(entry)
    return part is not None and part.survives_erasure
