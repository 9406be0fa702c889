"""One edition of the site: its files, checked and rendered, and the theme that rendered them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache, partial
from pathlib import Path
from typing import TypeAlias, TypeVar
from zoneinfo import ZoneInfo

from optin.bases.all_bases import BASES
from optin.bases.basis_part import BasisSettings
from optin.consent.form_version import Slug, details_text
from optin.consent.purpose import PurposeId
from optin.consent.served_forms import ServedForms
from optin.flows.delivery.magnet_changes import notify_kinds
from optin.flows.request_policy import (
    AskingProcessor,
    GatePolicy,
    GatePurpose,
    KnownMagnet,
    RequestPolicy,
)
from optin.proof.commitment import digest
from optin.proof.page_assets import STYLESHEET_ENDING, assets_in
from optin.rules.may_contact import Aim, Strictness
from optin.services.installed_kind_parts import KindParts
from optin.services.open_store import sqlite_path
from optin.services.promised_files import PromisedFiles
from optin.settings.installation import ServedSettings
from optin.settings.site import CONFIRMED
from optin.site.findings import Finding
from optin.site.landing_pages import frame_of, privacy_url
from optin.site.load_site import load_site
from optin.site.loading_cache import ReadingCache
from optin.site.model import Magnet, Site
from optin.site.own_templates import broken_templates, make_theme
from optin.site.page_inputs import KindPages
from optin.site.privacy_statement_reader import changed_under_its_date, starter_digest
from optin.site.render_site import Publication, publish
from optin.store.database_interface import Store, Tx, bind
from optin.store.magnet_promises import (
    SERVED_EVERY,
    Promise,
    PromisedDetails,
    PromisedFile,
    all_promises,
    keep_details,
    keep_promise,
)
from optin.store.sqlite_connection import read_file
from optin.store.stored_forms import StoredAsset, has_other_text, keep_asset, keep_form, keep_privacy
from optin.theme.theme import Asset, Theme
from optin.theme.views import Frame

T = TypeVar("T")
FileOf: TypeAlias = Callable[[Path, Path], PromisedFile | None]


@dataclass(frozen=True)
class Edition:
    """A site ready to be served."""

    site: Site
    theme: Theme
    publication: Publication
    kinds: KindParts

    def frame(self, lang: str) -> Frame:
        """Return the frame of a page in `lang`, or in the site's own language when `lang` is not offered."""
        if lang not in self.publication.privacy:
            lang = self.site.settings.languages[0]
        return frame_of(self.site, lang, privacy_url(self.publication.privacy[lang].digest))

    @property
    def policy(self) -> RequestPolicy:
        """The site's policy for flows."""
        site = self.site
        return RequestPolicy(
            mail_domain=site.settings.sender.address.rpartition("@")[2],
            base_url=site.settings.base_url,
            zone=ZoneInfo(site.time_zone),
            unconfirmed=site.settings.unconfirmed,
            retention=site.settings.retention,
            sweep=site.settings.sweep,
            limits=site.settings.limits,
            download=site.settings.download,
            personal=site.settings.personal,
            receipt=site.settings.receipt,
            bounces=site.settings.bounces,
            ask_again={
                name: it.ask_again for name, it in site.settings.purposes.items() if it.ask_again is not None
            },
            letters=self.publication.letters,
            forms=self.kinds.details,
            magnets={
                name: KnownMagnet(it.kind, it.slug, it.details)
                for it in site.magnets.values()
                if it.details is not None
                for name in (it.slug, *it.was)
            },
            next_steps=self._by_name(self.publication.next_steps),
            covers=self._by_name(self.publication.covers),
            webhooks={name: it.told_of for name, it in site.settings.processors.items() if it.told_of},
            notify={
                name: frozenset(
                    each
                    for slug, magnet in site.magnets.items()
                    if slug in it.magnets
                    for each in (slug, *magnet.was)
                )
                or frozenset(it.magnets)
                for name, it in site.settings.notify.items()
                if CONFIRMED in it.events
            },
            notify_named={
                name: it.person for name, it in site.settings.notify.items() if it.person and not it.variable
            },
            bases=BasisSettings(
                products=site.settings.products,
                obligations=site.settings.obligations,
                enquiries=site.settings.enquiries,
                assessments={
                    name: it.assessment for name, it in site.settings.purposes.items() if it.assessment
                },
            ),
            offers=ServedForms(self.publication.every_form, site.renamed),
            gate=self._gate(),
            names=frozenset(name for it in site.magnets.values() for name in (it.slug, *it.was)),
            handouts=frozenset((it.magnet, it.outcome) for it in self.promises()),
        )

    def _gate(self) -> GatePolicy:
        settings = self.site.settings
        return GatePolicy(
            country=settings.controller.country,
            purposes={
                **{PurposeId(it.name): GatePurpose(None, it.aim) for it in BASES.values() if it.aim},
                **{name: GatePurpose(it.channel, Aim(it.aim)) for name, it in settings.purposes.items()},
            },
            strictness=Strictness(settings.rules.codes, settings.rules.pinned),
            processors={
                name: AskingProcessor(frozenset(it.may_ask), it.ends)
                for name, it in settings.processors.items()
            },
        )

    def _by_name(self, values: Mapping[Slug, T]) -> dict[str, T]:
        """Return values of magnets by each of their addresses, earlier ones too."""
        magnets = self.site.magnets
        return {name: value for slug, value in values.items() for name in (slug, *magnets[slug].was)}

    def promises(self, file_of: FileOf = lambda _folder, _path: None) -> list[Promise]:
        """Return what each form hands out by mail: a file, or what its kind promises.

        `file_of`: the kept copy of a file in a folder.
        """
        found: dict[tuple[str, str], Promise] = {}
        for form in self.publication.every_form:
            declared = form.declaration
            magnet, outcome = self.site.magnets[declared.magnet], declared.form_name
            path, report = magnet.file_for(declared), _report(magnet, outcome)
            if path is None and not report:
                continue
            file = None if path is None else file_of(magnet.folder, path)
            for name in (magnet.slug, *magnet.was):
                found[name, outcome] = Promise(name, outcome, file, report)
        return [found[key] for key in sorted(found)]  # in one order: others write the same rows

    def details(self) -> list[PromisedDetails]:
        """Return the details to store in case a magnet is removed, as its kind chooses them."""
        found: list[PromisedDetails] = []
        for magnet in self.site.magnets.values():
            details = magnet.details
            plain = None if details is None else self.kinds.flows[magnet.kind].kept(details)
            if plain is not None:
                text, names = details_text(dict(plain)), (magnet.slug, *magnet.was)
                found += [PromisedDetails(name, magnet.slug, magnet.kind, text) for name in names]
        return found


