"""What every flow receives besides its transaction and the current time."""

from __future__ import annotations

from dataclasses import dataclass

from optin.flows.request_policy import RequestPolicy
from optin.store.encryption import Vault


@dataclass(frozen=True)
class Context:
    """The keys of an installation and the policy of its site. A flow receives the time as `now`."""

    vault: Vault
    policy: RequestPolicy
