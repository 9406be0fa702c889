"""The kind of a magnet: its parts, each used by one room."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from optin.consent.kind_specific_details import DetailsPart
from optin.flows.kind_desk_hooks import DeskPart
from optin.flows.kind_flow_hooks import FlowPart
from optin.mail.kind_mail_hooks import MailPart
from optin.site.kind_front_matter_hooks import FilePart
from optin.site.kind_page_hooks import PagesPart
from optin.store.kind_tables import TablesPart
from optin.web.kind_route_hooks import RoutesPart

API = 1  # of the parts and what their functions are given


@dataclass(frozen=True)
class Kind:
    """One kind of magnet. A part that is left out does nothing.

    `api`: the version of the parts that the kind was written for. `commands`: functions "module:name" by the
    name of their command, imported when it is called.
    """

    name: str
    api: int = API
    file: FilePart = FilePart()
    details: DetailsPart = DetailsPart()
    pages: PagesPart = PagesPart()
    flows: FlowPart = FlowPart()
    mails: MailPart = MailPart()
    tables: TablesPart = TablesPart()
    routes: RoutesPart = RoutesPart()
    desk: DeskPart = DeskPart()
    commands: Mapping[str, str] = field(default_factory=dict)
