"""A site as the rest of the program sees it: checked values, nothing of how they were written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from pathlib import Path

from optin.consent.form import FormDeclaration, FormField, Slug
from optin.consent.magnet_details import Details
from optin.consent.purpose import (
    Channel,
    ConsentQuestion,
    Controller,
    PurposeId,
    RetentionPeriod,
)
from optin.consent.quiz import Quiz
from optin.proof.note import VerifierKey
from optin.settings import Settings
from optin.site.findings import Finding
from optin.theme.look import Look


@dataclass(frozen=True)
class Sender:
    """Who the mails come from."""

    name: str
    address: str
    reply_to: str = ""


@dataclass(frozen=True)
class Purpose:
    """A purpose as the site defines it once (M3)."""

    id: PurposeId
    channel: Channel
    retention: RetentionPeriod
    wording: Mapping[str, str]
    ask_again: RetentionPeriod | None = None  # so long before it ends


@dataclass(frozen=True)
class Webhook:
    """Where a processor is told at once, and of which purposes (E7)."""

    url: str
    purposes: frozenset[str]


@dataclass(frozen=True)
class Processor:
    """Who may receive data, and by which agreement (GDPR 28)."""

    id: str
    name: str
    agreement: str
    country: str = ""
    webhook: Webhook | None = None


@dataclass(frozen=True)
class Limits:
    """How many sign-ups are taken (D8)."""

    per_address_per_day: int = 5
    per_network_per_hour: int = 300
    per_site_per_minute: int = 600
    mails_per_day: int = 20_000


@dataclass(frozen=True)
class ServerLimits:
    """How many connections and requests one process takes at once, and how long it waits for them (O8)."""

    connections: int = 4_096
    connections_per_network: int = 100
    requests: int = 512
    header_seconds: int = 10
    body_seconds: int = 10
    stalled_seconds: int = 30


@dataclass(frozen=True)
class Sweep:
    """How far a clock is trusted, and the percentage of people that may go on one day (O7)."""

    clock_jump: RetentionPeriod = RetentionPeriod.parse("1 day")
    share: int = 10


@dataclass(frozen=True)
class Unconfirmed:
    """How long requests wait for a confirmation, and how often it is asked again."""

    keep: RetentionPeriod
    link: RetentionPeriod
    resend: int


@dataclass(frozen=True)
class Retention:
    """How long data is kept without a live purpose (GDPR 5(1)(e))."""

    magnet: RetentionPeriod = RetentionPeriod.parse("24 months")
    proof: RetentionPeriod = RetentionPeriod.parse("5 years")
    backups: RetentionPeriod = RetentionPeriod.parse("3 months")


@dataclass(frozen=True)
class Dkim:
    """What mails are signed with."""

    selector: str
    domain: str
    key: Path


@dataclass(frozen=True)
class Witness:
    """Who is shown each checkpoint: at an address, or by a command. `key`: only what it signed is kept."""

    to: str
    key: VerifierKey | None = None

    @property
    def is_address(self) -> bool:
        """Whether `to` is an address, not a command."""
        return self.to.startswith(("https://", "http://"))


@dataclass(frozen=True)
class Anchors:
    """Who sees the log's checkpoints: a time-stamp authority, witnesses by name."""

    timestamp: str = ""  # its address
    timestamp_every: RetentionPeriod = RetentionPeriod.parse("24 hours")
    witnesses: Mapping[str, Witness] = field(default_factory=dict)


@dataclass(frozen=True)
class PrivacyStatement:
    """A privacy statement in one language (GDPR 13). `path` and `line`: where its date stands, or should."""

    lang: str
    title: str
    body_html: str
    day: date | None = None  # from when on this text holds, as its author says
    words: str = ""  # digest of what was written, however it is rendered
    path: str = ""
    line: int = 1


@dataclass(frozen=True)
class PictureFile:
    """A picture of a magnet, measured in pixels."""

    path: Path
    alt: str
    width: int
    height: int
    source: str = ""  # how the text names it, escaped as in HTML


