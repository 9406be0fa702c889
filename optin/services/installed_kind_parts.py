"""The parts of all installed kinds, for the rooms below the web."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from optin.consent.kind_part_lookup import PartsByKind
from optin.consent.kind_specific_details import DetailsPart
from optin.flows.kind_desk_hooks import DeskPart
from optin.flows.kind_flow_hooks import FlowPart
from optin.mail.kind_mail_hooks import MailPart
from optin.site.kind_front_matter_hooks import FilePart
from optin.site.kind_page_hooks import PagesPart
from optin.store.kind_tables import TablesPart
from optin.store.migration_sets import Schema


@dataclass(frozen=True)
class KindParts:
    """One mapping for each room; without installed kinds, every magnet's kind is unknown."""

    files: PartsByKind[FilePart] = PartsByKind(FilePart())
    details: PartsByKind[DetailsPart] = PartsByKind(DetailsPart())
    pages: PartsByKind[PagesPart] = PartsByKind(PagesPart())
    flows: PartsByKind[FlowPart] = PartsByKind(FlowPart())
    mails: PartsByKind[MailPart] = PartsByKind(MailPart())
    tables: PartsByKind[TablesPart] = PartsByKind(TablesPart())
    desks: PartsByKind[DeskPart] = PartsByKind(DeskPart())

    @cached_property
    def schema(self) -> Schema:
        """The tables of optin and of these kinds. Raises StoreUnusable for tables that no kind may have."""
        return Schema.of(self.tables)
