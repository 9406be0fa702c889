"""Blank the events of whatever is erased; say in the log which events were blanked, and why (P9)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from optin.consent.erasure_grounds import ErasureGround, erasure_faults, kinds_of
from optin.consent.event_content import erased
from optin.consent.status_transitions import RequestId
from optin.errors import LogDisagrees
from optin.proof.canonical_json import parse
from optin.store.database_interface import Tx, to_ms
from optin.store.encryption import Vault
from optin.store.events import add_events, blank_events, events_of


def blank_evidence(
    tx: Tx, vault: Vault, owners: Sequence[RequestId], reason: ErasureGround, now: datetime
) -> None:
    """Blank the events of requests, or of entries of the register of bases; their leaves stay.

    Raises LogDisagrees, before anything is changed, when `reason` does not allow what would be blanked.
    """
    kinds = kinds_to_blank(tx, vault, owners, reason, now)
    blank: list[int] = []
    for owner in owners:
        tx.run(
            "INSERT INTO erasure(request_id, reason, at) VALUES (:id, :reason, :now)",
            id=owner,
            reason=str(reason.reason),
            now=to_ms(now),
        )
        blank += blank_events(tx, owner)
    if owners:
        add_events(tx, vault, None, [erased(now, reason, blank, kinds)])


def kinds_to_blank(
    tx: Tx, vault: Vault, owners: Sequence[RequestId], reason: ErasureGround, now: datetime
) -> dict[str, int]:
    """Count by kind the events that an erasure would blank. Raises LogDisagrees when it may not."""
    events = [event for owner in owners for event in events_of(tx, owner)]
    kinds = kinds_of(parse(event.body) if event.genuine(vault) else None for event in events)
    for fault in erasure_faults(erased(now, reason, [event.number for event in events], kinds)):
        raise LogDisagrees(fault)
    return kinds
