"""A site as checked values, independent of how they were written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import Path
from zoneinfo import ZoneInfo

from optin.consent.form_version import FormDeclaration, FormField, Slug
from optin.consent.kind_specific_details import Details
from optin.consent.purpose import ConsentQuestion, Controller
from optin.consent.retention_period import RetentionPeriod
from optin.settings.site import SiteSettings
from optin.site.findings import Finding
from optin.site.magnet_life import MagnetLife, MagnetPhase, MagnetStatus
from optin.site.resized_pictures import Rendition
from optin.site.statement_blocks import StatementList
from optin.theme.look import Look

_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class PrivacyStatement:
    """A privacy statement in one language (GDPR 13). `path` and `line`: the place of its date."""

    lang: str
    title: str
    body_html: str
    day: date | None = None  # from when on this text holds, as its author says
    text_digest: str = ""  # of what visitors read, however it is rendered
    path: str = ""
    line: int = 1
    written: str = ""  # its text as it stands in the file, without the marks of blocks
    written_line: int = 1  # where that begins
    lists: tuple[StatementList, ...] = ()  # blocks with text of its author's, to be compared
    is_starter: bool = False  # still the one that `optin init` wrote


@dataclass(frozen=True)
class PictureFile:
    """A magnet's picture, with its size in pixels."""

    path: Path
    alt: str
    width: int
    height: int
    source: str = ""  # how the text names it, escaped as in HTML
    focus: str = ""  # what stays in sight where it is cropped: across and down, in percent
    drawn: tuple[Rendition, ...] = field(default=(), repr=False)  # in the widths that pages show
    mailed: Rendition | None = field(default=None, repr=False)  # as mails show it, where they do
    shared: Rendition | None = field(default=None, repr=False)  # for social sites, where its file is large


@dataclass(frozen=True)
class NextStepFile:
    """The next step after a confirmation, as its author wrote it. `link` may begin with "/"."""

    title: str
    text: str
    link: str = ""
    label: str = ""
    picture: PictureFile | None = None


@dataclass(frozen=True)
class LetterDraft:
    """A letter in one language, as its author wrote it: Markdown. `path`: its file, below the site."""

    subject: str
    preheader: str
    body: str
    path: str


@dataclass(frozen=True)
class PurposeLetter:
    """One letter of a purpose, by language."""

    name: str
    after: RetentionPeriod
    drafts: Mapping[str, LetterDraft]


@dataclass(frozen=True)
class StoryPiece:
    """A part of a magnet's text: prose as HTML, or the block `name` with the value for its template."""

    html: str = ""
    name: str = ""
    block: object = None
    line: int = 1  # in the magnet's file


@dataclass(frozen=True)
class Variant:
    """Another wording of a magnet: its complete texts, not only the changed ones."""

    name: str
    title: str
    description: str
    texts: tuple[tuple[str, str], ...]
    questions: tuple[ConsentQuestion, ...]  # of the same purposes, channels and retention
    headline: str = ""


@dataclass(frozen=True)
class Magnet:
    """One magnet. `folder` must contain its file and pictures."""

    slug: Slug
    kind: str
    lang: str
    title: str
    description: str
    story: tuple[StoryPiece, ...]  # what its author wrote below the front matter
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
    next_step: NextStepFile | None = None  # what people are offered once they confirmed
    thanks: str = ""  # the page elsewhere that they are sent to
    headline: str = ""  # what people gain; the page begins with it instead of the title
    order: int | None = None  # its place on the index: smaller first, then those without one
    owner: str = ""  # e-mail address of whoever has its leads as their own
    listed: bool = True  # on the index and in the sitemap
    life: MagnetLife = MagnetLife()

    @property
    def is_archived(self) -> bool:
        """Whether its author archived it."""
        return self.life.status is MagnetStatus.ARCHIVED

    @property
    def closes_at(self) -> datetime | None:
        """From when on the form is closed (UTC), by its kind or its author; None: never."""
        if self.is_archived:
            return _LONG_AGO
        moments = (None if self.details is None else self.details.closes_at, self.life.ends_at)
        return min((moment for moment in moments if moment is not None), default=None)

    def phase_at(self, now: datetime) -> MagnetPhase:
        """Return what is served at its address: the form, or a page that says it is not open."""
        if self.closes_at is not None and self.closes_at <= now:
            return MagnetPhase.OVER
        if self.life.opens_at is not None and now < self.life.opens_at:
            return MagnetPhase.WAITING
        return MagnetPhase.OPEN

    def file_for(self, form: FormDeclaration) -> Path | None:
        """Return the file handed out by a form of this magnet; one of several forms may have its own."""
        handout = None if self.details is None else self.details.deliverable(form.form_name)
        if handout is None:
            return self.file
        return self.folder / handout.file if handout.file else None


@dataclass(frozen=True)
class Site:
    """A site whose `optin.toml` is valid. Broken magnets are left out."""

    root: Path
    settings: SiteSettings
    look: Look
    privacy: Mapping[str, PrivacyStatement]
    time_zone: str  # on whose clock people are told moments (IANA)
    magnets: Mapping[Slug, Magnet] = field(default_factory=dict)
    drafts: Mapping[Slug, Magnet] = field(default_factory=dict)  # shown by a preview link alone
    letters: Mapping[str, tuple[PurposeLetter, ...]] = field(default_factory=dict)  # by purpose

    @cached_property
    def controller(self) -> Controller:
        """The controller, as declared in forms and proofs."""
        it = self.settings.controller
        return Controller(it.name, it.address, it.email, it.phone, it.registration)

    @cached_property
    def renamed(self) -> Mapping[Slug, Slug]:
        """The current slug of a magnet, by each of its former slugs."""
        return {old: magnet.slug for magnet in self.magnets.values() for old in magnet.was}

    def day_of(self, moment: datetime) -> date:
        """Return the day of a moment (UTC) by the controller's calendar."""
        return moment.astimezone(ZoneInfo(self.time_zone)).date()

    def language_of(self, slug: Slug) -> str | None:
        """Return the language of a magnet or a draft; None when there is neither."""
        magnet = self.magnets.get(slug) or self.drafts.get(slug)
        return None if magnet is None else magnet.lang

    def magnet(self, slug: str) -> Magnet | None:
        """Return a magnet by its current or a former slug."""
        name = Slug(slug)
        return self.magnets.get(self.renamed.get(name, name))

    @cached_property
    def groups(self) -> Mapping[str, tuple[Magnet, ...]]:
        """The magnets that are translations of each other, in the order of the site's languages."""
        found: dict[str, list[Magnet]] = {}
        for magnet in self.magnets.values():
            if magnet.group:
                found.setdefault(magnet.group, []).append(magnet)
        order = self.settings.languages.index
        return {
            name: tuple(sorted(members, key=lambda it: order(it.lang)))
            for name, members in found.items()
            if len(members) > 1
        }


@dataclass(frozen=True)
class LoadedSite:
    """The result of reading a site: the site, unless `optin.toml` is broken, and every finding."""

    site: Site | None
    findings: tuple[Finding, ...]
