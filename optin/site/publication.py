"""Rendering a site once: the pages that everybody gets, each form with its version (P2)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Hashable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Any

from optin.consent.form import (
    FormDeclaration,
    FormDigest,
    FormKey,
    FormVersion,
    PrivacyDigest,
    PrivacyVersion,
    Slug,
    details_text,
)
from optin.consent.magnet_details import DetailsPart
from optin.consent.parts_by_kind import OUR_PACKAGE, PartsByKind
from optin.proof.assets import asset_address, content_type_of
from optin.proof.canonical import canonical
from optin.site.findings import Finding, kind_failed
from optin.site.kind_pages import PagesPart
from optin.site.model import Magnet, PictureFile, Site, Variant
from optin.site.page_check import objections_to_page
from optin.site.reading_cache import Kept
from optin.site.templates import BROKEN, one_for_each_place, own_templates, template_finding, try_samples
from optin.site.variants import wording_name
from optin.theme.card import HEIGHT, WIDTH, SocialCard
from optin.theme.theme import Asset, Theme
from optin.theme.views import (
    Alternate,
    Card,
    ClosedView,
    Frame,
    IndexView,
    LandingView,
    MovedView,
    Picture,
    PrivacyView,
)

KEY_CHARACTERS = 32
VERSION_CHARACTERS = 16  # of a digest in an address
_LINK = re.compile(r'<a href="(/(?!/)[^"]*)"')


@dataclass(frozen=True)
class Face:
    """One page with a form of a magnet: most magnets have one, others a page for each wording or outcome."""

    path: str  # where it is shown
    view: LandingView  # before rendering
    form: FormVersion
    card: SocialCard | None = None  # to be drawn, where social sites are not shown a picture of its own


@dataclass(frozen=True)
class Opening:
    """The page at a magnet's address where that has no form yet."""

    view: Any
    page: bytes


@dataclass(frozen=True)
class Publication:
    """Every page that is the same for everybody. `faces`: of each magnet, the page at its address first."""

    faces: Mapping[Slug, tuple[Face, ...]]
    privacy: Mapping[str, PrivacyVersion]
    index: bytes
    closed: Mapping[Slug, bytes] = field(default_factory=dict)  # what is at its address once it closed
    moved: Mapping[Slug, bytes] = field(default_factory=dict)  # what is at an earlier address of a magnet
    findings: tuple[Finding, ...] = ()
    openings: Mapping[Slug, Opening] = field(default_factory=dict)  # what is at its address before its forms

    @cached_property
    def cards(self) -> Mapping[str, SocialCard]:
        """Every card that is to be drawn, by its address."""
        drawn = (face.card for faces in self.faces.values() for face in faces)
        return {card.url: card for card in drawn if card is not None}

    @cached_property
    def forms(self) -> Mapping[Slug, FormVersion]:
        """The first form of each magnet."""
        return {slug: faces[0].form for slug, faces in self.faces.items()}

    @cached_property
    def every_form(self) -> tuple[FormVersion, ...]:
        """Every form that is served."""
        return tuple(face.form for faces in self.faces.values() for face in faces)

    def face(self, slug: Slug, key: str) -> Face | None:
        """Return the page of a magnet that has the form `key`."""
        return next((face for face in self.faces.get(slug, ()) if face.form.key == key), None)

    def face_like(self, slug: Slug, form: FormVersion) -> Face:
        """Return what a magnet serves now in the place of a form: of the same face, if there is one."""
        faces = self.faces[slug]
        alike = (face for face in faces if face.form.declaration.face == form.declaration.face)
        return self.face(slug, form.key) or next(alike, faces[0])


@dataclass(frozen=True)
class _Rendered:
    """All that is rendered of one magnet, or what keeps it from being shown."""

    faces: tuple[Face, ...] = ()
    closed: bytes | None = None
    moved: bytes | None = None
    opening: Opening | None = None
    wrong: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class KindPages:
    """What a publication needs of kinds."""

    pages: PartsByKind[PagesPart]
    details: PartsByKind[DetailsPart]


