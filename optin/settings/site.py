"""Every setting of a site, from `optin.toml` to its readers: `SiteSettings` and its tables.

A new setting is a line in a table here, and its reader. What a value means beyond its type (a file that must
be there, a zone that must exist) is checked in `site.settings_check`.

The module is long because the tables are one list: whoever looks for a key looks here.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal, TypeAlias
from urllib.parse import urlsplit

from pydantic import Field
from pydantic.config import JsonDict

from optin.consent.channel import CHANNELS
from optin.consent.purpose import PurposeId
from optin.consent.retention_period import RetentionPeriod
from optin.settings.backup import BackupTable
from optin.settings.bases import Enquiries, Obligation, Product
from optin.settings.bounces import BouncesTable
from optin.settings.installation import Settings
from optin.settings.metrics import MetricsTable
from optin.settings.table_model import (
    SECRET,
    BaseAddress,
    ChannelName,
    DayOrNone,
    Line,
    Own,
    Period,
    PeriodOrNone,
    Remark,
    ShortValue,
    Stripped,
    Table,
    Text,
    Value,
    WitnessKey,
    Words,
)
from optin.settings.tools import TOOL_NAMES
from optin.settings.tracing import TracingTable

# Marks for the schema of an editor, which knows the languages that there are.
MARK = "optin"
LANGUAGE: JsonDict = {MARK: "language"}
EACH_LANGUAGE: JsonDict = {MARK: "each language"}
ENVIRONMENT = "env:"  # before the name of a variable that holds a secret
OWN_WORDS: JsonDict = {MARK: "own words"}
OPENID_SECRET = "OPTIN_OPENID_SECRET"  # noqa: S105 - the name of the variable that holds it
_period = RetentionPeriod.parse


class ControllerTable(Table):
    """The company that decides about the data (GDPR 4(7))."""

    name: Line = Field(description="Full legal name.")
    address: tuple[Line, ...] = Field(min_length=1, strict=False, description="Postal address, a line each.")
    email: ShortValue = Field(
        description="Where people reach you about their data.", examples=["privacy@example.com"]
    )
    phone: str = Field(default="", description="Telephone number, if you want it shown.")
    registration: Own = Field(default="", description="Number in a trade register.")
    country: str = Field(
        default="NL",
        description="ISO 3166 code; national telephone numbers are read by its rules.",
        examples=["NL", "BE", "DE", "FR", "GB"],
    )
    representative: Own = Field(
        default="",
        description="Your representative in the European Union, if you have none of your own there.",
    )
    joint: tuple[Line, ...] = Field(
        default=(), strict=False, description="Companies that decide about the data with you (GDPR 26)."
    )
    officer: Own = Field(
        default="",
        description="Your data protection officer: a name or title, and an address (GDPR 37).",
        examples=["Data protection officer, dpo@example.com"],
    )


class Sender(Table):
    """The sender of mails."""

    name: Line = Field(description="Name in the From line.")
    address: ShortValue = Field(description="Address in the From line.", examples=["tips@example.com"])
    reply_to: str = Field(default="", description="Address for replies, if it is another.")


class LookTable(Table):
    """The look of the pages."""

    theme: Literal["calm", "bold", "editorial"] = Field(
        default="calm",
        description="The look to start from; it brings its colours and typefaces.",
        examples=["calm", "bold", "editorial"],
    )
    logo: str = Field(default="", description="A picture beside optin.toml: svg, png, webp or jpg.")
    dark_logo: str = Field(
        default="", description="The logo for dark grounds; without it the logo stands on a light chip."
    )
    colour: str = Field(
        default="",
        description="One accent colour, #rrggbb, if not that of the look.",
        examples=["#0b5d4b", "#1d4ed8"],
        json_schema_extra={"pattern": "^(#[0-9a-fA-F]{6})?$"},
    )
    typeface: str = Field(
        default="",
        description="serif, sans, or names of typefaces with files in fonts/; empty: those of the look.",
        examples=["sans", "serif", "Poppins"],
    )
    favicon: str = Field(
        default="",
        description="A square picture for the browser's tab: svg, png or ico.",
        examples=["favicon.svg"],
    )


class LetterEntry(Table):
    """A letter of a purpose: the Markdown file letters/LANG/NAME.md, sent once to each person (W13)."""

    name: ShortValue = Field(description="Name of the file, without its ending.", examples=["tips-1"])
    after: Period = Field(
        description="How long after the confirmation of the consent it is sent.",
        examples=["3 days", "2 weeks"],
    )


class Purpose(Table):
    """What a consent is for, defined once and used by magnets (M3)."""

    channel: ChannelName = Field(description=f"{' or '.join(CHANNELS)}; one channel for each purpose.")
    aim: Literal["marketing", "service"] = Field(
        default="marketing",
        description="marketing: advertising in any way; service: performs a contract, without any praise.",
    )
    retention: Period = Field(
        description='How long a consent lasts, such as "24 months".', examples=["24 months", "6 months"]
    )
    ask_again: PeriodOrNone = Field(
        default=None,
        description='Ask the person again this long before the end, such as "30 days".',
        examples=["30 days"],
    )
    text: Words = Field(
        description="The question in each language, one sentence.", json_schema_extra=EACH_LANGUAGE
    )
    assessment: str = Field(
        default="",
        description="A file beside optin.toml: your interest in this purpose, weighed against people's.",
        examples=["privacy/assessment-tips.md"],
    )
    letters: tuple[LetterEntry, ...] = Field(
        default=(),
        max_length=30,
        strict=False,
        description="E-mails that people with this consent get, each once: tables with name and after.",
    )


class Webhook(Table):
    """Signed messages that a processor receives at once (E7)."""

    url: Annotated[ShortValue, SECRET] = Field(
        description="An https address of the processor that receives the messages."
    )
    purposes: tuple[str, ...] = Field(
        min_length=1, strict=False, description="Ids of the purposes whose consents it receives."
    )


Safeguard: TypeAlias = Literal[
    "",
    "privacy-framework",
    "standard-clauses",
    "authority-clauses",
    "binding-rules",
    "code-of-conduct",
    "certification",
    "authorised-clauses",
]


class Processor(Table):
    """A company that may receive data (GDPR 28)."""

    name: Text = Field(description="Full name of the processor.")
    agreement: Text = Field(
        description="Date and reference of the processing agreement.",
        examples=["2026-03-01, reference DPA-7"],
    )
    country: str = Field(default="", description="ISO 3166 code of the country that the data goes to.")
    may_ask: tuple[str, ...] = Field(
        default=(),
        strict=False,
        description="Ids of the purposes that it may ask about with POST /may; without it all purposes.",
    )
    task: Words = Field(
        default={},
        description="What it does for you, by language; it stands in the papers.",
        json_schema_extra=EACH_LANGUAGE,
    )
    ends: DayOrNone = Field(
        default=None,
        description="Last day of the agreement; afterwards the processor receives nothing and may not ask.",
        examples=["2028-02-29"],
    )
    document: Stripped = Field(
        default="",
        description="File of the agreement, in the site's folder.",
        examples=["agreements/crm.pdf"],
    )
    safeguard: Safeguard = Field(
        default="",
        description="What protects data that goes outside the European Economic Area (GDPR 45 to 47).",
        examples=["standard-clauses", "privacy-framework"],
    )
    webhook: Webhook | None = Field(
        default=None, description="Sends it a message at once: a table with url and purposes."
    )
    connect: str = Field(
        default="",
        description="The mailing tool or CRM that receives each consent at once, by optin's connector.",
        examples=[*sorted(TOOL_NAMES)],
    )
    token: Annotated[Stripped, SECRET] = Field(
        default="",
        description="env:NAME, or a key file that only its owner can read; else the variable OPTIN_TOKEN_ID.",
        examples=["env:OPTIN_TOKEN_CRM", "listmonk.token"],
        json_schema_extra={"maxLength": 200},
    )
    server: BaseAddress = Field(
        default="",
        description="The address of a tool that you run yourselves.",
        examples=["https://lists.example.com"],
    )
    lists: dict[str, ShortValue] = Field(
        default={}, description="For each purpose the tool's list, group, tag or subscription."
    )
    fields: dict[str, Stripped] = Field(
        default={},
        description='The tool\'s field for a column of an export; "" sends no value for that column.',
    )

    def is_over(self, day: date) -> bool:
        """Return whether the agreement ended before `day`: then nothing may go to it any more (GDPR 28)."""
        return self.ends is not None and self.ends < day

    @property
    def told_of(self) -> frozenset[str]:
        """The purposes whose consents it receives by webhook or connector."""
        if self.webhook is not None:
            return frozenset(self.webhook.purposes)
        return frozenset(self.lists) if self.connect else frozenset()

    @property
    def told_by(self) -> dict[str, object]:
        """The settings of its webhook or connector, to notice a change; empty without either."""
        if self.webhook is None and not self.connect:
            return {}
        return self.model_dump(include={"webhook", "connect", "token", "server", "lists", "fields", "ends"})


StaffEvent: TypeAlias = Literal["confirmed", "waits"]
CONFIRMED: StaffEvent = "confirmed"
WAITS: StaffEvent = "waits"


class Notify(Table):
    """Staff who are told of new confirmed requests, or of what waits, at most once a minute (W12)."""

    to: ShortValue = Field(
        description="An e-mail address; or env:NAME, a variable with a chat service's address (apprise).",
        examples=["sales@example.com", "env:OPTIN_NOTIFY_SALES"],
    )
    magnets: tuple[str, ...] = Field(
        default=(), strict=False, description="Magnets to be told of; without it all of them."
    )
    events: tuple[StaffEvent, ...] = Field(
        default=(CONFIRMED,),
        min_length=1,
        strict=False,
        description="confirmed: a request was confirmed; waits: somebody at the company has to do something.",
        examples=[["confirmed", "waits"]],
    )
    person: Remark = Field(
        default="",
        description="Why mails name people with a consent; without this reason they name nobody.",
    )

    @property
    def variable(self) -> str:
        """The environment variable with the address of a chat service; empty for an e-mail address."""
        return self.to.removeprefix(ENVIRONMENT) if self.to.startswith(ENVIRONMENT) else ""


class Limits(Table):
    """Limits on posts and mails (D8)."""

    per_address_per_day: int = Field(
        default=5, ge=1, le=1_000, description="Mails of one kind to one mailbox in 24 hours."
    )
    per_network_per_hour: int = Field(
        default=300,
        ge=1,
        le=1_000_000,
        description="Forms from one network in an hour; five times as many in a day.",
    )
    per_site_per_minute: int = Field(
        default=600, ge=1, le=1_000_000, description="Forms on the whole site in a minute."
    )
    mails_per_day: int = Field(
        default=20_000,
        ge=2,
        le=10_000_000,
        description="Mails a day (UTC) that forms may cause on the whole site; half are confirmation mails.",
    )
    questions_per_minute: int = Field(
        default=12_000,
        ge=1,
        le=1_000_000,
        description="Questions of one processor to POST /may in a minute.",
    )


class RulesTable(Table):
    """How the site is stricter than the rules of contact that come with optin (L8)."""

    codes: bool = Field(default=True, description="Whether codes of conduct count as well, such as hours.")
    pinned: dict[str, Text] = Field(
        default={},
        description="Rules by which nobody is contacted here, by their id, each with your reason.",
        examples=[{"BE-phone": "We do not call people in Belgium."}],
    )


class Unconfirmed(Table):
    """Requests that nobody confirmed yet (D4, D6)."""

    keep: Period = Field(
        default=_period("7 days"), description="When they are erased.", examples=["7 days", "14 days"]
    )
    link: Period = Field(
        default=_period("72 hours"),
        description="How long the confirmation link works.",
        examples=["72 hours", "7 days"],
    )
    resend: int = Field(default=3, ge=0, le=20, description="How often a mail may be sent again.")


class Retention(Table):
    """How long data is kept after the last consent ended (GDPR 5(1)(e))."""

    magnet: Period = Field(
        default=_period("24 months"),
        description="How long people are kept who asked for a magnet and gave no consent.",
        examples=["24 months", "6 months"],
    )
    proof: Period = Field(
        default=_period("5 years"),
        description="How long the proof is kept after a person's last consent ended.",
        examples=["5 years", "36 months"],
    )
    requests: Period = Field(
        default=_period("5 years"),
        description="How long a person's request about their data is kept after its answer.",
        examples=["5 years", "36 months"],
    )
    backups: Period = Field(
        default=_period("3 months"),
        description="How long you keep backups; the journal covers the same time.",
        examples=["3 months", "4 weeks"],
    )
    staff_trail: Period = Field(
        default=_period("36 months"),
        description="How long the audit trail of your staff is kept: who did what at the desk, and why.",
        examples=["36 months", "5 years"],
    )


class Sweep(Table):
    """How much may be deleted without an officer's approval (O7)."""

    clock_jump: Period = Field(
        default=_period("1 day"),
        description="A clock that jumped further is doubted: nothing is deleted until an officer accepts it.",
        examples=["1 day", "12 hours"],
    )
    share: int = Field(
        default=10,
        ge=1,
        le=100,
        description="Percentage of people who may lose data in one day; at least 100 people.",
    )


