"""Policy of the site: its settings for requests, links and limits, and its published magnets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from optin.bases.basis_part import BasisSettings
from optin.consent.channel import Channel
from optin.consent.kind_part_lookup import PartsByKind
from optin.consent.kind_specific_details import Details, DetailsPart
from optin.consent.purpose import ConsentKey, PurposeId
from optin.consent.retention_period import RetentionPeriod
from optin.consent.served_forms import ServedForms
from optin.rules.may_contact import Aim, Strictness
from optin.settings.bounces import BouncesTable
from optin.settings.site import (
    DownloadTable,
    Limits,
    PersonalTable,
    ReceiptTable,
    Retention,
    Sweep,
    Unconfirmed,
)

PER_ADDRESS, RESEND, PER_DAY = (
    "per_address_per_day",
    "resend",
    "mails_per_day",
)  # limits, by the names of their settings


def ignore_limit(_limit: str) -> None:
    """Ignore a reached limit."""


@dataclass(frozen=True)
class KnownMagnet:
    """A magnet whose kind has details, under one of its addresses."""

    kind: str
    slug: str  # its address now; of a removed one, its last
    details: Details
    removed: bool = False  # known only from what is kept


@dataclass(frozen=True)
class NextStep:
    """What a magnet's author offers whoever just confirmed: a text, and perhaps a link and a picture.

    `link` is an address anywhere; those of pictures are the site's own, and begin with "/".
    """

    text: str
    title: str = ""
    link: str = ""
    label: str = ""
    picture: str = ""
    mail_picture: str = ""  # the same, if mail programs can show it
    alt: str = ""
    width: int = 0
    height: int = 0


@dataclass(frozen=True)
class MailCover:
    """A magnet's cover as mails show it: its address on the site, and what it shows in words."""

    url: str
    alt: str


@dataclass(frozen=True)
class LetterText:
    """A letter in one language. `html` stands within the frame of every mail; `text` is the same plainly."""

    subject: str
    preheader: str
    html: str
    text: str


@dataclass(frozen=True)
class Letter:
    """One letter of a purpose, sent so long after the consent began; its texts by language (W13)."""

    name: str
    after: RetentionPeriod
    texts: Mapping[str, LetterText]


@dataclass(frozen=True)
class GatePurpose:
    """A purpose as the gate knows it: its one channel, and what a contact for it aims at.

    `channel` None: any, for a contact without advertising that a basis carries by its own name.
    """

    channel: Channel | None
    aim: Aim = Aim.MARKETING


@dataclass(frozen=True)
class AskingProcessor:
    """A processor that may ask. `purposes`: empty for all; `ends`: the last day of its agreement."""

    purposes: frozenset[str] = frozenset()
    ends: date | None = None


@dataclass(frozen=True)
class GatePolicy:
    """How the site answers whether somebody may be contacted. `country`: the controller's."""

    country: str = "NL"
    purposes: Mapping[PurposeId, GatePurpose] = field(default_factory=dict)
    strictness: Strictness = Strictness()
    processors: Mapping[str, AskingProcessor] = field(default_factory=dict)  # processors, by their ids


@dataclass(frozen=True)
class RequestPolicy:
    """The settings that flows follow, as tables of `optin.toml`, and the site's published magnets."""

    mail_domain: str  # of every Message-ID
    base_url: str = "http://localhost"  # of links that stand in evidence
    zone: ZoneInfo = ZoneInfo("UTC")  # of the controller's calendar days
    unconfirmed: Unconfirmed = Unconfirmed()
    retention: Retention = Retention()
    sweep: Sweep = Sweep()
    limits: Limits = Limits()
    download: DownloadTable = DownloadTable()
    personal: PersonalTable = PersonalTable()
    receipt: ReceiptTable = ReceiptTable()
    bounces: BouncesTable = BouncesTable()
    ask_again: Mapping[str, RetentionPeriod] = field(default_factory=dict)  # purpose: so long before it ends
    letters: Mapping[ConsentKey, tuple[Letter, ...]] = field(default_factory=dict)  # in their order
    offers: ServedForms = field(
        default_factory=lambda: ServedForms(())
    )  # what may be given anew, as served now
    forms: PartsByKind[DetailsPart] = PartsByKind(DetailsPart())  # what kinds know of their forms
    # by address, earlier ones too; of one magnet, the details are one and the same value
    magnets: Mapping[str, KnownMagnet] = field(default_factory=dict)
    next_steps: Mapping[str, NextStep] = field(default_factory=dict)  # by address, earlier ones too
    covers: Mapping[str, MailCover] = field(default_factory=dict)  # likewise
    webhooks: Mapping[str, frozenset[str]] = field(
        default_factory=dict
    )  # processor: purposes it is told of at once
    notify: Mapping[str, frozenset[str]] = field(default_factory=dict)  # staff: magnets, all if empty
    notify_named: Mapping[str, str] = field(default_factory=dict)  # staff: why their mails name people
    names: frozenset[str] = frozenset()  # every address of a served magnet, earlier ones too
    gate: GatePolicy = GatePolicy()
    handouts: frozenset[tuple[str, str]] = frozenset()  # magnet and outcome of what is handed out
    bases: BasisSettings = BasisSettings()
    limited: Callable[[str], None] = ignore_limit  # is told which limit kept a mail back, and of no person

    def details(self, magnet: str) -> Details | None:
        """Return the details of a magnet by any of its addresses; None when its kind has none."""
        known = self.magnets.get(magnet)
        return None if known is None else known.details

    def erase_at(self, now: datetime) -> datetime:
        """Return when an unconfirmed request is erased, if its mail is sent now."""
        return max(self.unconfirmed.keep.after(now), self.unconfirmed.link.after(now))

    def promised_until(self, now: datetime) -> datetime:
        """Return until when a file promised now must be stored: until its last link expires."""
        return self.download.link.after(self.unconfirmed.link.after(now))

    def page_of_code(self, now: datetime) -> timedelta:
        """Return how long the page for codes works: no longer than any request is stored (D7)."""
        link, keep = (period.after(now) - now for period in (self.unconfirmed.link, self.unconfirmed.keep))
        return min(link * 2, max(link, keep))