def publish(site: Site, theme: Theme, kinds: KindPages, kept: Kept | None = None) -> Publication:
    """Render the pages of a site. Same site, same bytes, in any process.

    A template of the site's own that cannot be rendered is a finding; one that all pages need leaves none.
    `kept`: of an earlier publication of this site, to render only what has changed.
    """
    kept = kept or Kept()
    alike = theme.templates
    tried = kept.once(
        "samples", (alike, site.settings.languages), lambda: try_samples(site, theme, kinds.pages)
    )
    here = frozenset({"/", "/privacy", *(f"/{slug}" for slug in site.magnets)})
    try:
        privacy = {lang: _privacy(site, theme, lang, here, kept) for lang in site.settings.languages}
        index = _index(site, theme, privacy, kept)
    except BROKEN as problem:
        findings = one_for_each_place([template_finding(site.root, problem), *tried])
        return Publication({}, {}, b"", findings=findings)
    rendered: dict[Slug, _Rendered] = {}
    for slug, magnet in site.magnets.items():
        try:
            view = _landing(site, theme, magnet, kinds, privacy[magnet.lang].digest, here, kept)
        except Exception as problem:  # noqa: BLE001 - a picture is gone since, or a kind of another package fails
            rendered[slug] = _Rendered(wrong=(_failed(site, kinds, magnet, problem),))
            continue
        source = (alike, view, magnet.variants, magnet.closes_at, magnet.was)
        make = partial(_render, site, theme, kinds, magnet, view)
        rendered[slug] = kept.once(("pages", slug), source, make)
    wrong = [finding for it in rendered.values() for finding in it.wrong]
    sound = {slug: it for slug, it in rendered.items() if not it.wrong}
    return Publication(
        faces={slug: it.faces for slug, it in sound.items()},
        privacy=privacy,
        index=index,
        closed={slug: it.closed for slug, it in sound.items() if it.closed is not None},
        moved={
            old: it.moved
            for slug, it in sound.items()
            if it.moved is not None
            for old in site.magnets[slug].was
        },
        findings=one_for_each_place([*wrong, *tried]),
        openings={slug: it.opening for slug, it in sound.items() if it.opening is not None},
    )


def _render(site: Site, theme: Theme, kinds: KindPages, magnet: Magnet, view: LandingView) -> _Rendered:
    kind = kinds.pages[magnet.kind]
    try:
        shown = _faces(theme, kind, view, magnet)
        closed = moved = opening = None
        if kind.opening is not None:
            asking = kind.opening(_with_card(theme, view)[0])
            opening = Opening(asking, theme.page(asking).encode())
        if magnet.closes_at is not None:
            closed = theme.page(ClosedView(view.frame, view)).encode()
        if magnet.was:
            moved = theme.page(MovedView(view.frame, magnet.title, f"/{magnet.slug}")).encode()
        unlawful = [finding for face in shown for finding in _unlawful(site, face, kind)]
    except Exception as problem:  # noqa: BLE001 - a template or a kind: programs of others
        return _Rendered(wrong=(_failed(site, kinds, magnet, problem),))
    return _Rendered(shown, closed, moved, opening, (*unlawful, *_alike(magnet.slug, shown)))


def _failed(site: Site, kinds: KindPages, magnet: Magnet, problem: Exception) -> Finding:
    """Return what keeps a page from being made: a template of the site, or the magnet's kind.

    Raises what it is given where neither is at fault.
    """
    package = kinds.pages.package(magnet.kind)
    found = template_finding(site.root, problem, slug=magnet.slug)
    if isinstance(problem, BROKEN) and (package == OUR_PACKAGE or found.path != "templates"):
        return found
    if package == OUR_PACKAGE:
        raise problem
    message, cure = kind_failed(magnet.kind, package, problem)
    return Finding(f"magnets/{magnet.slug}", 1, 1, message, cure, code="kind-broken", slug=magnet.slug)


def _faces(theme: Theme, kind: PagesPart, view: LandingView, magnet: Magnet) -> tuple[Face, ...]:
    """Return every page of a magnet that has a form: as it is written, then its variants.

    A kind may have several of another making.
    """
    address = f"/{magnet.slug}"
    if kind.faces is not None:
        return tuple(_face(theme, face, f"{address}{path}") for path, face in kind.faces(view))
    views = [view, *(_as_variant(view, variant) for variant in magnet.variants)]
    return tuple(_face(theme, wording, address) for wording in views)


