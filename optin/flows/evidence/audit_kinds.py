"""Audit step of the kinds of magnets: each checks its own rows and events."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from optin.consent.parts_by_kind import PartsByKind
from optin.errors import OptinError
from optin.flows.kind_flows import ConfirmedRequest, FlowPart
from optin.proof.canonical import Json
from optin.store.transaction import Runner
from optin.store.vault import Vault


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
        if look is not None:
            found += _found(kind, lambda look=look, own=own: look(read, vault, own))  # type: ignore[misc]  # untyped default
    return found


def _found(kind: str, look: Callable[[], Iterable[str]]) -> list[str]:
    """Return the faults found by a kind; a failing kind is itself a fault."""
    try:
        return list(look())
    except OptinError:
        raise
    except Exception as problem:  # noqa: BLE001 - it is another's program, and may raise anything
        return [f"what the kind {kind} keeps cannot be audited: {type(problem).__name__}"]
