"""Audit step of the kinds of magnets: each checks its own rows and events."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeAlias

from optin.consent.consent_record import EventKind
from optin.consent.event import KIND_AWAY, KIND_ROWS, rfc3339
from optin.consent.parts_by_kind import PartsByKind
from optin.errors import OptinError
from optin.flows.kind_flows import ConfirmedRequest, FlowPart
from optin.flows.records.event_history import request_history
from optin.proof.canonical import Json
from optin.store.events import contents_about_nobody
from optin.store.transaction import Runner
from optin.store.vault import Vault

AuditConfirmed: TypeAlias = Callable[[Runner, Vault, Sequence[ConfirmedRequest]], Iterable[str]]


def audit_kinds(
    read: Runner, kinds: PartsByKind[FlowPart], events: Sequence[Mapping[str, Json]]
) -> list[str]:
    """Return the faults that kinds find in rows and events that concern no person."""
    return [
        fault
        for name, part in kinds.items()
        for fault in _found(name, lambda part=part: part.audit(read, events))  # type: ignore[misc]  # untyped default
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
            since = _dropped_at(read, vault, kind)
            own = [it for it in own if rfc3339(it.at) > since and not _was_away(read, vault, it)]
            faults = _faults_of(kind, look, read, vault, own) if own else []
        found += faults
    return found


def _dropped_at(read: Runner, vault: Vault, kind: str) -> str:
    """Return when an operator dropped the tables of a kind last (RFC 3339); empty: never."""
    told = read(contents_about_nobody, vault=vault, kind=EventKind.FORGOTTEN)
    dropped = (str(body["at"]) for body in told if (body.get("what"), body.get("of")) == (KIND_ROWS, kind))
    return max(dropped, default="")


def _was_away(read: Runner, vault: Vault, confirmed: ConfirmedRequest) -> bool:
    """Return whether the kind was not installed when its request was confirmed, as an event says."""
    away = (EventKind.NOTED, confirmed.form.kind, KIND_AWAY)
    history = read(request_history, vault=vault, request=confirmed.request)
    return any((it.event.kind, it.body.get("by"), it.body.get("what")) == away for it in history)


def _faults_of(
    kind: str, look: AuditConfirmed, read: Runner, vault: Vault, confirmed: Sequence[ConfirmedRequest]
) -> list[str]:
    return _found(kind, lambda: look(read, vault, confirmed))


def _found(kind: str, look: Callable[[], Iterable[str]]) -> list[str]:
    """Return the faults found by a kind; a failing kind is itself a fault."""
    try:
        return list(look())
    except OptinError:
        raise
    except Exception as problem:  # noqa: BLE001 - it is another's program, and may raise anything
        return [f"what the kind {kind} keeps cannot be audited: {type(problem).__name__}"]
