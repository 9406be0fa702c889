"""What every flow works with, besides its transaction and the moment."""

from __future__ import annotations

from dataclasses import dataclass

from optin.flows.policy import RequestPolicy
from optin.store.vault import Vault


@dataclass(frozen=True)
class Context:
    """The keys of an installation and the policy of its site. A flow gets the moment as `now`."""

    vault: Vault
    policy: RequestPolicy