def _face(theme: Theme, view: LandingView, path: str) -> Face:
    """Return a page with its form, and with what social sites show of it."""
    view, card = _with_card(theme, view)
    version, named = _version(theme, view)
    return Face(path, named, version, card)


def _with_card(theme: Theme, view: LandingView) -> tuple[LandingView, SocialCard | None]:
    """Return a page with what social sites show of it: its own picture, else a card that is to be drawn.

    None of them shows an SVG.
    """
    card = None
    shown = view.picture
    if shown is None or shown.url.endswith(".svg"):
        key = f"kind.{view.declaration.kind}"
        kind = dict(view.texts).get(key) or theme.text(view.frame.lang, key)
        title, name = view.declaration.title, view.frame.controller.name
        card = SocialCard(kind, title, name, theme.look.colour)
        shown = Picture(card.url, f"{kind}: {title}", WIDTH, HEIGHT)
    return replace(view, card=shown), card


def _as_variant(view: LandingView, variant: Variant) -> LandingView:
    """Return a page in another wording."""
    declaration = replace(
        view.declaration, title=variant.title, variant=variant.name, questions=variant.questions
    )
    return replace(view, declaration=declaration, description=variant.description, texts=variant.texts)


def _alike(slug: Slug, shown: tuple[Face, ...]) -> Iterator[Finding]:
    """Find variants whose page says the same as another's: what they change is not shown there."""
    seen: dict[bytes, str] = {}
    for face in shown:
        page, name = face.form.page.replace(face.form.key.encode(), b""), face.form.declaration.variant
        other = seen.setdefault(page, name)
        if other != name:
            message = f"The page of the variant {name!r} is the same as {wording_name(other)}."
            cure = "Change what the landing page shows: its title, description, texts or boxes."
            yield Finding(f"magnets/{slug}", 1, 1, message, cure, code="variant", slug=slug)


def _unlawful(site: Site, face: Face, kind: PagesPart) -> list[Finding]:
    """Look at what a template of the site's own made of a page; what ours make is tested."""
    if own_templates(site.root) is None:
        return []
    slug = face.form.declaration.magnet
    return [
        Finding("templates", 1, 1, f"{face.path}: {it.message}", it.cure, code=it.code, slug=slug)
        for it in objections_to_page(face.form.page.decode(), face.view, kind)
    ]


def privacy_url(digest: PrivacyDigest) -> str:
    """Return the address of one version of a privacy statement."""
    return f"/privacy/{digest[:VERSION_CHARACTERS]}"


def frame_of(site: Site, lang: str, privacy: str) -> Frame:
    """Return what surrounds a page whose privacy statement is at `privacy`."""
    base = site.settings.base_url
    return Frame(
        lang,
        site.controller,
        privacy,
        base_url=base,
        pages_url=site.settings.pages_url or base,
        privacy_day=site.privacy[lang].day,
    )


def linked(site: Site, html: str, here: Collection[str]) -> str:
    """Lead each link of a text to where it is answered, wherever the page is: if need be to the app."""

    def lead(link: re.Match[str]) -> str:
        path = re.split("[?#]", link[1])[0]
        return link[0] if path in here else f'<a href="{site.settings.base_url}{link[1]}"'

    return _LINK.sub(lead, html)


def _privacy(site: Site, theme: Theme, lang: str, here: Collection[str], kept: Kept) -> PrivacyVersion:
    statement = site.privacy[lang]
    in_force = f"{site.settings.base_url}/privacy"  # its own digest cannot stand in it
    frame, body = frame_of(site, lang, in_force), linked(site, statement.body_html, here)
    view = PrivacyView(frame, statement.title, body, statement.day)
    page = _page(theme, view, ("privacy", lang), kept)
    return PrivacyVersion(
        digest=PrivacyDigest(hashlib.sha256(page).hexdigest()),
        lang=lang,
        page=page,
        day="" if statement.day is None else statement.day.isoformat(),
        words=statement.words,
    )


