"""What may stand in `optin.toml` and in a magnet's front matter: every key, its type and its meaning.

These models are also the JSON Schema for an editor (M6). What a value means is decided in `loading`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints
from pydantic_core import PydanticCustomError

from optin.site.prose_keys import PROSE

MOST_LINE_CHARACTERS = 200  # what a mail's Subject can hold, with our words around it


def _on_one_line(text: str) -> str:
    if "\n" in text:
        kind, message = "line", "must be on one line"
        raise PydanticCustomError(kind, message)
    return text


# Values with a form of their own, which is checked: a path, an address, a period, a moment.
Stripped = Annotated[str, StringConstraints(strip_whitespace=True)]
Value = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2_000)]
ShortValue = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=MOST_LINE_CHARACTERS),
    AfterValidator(_on_one_line),
]
# Words that people read, of which none may be lost.
Own = Annotated[str, PROSE]
Remark = Annotated[Stripped, PROSE]
Text = Annotated[Value, PROSE]
Line = Annotated[ShortValue, PROSE]
Words = Annotated[dict[str, Text], Field(description="Words by language, such as nl and en.")]


class Written(BaseModel):
    """Keys that are known; any other is a mistake."""

    model_config = ConfigDict(extra="forbid", strict=True)


class ControllerTable(Written):
    """Who decides about the data (GDPR 4(7))."""

    name: Line = Field(description="Full legal name.")
    address: list[Line] = Field(min_length=1, description="Postal address, a line each.")
    email: ShortValue = Field(description="Where people reach you about their data.")
    phone: str = Field("", description="Telephone number, if you want it shown.")
    registration: Own = Field("", description="Entry in a trade register.")
    country: str = Field("NL", description="ISO 3166 code; reads national telephone numbers.")


class SenderTable(Written):
    """Who the mails come from."""

    name: Line = Field(description="Name in the From line.")
    address: ShortValue = Field(description="Address in the From line.")
    reply_to: str = Field("", description="Where answers go, if elsewhere.")


class LookTable(Written):
    """How the pages look."""

    logo: str = Field("", description="A picture beside optin.toml: svg, png, webp or jpg.")
    colour: str = Field("#0b5d4b", description="One accent colour, #rrggbb.")
    typeface: str = Field(
        "sans", description="serif, sans, or the names of typefaces whose files are in fonts/."
    )
    favicon: str = Field("", description="A square picture for the browser's tab: svg, png or ico.")


class PurposeTable(Written):
    """What a consent is for, defined once and used by magnets (M3)."""

    channel: str = Field(description="email or phone; one channel for each purpose.")
    retention: Value = Field(description='How long a consent lasts, such as "24 months".')
    ask_again: str = Field("", description='Ask once more so long before it ends, such as "30 days".')
    text: Words = Field(description="The question in each language, one sentence.")


class WebhookTable(Written):
    """What a processor is told at once, by a signed message (E7)."""

    url: ShortValue = Field(description="Where it goes: an https address of the processor.")
    purposes: list[str] = Field(min_length=1, description="Ids of the purposes that it is told of.")


class ProcessorTable(Written):
    """Who may receive data (GDPR 28)."""

    name: Text = Field(description="Full name of the processor.")
    agreement: Text = Field(description="Date and reference of the processing agreement.")
    country: str = Field("", description="ISO 3166 code of where the data goes.")
    webhook: WebhookTable | None = Field(None, description="Tell it at once: a table with url and purposes.")


class LimitsTable(Written):
    """How many sign-ups are taken (D8)."""

    per_address_per_day: int = Field(
        5, ge=1, le=1_000, description="Mails of one kind to one mailbox, in any 24 hours."
    )
    per_network_per_hour: int = Field(
        300,
        ge=1,
        le=1_000_000,
        description="Forms from one network, in an hour; in a day five times as many.",
    )
    per_site_per_minute: int = Field(600, ge=1, le=1_000_000, description="Forms on all pages, in a minute.")
    mails_per_day: int = Field(
        20_000,
        ge=2,
        le=10_000_000,
        description="Mails that forms may cause on the whole site, in a day (UTC); half of them to confirm.",
    )


class UnconfirmedTable(Written):
    """Requests that nobody confirmed yet (D4, D6)."""

    keep: str = Field("7 days", description="After this they are erased.")
    link: str = Field("72 hours", description="How long the confirmation link works.")
    resend: int = Field(3, ge=0, le=20, description="How often a mail may be sent again.")


class RetentionTable(Written):
    """How long data is kept when no purpose is live any more (GDPR 5(1)(e))."""

    magnet: str = Field("24 months", description="People who asked for a magnet and gave no consent.")
    proof: str = Field("5 years", description="Proof, after somebody's last consent ended.")
    backups: str = Field("3 months", description="Longest life of a backup; the journal goes back so far.")


class SweepTable(Written):
    """How much may be deleted before somebody has to agree (O7)."""

    clock_jump: str = Field(
        "1 day",
        description="A clock that jumped further is doubted: nothing is deleted until somebody looked.",
    )
    share: int = Field(
        10,
        ge=1,
        le=100,
        description="Percentage of people who may lose data in one day; 100 people always may.",
    )


class PersonalTable(Written):
    """The page where people see what is kept about them (GDPR 15)."""

    link: str = Field("1 hour", description="How long the mailed link to it works.")


class ErasureTable(Written):
    """What somebody loses by being erased, told beforehand (GDPR 17)."""

    consequences: Words = Field({}, description="In your words, by language, such as a warranty that ends.")


class DownloadTable(Written):
    """Links to a magnet's file (S8)."""

    link: str = Field("7 days", description="How long a download link works.")


