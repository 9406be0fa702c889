"""The context of a site's flows: its keys, its policy, and the flow hooks of its kinds of magnets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Concatenate, TypeAlias

from optin.consent.kind_part_lookup import PartsByKind
from optin.flows.context import Context
from optin.flows.kind_flow_hooks import FlowPart
from optin.store.database_interface import P, T, Tx
from optin.store.migration_sets import Schema


@dataclass(frozen=True)
class SiteContext(Context):
    """The context of a flow that calls hooks of kinds; each hook receives it as a Context."""

    kinds: PartsByKind[FlowPart]
    schema: Schema = Schema()  # their tables

    @property
    def mails_of_kinds(self) -> frozenset[str]:
        """The names of the mails that installed kinds of magnets queue."""
        return frozenset(name for _, part in self.kinds.items() for name in part.mails)


Flow: TypeAlias = Callable[Concatenate[Tx, SiteContext, P], T]