class PersonalTable(Table):
    """The page where people see their stored data (GDPR 15)."""

    link: Period = Field(
        default=_period("1 hour"),
        description="How long a mailed link to that page works.",
        examples=["1 hour"],
    )


class ReceiptTable(Table):
    """The mail that delivers a magnet and tells what was agreed."""

    proof: Literal["attach", "link"] = Field(
        default="attach",
        description="attach: the mail carries proof.zip; link: it says that the personal page has it.",
        examples=["attach", "link"],
    )

    @property
    def attached(self) -> bool:
        """Whether the mail carries the proof."""
        return self.proof == "attach"


class OpenIdTable(Table):
    """A provider of OpenID Connect that signs staff in to the desk (K1)."""

    issuer: ShortValue = Field(
        description="The provider's address, exactly as it names itself.",
        examples=["https://accounts.google.com", "https://login.example.com/realms/staff"],
    )
    client_id: ShortValue = Field(
        description="The name that the provider gave this site.", examples=["optin-desk"]
    )
    secret: Annotated[Stripped, SECRET] = Field(
        default="",
        description="env:NAME, or a key file that only its owner can read; else OPTIN_OPENID_SECRET.",
        examples=["env:OPTIN_OPENID_SECRET", "openid.secret"],
        json_schema_extra={"maxLength": 200},
    )
    label: Own = Field(
        default="",
        description="How the button of the sign-in page names the provider; without it its host.",
        examples=["Google", "Example Ltd"],
        max_length=40,
    )

    @property
    def name(self) -> str:
        """What pages call the provider."""
        return self.label.strip() or urlsplit(self.issuer).hostname or self.issuer