class ProxyTable(Written):
    """The proxy in front of the server, if any."""

    trusted: list[str] = Field(default=[], description="Its networks, such as 10.0.0.0/8.")


class ServerTable(Written):
    """How much one server process takes at once, and how long it waits for a visitor."""

    connections: int = Field(
        4_096, ge=16, le=100_000, description="Connections at once, for each process; the idlest make room."
    )
    connections_per_network: int = Field(
        100,
        ge=4,
        le=100_000,
        description="How many of them from one network; trusted proxies are not counted.",
    )
    requests: int = Field(
        512, ge=1, le=100_000, description="Requests worked on at once, for each process; more of them wait."
    )
    header_seconds: int = Field(
        10,
        ge=1,
        le=300,
        description="Seconds for the headers of a request; as long may a connection be idle.",
    )
    body_seconds: int = Field(10, ge=1, le=300, description="Seconds for a form to arrive whole.")
    stalled_seconds: int = Field(
        30, ge=1, le=3_600, description="Seconds until a visitor who no longer takes the answer is cut off."
    )


class MailServerTable(Written):
    """How mail is handed to the mail server."""

    connections: int = Field(
        8,
        ge=1,
        le=100,
        description="Connections at once, for each process; fewer where the server takes fewer.",
    )


class DkimTable(Written):
    """Signing mails (RFC 6376)."""

    selector: ShortValue = Field(description="The name before ._domainkey in the DNS record.")
    domain: ShortValue = Field(description="The domain that signs, as a rule that of the sender's address.")
    key: Value = Field(description="A private key file (PEM), readable by its owner alone.")


class WitnessTable(Written):
    """Who sees each checkpoint, and the key by which its answer is known."""

    to: Value = Field(description="An address (C2SP tlog-witness), or a command that reads the checkpoint.")
    key: str = Field("", description="Its C2SP verifier key: NAME+ID+BASE64.")


class LogTable(Written):
    """Who else gets to see the log's checkpoints, so that they cannot be rewritten."""

    timestamp: str = Field("", description="Address of a time-stamp authority (RFC 3161).")
    timestamp_every: str = Field("24 hours", description="How often one is asked for.")
    witnesses: dict[str, Value | WitnessTable] = Field(
        {}, description="By name: an address, or a command that reads it; or a table with to and key."
    )


