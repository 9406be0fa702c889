"""Loading a site: every mistake of every file in one go; broken magnets are left out (M4)."""

from __future__ import annotations

import os
import re
import shlex
from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import ip_network
from pathlib import Path
from urllib.parse import urlsplit

import phonenumbers

from optin.consent.address import parse_email
from optin.consent.parts_by_kind import PartsByKind
from optin.consent.purpose import Channel, Controller, PurposeId, RetentionPeriod
from optin.consent.webinar import zone_of
from optin.proof.note import NoteBroken, VerifierKey
from optin.settings import Served, Settings, load_settings, name_of
from optin.site.addresses import ADDRESS_SETTINGS, is_base_address
from optin.site.documents import Document, Path_, read_toml
from optin.site.file_models import ControllerTable, PurposeTable, SiteFile, WitnessTable
from optin.site.files import Absence, as_on_disk, find_inside, is_there
from optin.site.findings import Finding, nearest
from optin.site.kind_file import FilePart
from optin.site.law_words import law_path, missing_classes
from optin.site.lint import objections_to_override, objections_to_wording
from optin.site.look_table import read_look
from optin.site.magnet_folder import read_magnets
from optin.site.magnet_reader import Surroundings
from optin.site.model import (
    Anchors,
    Dkim,
    Limits,
    Loaded,
    PrivacyStatement,
    Processor,
    Purpose,
    Retention,
    Sender,
    ServerLimits,
    Site,
    Sweep,
    Unconfirmed,
    Webhook,
    Witness,
)
from optin.site.reading_cache import Kept
from optin.site.starters import site_starter, starter_languages
from optin.site.statement import read_statement
from optin.site.time_zone import nearest_zone
from optin.site.validation import validated
from optin.site.webhook_address import host_of, is_public_name, objections_to_webhook
from optin.theme.catalogue import catalogue
from optin.theme.languages import languages
from optin.theme.look import Look
from optin.theme.zones import UNIVERSAL, has_several_clocks, zone_of_country

SITE_FILE = "optin.toml"
_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
CLOCK_JUMPS = (RetentionPeriod.parse("1 hour"), RetentionPeriod.parse("31 days"))  # shortest and longest
_SOME_DAY = datetime(2026, 1, 1, tzinfo=UTC)  # periods are compared from the same day


def find_root(start: Path) -> Path | None:
    """Return the folder of the site that `start` is in: here or upward."""
    start = start.resolve()
    return next((at for at in (start, *start.parents) if (at / SITE_FILE).is_file()), None)


def load_site(
    root: Path, kinds: PartsByKind[FilePart], kept: Kept | None = None, served: Served | None = None
) -> Loaded:
    """Read the site at `root`. Never raises for what a file says.

    `kept`: of an earlier loading of this site, to read only what has changed. `served`: settings of its
    server, which hold where neither `optin.toml` nor the environment sets another.
    """
    root = root.resolve()
    document = read_toml(root / SITE_FILE, SITE_FILE)
    reader = _SiteReader(root, document, served)
    site = reader.read()
    magnets, findings = read_magnets(root, reader.surroundings(site, kinds), kept or Kept())
    if not magnets and not findings:
        message = "There is no magnet yet."
        findings = [Finding("magnets", 1, 1, message, "Make one: optin new white-paper my-paper", "warning")]
    broken = any(finding.severity == "error" for finding in reader.findings)
    whole = None if broken else replace(site, magnets=magnets)
    return Loaded(whole, tuple(sorted([*reader.findings, *findings], key=_order)))


def _order(finding: Finding) -> tuple[bool, str, int, int]:
    return finding.path != SITE_FILE, finding.path, finding.line, finding.column


