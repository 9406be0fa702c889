"""Load a site: every mistake of every file in one run; broken magnets are left out (M4)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

from optin.consent.kind_part_lookup import PartsByKind
from optin.consent.time_zones import zone_of
from optin.settings.installation import ServedSettings
from optin.settings.site import SiteSettings
from optin.site.connector_check import objections_to_columns
from optin.site.findings import Finding, less_severe
from optin.site.kind_front_matter_hooks import FilePart
from optin.site.law_lint import Objection
from optin.site.letter_reader import read_letters
from optin.site.loading_cache import ReadingCache
from optin.site.look_table import read_look
from optin.site.magnet_folder import read_magnets
from optin.site.magnet_reader import KnownReferences
from optin.site.model import LoadedSite, Magnet, PrivacyStatement, PurposeLetter, Site
from optin.site.notify_check import objections_to_magnets
from optin.site.privacy_statement_reader import read_statement
from optin.site.referenced_files import FileProblem, as_on_disk, find_inside
from optin.site.settings_check import objections_to_settings
from optin.site.toml_and_markdown_reader import Document, Path_, read_toml
from optin.site.validation_messages import validated
from optin.theme.catalogue import catalogue
from optin.theme.languages import languages
from optin.theme.look import Look
from optin.theme.zones import UNIVERSAL, zone_of_country

SITE_FILE = "optin.toml"


def find_root(start: Path) -> Path | None:
    """Return the folder of the site that contains `start`."""
    start = start.resolve()
    return next((at for at in (start, *start.parents) if (at / SITE_FILE).is_file()), None)


def load_site(
    root: Path,
    kinds: PartsByKind[FilePart],
    kept: ReadingCache | None = None,
    served: ServedSettings | None = None,
    *,
    with_drafts: bool = False,
    instead: Mapping[Path, bytes] | None = None,
) -> LoadedSite:
    """Read the site at `root`. Never raises for the content of a file.

    `kept`: of an earlier loading of this site, to read only what has changed. `served`: settings of its
    server, which hold where neither `optin.toml` nor the environment sets another. `with_drafts`: drafts are
    magnets like any other, as their author sees them; otherwise nobody sees them, and a mistake in one is a
    warning. `instead`: bytes to read in place of those of a magnet's file, before they are saved.
    """
    root = root.resolve()
    document = read_toml(root / SITE_FILE, SITE_FILE)
    reader = _SiteReader(root, document, served)
    site = reader.read(kinds)
    found = read_magnets(root, reader.surroundings(site, kinds), kept or ReadingCache(), instead)
    files = {path.stem if path.suffix == ".md" else path.name for path in (root / "magnets").glob("*")}
    reader.check_notified({*files, *found.magnets})  # a broken one, too, is there
    if not any(it.severity == "error" for it in found.findings):  # of a broken magnet no field is known
        reader.check_columns(found.magnets.values())
    drafts = frozenset() if with_drafts else found.drafts
    findings = [less_severe(it) if it.slug in drafts else it for it in found.findings]
    if not found.magnets and not findings:
        message = "There is no magnet yet."
        findings = [Finding("magnets", 1, 1, message, "Make one: optin new", "warning")]
    broken = any(finding.severity == "error" for finding in reader.findings)
    seen = {slug: magnet for slug, magnet in found.magnets.items() if slug not in drafts}
    unseen = {slug: magnet for slug, magnet in found.magnets.items() if slug in drafts}
    letters = reader.letters([*seen.values()])  # a broken one is left out, and the site is whole without it
    whole = None if broken else replace(site, magnets=seen, drafts=unseen, letters=letters)
    return LoadedSite(whole, tuple(sorted([*reader.findings, *findings], key=_order)))


def _order(finding: Finding) -> tuple[bool, str, int, int]:
    return finding.path != SITE_FILE, finding.path, finding.line, finding.column


class _SiteReader:
    """Reads `optin.toml` and the files it names, and collects findings."""

    def __init__(
        self, root: Path, document: Document | Finding, served: ServedSettings | None = None
    ) -> None:
        self._root = root
        self._readable = isinstance(document, Document)
        self._document = (
            document if isinstance(document, Document) else Document(SITE_FILE, {}, lambda _: (1, 1))
        )
        self._validated = validated(SiteSettings, self._document)
        self._settings = self._validated.written.read_at(root, served)
        self.findings = [document] if isinstance(document, Finding) else [*self._validated.findings]

    def read(self, kinds: PartsByKind[FilePart]) -> Site:
        """Return the site without its magnets; placeholders replace broken parts."""
        settings = self._settings
        for where, objection in objections_to_settings(self._root, settings, kinds):
            self._object(where, objection)
        if settings.dkim is not None:
            key = str(self._root / as_on_disk(self._root, settings.dkim.key))
            dkim = settings.dkim.model_copy(update={"key": key})
            settings = settings.model_copy(update={"dkim": dkim})
        zone = settings.time_zone or zone_of_country(settings.controller.country)
        return Site(
            root=self._root,
            settings=settings,
            look=self._look(),
            privacy=self._privacy(),
            time_zone=zone if zone_of(zone) is not None else UNIVERSAL,
        )

    def surroundings(self, site: Site, kinds: PartsByKind[FilePart]) -> KnownReferences:
        """Return what magnets may refer to, as far as `optin.toml` is valid."""
        mistaken = self._validated.spoilt
        sure_of_languages = self._readable and self._validated.vouches(("languages",))
        return KnownReferences(
            kinds=kinds,
            purposes=site.settings.purposes,
            languages=site.settings.languages if sure_of_languages else languages(),
            zone=ZoneInfo(site.time_zone),
            link_hosts=site.settings.links.hosts,
            label=lambda lang, name: catalogue(lang if lang in languages() else "en")[f"field.{name}"],
            doubtful=frozenset(str(path[1]) for path in mistaken if path[0] == "purposes" and len(path) > 1),
            all_purposes_known=self._readable and self._validated.vouches(("purposes",)),
        )

    def check_notified(self, magnets: Collection[str]) -> None:
        """Object to magnets of [notify] for which there is no folder."""
        for name, receiver in self._settings.notify.items():
            for where, objection in objections_to_magnets(name, receiver, magnets):
                self._object(where, objection)

    def letters(self, magnets: Collection[Magnet]) -> Mapping[str, tuple[PurposeLetter, ...]]:
        """Return the letters of each purpose; `magnets`: those that ask for purposes."""
        read = read_letters(self._root, self._settings, magnets)
        for where, objection in read.objections:
            self._object(where, objection)
        self.findings += read.findings
        return read.letters

    def check_columns(self, magnets: Collection[Magnet]) -> None:
        """Object to fields of a connected tool for columns that no export has."""
        names = {field.name for magnet in magnets for field in magnet.fields}
        for processor, it in self._settings.processors.items():
            for where, objection in objections_to_columns(processor, it, names):
                self._object(where, objection)

    def _look(self) -> Look:
        look, objections = read_look(self._root, self._settings.look, self._settings.controller.name)
        for key, objection in objections:
            self._object(("look", key), objection)
        return look

    def _privacy(self) -> dict[str, PrivacyStatement]:
        statements: dict[str, PrivacyStatement] = {}
        for lang in self._settings.languages:
            name = self._settings.privacy.get(lang, f"privacy/{lang}.md")
            path = find_inside(self._root, name)
            if path is FileProblem.OUTSIDE:
                message = f"The privacy statement {name!r} leads outside the site."
                self._object(
                    ("privacy", lang), Objection("privacy", message, "Put it into the site's folder.")
                )
            elif path is FileProblem.MISSING:
                message = f"There is no privacy statement in {lang!r} (GDPR 13)."
                self._object(("privacy",), Objection("privacy", message, f"Write {name}."))
            else:
                file = self._root / as_on_disk(self._root, name)
                statement, findings = read_statement(file, name, lang, self._settings)
                statements[lang] = statement
                self.findings += findings
        return statements

    def _object(self, where: Path_, it: Objection) -> None:
        if self._readable and self._validated.vouches(where):
            severity = "warning" if it.warning else "error"
            self.findings.append(
                self._document.finding(where, it.message, it.cure, severity=severity, code=it.code)
            )