class SiteFile(Written):
    """`optin.toml`."""

    languages: list[str] = Field(["nl"], min_length=1, description="The first is the site's own.")
    base_url: str = Field("http://127.0.0.1:8000", description="Where visitors reach the site.")
    pages_url: str = Field("", description="Where the pages of optin build are, if not at base_url.")
    store: str = Field("sqlite:///var/optin.db", description="sqlite:///FILE or postgresql://…")
    mail: str = Field("file:var/mail", description="smtp://…, smtps://… or file:FOLDER")
    keys: str = Field("var/keys.json", description="The key file.")
    journal: str = Field(
        "var/journal.jsonl", description="The journal, which remembers the log outside the database."
    )
    files: str = Field("var/files", description="Folder for copies of files, which outlive their magnets.")
    time_zone: str = Field(
        "", description="On whose clock people are told times; if not that of the controller's country."
    )
    controller: ControllerTable
    sender: SenderTable
    look: LookTable = LookTable()  # type: ignore[call-arg]  # pydantic fills the defaults
    privacy: dict[str, str] = Field({}, description="Statement by language, if not privacy/LANG.md.")
    purposes: dict[str, PurposeTable] = Field({}, description="Purposes by their id.")
    processors: dict[str, ProcessorTable] = Field({}, description="Processors by their id.")
    limits: LimitsTable = LimitsTable()  # type: ignore[call-arg]  # pydantic fills the defaults
    unconfirmed: UnconfirmedTable = UnconfirmedTable()  # type: ignore[call-arg]  # as above
    retention: RetentionTable = RetentionTable()  # type: ignore[call-arg]  # as above
    sweep: SweepTable = SweepTable()  # type: ignore[call-arg]  # as above
    personal: PersonalTable = PersonalTable()  # type: ignore[call-arg]  # as above
    erasure: ErasureTable = ErasureTable()  # type: ignore[call-arg]  # as above
    download: DownloadTable = DownloadTable()  # type: ignore[call-arg]  # as above
    proxy: ProxyTable = ProxyTable()
    server: ServerTable = ServerTable()  # type: ignore[call-arg]  # pydantic fills the defaults
    mail_server: MailServerTable = MailServerTable()  # type: ignore[call-arg]  # as above
    dkim: DkimTable | None = None
    log: LogTable = LogTable()  # type: ignore[call-arg]  # as above
    texts: dict[str, dict[str, Own]] = Field({}, description="Your own words by language and key.")


class FieldEntry(Written):
    """A further field of a form, and why it is asked (GDPR 5(1)(c))."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]{0,40}$", description="first_name, company, phone, …")
    why: Text = Field(description="One sentence that visitors read beside the field.")
    label: Remark = Field("", description="Needed for a name that optin does not know.")
    required: bool = Field(default=False, description="Whether the form is refused without it.")


class PurposeEntry(Written):
    """A purpose in this magnet's own wording. Its channel and retention stay as they are (M3)."""

    id: str = Field(description="Id of a purpose of optin.toml.")
    text: Text = Field(description="The question on this page, one sentence.")


class PictureEntry(Written):
    """A picture in the magnet's folder."""

    file: Value = Field(description="Its name: svg, png, webp or jpg.")
    alt: Text = Field(description="What the picture shows, in words.")


class WebinarTable(Written):
    """When and where a webinar is held, and for how many."""

    start: Value = Field(description="Day and time as the clock in its zone shows it: 2027-03-10 14:00.")
    which: str = Field("", description="first or second, of a time that comes twice as the clock goes back.")
    duration: Value = Field(description="How long it lasts, such as 60 minutes.")
    zone: Value = Field(description="Its time zone, such as Europe/Amsterdam.")
    host: Line = Field(description="Who speaks.")
    place: Line = Field(description="Where it is held; only who confirmed is told.")
    capacity: int = Field(0, ge=0, le=1_000_000, description="How many seats; 0: as many as come.")
    replay: Stripped = Field("", description="Where the recording is, afterwards.")
    cancelled: bool = Field(default=False, description="It does not take place: everybody is told.")


class MagnetErasure(Written):
    """What somebody loses of this magnet by being erased."""

    consequences: Text = Field(description="One or two sentences, in the magnet's language.")


class VariantTable(Written):
    """Another wording of a magnet, shown to its share of the visitors. It asks for the very same."""

    title: Line | None = Field(None, description="Another title.")
    description: Text | None = Field(None, description="Another sentence below it.")
    texts: dict[str, Own] = Field({}, description="Your own words by key, for this wording.")
    purposes: dict[str, Text] = Field({}, description="Other words for a box, by the id of its purpose.")


Report = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=10_000), PROSE]


class AnswerEntry(Written):
    """One answer that can be chosen."""

    text: Text = Field(description="The answer in words.")
    points: Any = Field(0, description="A whole number, or a table of them by dimension.")


class QuestionEntry(Written):
    """One question of a quiz."""

    ask: Text = Field(description="The question itself.")
    several: bool = Field(default=False, description="Whether several answers may be chosen.")
    optional: bool = Field(default=False, description="Whether it may be left out.")
    answers: list[AnswerEntry] = Field(min_length=1, description="What can be chosen, each with its points.")


class DimensionEntry(Written):
    """Something that a quiz measures."""

    weight: float = Field(1, gt=0, le=1_000, allow_inf_nan=False, description="How often its points count.")


