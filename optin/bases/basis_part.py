"""The interface of a lawful basis: what each module of `optin.bases` defines. Pure.

A basis is a module of this folder with one BasisPart, listed in `all_bases`. Whoever treats bases differently
asks the part, and never which basis it is. Its words stand in the folder of each language, in optin.po:
`held.<name>` says what is on file, `held.<name>.why` why that is lawful; of one whose person is told at
once also `held.<name>.told` for the mail and `held.<name>.spoken` for the telephone. A fact of an entry
is called `fact.<its name>` there, a condition `condition.<its id>`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from optin.consent.held_basis import BasisEntry
from optin.rules.contact_rule import LawfulBasis, Relation
from optin.rules.may_contact import Aim, HeldBasis
from optin.settings.bases import Enquiries, Obligation, Product

SUBSCRIBER = "subscriber"  # what is known of a person: to whom the address belongs, as the rules tell apart


@dataclass(frozen=True)
class BasisSettings:
    """What `optin.toml` says about bases. `assessments`: purposes with a written balancing test: its file."""

    products: Mapping[str, Product] = field(default_factory=dict)
    obligations: Mapping[str, Obligation] = field(default_factory=dict)
    enquiries: Enquiries = Enquiries()
    assessments: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class AskedUse:
    """What somebody wants to do with an entry: contact its person for a purpose, by a channel, at a moment.

    `aim`: what the contact is for, where that is no purpose of the site.
    """

    purpose: str
    channel: str
    at: datetime
    settings: BasisSettings
    aim: Aim = Aim.MARKETING

    def covers(self, entry: BasisEntry) -> bool:
        """Return whether an entry's own lists of purposes and channels, where it has any, hold this one."""
        statement = entry.statement
        for_purpose = not statement.purposes or self.purpose in statement.purposes
        return for_purpose and (not statement.channels or self.channel in statement.channels)


def no_held_bases(_entry: BasisEntry, _use: AskedUse) -> Sequence[HeldBasis]:
    """Return no basis: such an entry gives no right to contact anybody."""
    return ()


@dataclass(frozen=True)
class BasisPart:
    """One lawful basis as the register treats it.

    `held`: the bases of the rules of contact that an entry gives for a use; none when it gives no right.
    `relation`: what the person is by it. `aim`: contacts that it carries without any advertising.
    `needs_evidence`: why an entry must have a file, as a sentence; empty: it need not.
    `survives_erasure`: a law requires to keep it, whatever the person wishes (GDPR 17(3)(b)).
    `may_begin_later`: its term may count from a day to come, such as the end of the year.
    `tells_person`: who is put on file by it is told at once what is kept, why and until when (GDPR 13).
    `article`: of the GDPR.
    """

    name: str
    article: str
    held: Callable[[BasisEntry, AskedUse], Sequence[HeldBasis]] = no_held_bases
    relation: Relation = Relation.NONE
    aim: Aim | None = None
    needs_evidence: str = ""
    survives_erasure: bool = False
    may_begin_later: bool = False
    tells_person: bool = False


def held_by(entry: BasisEntry, basis: LawfulBasis, *more: str) -> HeldBasis:
    """Return an entry as a basis of the rules, with the conditions on its record and `more` of them."""
    return HeldBasis(basis, entry.evidence, frozenset({*entry.statement.met, *more}), entry.until)
