"""Audit step of the kinds of magnets: each checks its own rows and events."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import TypeAlias

from optin.consent.consent_history import History
from optin.consent.event_content import KIND_AWAY, KIND_ROWS
from optin.consent.kind_part_lookup import PartsByKind
from optin.consent.status_transitions import EventKind
from optin.errors import LogDisagrees, OptinError
from optin.flows.kind_flow_hooks import ConfirmedRequest, FlowPart
from optin.flows.records.event_history import request_history
from optin.proof.canonical_json import Json
from optin.store.database_interface import Runner
from optin.store.encryption import Vault
from optin.store.events import numbered_contents

AuditConfirmed: TypeAlias = Callable[[Runner, Vault, Sequence[ConfirmedRequest]], Iterable[str]]


def audit_kinds(
    read: Runner, kinds: PartsByKind[FlowPart], events: Sequence[Mapping[str, Json]]
) -> list[str]:
    """Return the faults that kinds find in rows and events that concern no person."""
    return [
        fault for name, part in kinds.items() for fault in _found(name, partial(part.audit, read, events))
    ]


def audit_confirmed(
    read: Runner, vault: Vault, kinds: PartsByKind[FlowPart], confirmed: Sequence[ConfirmedRequest]
) -> list[str]:
    """Return the faults that kinds find in the rows of confirmed requests."""
    found: list[str] = []
    for kind in sorted({it.form.kind for it in confirmed}):
        look, own = kinds[kind].audit_confirmed, [it for it in confirmed if it.form.kind == kind]
        faults = [] if look is None else _faults_of(kind, look, read, vault, own)
        if faults and look is not None:  # seldom: was the kind away, or were its tables dropped meanwhile?
            dropped = _last_drop(read, vault, kind)
            own = [it for it in own if _has_rows(read, vault, it, dropped)]
            faults = _faults_of(kind, look, read, vault, own) if own else []
        found += faults
    return found


def _last_drop(read: Runner, vault: Vault, kind: str) -> int:
    """Return the number of the event that an operator dropped the tables of a kind last; 0: never."""
    told = read(numbered_contents, vault=vault, kind=EventKind.FORGOTTEN)
    dropped = (number for number, body in told if (body.get("what"), body.get("of")) == (KIND_ROWS, kind))
    return max(dropped, default=0)


def _has_rows(read: Runner, vault: Vault, confirmed: ConfirmedRequest, dropped: int) -> bool:
    """Return whether a request must have rows: confirmed after the event `dropped`, with its kind installed.

    The order of the log decides, whatever the clock said.
    """
    history = _history(read, vault, confirmed)
    if history is None:
        return True
    away = (EventKind.NOTED, confirmed.form.kind, KIND_AWAY)
    if any((it.event.kind, it.body.get("by"), it.body.get("what")) == away for it in history):
        return False
    confirmed_by = (it.number for it in history if it.event.kind is EventKind.CONFIRMED)
    return min(confirmed_by, default=0) > dropped  # 0: erased just now


def _history(read: Runner, vault: Vault, confirmed: ConfirmedRequest) -> History | None:
    """Return the events of a request; None: not all of them are as optin wrote them."""
    try:
        return read(request_history, vault=vault, request=confirmed.request)
    except LogDisagrees:
        return None


def _faults_of(
    kind: str, look: AuditConfirmed, read: Runner, vault: Vault, confirmed: Sequence[ConfirmedRequest]
) -> list[str]:
    """Return the faults found by a kind. A request with a forged event keeps no other from being audited."""
    try:
        return _found(kind, partial(look, read, vault, confirmed))
    except LogDisagrees as problem:
        sound = [it for it in confirmed if _history(read, vault, it) is not None]
        faults = [f"what the kind {kind} keeps cannot be audited: {problem}"]
        return faults if len(sound) == len(confirmed) else faults + _faults_of(kind, look, read, vault, sound)


def _found(kind: str, look: Callable[[], Iterable[str]]) -> list[str]:
    """Return the faults found by a kind; a failing kind is itself a fault."""
    try:
        return list(look())
    except OptinError:
        raise
    except Exception as problem:  # noqa: BLE001 - it is another's program, and may raise anything
        return [f"what the kind {kind} keeps cannot be audited: {type(problem).__name__}"]