class OutcomeEntry(Written):
    """One result of a quiz: its page, and the report that comes by mail."""

    id: str = Field(description="Its name in the address of its page: a-z, 0-9 and hyphens.")
    title: Line = Field(description="What the visitor is told in one line.")
    text: Report = Field(description="The result in Markdown; shown without any sign-up.")
    least: float | None = Field(
        None, alias="from", allow_inf_nan=False, description="The lowest total score that leads here."
    )
    most: float | None = Field(
        None, alias="to", allow_inf_nan=False, description="The highest total score that leads here."
    )
    dimension: str = Field("", description="Instead of from and to: the dimension that must be strongest.")
    report: Report = Field("", description="The long report in Markdown; comes by mail.")
    file: str = Field("", description="A file in the magnet's folder; comes as a download link by mail.")


class KeepTable(Written):
    """What is kept of a quiz besides the outcome."""

    answers: Text = Field(description="Why you need the answers; visitors read it beside the form.")


class QuizTable(Written):
    """A quiz: its questions, and what follows from the answers."""

    pages: Literal["one", "each"] = Field(
        "one", description="one: all questions on a page; each: one a page."
    )
    questions: list[QuestionEntry] = Field(min_length=1, description="What is asked, in this order.")
    dimensions: dict[str, DimensionEntry] = Field({}, description="What is measured, by name.")
    outcomes: list[OutcomeEntry] = Field(min_length=1, description="The results; every score leads to one.")
    file: str = Field("", description="The report for outcomes without one of their own: a file.")
    keep: KeepTable | None = Field(None, description="What is kept besides the outcome, and why.")


class SeedTable(Written):
    """The public number that decides a draw, named before anybody knows it."""

    source: Text = Field(description="Which number, published by whom, in one sentence.")
    at: str = Field(description='When it is known, such as "2027-04-02 20:00", after closes.')


class ContestTable(Written):
    """A question; only who answers it right takes part."""

    question: Line = Field(description="The question; it becomes a field of the form.")
    answer: Own = Field("", description="The right answer; case, accents and spaces do not matter.")
    answers: list[Own] = Field([], description="Or several that are right.")


class DrawTable(Written):
    """A prize draw: the prize, the terms, when it closes, how its winners are drawn."""

    prize: Line = Field(description="What can be won, in words.")
    value: int = Field(ge=0, le=10_000_000, description="Of all prizes together, in whole euros.")
    winners: int = Field(1, le=1_000, description="How many tickets win, each the same prize.")
    closes: str = Field(description='The last moment, such as "2027-03-31 23:59".')
    zone: str = Field("Europe/Amsterdam", description="Time zone of closes and of the seed.")
    age: int = Field(18, ge=12, le=99, description="Who is younger may not enter.")
    cost: int = Field(0, ge=0, description="Nothing: a promotional draw is free.")
    terms: Value = Field(description="Markdown in the magnet's own folder.")
    seed: SeedTable
    keep: str = Field("3 months", description="How long entries are kept after the draw.")
    claim: Remark = Field("", description="How a winner gets the prize; goes into the mail.")
    contest: ContestTable | None = None


class MagnetFile(Written):
    """The front matter of a magnet."""

    kind: str = Field(description="The kind of magnet: white-paper, webinar, quiz, prize-draw and others.")
    lang: str = Field(description="Language of the page and its mails.")
    title: Line = Field(description="The name of the magnet; the page and its mails begin with it.")
    description: Text = Field(description="One sentence, for the list and for search engines.")
    file: str = Field("", description="What is handed out: a file in the magnet's own folder.")
    purposes: list[str | PurposeEntry] = Field([], description="Ids of purposes of optin.toml.")
    fields: list[FieldEntry] = Field([], description="What is asked besides the e-mail address.")
    picture: PictureEntry | None = None
    texts: dict[str, Own] = Field({}, description="Your own words by key, for this page.")
    erasure: MagnetErasure | None = None
    webinar: WebinarTable | None = None
    group: Stripped = Field("", description="The same word in a magnet's other languages: they are linked.")
    was: list[str] = Field([], description="Its earlier addresses: whoever comes there is sent here.")
    variants: dict[str, VariantTable] = Field({}, description="Other wordings by name; each gets its share.")
    quiz: QuizTable | None = Field(None, description="The questions and outcomes of a quiz.")
    draw: DrawTable | None = None


class PrivacyFile(Written):
    """The front matter of a privacy statement."""

    title: Line = Field(description="The heading of the statement.")
    date: str = Field(
        "", description="The day from which this text holds, such as 2026-11-23; people are told it."
    )
