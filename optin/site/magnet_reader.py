"""Read one magnet: its front matter, its text, its file and pictures (M1, M3, M5)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ParamSpec, TypeVar
from zoneinfo import ZoneInfo

from optin.consent.channel import declared_addresses
from optin.consent.email_and_telephone import parse_email
from optin.consent.form_version import EMAIL_FIELD, FormField, Slug
from optin.consent.kind_part_lookup import OUR_PACKAGE, PartsByKind
from optin.consent.kind_specific_details import Details
from optin.consent.purpose import ConsentQuestion, PurposeId
from optin.settings.site import Purpose
from optin.site.findings import Finding, kind_failed, nearest, shown_path
from optin.site.front_matter import FRONT_MATTER_KEYS, FieldEntry, MagnetFile, PurposeEntry, magnet_file
from optin.site.kind_front_matter_hooks import FilePart, TableReading
from optin.site.law_lint import objections_to_form, objections_to_override, objections_to_wording
from optin.site.law_words import claimed, mentioned
from optin.site.magnet_conflicts import RESERVED, SLUG, MagnetReading
from optin.site.magnet_files import MagnetFiles
from optin.site.magnet_findings import MagnetFindings
from optin.site.magnet_life import MagnetLife, MagnetStatus
from optin.site.magnet_life_reader import read_life
from optin.site.magnet_text_reader import read_story
from optin.site.markdown_to_html import Prose
from optin.site.model import Magnet
from optin.site.next_steps import read_next_step, read_thanks
from optin.site.picture_cache import PictureCache
from optin.site.toml_and_markdown_reader import Document, Path_, read_front_matter
from optin.site.validation_messages import validated
from optin.site.variants import read_variants
from optin.theme.catalogue import catalogue
from optin.theme.kind_folders import kind_words

P = ParamSpec("P")
T = TypeVar("T")

KNOWN_FIELDS = ("first_name", "last_name", "company", *(it.field for it in declared_addresses()))
# names in the form, and columns of an export, where a field would stand under another's heading
TAKEN_FIELDS = frozenset(
    f"{EMAIL_FIELD} email_meant consent form age choice answer token purpose channel consent_text"
    " requested_at confirmed_at expires_at form_version privacy_version magnet lang evidence unsubscribe_url"
    f" outcome answers".split()
)


@dataclass(frozen=True)
class KnownReferences:
    """What a magnet may refer to: kinds, purposes, languages, and field labels."""

    kinds: PartsByKind[FilePart]
    purposes: Mapping[PurposeId, Purpose]
    languages: tuple[str, ...]
    label: Callable[[str, str], str]
    zone: ZoneInfo = ZoneInfo("UTC")  # on whose clock moments are written
    link_hosts: tuple[str, ...] = ()  # other sites that people may be sent to
    doubtful: Collection[str] = ()  # purposes that are not as they were meant: nothing follows from them
    all_purposes_known: bool = True

    @property
    def known(self) -> tuple[object, ...]:
        """Everything that a reading depends on, except labels, which are the catalogue's."""
        return (
            self.purposes,
            self.languages,
            self.zone.key,
            self.link_hosts,
            self.doubtful,
            self.all_purposes_known,
        )


