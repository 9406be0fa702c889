"""The part of optin that a kind of magnets may import. Everything else may change with any version.

Here stands what a kind consists of: `Kind`, its parts, and `API`, the version of what stands in this package.
What its hooks are given, return and call stands by subject in a module each; none names what another does:

    errors        what a kind raises or catches
    front_matter  tables of front matter, files, complaints
    forms         details of a magnet, and what a form declares
    flows         requests, people, and what hooks are given
    sweep         what is deleted in time
    event_log     events, canonical JSON, digests, checkpoints
    store         tables of the kind's own, transactions
    mail          mails of the kind's own
    pages         views of pages, and objections to them
    samples       samples of views
    web           requests and responses
    desk          what the staff's website shows of a magnet
    commands      commands of the kind's own

docs/guide/own-kind.md lists every name.
"""

from optin.consent.kind_specific_details import DetailsPart
from optin.flows.kind_desk_hooks import DeskPart
from optin.flows.kind_flow_hooks import FlowPart
from optin.kinds.kind import API, Kind
from optin.mail.kind_mail_hooks import MailPart
from optin.site.kind_front_matter_hooks import FilePart
from optin.site.kind_page_hooks import PagesPart
from optin.store.kind_tables import TablesPart
from optin.web.kind_route_hooks import RoutesPart

__all__ = [
    "API",
    "DeskPart",
    "DetailsPart",
    "FilePart",
    "FlowPart",
    "Kind",
    "MailPart",
    "PagesPart",
    "RoutesPart",
    "TablesPart",
]
