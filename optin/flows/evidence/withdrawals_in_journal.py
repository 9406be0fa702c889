"""Withdrawals and erasures in the journal: they count even if the database lacks them (E1, O9).

Whoever writes to the database can cut a withdrawal off from its person. The journal is outside it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import TypeAlias

from optin.consent.purpose import ConsentKey
from optin.consent.status_transitions import EventKind
from optin.flows.evidence.prove_consent import ProvenConsent, UnprovenReason
from optin.proof.journal_chain import JournalLine

Ending: TypeAlias = tuple[str, ConsentKey | None]  # digest of the person (hexadecimal); None: erased
Endings: TypeAlias = Mapping[Ending, frozenset[datetime]]  # when each took place (UTC)
EndingsOf: TypeAlias = Callable[[bytes], Endings]  # of one person, by the digest

_ENDINGS = frozenset({EventKind.WITHDRAWN.value, EventKind.ERASED.value})  # an objection withdraws besides


def no_journal_endings(_person: bytes) -> Endings:
    """Return no withdrawals or erasures: there is no journal."""
    return {}


def endings_in_journal(lines: Iterable[JournalLine]) -> Endings:
    """Return when consents were withdrawn and people erased, by the lines of a journal."""
    found: dict[Ending, frozenset[datetime]] = {}
    for line in lines:
        if "person" in line.told and line.kind in _ENDINGS:
            key = None
            if line.kind == EventKind.WITHDRAWN:
                key = ConsentKey.parse(str(line.told["purpose"]), str(line.told["channel"]))
            ending = (str(line.told["person"]), key)
            found[ending] = found.get(ending, frozenset()) | {line.at}
    return found


def still_proven(
    found: ProvenConsent | UnprovenReason, email_index: bytes, endings: Endings
) -> ProvenConsent | UnprovenReason:
    """Return the database's proof of a consent, unless the journal says that it ended after its request.

    A withdrawal that the events of the person tell as well was weighed with them, in the order of the log: by
    a clock that was ahead it may bear a later moment than what was asked after it (O7).
    """
    if isinstance(found, UnprovenReason):
        return found
    person = email_index.hex()
    withdrawn = endings.get((person, found.question.key), frozenset()) - found.withdrawn_at
    if any(at >= found.requested_at for at in withdrawn):
        return UnprovenReason.WITHDRAWN
    erased = endings.get((person, None), frozenset())
    return UnprovenReason.ERASED if any(at >= found.requested_at for at in erased) else found