@dataclass(frozen=True)
class Variant:
    """Another wording of a magnet: what it says in full, not what it changes."""

    name: str
    title: str
    description: str
    texts: tuple[tuple[str, str], ...]
    questions: tuple[ConsentQuestion, ...]  # of the same purposes, channels and retention


@dataclass(frozen=True)
class Magnet:
    """One magnet. `folder` is what its file and pictures must lie in."""

    slug: Slug
    kind: str
    lang: str
    title: str
    description: str
    body_html: str
    folder: Path
    file: Path | None = None
    picture: PictureFile | None = None
    pictures: tuple[PictureFile, ...] = ()  # those in the text
    questions: tuple[ConsentQuestion, ...] = ()
    fields: tuple[FormField, ...] = ()
    texts: tuple[tuple[str, str], ...] = ()
    consequences: str = ""  # what is lost when the person is erased (R5)
    details: Details | None = None  # what only its kind has
    variants: tuple[Variant, ...] = ()  # besides the magnet as it is written
    group: str = ""  # shared by the same magnet in other languages
    was: tuple[Slug, ...] = ()  # its earlier names

    @property
    def closes_at(self) -> datetime | None:
        """From when on no form is taken (UTC); None: never."""
        return None if self.details is None else self.details.closes_at

    def file_for(self, form: FormDeclaration) -> Path | None:
        """Return the file that a form of this magnet hands out: of a quiz, the one of its outcome."""
        if not isinstance(self.details, Quiz):
            return self.file
        outcome = self.details.outcome(form.detail.get("outcome", ""))
        return self.folder / outcome.file if outcome is not None and outcome.file else None


@dataclass(frozen=True)
class Site:
    """A site whose `optin.toml` is sound. Magnets that are broken are left out."""

    root: Path
    settings: Settings
    controller: Controller
    country: str
    sender: Sender
    languages: tuple[str, ...]
    look: Look
    purposes: Mapping[PurposeId, Purpose]
    processors: Mapping[str, Processor]
    limits: Limits
    unconfirmed: Unconfirmed
    download_link: RetentionPeriod
    privacy: Mapping[str, PrivacyStatement]
    magnets: Mapping[Slug, Magnet] = field(default_factory=dict)
    trusted_proxies: tuple[str, ...] = ()
    server: ServerLimits = field(default_factory=ServerLimits)
    dkim: Dkim | None = None
    mail_connections: int = 8  # to the mail server, at most
    anchors: Anchors = field(default_factory=Anchors)
    texts: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    retention: Retention = field(default_factory=Retention)
    sweep: Sweep = field(default_factory=Sweep)
    pages_url: str = ""  # where the built pages are, if not at the base address
    personal_link: RetentionPeriod = RetentionPeriod.parse("1 hour")
    consequences: Mapping[str, str] = field(default_factory=dict)  # of an erasure, by language (R5)
    time_zone: str = "UTC"  # on whose clock people are told moments (IANA)

    @cached_property
    def renamed(self) -> Mapping[Slug, Slug]:
        """The name of a magnet now, by each of its earlier ones."""
        return {old: magnet.slug for magnet in self.magnets.values() for old in magnet.was}

    def magnet(self, slug: str) -> Magnet | None:
        """Return a magnet by its name now, or by an earlier one."""
        name = Slug(slug)
        return self.magnets.get(self.renamed.get(name, name))

    @cached_property
    def groups(self) -> Mapping[str, tuple[Magnet, ...]]:
        """The magnets that are one in several languages, in the order of the site's languages."""
        found: dict[str, list[Magnet]] = {}
        for magnet in self.magnets.values():
            if magnet.group:
                found.setdefault(magnet.group, []).append(magnet)
        order = self.languages.index
        return {
            name: tuple(sorted(members, key=lambda it: order(it.lang)))
            for name, members in found.items()
            if len(members) > 1
        }


@dataclass(frozen=True)
class Loaded:
    """What came of reading a site: the site, unless `optin.toml` is broken, and every mistake."""

    site: Site | None
    findings: tuple[Finding, ...]