def _report(magnet: Magnet, outcome: str) -> str:
    handout = None if magnet.details is None else magnet.details.deliverable(outcome)
    return "" if handout is None else details_text(dict(handout.report))


def load_edition(
    root: Path,
    kinds: KindParts,
    kept: ReadingCache | None = None,
    served: ServedSettings | None = None,
    *,
    with_drafts: bool = False,
    instead: Mapping[Path, bytes] | None = None,
) -> tuple[Edition | None, tuple[Finding, ...]]:
    """Load, check and render the site at `root`. No edition when `optin.toml` or a template is broken.

    `kept`: of an earlier loading of this site, to make only what has changed; the edition is the same.
    `served`: settings of its server (`optin.services.served_settings`), for a command in another shell.
    `with_drafts`: as their author sees them, beside the other magnets. `instead`: bytes to read in place of
    those of a magnet's file, to see what would be before they are saved.
    """
    loaded = load_site(root, kinds.files, kept, served, with_drafts=with_drafts, instead=instead)
    if loaded.site is None:
        return None, (*loaded.findings, *broken_templates(root.resolve()))
    site = loaded.site
    theme = make_theme(site, kinds.files, kept)
    if not isinstance(theme, Theme):
        return None, (*loaded.findings, *theme)
    publication = publish(site, theme, KindPages(kinds.pages, kinds.details), kept)
    if kept is not None:
        kept.settle()
    findings = (*loaded.findings, *publication.findings)
    return (Edition(site, theme, publication, kinds) if publication.privacy else None), findings


