"""Collect the evidence of one person's consents, as self-contained files (P6).

1. Find the requests of the address.
2. Prove each event under one checkpoint: the oldest that a time-stamp authority saw, else the last.
3. Open each commitment: declaration with salt, form and statement by digest, mails as sent.
4. Tell the consents in the standard vocabulary.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from optin.consent.dpv_record import ConsentSummary, record_document
from optin.consent.email_and_telephone import EmailAddress
from optin.consent.event_content import Event
from optin.consent.status_transitions import TransitionRefused
from optin.consent.wrong_clock import set_back_over
from optin.errors import LogDisagrees, RequestRefused
from optin.flows.context import Context
from optin.flows.evidence.receipt import consent_summaries, name_of_event
from optin.flows.records.decrypted_request import OpenedRequest, open_request
from optin.flows.records.event_history import read_genuine_events
from optin.proof.canonical_json import canonical, parse
from optin.proof.commitment import opens
from optin.proof.inclusion_proof import ENDING
from optin.proof.signed_notes import keys_text
from optin.store.database_interface import Tx
from optin.store.encryption import Vault
from optin.store.event_log import (
    Attestation,
    StoredCheckpoint,
    attestations,
    checkpoint_at,
    is_sound,
    latest_checkpoint,
    places_of,
    prove_event,
    verifier_keys,
)
from optin.store.events import StoredEvent, event_about_nobody, events_of
from optin.store.latest_known_time import set_backs
from optin.store.person_records import SentMail, mails_of, requests_of
from optin.store.stored_forms import privacy_by_prefix

# Where somebody withdraws, in a bundle that others read too: a link of the person's own would act for whoever
# has the bundle, and for ever.
OWN_PAGE = "/me"


@dataclass(frozen=True)
class RequestEvidence:
    """One request: its form, its declaration, its events, its mails."""

    opened: OpenedRequest
    events: tuple[StoredEvent, ...]
    mails: tuple[SentMail, ...]
    consents: tuple[ConsentSummary, ...]


@dataclass(frozen=True)
class Evidence:
    """Content of a bundle, without its readable page and its instructions."""

    email: EmailAddress
    requests: tuple[RequestEvidence, ...]
    checkpoint: StoredCheckpoint
    files: dict[str, bytes]


def gather_evidence(tx: Tx, context: Context, email: EmailAddress, now: datetime) -> Evidence:
    """Return the evidence for an address; its events must be in the log and under a checkpoint.

    Raises RequestRefused when nothing is kept about it.
    """
    vault, base_url = context.vault, context.policy.base_url

    # 1. Find the requests.
    opened = [open_request(tx, vault, stored) for stored in requests_of(tx, vault.index(email))]
    numbered = sorted(
        (event for request in opened for event in events_of(tx, request.stored.id)),
        key=lambda event: event.number,
    )
    if not numbered:
        msg = "Nothing is stored about this address: it never signed up, or it was erased."
        raise RequestRefused(msg)
    _check_history(vault, numbered)
    requests = tuple(_request_evidence(tx, vault, it, numbered, base_url, now) for it in opened)

    # 2. Prove each event under one checkpoint.
    proven = sorted((*numbered, *_set_backs(tx, vault, numbered)), key=lambda event: event.number)
    places = places_of(tx, [event.number for event in proven])
    latest = latest_checkpoint(tx)
    if len(places) != len(proven) or latest is None or latest.size <= max(places.values()):
        msg = "The log is being written by another process; try again in a second."
        raise RequestRefused(msg)
    last = max(places.values())
    stamps = tuple(
        stamp
        for stamp in attestations(tx, since=last + 1)
        if is_sound(stamp, checkpoint_at(tx, stamp.size).note)
    )
    stamped = next((stamp.size for stamp in stamps if stamp.kind == "rfc3161"), None)
    checkpoint = latest if stamped is None else checkpoint_at(tx, stamped)
    stamps = tuple(stamp for stamp in stamps if stamp.size == checkpoint.size)
    files = _witnesses(checkpoint, stamps)
    names = _names(proven)
    for event in proven:
        proof = prove_event(tx, places[event.number], event.body.encode(), checkpoint)
        files[f"events/{names[event.number]}.json"] = event.body.encode()
        files[f"proofs/{names[event.number]}{ENDING}"] = proof.text.encode()
    files["log-keys.txt"] = keys_text(verifier_keys(tx)).encode()

    # 3. Open each commitment.
    for request in requests:
        files |= _openings(tx, request, names)

    # 4. Tell the consents in the standard vocabulary.
    consents = [consent for request in requests for consent in request.consents]
    record = json.dumps(record_document(consents, base_url), indent=2, ensure_ascii=False)
    files["record.jsonld"] = f"{record}\n".encode()
    return Evidence(email, requests, checkpoint, files)


def _set_backs(tx: Tx, vault: Vault, events: Sequence[StoredEvent]) -> list[StoredEvent]:
    """Return the events which say that some of these events bear times of a clock that was ahead."""
    noted = set_backs(tx, vault)
    moments = [(event.number, Event.read(parse(event.body)).at) for event in events] if noted else []
    found = (set_back_over(number, at, noted) for number, at in moments)
    numbers = sorted({it.place for it in found if it is not None})
    return [event for number in numbers if (event := event_about_nobody(tx, number)) is not None]


def _check_history(vault: Vault, numbered: Sequence[StoredEvent]) -> None:
    """Raise RequestRefused unless optin wrote the events, and each consent follows from them."""
    try:
        for consent in read_genuine_events(vault, numbered).consents.values():
            consent.record  # noqa: B018 - raises where its events do not fit together
    except LogDisagrees:
        msg = "An event about this address was not written by optin, so nothing is proven; see: optin audit"
        raise RequestRefused(msg) from None
    except TransitionRefused:
        msg = "The events about this address do not fit together, so nothing is proven; see: optin audit"
        raise RequestRefused(msg) from None


def _request_evidence(
    tx: Tx, vault: Vault, opened: OpenedRequest, numbered: Sequence[StoredEvent], base_url: str, now: datetime
) -> RequestEvidence:
    """Return one request, with the events of its consents."""
    own = [event for event in numbered if event.request == opened.stored.id]
    later = [event for event in numbered if event.number >= own[0].number] if own else []
    return RequestEvidence(
        opened=opened,
        events=tuple(event for event in later if event in own or _concerns(event, opened)),
        mails=tuple(mails_of(tx, vault, opened.stored.id)),
        consents=consent_summaries(opened, later, f"{base_url}{OWN_PAGE}", now),
    )


def _concerns(event: StoredEvent, opened: OpenedRequest) -> bool:
    """Return whether an event is about a consent of this request."""
    body = parse(event.body)
    asked = {(question.purpose, question.channel.value) for question in opened.asked}
    return (body["purpose"], body["channel"]) in asked


def _names(events: Sequence[StoredEvent]) -> dict[int, str]:
    ordered = sorted(events, key=lambda event: event.number)
    return {
        event.number: f"{place:04d}-{name_of_event(place, event).split('-', 2)[2]}"
        for place, event in enumerate(ordered, start=1)
    }


def _witnesses(checkpoint: StoredCheckpoint, stamps: Sequence[Attestation]) -> dict[str, bytes]:
    """Return the checkpoint with the lines of its witnesses, and the tokens of time-stamp authorities."""
    lines = b"".join(stamp.value for stamp in stamps if stamp.kind == "cosignature")
    tokens = [stamp.value for stamp in stamps if stamp.kind == "rfc3161"]
    files = {f"timestamps/{place}.tsr": token for place, token in enumerate(tokens, start=1)}
    if lines:
        files["witnessed-checkpoint.txt"] = checkpoint.note.encode() + lines
    return {**files, "checkpoint.txt": checkpoint.note.encode()}


def _openings(tx: Tx, request: RequestEvidence, names: dict[int, str]) -> dict[str, bytes]:
    opened, form = request.opened, request.opened.form.version
    folder = f"requests/{opened.stored.id.hex()[:30]}"
    files = {
        f"{folder}/declaration.json": opened.sealed.declaration,
        f"{folder}/declaration.salt": f"{opened.sealed.salt.hex()}\n".encode(),
        f"forms/{form.digest}.html": form.page,
        f"forms/{form.digest}.json": canonical(form.declaration.as_json()),
    }
    statement = privacy_by_prefix(tx, form.declaration.privacy)
    if statement is not None:
        files[f"privacy/{statement.digest}.html"] = statement.page
    for event in (event for event in request.events if event.request == opened.stored.id):
        body = parse(event.body)
        for mail in request.mails:
            if "bytes" in body and opens(body["bytes"], opened.sealed.salt, mail.data):
                files[f"mails/{names[event.number]}.eml"] = mail.data
    return files