class DeskTable(Table):
    """The desk, the staff's website at /desk."""

    edit: bool = Field(
        default=False,
        description="Whether marketers edit magnets in the browser; their files are written.",
        examples=[True],
    )
    openid: OpenIdTable | None = Field(
        default=None, description="Lets staff sign in by your own provider: a table, [desk.openid]."
    )


class LinksTable(Table):
    """Other sites that people may be sent to."""

    hosts: tuple[str, ...] = Field(
        default=(),
        strict=False,
        description="Hosts that thanks of a magnet may lead to.",
        examples=[["www.example.com"]],
    )


class EmbedTable(Table):
    """Websites of the company that show optin's forms in their own pages (W6, W7)."""

    sites: tuple[ShortValue, ...] = Field(
        default=(),
        strict=False,
        description="Addresses of the sites that may show the forms, without a path.",
        examples=[["https://www.example.com"]],
    )


class SourcesTable(Table):
    """Where leads come from: names in the addresses of links to a magnet's page (W8, W9)."""

    names: tuple[ShortValue, ...] = Field(
        default=(),
        max_length=200,
        strict=False,
        description="Names to count that via, utm_campaign or utm_source in a link may have.",
        examples=[["linkedin", "beurs-2027"]],
    )
    keep: Words = Field(
        default={},
        description="Why the source is kept with a request, by language; without a reason it is not kept.",
        json_schema_extra=EACH_LANGUAGE,
    )
    views: bool = Field(default=True, description="Whether page views are counted, as sums by week.")