class MagnetReader:
    """Reads one file and collects its findings."""

    def __init__(self, root: Path, path: Path, around: KnownReferences, data: bytes | None = None) -> None:
        """Read `path`, a Markdown file below `root`/magnets; `data`: as if it held these bytes."""
        self._data = data
        self._around = around
        self._path = path
        self.name = shown_path(path, root)
        named = Path(self.name)
        self.slug = Slug(named.parent.name if path.name == "index.md" else named.stem)
        self._findings = MagnetFindings(self.name, self.slug)
        self._files = MagnetFiles(path, self._findings, PictureCache(root))

    @property
    def reading(self) -> MagnetReading:
        """The magnet, unless an error was found, with all findings."""
        magnet = self.read()
        keys: list[Path_] = [("group",), *(("was", at) for at in range(len(magnet.was) if magnet else 0))]
        places = {where: self._findings.document.place(where) for where in keys}
        is_draft = self._findings.document.values.get("status") == MagnetStatus.DRAFT
        return MagnetReading(self.name, self.slug, magnet, tuple(self._findings.found), places, is_draft)

    def read(self) -> Magnet | None:
        """Return the magnet, or None when an error was found."""
        self._check_slug()
        document = read_front_matter(self._path, self.name, self._data)
        if isinstance(document, Finding):
            self._findings.add(document)
            return None
        self._findings.document = document
        self._tables = self._tables_for(document)
        parts = [(key, part) for key, (_, part) in self._tables.items()]
        model = magnet_file(tuple((key, part.model) for key, part in parts if part.model is not None))
        self._validated = validated(model, document, self.slug)
        self._findings.found += self._validated.findings
        self._findings.vouches = self._validated.vouches
        magnet = self._magnet(self._validated.written)
        if magnet.kind in self._around.kinds:
            for it in self._call(magnet.kind, (), self._around.kinds[magnet.kind].check, magnet):
                self._findings.complain(it)
        broken = any(finding.severity == "error" for finding in self._findings.found)
        return None if broken else magnet

    def _tables_for(self, document: Document) -> Mapping[str, tuple[str, FilePart]]:
        """Return the tables that a file may have, each with its kind.

        They are those of its kind; of every kind where something else is in it too, which is then named.
        """
        kinds, name = self._around.kinds, document.values.get("kind")
        if isinstance(name, str) and name in kinds:
            kind = kinds[name]
            if set(document.values) <= FRONT_MATTER_KEYS | {kind.table}:
                return {kind.table: (name, kind)} if kind.table else {}
        return {kind.table: (name, kind) for name, kind in kinds.items() if kind.table}

    def _magnet(self, written: MagnetFile) -> Magnet:
        kind = self._kind(written.kind)
        if written.lang not in self._around.languages:
            languages = self._around.languages
            message = f"The language {written.lang!r} is not one of the site's."
            self._findings.say(("lang",), message, nearest(written.lang, languages), code="lang")
        questions = self._questions(written)
        reading = TableReading() if kind is None else self._reading(written, kind)
        fields = (*self._fields(written), *reading.fields)
        sure = self._is_sure_of_form(written, questions)
        if sure:
            for key, objection in objections_to_form(questions, fields):
                self._findings.object_at((key,), objection)
            complaint = None if kind is None else self._call(written.kind, None, kind.insists, questions)
            if complaint is not None:
                self._findings.complain(complaint)
        known = {**catalogue("en"), **kind_words(None if kind is None else kind.folder, "en")}
        for key, text in written.texts.items():
            for objection in objections_to_override(key, text, known):
                self._findings.object_at(("texts", key), objection)
        story = read_story(self._findings.document.body, self._files, self._findings, written.file)
        self._check_text(story.prose, story.words)
        variants, complaints = read_variants(written, questions, fields, known)
        doubted = {path[:2] for path in self._validated.spoilt}
        for where, objection in complaints:
            if (sure or "purposes" not in where) and where[:2] not in doubted:
                self._findings.object_at(where, objection)
        return Magnet(
            slug=self.slug,
            kind=written.kind,
            lang=written.lang,
            title=written.title.strip(),
            description=written.description.strip(),
            story=story.pieces,
            folder=self._path.parent,
            file=self._files.file(written, kind),
            picture=self._files.cover(written.picture),
            pictures=story.pictures,
            questions=questions,
            fields=fields,
            texts=tuple(sorted(written.texts.items())),
            consequences="" if written.erasure is None else written.erasure.consequences,
            details=reading.details,
            variants=variants,
            group=written.group,
            was=tuple(Slug(old) for old in written.was),
            headline=(written.headline or "").strip(),
            life=self._life(written, reading.details),
            order=written.order,
            owner=self._owner(written.owner),
            listed=written.listed,
            next_step=read_next_step(written.next, self._files, self._findings),
            thanks=read_thanks(written.thanks, self._around.link_hosts, self._findings),
        )

    def _owner(self, text: str) -> str:
        """Return the address of a magnet's owner; whether they have an account is the desk's to say."""
        try:
            return str(parse_email(text)) if text else ""
        except ValueError:
            cure = "Write the address of one of the staff, such as anna@example.com."
            self._findings.say(("owner",), f"{text[:60]!r} is no e-mail address.", cure, code="owner")
            return ""

    def _life(self, written: MagnetFile, details: Details | None) -> MagnetLife:
        """Return when the form is open; one that its kind closes before it opens never is."""
        reading = read_life(MagnetStatus(written.status), written.from_, written.until, self._around.zone)
        for it in reading.complaints:
            self._findings.complain(it)
        closes_at = None if details is None else details.closes_at
        opens_at = reading.life.opens_at
        if closes_at is not None and opens_at is not None and closes_at <= opens_at:
            message = f"The form of this {written.kind} closes before it opens (from: {written.from_})."
            self._findings.say(("from",), message, "Write an earlier from, or remove it.", code="life")
        return reading.life

    def _kind(self, name: str) -> FilePart | None:
        kinds = self._around.kinds
        if name in kinds:
            return kinds[name]
        problem = kinds.problem(name)
        if problem is None:
            self._findings.say(("kind",), f"The kind {name!r} is unknown.", nearest(name, kinds.names()))
        else:
            self._findings.say(("kind",), problem.message, problem.cure, code="kind-broken")
        return None

    def _reading(self, written: MagnetFile, kind: FilePart) -> TableReading:
        """Return the kind's own part; its table is required, and tables of other kinds are refused."""
        for key, (other, _) in self._tables.items():
            if key != kind.table and getattr(written, key) is not None:
                message = f"A {written.kind} has no {key}."
                self._findings.say((key,), message, f"Remove it, or write kind: {other}.", code="kind")
        if kind.forks and written.variants:
            message = f"A {written.kind} has one wording: its pages differ by the result already."
            self._findings.say(("variants",), message, "Remove variants.", code="variant")
        table = getattr(written, kind.table) if kind.table else None
        if kind.table and table is None:
            if self._findings.vouches((kind.table,)):
                message = f"A {written.kind} needs the key {kind.table!r}."
                self._findings.say(
                    ("kind",), message, f"optin new {written.kind} shows how it begins.", code="kind"
                )
            return TableReading()
        if table is None:
            return TableReading()
        folder = self._path.parent
        reading = self._call(written.kind, TableReading(), kind.read, table, folder, written.lang)
        partly = any(place[0] == kind.table for place in self._validated.spoilt)
        for it in reading.complaints:
            if it.of_the_whole and partly:
                continue
            self._findings.complain(it)
        return reading

    def _is_sure_of_form(self, written: MagnetFile, questions: tuple[ConsentQuestion, ...]) -> bool:
        """Return whether boxes and fields are all valid, so that rules about the form can be applied."""
        mistaken = {path[-1] for path in self._validated.spoilt if path[0] in {"purposes", "fields"}}
        doubted = any(question.purpose in self._around.doubtful for question in questions)
        found = len(questions) == len(written.purposes)
        return found and not doubted and mistaken <= {"why", "label", "required"}

    def _check_slug(self) -> None:
        if SLUG.fullmatch(self.slug) is None:
            message = f"{self.slug!r} cannot stand in an address."
            self._findings.add(
                Finding(self.name, 1, 1, message, "Name it with a-z, 0-9 and hyphens.", code="slug")
            )
        elif self.slug in RESERVED:
            message = f"The address /{self.slug} is optin's own."
            self._findings.add(Finding(self.name, 1, 1, message, "Choose another name.", code="slug"))

    def _questions(self, written: MagnetFile) -> tuple[ConsentQuestion, ...]:
        questions: list[ConsentQuestion] = []
        for place, entry in enumerate(written.purposes):
            own = isinstance(entry, PurposeEntry)
            name = entry.id if isinstance(entry, PurposeEntry) else entry
            where: Path_ = ("purposes", place)
            purpose = self._around.purposes.get(PurposeId(name))
            if purpose is None and not self._around.all_purposes_known:
                continue
            if purpose is None:
                known = [*self._around.purposes]
                message = f"The purpose {name!r} is not defined in optin.toml."
                self._findings.say(where, message, nearest(name, known), code="purpose")
                continue
            wording = entry.text if isinstance(entry, PurposeEntry) else purpose.text.get(written.lang)
            if wording is None and written.lang not in self._around.languages:
                continue  # said at lang
            if wording is None:
                message = f"The purpose {name!r} has no words in {written.lang!r}."
                cure = f"Add text.{written.lang} to it in optin.toml, or a text here."
                self._findings.say(where, message, cure, code="wording")
                continue
            if own:
                for objection in objections_to_wording(wording, purpose.channel):
                    self._findings.object_at((*where, "text"), objection)
            question = ConsentQuestion(PurposeId(name), purpose.channel, wording.strip(), purpose.retention)
            questions.append(question)
        return tuple(questions)

    def _fields(self, written: MagnetFile) -> tuple[FormField, ...]:
        fields: list[FormField] = []
        for place, entry in enumerate(written.fields):
            where: Path_ = ("fields", place)
            if entry.name == EMAIL_FIELD or entry.name in {field.name for field in fields}:
                message = f"The field {entry.name!r} already exists."
                self._findings.say((*where, "name"), message, "Remove it.", code="field-twice")
                continue
            if entry.name in TAKEN_FIELDS:
                message = f"The name {entry.name!r} is optin's own, in the form or in an export."
                self._findings.say(
                    (*where, "name"), message, f"Name it own_{entry.name}.", code="field-taken"
                )
            fields.append(self._field(written, entry, (*where, "name")))
        return tuple(fields)

    def _field(self, written: MagnetFile, entry: FieldEntry, where: Path_) -> FormField:
        label = entry.label
        if not label and entry.name in KNOWN_FIELDS:
            label = self._around.label(written.lang, entry.name)
        if not label:
            message = f"The field {entry.name!r} needs a label."
            cure = f"Add label, or use one of {', '.join(KNOWN_FIELDS)}."
            self._findings.say(where, message, cure, code="label")
        return FormField(entry.name, label, entry.why.strip(), entry.required)

    def _check_text(self, prose: Prose, words: str) -> None:
        first = self._findings.document.body_line - 1
        for target, line in prose.foreign:
            message = f"The link {target[:60]!r} does not work on a web page."
            cure = "Write https://… in full, or /… for a page of this site."
            self._findings.add(Finding(self.name, first + line, 1, message, cure, code="link"))
        if prose.headings:
            message = "The text has a first-level heading, but the page's title is one already."
            line = first + prose.headings[0]
            self._findings.add(Finding(self.name, line, 1, message, "Begin with ##.", "warning", "heading"))
        if claimed("needed", words) and mentioned("consent", words):
            message = "The text sounds as if a consent were required for the magnet (GDPR 7(4))."
            cure = "Say that no box is required."
            self._findings.add(Finding(self.name, first + 1, 1, message, cure, "warning", "price"))

    def _call(self, name: str, otherwise: T, hook: Callable[P, T], *given: P.args, **named: P.kwargs) -> T:
        """Return the result of a kind's hook. An error in it is a finding, and the magnet is left out."""
        try:
            return hook(*given, **named)
        except Exception as problem:
            package = self._around.kinds.package(name)
            if package == OUR_PACKAGE:
                raise
            message, cure = kind_failed(name, package, problem)
            self._findings.say(("kind",), message, cure, code="kind-broken")
            return otherwise
