"""Render a site once: the pages that are the same for everybody (P2). Landing pages: `landing_pages`."""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Any

from optin.consent.form_version import IN_HTML, FormVersion, PrivacyDigest, PrivacyVersion, Slug
from optin.consent.kind_part_lookup import OUR_PACKAGE
from optin.consent.purpose import ConsentKey
from optin.flows.request_policy import Letter, MailCover, NextStep
from optin.site.findings import Finding, kind_failed, less_severe
from optin.site.kind_page_hooks import PagesPart
from optin.site.landing_pages import (
    FormPage,
    form_pages_of,
    frame_of,
    landing_view,
    privacy_url,
    with_app_links,
    with_card,
)
from optin.site.letter_mails import publish_letters
from optin.site.loading_cache import ReadingCache
from optin.site.model import Magnet, Site
from optin.site.next_steps import mail_cover_of, next_step_of
from optin.site.own_templates import (
    BROKEN,
    one_for_each_place,
    own_templates,
    template_finding,
    templates_without_blocks,
    try_samples,
)
from optin.site.page_inputs import KindPages, PageMaker, picture_of
from optin.site.page_law_check import objections_to_page
from optin.site.variants import wording_name
from optin.theme.embedded_views import start_elsewhere
from optin.theme.social_card import SocialCard
from optin.theme.theme import Theme
from optin.theme.views import Card, ClosedView, IndexView, LandingView, MovedView, PrivacyView, WaitingView


@dataclass(frozen=True)
class OpeningPage:
    """The page at a magnet's address, when its forms are on other pages."""

    view: Any
    page: bytes


@dataclass(frozen=True)
class Publication:
    """Every page that is the same for everybody.

    `form_pages`: for each magnet its pages with a form; the one at its address comes first.
    """

    form_pages: Mapping[Slug, tuple[FormPage, ...]]
    privacy: Mapping[str, PrivacyVersion]
    index: IndexView | None = None  # with every listed magnet; which are on it depends on the moment
    landings: Mapping[Slug, LandingView] = field(default_factory=dict)  # each magnet as it is written
    moved: Mapping[Slug, bytes] = field(default_factory=dict)  # what is at an earlier address of a magnet
    drafts: Mapping[Slug, bytes] = field(default_factory=dict)  # pages that nobody sees without a link
    findings: tuple[Finding, ...] = ()
    openings: Mapping[Slug, OpeningPage] = field(
        default_factory=dict
    )  # what is at its address before its forms
    next_steps: Mapping[Slug, NextStep] = field(default_factory=dict)  # after a confirmation
    covers: Mapping[Slug, MailCover] = field(default_factory=dict)  # in mails
    unpublished: frozenset[str] = frozenset()  # addresses of pictures that drafts alone show
    letters: Mapping[ConsentKey, tuple[Letter, ...]] = field(default_factory=dict)  # of purposes
    framed_openings: Mapping[Slug, bytes] = field(default_factory=dict)  # which lead other sites to a page

    @cached_property
    def cards(self) -> Mapping[str, SocialCard]:
        """Every social preview picture to draw, by address."""
        drawn = (form_page.card for form_pages in self.form_pages.values() for form_page in form_pages)
        return {card.url: card for card in drawn if card is not None}

    @cached_property
    def forms(self) -> Mapping[Slug, FormVersion]:
        """The first form of each magnet."""
        return {slug: form_pages[0].form for slug, form_pages in self.form_pages.items()}

    @cached_property
    def every_form(self) -> tuple[FormVersion, ...]:
        """Every published form."""
        return tuple(form_page.form for form_pages in self.form_pages.values() for form_page in form_pages)

    def preview(self, slug: Slug) -> bytes | None:
        """Return the page that will be at an address: of a draft, or of a magnet that waits."""
        if slug in self.openings:
            return self.openings[slug].page
        return self.form_pages[slug][0].form.page if slug in self.form_pages else self.drafts.get(slug)

    @cached_property
    def mail_pictures(self) -> frozenset[str]:
        """The address of every picture in a mail."""
        of_steps = {it.mail_picture for it in self.next_steps.values()}
        return frozenset({*of_steps, *(it.url for it in self.covers.values())} - {""})

    def form_page(self, slug: Slug, key: str) -> FormPage | None:
        """Return the page of a magnet with the form `key`."""
        return next(
            (form_page for form_page in self.form_pages.get(slug, ()) if form_page.form.key == key), None
        )

    def form_page_like(self, slug: Slug, form: FormVersion) -> FormPage:
        """Return the page that replaces an earlier form: the one of the same name, else the first."""
        form_pages, was = self.form_pages[slug], form.declaration
        place = "" if was.shown_in == IN_HTML else was.shown_in  # pasted HTML cannot be shown again
        alike = (
            form_page
            for form_page in form_pages
            if (form_page.form.declaration.form_name, form_page.form.declaration.shown_in)
            == (was.form_name, place)
        )
        same = self.form_page(slug, form.key) if place == was.shown_in else None
        return same or next(alike, form_pages[0])


