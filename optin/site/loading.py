"""Loading a site: every mistake of every file in one go; broken magnets are left out (M4)."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from datetime import UTC, datetime
from ipaddress import ip_network
from pathlib import Path
from urllib.parse import urlsplit

from optin.consent.address import parse_email
from optin.consent.form import Slug
from optin.consent.purpose import Channel, Controller, PurposeId, RetentionPeriod
from optin.proof.note import NoteBroken, VerifierKey
from optin.settings import Settings, load_settings
from optin.site.documents import Document, Path_, read_front_matter, read_toml
from optin.site.findings import Finding, nearest
from optin.site.lint import objections_to_wording
from optin.site.magnets import MagnetReader, Surroundings
from optin.site.model import (
    Anchors,
    Dkim,
    Limits,
    Loaded,
    Magnet,
    PrivacyStatement,
    Processor,
    Purpose,
    Retention,
    Sender,
    Site,
    Unconfirmed,
    Witness,
)
from optin.site.pictures import PICTURE_ENDINGS, is_active, measure
from optin.site.prose import read_prose
from optin.site.validation import validated
from optin.site.written import PrivacyFile, PurposeTable, SiteFile, WitnessTable
from optin.theme.catalogue import catalogue, languages, unknown_parameter
from optin.theme.look import Look, parse_colour

SITE_FILE = "optin.toml"
_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_SOME_DAY = datetime(2026, 1, 1, tzinfo=UTC)  # periods are compared from the same day
_TYPEFACE = re.compile(r"[\w\s,.\"'-]{1,200}")


def find_root(start: Path) -> Path | None:
    """Return the folder of the site that `start` is in: here or upward."""
    start = start.resolve()
    return next((at for at in (start, *start.parents) if (at / SITE_FILE).is_file()), None)


def load_site(root: Path) -> Loaded:
    """Read the site at `root`. Never raises for what a file says."""
    root = root.resolve()
    document = read_toml(root / SITE_FILE, SITE_FILE)
    if isinstance(document, Finding):
        return Loaded(None, (document,))
    reader = _SiteReader(root, document)
    site = reader.read()
    if site is None:
        return Loaded(None, tuple(sorted(reader.findings, key=_order)))
    magnets, findings = _read_magnets(root, site)
    if not magnets and not findings:
        message = "There is no magnet yet."
        findings = [Finding("magnets", 1, 1, message, "Make one: optin new white-paper my-paper", "warning")]
    whole = Site(**{**vars(site), "magnets": magnets})
    return Loaded(whole, tuple(sorted([*reader.findings, *findings], key=_order)))


def _order(finding: Finding) -> tuple[bool, str, int, int]:
    return finding.path != SITE_FILE, finding.path, finding.line, finding.column


def _read_magnets(root: Path, site: Site) -> tuple[Mapping[Slug, Magnet], list[Finding]]:
    folder = root / "magnets"
    paths = [path for path in folder.glob("*.md") if not path.name.startswith((".", "_"))]
    paths += [path for path in folder.glob("*/index.md") if not path.parent.name.startswith((".", "_"))]
    around = Surroundings(
        purposes=site.purposes,
        languages=site.languages,
        keys=catalogue("en").keys(),
        label=lambda lang, name: catalogue(lang)[f"field.{name}"],
    )
    magnets: dict[Slug, Magnet] = {}
    findings: list[Finding] = []
    for path in sorted(paths):
        reader = MagnetReader(root, path, around)
        magnet = reader.read()
        findings += reader.findings
        if magnet is not None and magnet.slug in magnets:
            message = f"Two files make the page /{magnet.slug}."
            findings.append(Finding(reader.name, 1, 1, message, "Rename one.", code="slug", slug=magnet.slug))
        elif magnet is not None:
            magnets[magnet.slug] = magnet
    return magnets, findings


class _SiteReader:
    """Reads `optin.toml` and what it names, and gathers what is wrong."""

    def __init__(self, root: Path, document: Document) -> None:
        self._root = root
        self._document = document
        self.findings: list[Finding] = []

    def read(self) -> Site | None:
        """Return the site without its magnets, or None when an error was found."""
        written = validated(SiteFile, self._document)
        if isinstance(written, list):
            self.findings += written
            return None
        settings = load_settings(self._root, self._document.values)
        self._check_base(settings)
        self._check_languages(written)
        for where, address in (
            (("controller", "email"), written.controller.email),
            (("sender", "address"), written.sender.address),
            (("sender", "reply_to"), written.sender.reply_to),
        ):
            if address or where[1] != "reply_to":
                self._email(where, address)
        controller = written.controller
        unconfirmed, keep = (
            written.unconfirmed,
            self._period(("unconfirmed", "keep"), written.unconfirmed.keep),
        )
        site = Site(
            root=self._root,
            settings=settings,
            controller=Controller(
                controller.name,
                tuple(controller.address),
                controller.email,
                controller.phone,
                controller.registration,
            ),
            country=controller.country,
            sender=Sender(written.sender.name, written.sender.address, written.sender.reply_to),
            languages=tuple(written.languages),
            look=self._look(written),
            purposes={
                PurposeId(name): self._purpose(name, table, written.languages)
                for name, table in written.purposes.items()
            },
            processors={
                name: Processor(name, table.name, table.agreement, table.country)
                for name, table in written.processors.items()
            },
            limits=Limits(**written.limits.model_dump()),
            unconfirmed=Unconfirmed(
                keep, self._period(("unconfirmed", "link"), unconfirmed.link), unconfirmed.resend
            ),
            download_link=self._period(("download", "link"), written.download.link),
            privacy=self._privacy(written),
            trusted_proxies=self._proxies(written),
            dkim=self._dkim(written),
            anchors=self._anchors(written),
            texts=self._texts(written),
            retention=Retention(
                self._period(("retention", "magnet"), written.retention.magnet),
                self._period(("retention", "proof"), written.retention.proof),
            ),
            personal_link=self._period(("personal", "link"), written.personal.link),
            consequences=self._consequences(written),
        )
        return None if any(f.severity == "error" for f in self.findings) else site

    def _check_base(self, settings: Settings) -> None:
        parts = urlsplit(settings.base_url)
        if parts.scheme not in {"http", "https"} or not parts.netloc or parts.path or parts.query:
            message = f"The base address {settings.base_url!r} is not https://host."
            self._say(("base_url",), message, "Write the scheme and the host, nothing more.", "base-url")

    def _check_languages(self, written: SiteFile) -> None:
        for place, lang in enumerate(written.languages):
            if lang not in languages():
                message = f"There are no texts in the language {lang!r}."
                self._say(("languages", place), message, nearest(lang, languages()), "lang")

    def _email(self, where: Path_, address: str) -> None:
        try:
            parse_email(address)
        except ValueError:
            self._say(where, f"{address!r} is no e-mail address.", "Write name@domain.", "email")

    def _period(self, where: Path_, text: str) -> RetentionPeriod:
        try:
            return RetentionPeriod.parse(text)
        except ValueError as problem:
            cure = 'Write it like "7 days", "72 hours" or "24 months".'
            self._say(where, f"{str(problem).partition(';')[0]}.", cure, "period")
            return RetentionPeriod.parse("1 day")

    def _purpose(self, name: str, table: PurposeTable, langs: list[str]) -> Purpose:
        where: Path_ = ("purposes", name)
        if _ID.fullmatch(name) is None:
            self._say(where, f"{name!r} is no id.", "Use a-z, 0-9 and hyphens.", "id")
        channel = Channel.EMAIL
        try:
            channel = Channel(table.channel)
        except ValueError:
            message = f"The channel {table.channel!r} is unknown; one purpose has one channel."
            self._say((*where, "channel"), message, nearest(table.channel, [*Channel]), "channel")
        for lang, wording in table.text.items():
            for objection in objections_to_wording(wording, channel):
                self._say(
                    (*where, "text", lang),
                    objection.message,
                    objection.cure,
                    objection.code,
                    warning=objection.warning,
                )
        for lang in langs:
            if lang not in table.text:
                message = f"The purpose {name!r} has no words in {lang!r}."
                self._say((*where, "text"), message, f"Add text.{lang}.", "wording", warning=True)
        retention = self._period((*where, "retention"), table.retention)
        return Purpose(
            PurposeId(name), channel, retention, dict(table.text), self._ask_again(where, table, retention)
        )

    def _ask_again(
        self, where: Path_, table: PurposeTable, retention: RetentionPeriod
    ) -> RetentionPeriod | None:
        if not table.ask_again:
            return None
        period = self._period((*where, "ask_again"), table.ask_again)
        if period.after(_SOME_DAY) >= retention.after(_SOME_DAY):
            message = f"Asking again {period.text} before the end is before the consent is given."
            cure = f"Write less than its retention, {retention.text}."
            self._say((*where, "ask_again"), message, cure, "ask-again")
        return period

    def _consequences(self, written: SiteFile) -> dict[str, str]:
        for lang in written.erasure.consequences:
            if lang not in written.languages:
                message = f"{lang!r} is not one of the site's languages."
                where = ("erasure", "consequences", lang)
                self._say(where, message, nearest(lang, written.languages), "lang")
        return dict(written.erasure.consequences)

    def _look(self, written: SiteFile) -> Look:
        table = written.look
        try:
            parse_colour(table.colour)
        except ValueError:
            self._say(
                ("look", "colour"),
                f"{table.colour!r} is no colour.",
                "Write it as #rrggbb.",
                "colour",
            )
            return Look()
        if _TYPEFACE.fullmatch(table.typeface) is None:
            cure = "Write serif, sans, or names with commas between them."
            self._say(("look", "typeface"), "This is no list of typefaces.", cure, "typeface")
            return Look()
        look = Look(table.colour, table.typeface, self._logo(table.logo))
        if not look.readable:
            message = f"White words on {table.colour} cannot be read (WCAG 2.2, contrast 4.5)."
            self._say(("look", "colour"), message, f"Use {look.nearest_readable}.", "contrast")
        return look

    def _logo(self, name: str) -> tuple[str, bytes] | None:
        if not name:
            return None
        path = (self._root / name).resolve()
        ending = path.suffix[1:].lower()
        if not path.is_relative_to(self._root) or not path.is_file() or ending not in PICTURE_ENDINGS:
            cure = f"Put a picture beside optin.toml ({', '.join(PICTURE_ENDINGS)})."
            self._say(("look", "logo"), f"There is no picture {name!r}.", cure, "logo")
            return None
        data = path.read_bytes()
        if measure(data) is None or is_active(data):
            cure = "Save it as png, jpg, webp, or a plain svg with a viewBox."
            self._say(("look", "logo"), f"{name!r} cannot be shown safely.", cure, "logo")
            return None
        return path.name, data

    def _privacy(self, written: SiteFile) -> dict[str, PrivacyStatement]:
        statements: dict[str, PrivacyStatement] = {}
        for lang in written.languages:
            name = written.privacy.get(lang, f"privacy/{lang}.md")
            if not (self._root / name).is_file():
                message = f"There is no privacy statement in {lang!r} (GDPR 13)."
                self._say(("privacy",), message, f"Write {name}.", "privacy")
                continue
            document = read_front_matter(self._root / name, name)
            found = document if isinstance(document, Finding) else validated(PrivacyFile, document)
            if isinstance(document, Finding):
                self.findings.append(document)
            elif isinstance(found, list):
                self.findings += found
            elif isinstance(found, PrivacyFile):
                html = read_prose(document.body).html
                statements[lang] = PrivacyStatement(lang, found.title, html)
        for lang in written.privacy:
            if lang not in written.languages:
                message = f"{lang!r} is not one of the site's languages."
                self._say(("privacy", lang), message, nearest(lang, written.languages), "lang")
        return statements

    def _proxies(self, written: SiteFile) -> tuple[str, ...]:
        for place, text in enumerate(written.proxy.trusted):
            try:
                ip_network(text, strict=False)
            except ValueError:
                message = f"{text!r} is no network."
                self._say(("proxy", "trusted", place), message, "Write it like 10.0.0.0/8.", "proxy")
        return tuple(written.proxy.trusted)

    def _dkim(self, written: SiteFile) -> Dkim | None:
        table = written.dkim
        if table is None:
            return None
        path = self._root / table.key
        if not path.is_file():
            self._say(("dkim", "key"), f"There is no key file {table.key!r}.", "Put it there.", "dkim")
        return Dkim(table.selector, table.domain, path)

    def _anchors(self, written: SiteFile) -> Anchors:
        table = written.log
        if table.timestamp and not _is_address(table.timestamp):
            message = f"{table.timestamp!r} is no address."
            self._say(("log", "timestamp"), message, "Write it like https://tsa.example/tsr.", "log")
        every = self._period(("log", "timestamp_every"), table.timestamp_every)
        witnesses = {name: self._witness(name, witness) for name, witness in table.witnesses.items()}
        return Anchors(table.timestamp, every, witnesses)

    def _witness(self, name: str, written: str | WitnessTable) -> Witness:
        where: Path_ = ("log", "witnesses", name)
        table = WitnessTable(to=written, key="") if isinstance(written, str) else written
        witness, key = Witness(table.to.strip()), None
        if witness.is_address and not _is_address(witness.to):
            message = f"{witness.to!r} is no address."
            self._say(where, message, "Write it like https://witness.example/add-checkpoint.", "log")
        elif not witness.is_address and not _is_command(witness.to):
            message = f"{witness.to!r} is no command."
            self._say(where, message, "Write a program and its arguments, or an address.", "log")
        if table.key:
            try:
                key = VerifierKey.parse(table.key)
            except NoteBroken:
                message = f"The key of the witness {name!r} cannot be read."
                cure = "Copy what it publishes; it looks like NAME+1a2b3c4d+BASE64."
                self._say((*where, "key"), message, cure, "log")
        return Witness(witness.to, key)

    def _texts(self, written: SiteFile) -> dict[str, dict[str, str]]:
        known = catalogue("en")
        for lang, words in written.texts.items():
            if lang not in languages():
                message = f"There are no texts in the language {lang!r}."
                self._say(("texts", lang), message, nearest(lang, languages()), "lang")
            for key, text in words.items():
                where: Path_ = ("texts", lang, key)
                if key not in known:
                    message = f"There is no text {key!r}."
                    self._say(where, message, nearest(key, [*known])[:200], "text-key")
                elif unknown := unknown_parameter(key, text):
                    message = f"{key!r} knows no {unknown!r} in braces."
                    self._say(where, message, f"It knows: {catalogue('en')[key]}", "text-parameter")
        return {lang: dict(words) for lang, words in written.texts.items()}

    def _say(self, where: Path_, message: str, cure: str, code: str, *, warning: bool = False) -> None:
        severity = "warning" if warning else "error"
        self.findings.append(self._document.finding(where, message, cure, severity=severity, code=code))


def _is_address(text: str) -> bool:
    """Tell whether something can be sent to `text`."""
    if not text.isascii() or not text.isprintable() or " " in text:
        return False
    try:
        parts = urlsplit(text)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _is_command(text: str) -> bool:
    try:
        return bool(shlex.split(text)) and "\0" not in text
    except ValueError:
        return False
