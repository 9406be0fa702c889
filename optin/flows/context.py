"""What every flow works with, besides its transaction and the moment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Concatenate, TypeAlias

from optin.flows.policy import RequestPolicy
from optin.store.transaction import P, T, Tx
from optin.store.vault import Vault


@dataclass(frozen=True)
class Context:
    """The keys of an installation and the policy of its site. A flow gets the moment as `now`."""

    vault: Vault
    policy: RequestPolicy


Flow: TypeAlias = Callable[Concatenate[Tx, Context, P], T]
