"""Decide which boxes of a reply card count as ticked: by their ink, or by staff who looked at them. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from optin.bases.attested import BY_INK, BY_STAFF
from optin.cards.read_card import BoxState, ReadBox
from optin.consent.purpose import ConsentQuestion
from optin.errors import CardRefused


@dataclass(frozen=True)
class LookedAt:
    """What staff says of boxes that they looked at, by the ids of their purposes."""

    ticked: Collection[str] = ()
    empty: Collection[str] = ()


def ticked_boxes(
    answers: Sequence[tuple[ConsentQuestion, ReadBox]], staff: LookedAt, name: str
) -> tuple[tuple[ConsentQuestion, str], ...]:
    """Return the questions whose box is ticked, each with who says so: BY_INK or BY_STAFF.

    Staff decides about unclear boxes, and may take any for empty; an empty box stays empty. `name`: the
    file. Raises CardRefused: a box that is unclear still, is no box of the card, or is said to be both.
    """
    purposes = {question.purpose for question, _ in answers}
    for said in (*staff.ticked, *staff.empty):
        if said not in purposes:
            raise CardRefused(name, f"has no box for {said!r}", f"Its boxes: {', '.join(sorted(purposes))}.")
    if both := {*staff.ticked} & {*staff.empty}:
        raise CardRefused(name, f"has a box said to be both: {', '.join(sorted(both))}", "Say one of them.")
    found = []
    for question, box in answers:
        by = _by(question, box, staff, name)
        if by:
            found.append((question, by))
    return tuple(found)


def _by(question: ConsentQuestion, box: ReadBox, staff: LookedAt, name: str) -> str:
    """Return who says that a box is ticked; empty: nobody. Raises CardRefused."""
    purpose = question.purpose
    if purpose in staff.empty:
        return ""
    if box.state is BoxState.UNCLEAR and purpose not in staff.ticked:
        cure = f"Look at the card, then add --ticked {purpose} or --empty {purpose}."
        raise CardRefused(name, f"has an unclear box for {purpose!r}", cure)
    if box.state is BoxState.EMPTY and purpose in staff.ticked:
        raise CardRefused(name, f"has an empty box for {purpose!r}", "An empty box is no consent.")
    if box.state is BoxState.EMPTY:
        return ""
    return BY_STAFF if purpose in staff.ticked else BY_INK