def keep_edition(
    store: Store, edition: Edition, now: datetime, before: Edition | None = None
) -> tuple[Finding, ...]:
    """Store every form version, privacy statement and asset of an edition before serving it (P2, F7).

    What kinds have to do for changed magnets begins. Return a warning for each
    privacy statement of which another text was served under the same date.

    `before`: the edition that was kept last in this store by this process; only what is new is kept.
    """
    known = store.read(all_promises)
    files = PromisedFiles(edition.site.settings.path(edition.site.settings.files))
    by_name: dict[str, list[PromisedFile]] = {}
    for it, _ in known:
        if it.file is not None:
            by_name.setdefault(it.file.name, []).append(it.file)
    promises = edition.promises(lru_cache(None)(partial(_keep_file, files, by_name, now)))
    recent = {it for it, served_at in known if served_at > now - SERVED_EVERY}
    new = [promise for promise in promises if promise not in recent]
    return store.submit(_keep, edition=edition, promises=new, now=now, before=before).result()


def _keep_file(
    files: PromisedFiles, known: Mapping[str, Sequence[PromisedFile]], now: datetime, folder: Path, path: Path
) -> PromisedFile | None:
    """Store a copy of a magnet's file, unless it now leads outside its folder."""
    inside = path.resolve().is_relative_to(folder.resolve())
    return files.keep(path, known.get(path.name, ()), now) if inside else None


def reused_date_warnings(edition: Edition) -> tuple[Finding, ...]:
    """Return warnings about dates of privacy statements, read from a database file; changes nothing."""
    settings = edition.site.settings
    path = sqlite_path(settings.store, settings.root)
    return () if path is None else read_file(path, bind(_reused_dates, edition), ())


def _reused_dates(tx: Tx, edition: Edition) -> tuple[Finding, ...]:
    """Return a warning for each privacy statement whose date was served with another text."""
    statements = edition.publication.privacy.values()
    return tuple(
        changed_under_its_date(edition.site.privacy[it.lang])
        for it in statements
        if it.day and has_other_text(tx, it.lang, it.day, it.text_digest, starter_digest(it.lang))
    )


def _keep(
    tx: Tx, edition: Edition, promises: Sequence[Promise], now: datetime, before: Edition | None
) -> tuple[Finding, ...]:
    publication, pages = edition.publication, []
    known = frozenset() if before is None else frozenset(it.digest for it in before.publication.every_form)
    for statement in publication.privacy.values():
        keep_privacy(tx, statement, now)
        pages.append(statement.page)
    for version in publication.every_form:
        if version.digest not in known:
            keep_form(tx, version, now)
            pages.append(version.page)
    # a mail lies in a mailbox for years: its pictures stay, as those of pages do
    for name in sorted({*assets_of(pages, edition.theme.assets.get), *publication.mail_pictures}):
        asset = edition.theme.assets[name]
        keep_asset(tx, StoredAsset(digest(asset.data), name, asset.content_type, asset.data), now)
    for promise in promises:
        keep_promise(tx, promise, now)
    for details in edition.details():
        keep_details(tx, details)
    notify_kinds(tx, edition.policy, edition.kinds.flows)
    return _reused_dates(tx, edition)


def assets_of(pages: Iterable[bytes], find: Callable[[str], Asset | None]) -> dict[str, Asset]:
    """Return the assets of pages by address, as far as `find` has them; stylesheets with their fonts."""
    found: dict[str, Asset] = {}
    for text in pages:
        new = {name: asset for name in assets_in(text) - found.keys() if (asset := find(name)) is not None}
        styles = [it.data for name, it in new.items() if name.endswith(STYLESHEET_ENDING)]
        found |= new | assets_of(styles, find) if styles else new
    return found
