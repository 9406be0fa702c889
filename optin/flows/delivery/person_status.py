"""A person's status with a magnet (a seat, a ticket), as the magnet's kind reports it."""

from __future__ import annotations

import logging
from datetime import datetime

from optin.errors import OptinError
from optin.flows.context_with_kinds import SiteContext
from optin.flows.kind_flow_hooks import PersonStatus, no_person_status
from optin.flows.records.decrypted_request import OpenedRequest
from optin.store.database_interface import Tx, savepoint

log = logging.getLogger("optin.kinds")


def person_status_of(
    tx: Tx, context: SiteContext, opened: OpenedRequest, now: datetime
) -> PersonStatus | None:
    """Return the status of the person behind a request; None when the kind reports none, or fails.

    A kind that fails takes away its own section, not the person's page.
    """
    kind = opened.declaration.kind
    hook = context.kinds[kind].person_status
    if hook is no_person_status:  # most kinds: no savepoint for nothing
        return None
    try:
        with savepoint(tx):
            return hook(tx, context, opened, now)
    except OptinError:
        raise
    except Exception as problem:  # noqa: BLE001 - it is another's program, and may raise anything
        log.error("the kind %s cannot report a person's status: %s", kind, type(problem).__name__)  # noqa: TRY400 - a traceback may hold data of the person
        return None