@dataclass(frozen=True)
class _Rendered:
    """All rendered pages of one magnet, or why it cannot be rendered."""

    form_pages: tuple[FormPage, ...] = ()
    moved: bytes | None = None
    opening: OpeningPage | None = None
    framed_opening: bytes | None = None
    wrong: tuple[Finding, ...] = ()

    @property
    def page(self) -> bytes:
        """What is at the magnet's address while its form is open."""
        return self.form_pages[0].form.page if self.opening is None else self.opening.page


def publish(site: Site, theme: Theme, kinds: KindPages, kept: ReadingCache | None = None) -> Publication:
    """Render the pages of a site. The same site gives the same bytes, in any process.

    A template of the site's own that cannot be rendered is a finding; one that all pages need leaves none.
    `kept`: of an earlier publication of this site, to render only what has changed.
    """
    kept = kept or ReadingCache()
    maker = PageMaker(site, theme, kinds, kept)
    tried = kept.once(
        "samples", (theme.templates, site.settings.languages), lambda: try_samples(site, theme, kinds.pages)
    )
    tried = [*tried, *templates_without_blocks(site, theme)]
    try:
        privacy = {lang: _privacy(maker, lang) for lang in site.settings.languages}
        index = _index(maker, privacy)
        letters = publish_letters(site, theme)
    except BROKEN as problem:
        findings = one_for_each_place([template_finding(site.root, problem), *tried])
        return Publication({}, {}, findings=findings)
    rendered: dict[Slug, _Rendered] = {}
    landings: dict[Slug, LandingView] = {}
    steps: dict[Slug, NextStep] = {}
    covers: dict[Slug, MailCover] = {}
    for magnets in (site.magnets, site.drafts):
        public = frozenset(theme.assets)  # in the end: of all that comes before the drafts
        for slug, magnet in magnets.items():
            try:
                view = landing_view(maker, magnet, privacy[magnet.lang].digest)
                step, cover = next_step_of(maker, magnet), mail_cover_of(maker, magnet)
            except Exception as problem:  # noqa: BLE001 - a picture is gone since, or a kind of another package fails
                rendered[slug] = _Rendered(wrong=(_failed(maker, magnet, problem),))
                continue
            landings[slug] = view
            source = (
                (theme.templates, bool(site.settings.embed.sites), view, magnet.variants),
                (magnet.closes_at, magnet.life, magnet.was),
            )
            make = partial(_render, maker, magnet, view)
            rendered[slug] = kept.once(("pages", slug), source, make)
            if step is not None and slug in site.magnets:
                steps[slug] = step
            if cover is not None and slug in site.magnets:
                covers[slug] = cover
    wrong = [
        less_severe(finding) if slug in site.drafts else finding
        for slug, it in rendered.items()
        for finding in it.wrong
    ]
    drafts = {slug: rendered.pop(slug) for slug in site.drafts}
    sound = {slug: it for slug, it in rendered.items() if not it.wrong}
    return Publication(
        form_pages={slug: it.form_pages for slug, it in sound.items()},
        privacy=privacy,
        index=index,
        landings={slug: landings[slug] for slug in sound},
        moved={
            old: it.moved
            for slug, it in sound.items()
            if it.moved is not None
            for old in site.magnets[slug].was
        },
        drafts={slug: it.page for slug, it in drafts.items() if not it.wrong},
        findings=one_for_each_place([*wrong, *tried, *letters.findings]),
        letters=letters.letters,
        openings={slug: it.opening for slug, it in sound.items() if it.opening is not None},
        next_steps=steps,
        covers=covers,
        unpublished=frozenset(theme.assets) - public,
        framed_openings={
            slug: it.framed_opening for slug, it in sound.items() if it.framed_opening is not None
        },
    )


def _render(maker: PageMaker, magnet: Magnet, view: LandingView) -> _Rendered:
    theme, kind = maker.theme, maker.kinds.pages[magnet.kind]
    try:
        is_embedded = bool(maker.site.settings.embed.sites)
        shown = form_pages_of(theme, kind, view, magnet, embedded=is_embedded)
        moved = opening = framed = None
        if kind.opening is not None:
            asking = kind.opening(with_card(theme, view)[0])
            opening = OpeningPage(asking, theme.page(asking).encode())
            framed = theme.page(start_elsewhere(view)).encode() if is_embedded else None
        for without_form in _without_form(magnet, view):
            theme.page(without_form)  # whether it can be made; it is served when its time has come
        if magnet.was:
            moved = theme.page(MovedView(view.frame, magnet.title, f"/{magnet.slug}")).encode()
        unlawful = [finding for form_page in shown for finding in _unlawful(maker.site, form_page, kind)]
    except Exception as problem:  # noqa: BLE001 - a template or a kind: programs of others
        return _Rendered(wrong=(_failed(maker, magnet, problem),))
    return _Rendered(shown, moved, opening, framed, (*unlawful, *_alike(magnet.slug, shown)))


