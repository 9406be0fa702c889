"""Audit on every processor: one process checks the log while others check the people."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context

from optin.consent.kind_part_lookup import PartsByKind
from optin.flows.evidence.audit import Audit
from optin.flows.evidence.audit_people import EVERYBODY, Share
from optin.flows.kind_flow_hooks import FlowPart
from optin.services.open_store import StoreUse, open_store, open_vault
from optin.settings.installation import Settings
from optin.store.migration_sets import Schema

WORTH_PROCESSES = 50_000  # events; below it a process costs more than it takes off
_PARTS = 16  # for each process, so that none waits long for the last


def run_audit(
    audit: Audit, settings: Settings, schema: Schema, processes: int | None = None
) -> Iterator[int]:
    """Run `audit`; yield the number of events checked since the last yield."""
    processes = processes or (os.cpu_count() or 1)
    if processes == 1 or audit.size() < WORTH_PROCESSES:
        yield from audit.run()
        return
    shares = shares_of(processes * _PARTS)
    # fresh processes: a fork would inherit the connections of this one
    with ProcessPoolExecutor(processes, get_context("spawn")) as pool:
        running = pool.map(partial(_look_at, settings, schema, audit.kinds), shares)
        yield from audit.log()
        for found in running:
            audit.add(*found)
            yield 0


def shares_of(count: int) -> list[Share]:
    """Divide all people by the first bytes of their random ids."""
    bounds = [(number * 65_536 // count).to_bytes(2, "big") for number in range(1, count)]
    return list(zip([EVERYBODY[0], *bounds], [*bounds, EVERYBODY[1]], strict=True))


def _look_at(
    settings: Settings, schema: Schema, kinds: PartsByKind[FlowPart], share: Share
) -> tuple[list[str], dict[str, int]]:
    vault = open_vault(settings, schema)
    store = open_store(
        settings.store, settings.root, vault, schema, origin=settings.log_origin, use=StoreUse.INSPECTION
    )
    try:
        audit = Audit(store.read, vault, kinds)
        for _ in audit.people(share):
            pass
    finally:
        store.close()
    return audit.findings, audit.noted