class ErasureTable(Table):
    """The consequences of an erasure, shown to the person beforehand (GDPR 17)."""

    consequences: Words = Field(
        default={},
        description="In your words, by language; for example a warranty that ends.",
        json_schema_extra=EACH_LANGUAGE,
    )


class DownloadTable(Table):
    """Links to a magnet's file (S8)."""

    link: Period = Field(
        default=_period("7 days"),
        description="How long a download link works.",
        examples=["7 days", "30 days"],
    )


class ProxyTable(Table):
    """The proxy in front of the server, if any."""

    trusted: tuple[str, ...] = Field(
        default=(),
        strict=False,
        description="The networks of your proxy, such as 10.0.0.0/8.",
        examples=[["127.0.0.1"], ["10.0.0.0/8"]],
    )


class ServerLimits(Table):
    """Limits and time-outs of the connections of one server process."""

    connections: int = Field(
        default=4_096,
        ge=16,
        le=100_000,
        description="Connections at once for each process; the longest idle are closed first.",
    )
    connections_per_network: int = Field(
        default=100,
        ge=4,
        le=100_000,
        description="Connections at once from one network; trusted proxies are not counted.",
    )
    requests: int = Field(
        default=512,
        ge=1,
        le=100_000,
        description="Requests handled at once by each process; further requests wait.",
    )
    header_seconds: int = Field(
        default=10,
        ge=1,
        le=300,
        description="Seconds for the headers of a request; also for an idle connection.",
    )
    body_seconds: int = Field(
        default=10, ge=1, le=300, description="Seconds for a form to arrive completely."
    )
    stalled_seconds: int = Field(
        default=30,
        ge=1,
        le=3_600,
        description="Seconds until a client that stops reading its answer is disconnected.",
    )