def _landing(  # noqa: PLR0913 - everything that a page is made of
    site: Site,
    theme: Theme,
    magnet: Magnet,
    kinds: KindPages,
    privacy: PrivacyDigest,
    here: Collection[str],
    kept: Kept,
) -> LandingView:
    declaration = FormDeclaration(
        magnet=magnet.slug,
        kind=magnet.kind,
        title=magnet.title,
        lang=magnet.lang,
        controller=site.controller,
        privacy=privacy,
        questions=magnet.questions,
        fields=magnet.fields,
        file="" if magnet.file is None else magnet.file.name,
        details="" if magnet.details is None else details_text(magnet.details.declared()),
    )
    body = linked(site, magnet.body_html, here)
    frame = frame_of(site, magnet.lang, privacy_url(privacy))
    for picture in magnet.pictures:
        shown = _picture(theme, picture, kept)
        sized = f'src="{shown.url}" width="{shown.width}" height="{shown.height}"'
        body = body.replace(f'src="{picture.source}"', sized)
    return LandingView(
        frame=frame,
        declaration=declaration,
        description=magnet.description,
        body_html=body,
        action=f"{frame.base_url}/{magnet.slug}",
        form_key="",
        texts=magnet.texts,
        page_url=f"{frame.pages_url}/{magnet.slug}",
        picture=None if magnet.picture is None else _picture(theme, magnet.picture, kept),
        details=None
        if magnet.details is None
        else kinds.pages[magnet.kind].with_links(magnet.details, lambda html: linked(site, html, here)),
        filled_in=kinds.details[magnet.kind].filled_in,
        alternates=tuple(
            Alternate(it.lang, theme.text(it.lang, "language"), f"/{it.slug}")
            for it in site.groups.get(magnet.group, ())
        ),
    )


def _picture(theme: Theme, picture: PictureFile, kept: Kept) -> Picture:
    path = picture.path

    def read() -> tuple[str, Asset]:
        data = path.read_bytes()
        return asset_address(path.name, data), Asset(data, content_type_of(path.name))

    url, asset = kept.once(("picture", path), kept.stamp(path), read)
    theme.keep_asset(url, asset)
    return Picture(url, picture.alt, picture.width, picture.height)


def _version(theme: Theme, view: LandingView) -> tuple[FormVersion, LandingView]:
    blank = theme.page(view).encode()
    declared = canonical(view.declaration.as_json())  # a page may not show all that it declares
    key = FormKey(hashlib.sha256(blank + declared).hexdigest()[:KEY_CHARACTERS])
    named = replace(view, form_key=key)
    page = theme.page(named).encode()
    digest = FormDigest(hashlib.sha256(page).hexdigest())
    return FormVersion(digest, key, page, view.declaration), named


def _index(site: Site, theme: Theme, privacy: Mapping[str, PrivacyVersion], kept: Kept) -> bytes:
    lang = site.settings.languages[0]
    cards = tuple(_card(theme, lang, magnet, kept) for magnet in site.magnets.values())
    frame = frame_of(site, lang, privacy_url(privacy[lang].digest))
    return _page(theme, IndexView(frame, cards), "index", kept)


def _card(theme: Theme, lang: str, magnet: Magnet, kept: Kept) -> Card:
    """Return a magnet as the index in `lang` shows it."""
    same = magnet.lang == lang
    try:
        picture = None if magnet.picture is None else _picture(theme, magnet.picture, kept)
    except OSError:  # gone since it was looked at: the magnet's own page says so
        picture = None
    return Card(
        f"/{magnet.slug}",
        magnet.kind,
        magnet.lang,
        magnet.title,
        magnet.description,
        language="" if same else theme.text(magnet.lang, "language"),
        picture=picture,
        kind_words=dict(magnet.texts).get(f"kind.{magnet.kind}", "") if same else "",
    )


def _page(theme: Theme, view: object, name: Hashable, kept: Kept) -> bytes:
    return kept.once(name, (theme.templates, view), lambda: theme.page(view).encode())
