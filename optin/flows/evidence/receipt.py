"""The proof of a person's events, for the receipt mail and the personal page (P5).

Each event of the request with its proof, what the person declared with its salt, the public keys of the
log, and the consent in the standard vocabulary. Whoever has these files can show what was agreed, and that
the log held it then, without asking us.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from optin.consent.consent_history import History, LoggedEvent
from optin.consent.dpv_record import STATUS, ConsentSummary, receipt_document
from optin.consent.status_transitions import EventKind
from optin.flows.records.decrypted_request import OpenedRequest
from optin.proof.canonical_json import parse
from optin.proof.inclusion_proof import ENDING
from optin.proof.signed_notes import keys_text
from optin.store.database_interface import Tx
from optin.store.event_log import latest_checkpoint, places_of, prove_event, verifier_keys
from optin.store.events import StoredEvent, events_of


class NotSigned(Exception):
    """The events have no signed checkpoint yet; the log keeper signs one soon. Try again in a moment."""


@dataclass(frozen=True)
class Attachment:
    """A file attached to a mail."""

    name: str
    content_type: str
    data: bytes


def proof_of_request(
    tx: Tx, opened: OpenedRequest, withdraw_at: str, base_url: str, now: datetime
) -> dict[str, bytes]:
    """Return the files that prove a request, by name. Raises NotSigned.

    1. See that the events are in the log, and under a checkpoint.
    2. Prove each event.
    3. Tell the consents in the standard vocabulary; open the commitment for the person alone.
    """
    # 1. See that the events are in the log, and under a checkpoint.
    events = events_of(tx, opened.stored.id)
    places = places_of(tx, [event.number for event in events])
    checkpoint = latest_checkpoint(tx)
    if len(places) != len(events) or checkpoint is None or checkpoint.size <= max(places.values()):
        raise NotSigned

    # 2. Prove each event.
    proofs = {
        f"{name_of_event(place, event)}{ENDING}": prove_event(
            tx, places[event.number], event.body.encode(), checkpoint
        ).text.encode()
        for place, event in enumerate(events, start=1)
    }

    # 3. Tell the consents in the standard vocabulary; open the commitment.
    summaries = consent_summaries(opened, events, withdraw_at, now)
    stored = opened.stored
    receipt = receipt_document(stored.id, opened.declaration, summaries, base_url, now)
    return {
        "consent-receipt.jsonld": _readable(receipt),
        **proofs,
        "declaration.json": opened.sealed.declaration,
        "declaration.salt": f"{opened.sealed.salt.hex()}\n".encode(),
        "log-keys.txt": keys_text(verifier_keys(tx)).encode(),
    }


def consent_summaries(
    opened: OpenedRequest, events: Sequence[StoredEvent], withdraw_at: str, now: datetime
) -> tuple[ConsentSummary, ...]:
    """Return each consent of a request with its history; it expires without an event."""
    history = History([LoggedEvent.read(parse(event.body), event.number) for event in events])
    summaries: list[ConsentSummary] = []
    for question in opened.asked:
        consent = history.consent(question.key)
        happened = [(event.kind, event.at) for event in consent.events if event.kind in STATUS]
        given = happened[-1] if happened and happened[-1][0] is EventKind.CONFIRMED else None
        until = None if given is None else question.retention.after(given[1])
        if until is not None and until <= now:
            happened.append((EventKind.EXPIRED, until))
        summaries.append(
            ConsentSummary(
                request=opened.stored.id,
                subject=opened.stored.subject or opened.stored.id,
                form=opened.declaration,
                form_version=opened.form.version.digest,
                question=question,
                happened=tuple(happened),
                until=until,
                withdraw_at=withdraw_at,
            )
        )
    return tuple(summaries)


def name_of_event(place: int, event: StoredEvent) -> str:
    """Return the file name of an event: its index and its kind."""
    body = parse(event.body)
    kind, what = EventKind.of(body["kind"]), body.get("purpose") or body.get("mail") or "request"
    return f"event-{place}-{kind}-{what}"


def _readable(document: object) -> bytes:
    return (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode()
