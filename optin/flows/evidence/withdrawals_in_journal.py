"""Withdrawals and erasures in the journal: they count even if the database lacks them (E1, O9).

Whoever writes to the database can cut a withdrawal off from its person. The journal is outside it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import TypeAlias

from optin.consent.channel import CHANNELS, MAILBOX
from optin.consent.objection import EVERY_CHANNEL, ObjectedBy
from optin.consent.purpose import ConsentKey
from optin.consent.status_transitions import EventKind
from optin.flows.evidence.prove_consent import ProvenConsent, UnprovenReason
from optin.proof.journal_chain import JournalLine

# Digest of the person (hexadecimal), and what ended: a consent; None: erased; LEFT_ALONE: erased by wish, or
# objected to every channel; the name of a channel: objected to it.
Ending: TypeAlias = tuple[str, ConsentKey | str | None]
Endings: TypeAlias = Mapping[Ending, frozenset[datetime]]  # when each took place (UTC)
EndingsOf: TypeAlias = Callable[[bytes], Endings]  # of one person, by the digest

LEFT_ALONE = ""
_ENDINGS = frozenset({EventKind.WITHDRAWN.value, EventKind.ERASED.value, EventKind.OBJECTED.value})


def no_journal_endings(_person: bytes) -> Endings:
    """Return no withdrawals or erasures: there is no journal."""
    return {}


def endings_in_journal(lines: Iterable[JournalLine]) -> Endings:
    """Return when consents were withdrawn and people erased, by the lines of a journal."""
    found: dict[Ending, frozenset[datetime]] = {}
    for line in lines:
        if "person" in line.content and line.kind in _ENDINGS:
            for what in _ended(line):
                ending = (str(line.content["person"]), what)
                found[ending] = found.get(ending, frozenset()) | {line.at}
    return found


def _ended(line: JournalLine) -> Iterator[ConsentKey | str | None]:
    content = line.content
    if line.kind == EventKind.WITHDRAWN:
        yield ConsentKey.parse(str(content["purpose"]), str(content["channel"]))
    elif line.kind == EventKind.ERASED:
        yield None
        if content.get("suppressed"):  # retention erases without it
            yield LEFT_ALONE
    elif content.get("by") == ObjectedBy.PERSON:  # staff may take back what is on the company's list
        yield from _objected(str(content["of"]), str(content["channel"]))


def _objected(kind: str, channel: str) -> Iterator[str]:
    """Yield what an objection that named this kind of address bars; one to a number, calls to it alone."""
    if channel != EVERY_CHANNEL:
        yield channel
    elif kind == MAILBOX.field:
        yield LEFT_ALONE
    else:
        yield from (it.value for it in CHANNELS.values() if it.address.field == kind)


def wants_no_advertising(address_index: bytes, key: ConsentKey, endings: Endings) -> bool:
    """Return whether the journal says that an address's person withdrew, objected or was erased by wish.

    For a basis that is no consent: only a proven consent, asked for later, counts against it.
    """
    person = address_index.hex()
    return any((person, it) in endings for it in (key, LEFT_ALONE, key.channel.value))


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
