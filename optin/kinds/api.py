"""Everything that a kind of magnets may import from optin; what is not here may change at any time.

See docs/guide/own-kind.md. `API` is the version of what stands here.
"""

from optin.consent.form import FormDeclaration, FormField, Slug, details_text
from optin.consent.magnet_details import Details, DetailsPart, Handout, Judgement
from optin.consent.purpose import ConsentQuestion
from optin.errors import OptinError, PageUnknown
from optin.flows.consents.opened_request import OpenedRequest
from optin.flows.consents.sealed_text import as_token, from_token, open_text, seal_text
from optin.flows.context import Context
from optin.flows.kind_flows import FlowPart, Later, QueuedMail, Standing
from optin.flows.policy import RequestPolicy
from optin.flows.retention.sweep_context import SweepContext
from optin.flows.retention.sweep_rule import Rule
from optin.kinds.kind import API, Kind
from optin.mail.kind_mails import MailPart
from optin.settings.table import Line, Table, Text
from optin.site.findings import Finding
from optin.site.kind_file import Complaint, FilePart, Question, Reading
from optin.site.kind_pages import PagesPart
from optin.site.model import Magnet, Site
from optin.site.prose import read_prose
from optin.store.kind_tables import KindTable, Shelf, TablesPart
from optin.store.outbox import enqueue
from optin.store.schema import Migration
from optin.store.transaction import Tx
from optin.store.vault import Vault
from optin.theme.kind_folders import kind_words
from optin.theme.views import Frame, LandingView
from optin.web.app_context import AppContext, desk_of, see_other, slug_of
from optin.web.form_reader import read_post, single
from optin.web.kind_routes import PersonalAction, RoutesPart
from optin.web.landing import post_form

__all__ = [
    "API",
    "AppContext",
    "Complaint",
    "ConsentQuestion",
    "Context",
    "Details",
    "DetailsPart",
    "FilePart",
    "Finding",
    "FlowPart",
    "FormDeclaration",
    "FormField",
    "Frame",
    "Handout",
    "Judgement",
    "Kind",
    "KindTable",
    "LandingView",
    "Later",
    "Line",
    "Magnet",
    "MailPart",
    "Migration",
    "OpenedRequest",
    "OptinError",
    "PageUnknown",
    "PagesPart",
    "PersonalAction",
    "Question",
    "QueuedMail",
    "Reading",
    "RequestPolicy",
    "RoutesPart",
    "Rule",
    "Shelf",
    "Site",
    "Slug",
    "Standing",
    "SweepContext",
    "Table",
    "TablesPart",
    "Text",
    "Tx",
    "Vault",
    "as_token",
    "desk_of",
    "details_text",
    "enqueue",
    "from_token",
    "kind_words",
    "open_text",
    "post_form",
    "read_post",
    "read_prose",
    "seal_text",
    "see_other",
    "single",
    "slug_of",
]
