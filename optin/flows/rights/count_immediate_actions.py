"""Count what was done for people without delay: on their own pages, by links in mails, by officers."""

from __future__ import annotations

from collections.abc import Mapping

from optin.consent.erasure_grounds import ErasureReason
from optin.consent.status_transitions import EventKind
from optin.flows.context import Context
from optin.store.database_interface import Tx
from optin.store.events import count_events_with

# what an event's canonical bytes contain, where keys are in the order of the alphabet; % is anything between
_COUNTED = {
    "data shown or downloaded": [f'"kind":"{EventKind.ACCESSED}"'],
    "corrections": [f'"kind":"{EventKind.CORRECTED}"'],
    "consents withdrawn": [f'"kind":"{EventKind.WITHDRAWN}"'],
    "erasures": [
        f'"kind":"{EventKind.ERASED}"%"reason":"{reason}"'
        for reason in (ErasureReason.PERSON, ErasureReason.OFFICER)
    ],
}


def count_immediate_actions(tx: Tx, _context: Context) -> Mapping[str, int]:
    """Return how often each action was done, from the remaining events: those of erased people are gone.

    It reads every event.
    """
    texts = [text for found in _COUNTED.values() for text in found]
    counts = dict(zip(texts, count_events_with(tx, texts), strict=True))
    return {name: sum(counts[text] for text in found) for name, found in _COUNTED.items()}
