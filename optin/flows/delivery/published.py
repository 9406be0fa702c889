"""A site was just loaded: what its kinds have to do for magnets that were changed."""

from __future__ import annotations

from optin.flows.policy import RequestPolicy
from optin.store.transaction import Tx


def tell_kinds(tx: Tx, policy: RequestPolicy) -> None:
    """Let each kind of a magnet do what a changed site asks of it.

    Only for a site that was just loaded: a server that runs on with an earlier one would undo it.
    """
    for kind in sorted({it.kind for it in policy.magnets.values()}):
        policy.kinds[kind].on_published(tx, policy)
