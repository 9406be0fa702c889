"""For a kind's own events in the log: canonical JSON, digests and checkpoints."""

from optin.consent.consent_history import History
from optin.consent.event_content import of_magnet, own_forgotten, rfc3339
from optin.consent.status_transitions import EventKind
from optin.flows.evidence.log_kind_event import note_event
from optin.flows.records.event_history import request_history
from optin.proof.canonical_json import Json, canonical, parse
from optin.proof.commitment import digest, leaf_digest
from optin.store.event_log import StoredCheckpoint, first_checkpoint_over
from optin.store.events import add_events, contents_about_nobody

__all__ = [
    "EventKind",
    "History",
    "Json",
    "StoredCheckpoint",
    "add_events",
    "canonical",
    "contents_about_nobody",
    "digest",
    "first_checkpoint_over",
    "leaf_digest",
    "note_event",
    "of_magnet",
    "own_forgotten",
    "parse",
    "request_history",
    "rfc3339",
]
