"""Withdrawals and erasures that the journal remembers: they count, whatever the database says (E1, O9).

Whoever writes to the database can cut a withdrawal off from its person. The journal is outside it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import TypeAlias

from optin.consent.consent_record import EventKind
from optin.consent.event import Event
from optin.consent.purpose import ConsentKey
from optin.flows.evidence.prove_consent import Proven, Refusal
from optin.proof.canonical import parse
from optin.proof.journal import JournalLine
from optin.store.exports import StoredLead

About: TypeAlias = tuple[str, str]  # purpose, channel
Ending: TypeAlias = tuple[str, str, str]  # digest of the person (hexadecimal), purpose, channel
Endings: TypeAlias = Mapping[Ending, frozenset[datetime]]  # when each took place (UTC)
EndingsOf: TypeAlias = Callable[[bytes], Endings]  # of one person, by the digest
ERASED: About = ("", "")


def nobody_left(_person: bytes) -> Endings:
    """Return what is remembered of a person where there is no journal: nothing."""
    return {}


def endings_told(lines: Iterable[JournalLine]) -> Endings:
    """Return when consents were withdrawn, and people erased, as lines of a journal say it."""
    found: dict[Ending, frozenset[datetime]] = {}
    for line in lines:
        if "person" in line.told:
            about = ERASED
            if line.kind == EventKind.WITHDRAWN:
                about = (str(line.told["purpose"]), str(line.told["channel"]))
            ending = (str(line.told["person"]), *about)
            found[ending] = found.get(ending, frozenset()) | {line.at}
    return found


def still_proven(
    found: Proven | Refusal, lead: StoredLead, about: About, endings: Endings
) -> Proven | Refusal:
    """Return what the database proves of a consent, unless it ended by the journal after it was asked.

    A withdrawal that the events of the person tell as well was weighed with them, in the order of the log: by
    a clock that was ahead it may bear a later moment than what was asked after it (O7).
    """
    if isinstance(found, Refusal):
        return found
    person = lead.email_index.hex()
    withdrawn = endings.get((person, *about), frozenset())
    if withdrawn and any(at >= found.requested_at for at in withdrawn - _withdrawals(lead, about)):
        return Refusal.WITHDRAWN
    erased = endings.get((person, *ERASED), frozenset())
    return Refusal.ERASED if any(at >= found.requested_at for at in erased) else found


def _withdrawals(lead: StoredLead, about: About) -> frozenset[datetime]:
    """Return the moments of the withdrawals that are among a person's events."""
    events = [Event.read(parse(it.body)) for it in lead.events]
    return frozenset(
        it.at for it in events if it.kind is EventKind.WITHDRAWN and it.key == ConsentKey.parse(*about)
    )