class MailDomainTable(Table):
    """How much mail a domain of recipients gets."""

    per_minute: int | None = Field(
        default=None,
        ge=0,
        le=1_000_000,
        description="Mails a minute of each process; 0: as many as leave. Default: as each_domain says.",
    )
    connections: int | None = Field(
        default=None,
        ge=0,
        le=100,
        description="Mails at once of each process; 0: as many as leave. Default: as each_domain says.",
    )


class MailServerTable(Table):
    """Connections to the mail server, and how much mail the domains of recipients get."""

    connections: int = Field(
        default=8,
        ge=1,
        le=100,
        description="Connections at once for each process; fewer if the mail server accepts fewer.",
    )
    each_domain: MailDomainTable = Field(
        default=MailDomainTable(), description="For every domain of recipients that domains does not name."
    )
    domains: dict[str, MailDomainTable] = Field(
        default={}, description="For domains of recipients, by their names, such as gmail.com."
    )
    addresses: tuple[ShortValue, ...] = Field(
        default=(),
        max_length=50,
        strict=False,
        description="IP addresses from which your mail server sends; optin doctor compares SPF and PTR.",
        examples=[["192.0.2.10"]],
    )
    resolver: Stripped = Field(
        default="",
        description="DNS server that optin doctor asks, if not that of the system: ADDRESS or ADDRESS:PORT.",
        examples=["9.9.9.9", "127.0.0.1:5353"],
    )


class Dkim(Table):
    """Signing mails (RFC 6376)."""

    selector: ShortValue = Field(description="The name before ._domainkey in the DNS record.")
    domain: ShortValue = Field(description="The domain that signs, usually that of the sender's address.")
    key: Value = Field(description="A private key file (PEM), readable by its owner alone.")


class Witness(Table):
    """A witness that receives each checkpoint, and the key that verifies its answer."""

    to: Annotated[Value, SECRET] = Field(
        description="An address (C2SP tlog-witness), or a command that reads the checkpoint."
    )
    key: WitnessKey = Field(default=None, description="The witness's verifier key (C2SP): NAME+ID+BASE64.")

    @property
    def is_address(self) -> bool:
        """Whether `to` is an address, not a command."""
        return self.to.startswith(("https://", "http://"))


class Anchors(Table):
    """Time-stamp authority and witnesses that receive the log's checkpoints, to make rewriting evident."""

    timestamp: str = Field(
        default="",
        description="Address of a time-stamp authority (RFC 3161).",
        examples=["https://tsa.example.com/tsr"],
    )
    timestamp_every: Period = Field(
        default=_period("24 hours"),
        description="How often a time-stamp is requested.",
        examples=["24 hours", "7 days"],
    )
    witnesses: Annotated[dict[str, Value | Witness], SECRET] = Field(
        default={},
        description="By name: an address, a command that reads the checkpoint, or a table with to and key.",
    )

    @property
    def named_witnesses(self) -> dict[str, Witness]:
        """The witnesses by name, however they are written."""
        return {name: Witness(to=it) if isinstance(it, str) else it for name, it in self.witnesses.items()}


