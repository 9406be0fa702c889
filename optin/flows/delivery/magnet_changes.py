"""Changed and removed magnets: what a new edition of the site means for people who asked for one.

Whatever people asked for takes place as it was announced last. Whoever wants it otherwise says so on the
magnet's own page, and removes it afterwards.
"""

from __future__ import annotations

import json
import logging
from dataclasses import replace

from optin.consent.kind_part_lookup import PartsByKind
from optin.consent.kind_specific_details import Details
from optin.errors import KindFailed
from optin.flows.kind_errors import as_kind_failed
from optin.flows.kind_flow_hooks import FlowPart
from optin.flows.request_policy import KnownMagnet, RequestPolicy
from optin.store.database_interface import Tx
from optin.store.magnet_promises import all_details

log = logging.getLogger("optin.kinds")


def with_removed(tx: Tx, policy: RequestPolicy, kinds: PartsByKind[FlowPart]) -> RequestPolicy:
    """Return a policy that includes removed magnets, as far as their kinds stored details of them."""
    made: dict[tuple[str, str, str], Details | None] = {}  # one value for all addresses of a magnet
    gone: dict[str, KnownMagnet] = {}
    for it in all_details(tx):
        if it.name in policy.names:
            continue
        key = (it.kind, it.magnet, it.details)
        if key not in made:
            made[key] = _read_kept(it.kind, kinds[it.kind], it.details)
        details = made[key]
        if details is not None:
            gone[it.name] = KnownMagnet(it.kind, it.magnet, details, removed=True)
    return replace(policy, magnets={**gone, **policy.magnets})


def _read_kept(kind: str, part: FlowPart, details: str) -> Details | None:
    """Return the details of a removed magnet; None where its kind fails, which stops no other magnet."""
    try:
        with as_kind_failed(kind):
            return part.read_kept(json.loads(details))
    except KindFailed as problem:
        log.error("a removed magnet is left out: %s", problem.log_line)  # noqa: TRY400 - a sentence, no place in the code
        return None


def notify_kinds(tx: Tx, policy: RequestPolicy, kinds: PartsByKind[FlowPart]) -> None:
    """Call `on_published` of each kind that the site has a magnet of.

    Only for a site that was just loaded: a server that runs on with an earlier one would undo it. Raises
    KindFailed.
    """
    for kind in sorted({it.kind for it in policy.magnets.values()}):
        with as_kind_failed(kind):
            kinds[kind].on_published(tx, policy)