def _without_form(magnet: Magnet, view: LandingView) -> Iterator[WaitingView | ClosedView]:
    """Yield the pages that a magnet has before its form opens and after it closes, if it does."""
    if magnet.life.opens_at is not None:
        yield WaitingView(view.frame, view, magnet.life.opens_at)
    if magnet.closes_at is not None:
        yield ClosedView(view.frame, view, is_archived=magnet.is_archived)


def _failed(maker: PageMaker, magnet: Magnet, problem: Exception) -> Finding:
    """Return the finding that a page cannot be rendered, because of a site's template or the magnet's kind.

    Raises what it is given where neither is at fault.
    """
    package = maker.kinds.pages.package(magnet.kind)
    found = template_finding(maker.site.root, problem, slug=magnet.slug)
    if isinstance(problem, BROKEN) and (package == OUR_PACKAGE or found.path != "templates"):
        return found
    if package == OUR_PACKAGE:
        raise problem
    message, cure = kind_failed(magnet.kind, package, problem)
    return Finding(f"magnets/{magnet.slug}", 1, 1, message, cure, code="kind-broken", slug=magnet.slug)


def _alike(slug: Slug, shown: tuple[FormPage, ...]) -> Iterator[Finding]:
    """Find variants whose page equals another's: their changes are not shown there."""
    seen: dict[bytes, str] = {}
    for form_page in shown:
        if form_page.form.declaration.shown_in:  # it shows less of its wording
            continue
        page, name = (
            form_page.form.page.replace(form_page.form.key.encode(), b""),
            form_page.form.declaration.variant,
        )
        other = seen.setdefault(page, name)
        if other != name:
            message = f"The page of the variant {name!r} is the same as {wording_name(other)}."
            cure = "Change what the landing page shows: its title, description, texts or boxes."
            yield Finding(f"magnets/{slug}", 1, 1, message, cure, code="variant", slug=slug)


def _unlawful(site: Site, form_page: FormPage, kind: PagesPart) -> list[Finding]:
    """Check a page made by a site's own template; ours are tested."""
    if own_templates(site.root) is None:
        return []
    slug = form_page.form.declaration.magnet
    return [
        Finding("templates", 1, 1, f"{form_page.path}: {it.message}", it.cure, code=it.code, slug=slug)
        for it in objections_to_page(form_page.form.page.decode(), form_page.view, kind)
    ]


def _privacy(maker: PageMaker, lang: str) -> PrivacyVersion:
    site, statement = maker.site, maker.site.privacy[lang]
    in_force = f"{site.settings.base_url}/privacy"  # its own digest cannot stand in it
    frame, body = frame_of(site, lang, in_force), with_app_links(site, statement.body_html)
    view = PrivacyView(frame, statement.title, body, statement.day)
    page = _page(maker, view, ("privacy", lang))
    return PrivacyVersion(
        digest=PrivacyDigest(hashlib.sha256(page).hexdigest()),
        lang=lang,
        page=page,
        day="" if statement.day is None else statement.day.isoformat(),
        text_digest=statement.text_digest,
    )


def _index(maker: PageMaker, privacy: Mapping[str, PrivacyVersion]) -> IndexView:
    """Return the index with every listed magnet; it is rendered once, to see whether it can be."""
    lang = maker.site.settings.languages[0]
    listed = [magnet for magnet in maker.site.magnets.values() if magnet.listed]
    listed.sort(key=lambda it: (it.order is None, it.order or 0))
    cards = tuple(_card(maker, lang, magnet) for magnet in listed)
    frame = frame_of(maker.site, lang, privacy_url(privacy[lang].digest))
    view = IndexView(frame, cards)
    _page(maker, view, "index")
    return view


def _card(maker: PageMaker, lang: str, magnet: Magnet) -> Card:
    """Return a magnet's entry on the index in `lang`."""
    same = magnet.lang == lang
    try:
        picture = None if magnet.picture is None else replace(picture_of(maker, magnet.picture), alt="")
    except OSError:  # gone since it was looked at: the magnet's own page says so
        picture = None
    return Card(
        f"/{magnet.slug}",
        magnet.kind,
        magnet.lang,
        magnet.title,
        magnet.description,
        language="" if same else maker.theme.text(magnet.lang, "language"),
        picture=picture,
        kind_words=dict(magnet.texts).get(f"kind.{magnet.kind}", "") if same else "",
    )


def _page(maker: PageMaker, view: object, name: Hashable) -> bytes:
    theme = maker.theme
    return maker.kept.once(name, (theme.templates, view), lambda: theme.page(view).encode())
