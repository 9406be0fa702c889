"""Changed magnets: each kind is notified when a site is loaded."""

from __future__ import annotations

from optin.consent.parts_by_kind import PartsByKind
from optin.flows.kind_flows import FlowPart
from optin.flows.policy import RequestPolicy
from optin.store.transaction import Tx


def notify_kinds(tx: Tx, policy: RequestPolicy, kinds: PartsByKind[FlowPart]) -> None:
    """Call `on_published` of each kind that the site has a magnet of.

    Only for a site that was just loaded: a server that runs on with an earlier one would undo it.
    """
    for kind in sorted({it.kind for it in policy.magnets.values()}):
        kinds[kind].on_published(tx, policy)
