"""What may stand in `optin.toml` and in a magnet's front matter: every key, its type and its meaning.

These models are also the JSON Schema for an editor (M6). What a value means is decided in `loading`.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints
from pydantic_core import PydanticCustomError

MOST_LINE_CHARACTERS = 200  # what a mail's Subject can hold, with our words around it


def _on_one_line(text: str) -> str:
    if "\n" in text:
        kind, message = "line", "must be on one line"
        raise PydanticCustomError(kind, message)
    return text


Stripped = Annotated[str, StringConstraints(strip_whitespace=True)]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2_000)]
Line = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=MOST_LINE_CHARACTERS),
    AfterValidator(_on_one_line),
]
Words = Annotated[dict[str, Text], Field(description="Words by language, such as nl and en.")]


class Written(BaseModel):
    """Keys that are known; any other is a mistake."""

    model_config = ConfigDict(extra="forbid", strict=True)


class ControllerTable(Written):
    """Who decides about the data (GDPR 4(7))."""

    name: Line = Field(description="Full legal name.")
    address: list[Line] = Field(min_length=1, description="Postal address, a line each.")
    email: Line = Field(description="Where people reach you about their data.")
    phone: str = Field("", description="Telephone number, if you want it shown.")
    registration: str = Field("", description="Entry in a trade register.")
    country: str = Field("NL", description="ISO 3166 code; reads national telephone numbers.")


class SenderTable(Written):
    """Who the mails come from."""

    name: Line = Field(description="Name in the From line.")
    address: Line = Field(description="Address in the From line.")
    reply_to: str = Field("", description="Where answers go, if elsewhere.")


class LookTable(Written):
    """How the pages look."""

    logo: str = Field("", description="A picture beside optin.toml: svg, png, webp or jpg.")
    colour: str = Field("#0b5d4b", description="One accent colour, #rrggbb.")
    typeface: str = Field("sans", description="serif, sans, or names of installed typefaces.")


class PurposeTable(Written):
    """What a consent is for, defined once and used by magnets (M3)."""

    channel: str = Field(description="email or phone; one channel for each purpose.")
    retention: Text = Field(description='How long a consent lasts, such as "24 months".')
    ask_again: str = Field("", description='Ask once more so long before it ends, such as "30 days".')
    text: Words = Field(description="The question in each language, one sentence.")


class ProcessorTable(Written):
    """Who may receive data (GDPR 28)."""

    name: Text = Field(description="Full name of the processor.")
    agreement: Text = Field(description="Date and reference of the processing agreement.")
    country: str = Field("", description="ISO 3166 code of where the data goes.")


class LimitsTable(Written):
    """How many sign-ups are taken (D8)."""

    per_address_per_day: int = Field(5, ge=1, le=1_000, description="For one e-mail address, in a day.")
    per_network_per_hour: int = Field(60, ge=1, le=1_000_000, description="From one network, in an hour.")
    per_site_per_minute: int = Field(600, ge=1, le=1_000_000, description="On all pages, in a minute.")


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


class DkimTable(Written):
    """Signing mails (RFC 6376)."""

    selector: Line = Field(description="The name before ._domainkey in the DNS record.")
    domain: Line = Field(description="The domain that signs, as a rule that of the sender's address.")
    key: Text = Field(description="A private key file (PEM), readable by its owner alone.")


class WitnessTable(Written):
    """Who sees each checkpoint, and the key by which its answer is known."""

    to: Text = Field(description="An address, or a command that reads the checkpoint.")
    key: str = Field("", description="Its C2SP verifier key: NAME+ID+BASE64.")


class LogTable(Written):
    """Who else gets to see the log's checkpoints, so that they cannot be rewritten."""

    timestamp: str = Field("", description="Address of a time-stamp authority (RFC 3161).")
    timestamp_every: str = Field("24 hours", description="How often one is asked for.")
    witnesses: dict[str, Text | WitnessTable] = Field(
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
    journal: str = Field("var/journal.jsonl", description="Withdrawals and erasures, apart from the store.")
    controller: ControllerTable
    sender: SenderTable
    look: LookTable = LookTable()  # type: ignore[call-arg]  # pydantic fills the defaults
    privacy: dict[str, str] = Field({}, description="Statement by language, if not privacy/LANG.md.")
    purposes: dict[str, PurposeTable] = Field({}, description="Purposes by their id.")
    processors: dict[str, ProcessorTable] = Field({}, description="Processors by their id.")
    limits: LimitsTable = LimitsTable()  # type: ignore[call-arg]  # pydantic fills the defaults
    unconfirmed: UnconfirmedTable = UnconfirmedTable()  # type: ignore[call-arg]  # as above
    retention: RetentionTable = RetentionTable()  # type: ignore[call-arg]  # as above
    personal: PersonalTable = PersonalTable()  # type: ignore[call-arg]  # as above
    erasure: ErasureTable = ErasureTable()  # type: ignore[call-arg]  # as above
    download: DownloadTable = DownloadTable()  # type: ignore[call-arg]  # as above
    proxy: ProxyTable = ProxyTable()
    dkim: DkimTable | None = None
    log: LogTable = LogTable()  # type: ignore[call-arg]  # as above
    texts: dict[str, dict[str, str]] = Field({}, description="Your own words by language and key.")


class FieldEntry(Written):
    """A further field of a form, and why it is asked (GDPR 5(1)(c))."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]{0,40}$", description="first_name, company, phone, …")
    why: Text = Field(description="One sentence that visitors read beside the field.")
    label: Stripped = Field("", description="Needed for a name that optin does not know.")
    required: bool = Field(default=False, description="Whether the form is refused without it.")


class PurposeEntry(Written):
    """A purpose in this magnet's own wording. Its channel and retention stay as they are (M3)."""

    id: str = Field(description="Id of a purpose of optin.toml.")
    text: Text = Field(description="The question on this page, one sentence.")


class PictureEntry(Written):
    """A picture in the magnet's folder."""

    file: Text = Field(description="Its name: svg, png, webp or jpg.")
    alt: Text = Field(description="What the picture shows, in words.")


class MagnetErasure(Written):
    """What somebody loses of this magnet by being erased."""

    consequences: Text = Field(description="One or two sentences, in the magnet's language.")


class MagnetFile(Written):
    """The front matter of a magnet."""

    kind: str = Field(description="white-paper, tip-booklet, checklist or newsletter.")
    lang: str = Field(description="Language of the page and its mails.")
    title: Line = Field(description="The name of the magnet; the page and its mails begin with it.")
    description: Text = Field(description="One sentence, for the list and for search engines.")
    file: str = Field("", description="What is handed out: a file in the magnet's own folder.")
    purposes: list[str | PurposeEntry] = Field([], description="Ids of purposes of optin.toml.")
    fields: list[FieldEntry] = Field([], description="What is asked besides the e-mail address.")
    picture: PictureEntry | None = None
    texts: dict[str, str] = Field({}, description="Your own words by key, for this page.")
    erasure: MagnetErasure | None = None


class PrivacyFile(Written):
    """The front matter of a privacy statement."""

    title: Line = Field(description="The heading of the statement.")