Risk: TypeAlias = Literal[
    "scoring",
    "decisions",
    "monitoring",
    "sensitive",
    "large-scale",
    "combining",
    "vulnerable",
    "new-technology",
    "denial",
]


class PapersTable(Table):
    """What the papers of optin papers say besides the configuration (GDPR 30, 35)."""

    measures: tuple[Line, ...] = Field(
        default=(),
        strict=False,
        description="Your own measures of security, besides those that optin takes.",
        examples=[["Staff sign a duty of confidentiality."]],
    )
    recipients: tuple[Line, ...] = Field(
        default=(),
        strict=False,
        description="Others who receive data from you and are no processors.",
        examples=[["Our accountant"]],
    )
    terms: tuple[Period, ...] = Field(
        default=(),
        strict=False,
        description="Periods that the privacy statement names and no other setting holds.",
        examples=[["7 years"]],
    )
    risks: tuple[Risk, ...] = Field(
        default=(),
        strict=False,
        description="Criteria of WP248 that hold for you and cannot be seen in the configuration.",
        examples=[["large-scale"], ["vulnerable"]],
    )
    assessment: Stripped = Field(
        default="",
        description="File of your finished impact assessment, in the site's folder (GDPR 35).",
        examples=["agreements/assessment.pdf"],
    )


class SiteSettings(Settings):
    """`optin.toml`."""

    languages: tuple[Annotated[str, Field(json_schema_extra=LANGUAGE)], ...] = Field(
        default=("nl",),
        min_length=1,
        strict=False,
        description="The languages of the site; the first is its main language.",
    )
    pages_url: BaseAddress = Field(
        default="", description="Address of the pages made by optin build, if it is not base_url."
    )
    time_zone: str = Field(
        default="",
        description="Time zone of the times on pages and in mails, if not that of the controller's country.",
        examples=["Europe/Amsterdam", "America/New_York"],
    )
    controller: ControllerTable
    sender: Sender
    look: LookTable = LookTable()
    privacy: dict[str, str] = Field(
        default={},
        description="Files of the privacy statement by language, if not privacy/LANG.md.",
        json_schema_extra=EACH_LANGUAGE,
    )
    purposes: dict[PurposeId, Purpose] = Field(default={}, description="Purposes by their id.")
    processors: dict[str, Processor] = Field(default={}, description="Processors by their id.")
    products: dict[str, Product] = Field(
        default={}, description="Product lines by their id: how long their buyers are customers."
    )
    obligations: dict[str, Obligation] = Field(
        default={}, description="Laws that require to keep documents, by an id."
    )
    enquiries: Enquiries = Enquiries()
    notify: dict[str, Notify] = Field(default={}, description="Staff who are told of leads, by an id.")
    limits: Limits = Limits()
    rules: RulesTable = RulesTable()
    unconfirmed: Unconfirmed = Unconfirmed()
    retention: Retention = Retention()
    backup: BackupTable = BackupTable()
    sweep: Sweep = Sweep()
    personal: PersonalTable = PersonalTable()
    erasure: ErasureTable = ErasureTable()
    download: DownloadTable = DownloadTable()
    receipt: ReceiptTable = ReceiptTable()
    desk: DeskTable = DeskTable()
    links: LinksTable = LinksTable()
    embed: EmbedTable = EmbedTable()
    papers: PapersTable = PapersTable()
    sources: SourcesTable = SourcesTable()
    proxy: ProxyTable = ProxyTable()
    server: ServerLimits = ServerLimits()
    mail_server: MailServerTable = MailServerTable()
    metrics: MetricsTable = MetricsTable()
    tracing: TracingTable = TracingTable()
    bounces: BouncesTable = BouncesTable()
    dkim: Dkim | None = Field(default=None, description="The key that signs mails (RFC 6376).")
    log: Anchors = Anchors()
    texts: dict[str, dict[str, Own]] = Field(
        default={}, description="Texts of your own by language and key.", json_schema_extra=OWN_WORDS
    )