class _SiteReader:
    """Reads `optin.toml` and what it names, and gathers what is wrong."""

    def __init__(self, root: Path, document: Document | Finding, served: Served | None = None) -> None:
        self._root = root
        self._served = served
        self._readable = isinstance(document, Document)
        self._document = (
            document if isinstance(document, Document) else Document(SITE_FILE, {}, lambda _: (1, 1))
        )
        self._validated = validated(SiteFile, self._document)
        self._doubtful: set[Path_] = set()
        self.findings = [document] if isinstance(document, Finding) else [*self._validated.findings]

    def read(self) -> Site:
        """Return the site without its magnets; stand-ins take the place of what is broken."""
        written = self._validated.written
        settings = load_settings(self._root, self._document.values, self._served)
        self._check_settings(settings)
        self._check_languages(written)
        for where, address in (
            (("controller", "email"), written.controller.email),
            (("sender", "address"), written.sender.address),
            (("sender", "reply_to"), written.sender.reply_to),
        ):
            if address or where[1] != "reply_to":
                self._email(where, address)
        controller = written.controller
        self._check_controller(controller)
        unconfirmed, keep = (
            written.unconfirmed,
            self._period(("unconfirmed", "keep"), written.unconfirmed.keep),
        )
        return Site(
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
                name: Processor(
                    name, table.name, table.agreement, table.country, self._webhook(name, written, settings)
                )
                for name, table in written.processors.items()
            },
            limits=Limits(**written.limits.model_dump()),
            unconfirmed=Unconfirmed(
                keep, self._period(("unconfirmed", "link"), unconfirmed.link), unconfirmed.resend
            ),
            download_link=self._period(("download", "link"), written.download.link),
            privacy=self._privacy(written),
            trusted_proxies=self._proxies(written),
            server=ServerLimits(**written.server.model_dump()),
            dkim=self._dkim(written),
            mail_connections=written.mail_server.connections,
            anchors=self._anchors(written),
            texts=self._texts(written),
            retention=Retention(
                self._period(("retention", "magnet"), written.retention.magnet),
                self._period(("retention", "proof"), written.retention.proof),
                self._period(("retention", "backups"), written.retention.backups),
            ),
            sweep=Sweep(self._clock_jump(written), written.sweep.share),
            pages_url=self._pages_url(written),
            personal_link=self._period(("personal", "link"), written.personal.link),
            consequences=self._consequences(written),
            time_zone=self._time_zone(written),
        )

    def surroundings(self, site: Site, kinds: PartsByKind[FilePart]) -> Surroundings:
        """Return what magnets may refer to, as far as `optin.toml` is sure of it."""
        mistaken = {path[:2] for path in self._validated.spoilt} | self._doubtful
        sure_of_languages = self._readable and self._validated.vouches(("languages",))
        return Surroundings(
            kinds=kinds,
            purposes=site.purposes,
            languages=site.languages if sure_of_languages else languages(),
            label=lambda lang, name: catalogue(lang if lang in languages() else "en")[f"field.{name}"],
            doubtful=frozenset(str(path[1]) for path in mistaken if path[0] == "purposes" and len(path) > 1),
            all_purposes_known=self._readable and self._validated.vouches(("purposes",)),
        )

    def _check_settings(self, settings: Settings) -> None:
        for setting in ADDRESS_SETTINGS:
            variable = name_of(setting.name)
            fault = setting.fault(getattr(settings, setting.name))
            if fault is not None:
                message, cure = fault
                cure = f"{cure} It is set by {variable}." if variable in os.environ else cure
                self._say((setting.name,), message, cure, setting.name.replace("_", "-"))

    def _pages_url(self, written: SiteFile) -> str:
        address = written.pages_url.rstrip("/")
        if address and not is_base_address(address):
            message = "The address of the built pages is not https://host."
            self._say(("pages_url",), message, "Write the scheme and the host, nothing more.", "pages-url")
        return address

    def _check_controller(self, controller: ControllerTable) -> None:
        if controller.country not in phonenumbers.SUPPORTED_REGIONS:
            close = controller.country.strip().upper()
            known = close if close in phonenumbers.SUPPORTED_REGIONS else "NL"
            cure = f'Write the two capitals of ISO 3166, such as "{known}".'
            message = f"{controller.country!r} is no country."
            self._say(("controller", "country"), message, cure, "country")
        if any(
            controller.name == known.company or known.address[0] in controller.address
            for known in map(site_starter, starter_languages())
        ):
            message = "The controller is still the example that optin init wrote."
            cure = "Write who is responsible for the data, and where (GDPR 13)."
            self._say(("controller", "name"), message, cure, "placeholder", warning=True)

    def _time_zone(self, written: SiteFile) -> str:
        """Return on whose clock people are told moments: as set, else that of the controller's country."""
        name = written.time_zone
        if not name:
            country = written.controller.country
            zone = zone_of_country(country)
            if has_several_clocks(country, _SOME_DAY):
                message = f"Clocks differ within {country}; people are told times on the clock of {zone}."
                cure = f'Write time_zone = "{zone}" above the tables, or the zone that is yours.'
                self._say(("controller", "country"), message, cure, "time-zone", warning=True)
            return zone
        if zone_of(name) is None:
            cure = nearest_zone(name)
            self._say(("time_zone",), f"There is no time zone {name[:60]!r}.", cure, "time-zone")
            return UNIVERSAL
        return name

    def _check_languages(self, written: SiteFile) -> None:
        for place, lang in enumerate(written.languages):
            if lang not in languages():
                message = f"There are no texts in the language {lang!r}."
                self._say(("languages", place), message, nearest(lang, languages()), "lang")
            elif missing := missing_classes(lang):
                message = f"The check knows no words of {', '.join(missing)} in {lang!r}."
                self._say(("languages", place), message, f"Add them to {law_path(lang)}.", "lang")

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
            known = [kind.value for kind in Channel]
            self._say((*where, "channel"), message, nearest(table.channel, known), "channel")
            self._doubtful.add(where)
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

    def _webhook(self, name: str, written: SiteFile, settings: Settings) -> Webhook | None:
        table = written.processors[name].webhook
        if table is None:
            return None
        where: Path_ = ("processors", name, "webhook")
        for objection in objections_to_webhook(table.url, (settings.base_url, written.pages_url)):
            self._say((*where, "url"), objection.message, objection.cure, objection.code)
        for place, purpose in enumerate(table.purposes):
            if purpose not in written.purposes:
                message = f"There is no purpose {purpose!r}."
                self._say(
                    (*where, "purposes", place), message, nearest(purpose, [*written.purposes]), "webhook"
                )
        return Webhook(table.url, frozenset(table.purposes))

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

    def _clock_jump(self, written: SiteFile) -> RetentionPeriod:
        where = ("sweep", "clock_jump")
        period = self._period(where, written.sweep.clock_jump)
        shortest, longest = (bound.after(_SOME_DAY) for bound in CLOCK_JUMPS)
        if not shortest <= period.after(_SOME_DAY) <= longest:
            message = f"With 'clock_jump' of {period.text} a clock is trusted whatever it says, or never."
            cure = f"Write between {CLOCK_JUMPS[0].text} and {CLOCK_JUMPS[1].text}."
            self._say(where, message, cure, "clock-jump")
        return period

    def _consequences(self, written: SiteFile) -> dict[str, str]:
        for lang in written.erasure.consequences:
            if lang not in written.languages:
                message = f"{lang!r} is not one of the site's languages."
                where = ("erasure", "consequences", lang)
                self._say(where, message, nearest(lang, written.languages), "lang")
        return dict(written.erasure.consequences)

    def _look(self, written: SiteFile) -> Look:
        look, objections = read_look(self._root, written.look, written.controller.name)
        for key, it in objections:
            self._say(("look", key), it.message, it.cure, it.code, warning=it.warning)
        return look

    def _privacy(self, written: SiteFile) -> dict[str, PrivacyStatement]:
        statements: dict[str, PrivacyStatement] = {}
        for lang in written.languages:
            name = written.privacy.get(lang, f"privacy/{lang}.md")
            path = find_inside(self._root, name)
            if path is Absence.OUTSIDE:
                message = f"The privacy statement {name!r} leads outside the site."
                self._say(("privacy", lang), message, "Put it into the site's folder.", "privacy")
            elif path is Absence.MISSING:
                message = f"There is no privacy statement in {lang!r} (GDPR 13)."
                self._say(("privacy",), message, f"Write {name}.", "privacy")
            else:
                statement, findings = read_statement(self._root / as_on_disk(self._root, name), name, lang)
                statements[lang] = statement
                self.findings += findings
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
        path = self._root / as_on_disk(self._root, table.key)
        if not is_there(path):
            self._say(("dkim", "key"), f"There is no key file {table.key!r}.", "Put it there.", "dkim")
        return Dkim(table.selector, table.domain, path)

    def _anchors(self, written: SiteFile) -> Anchors:
        table = written.log
        if table.timestamp and not _is_address(table.timestamp):
            message = f"{table.timestamp!r} is no address."
            self._say(("log", "timestamp"), message, "Write it like https://tsa.example/tsr.", "log")
        elif table.timestamp:
            self._see_public(("log", "timestamp"), table.timestamp, "Write the name of a public authority.")
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
        elif witness.is_address:
            cure = "Write the name of the witness, or a command that hands it the checkpoint."
            self._see_public(where, witness.to, cure)
        elif not _is_command(witness.to):
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

    def _see_public(self, where: Path_, address: str, cure: str) -> None:
        """Object to an address that the server would not call: its client reaches public servers alone."""
        host = host_of(urlsplit(address))
        if not is_public_name(host):
            message = f"{host!r} is no public name: nothing is sent to a machine here or a private network."
            self._say(where, message, cure, "log")

    def _texts(self, written: SiteFile) -> dict[str, dict[str, str]]:
        for lang, words in written.texts.items():
            if lang not in languages():
                message = f"There are no texts in the language {lang!r}."
                self._say(("texts", lang), message, nearest(lang, languages()), "lang")
            for key, text in words.items():
                for objection in objections_to_override(key, text):
                    where: Path_ = ("texts", lang, key)
                    self._say(where, objection.message, objection.cure, objection.code)
        return {lang: dict(words) for lang, words in written.texts.items()}

    def _say(self, where: Path_, message: str, cure: str, code: str, *, warning: bool = False) -> None:
        severity = "warning" if warning else "error"
        if not self._readable or not self._validated.vouches(where):
            return
        self.findings.append(self._document.finding(where, message, cure, severity=severity, code=code))


def _is_address(text: str) -> bool:
    """Tell whether something can be sent to `text`."""
    if not text.isascii() or not text.isprintable() or " " in text:
        return False
    try:
        parts = urlsplit(text)
        there = bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    return there and parts.scheme in {"http", "https"} and "@" not in parts.netloc


def _is_command(text: str) -> bool:
    try:
        return bool(shlex.split(text)) and "\0" not in text
    except ValueError:
        return False
