"""Rendering a site once: the pages that everybody gets, each form with its version (P2)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

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
from optin.consent.quiz import Quiz
from optin.site.findings import Finding
from optin.site.model import Magnet, PictureFile, Site
from optin.site.quiz_pages import quiz_view, result_view
from optin.site.shown import objections_to_page
from optin.site.templates import BROKEN, one_for_each_place, own_templates, template_finding, try_samples
from optin.theme.theme import Theme, content_type_of
from optin.theme.views import Card, ClosedView, Frame, IndexView, LandingView, Picture, PrivacyView, QuizView

KEY_CHARACTERS = 32
VERSION_CHARACTERS = 16  # of a digest in an address
_LINK = re.compile(r'<a href="(/(?!/)[^"]*)"')


@dataclass(frozen=True)
class Face:
    """One page with a form of a magnet: most magnets have one, others a page for each wording or outcome."""

    path: str  # where it is shown
    view: LandingView  # before rendering
    form: FormVersion


@dataclass(frozen=True)
class Opening:
    """The page at a magnet's address where that has no form yet: a quiz asks before it has a result."""

    view: QuizView
    page: bytes


@dataclass(frozen=True)
class Publication:
    """Every page that is the same for everybody. `faces`: of each magnet, the page at its address first."""

    faces: Mapping[Slug, tuple[Face, ...]]
    privacy: Mapping[str, PrivacyVersion]
    index: bytes
    closed: Mapping[Slug, bytes] = field(default_factory=dict)  # what is at its address once it closed
    findings: tuple[Finding, ...] = ()
    openings: Mapping[Slug, Opening] = field(default_factory=dict)  # what is at its address before its forms

    @property
    def forms(self) -> Mapping[Slug, FormVersion]:
        """The first form of each magnet."""
        return {slug: faces[0].form for slug, faces in self.faces.items()}

    @property
    def every_form(self) -> tuple[FormVersion, ...]:
        """Every form that is served."""
        return tuple(face.form for faces in self.faces.values() for face in faces)

    def face(self, slug: Slug, key: str) -> Face | None:
        """Return the page of a magnet that has the form `key`."""
        return next((face for face in self.faces.get(slug, ()) if face.form.key == key), None)

    def face_like(self, form: FormVersion) -> Face:
        """Return what is served now in the place of an earlier form: of the same outcome, if there is one."""
        faces = self.faces[form.declaration.magnet]
        same = form.declaration.detail.get("outcome")
        alike = (face for face in faces if face.form.declaration.detail.get("outcome") == same)
        return self.face(form.declaration.magnet, form.key) or next(alike, faces[0])


def publish(site: Site, theme: Theme) -> Publication:
    """Render the pages of a site. Same site, same bytes, in any process.

    A template of the site's own that cannot be rendered is a finding; one that all pages need leaves none.
    """
    tried = try_samples(site, theme)
    try:
        privacy = {lang: _privacy(site, theme, lang) for lang in site.languages}
        index = _index(site, theme, privacy)
    except BROKEN as problem:
        findings = one_for_each_place([template_finding(site.root, problem), *tried])
        return Publication({}, {}, b"", findings=findings)
    wrong: list[Finding] = []
    faces: dict[Slug, tuple[Face, ...]] = {}
    closed: dict[Slug, bytes] = {}
    openings: dict[Slug, Opening] = {}
    for magnet in site.magnets.values():
        try:
            view = _landing(site, theme, magnet, privacy[magnet.lang].digest)
            shown = _faces(site, theme, view)
            if isinstance(magnet.details, Quiz):
                opening = quiz_view(view, magnet.details)
                openings[magnet.slug] = Opening(opening, theme.page(opening).encode())
            if magnet.closes_at is not None:
                closed[magnet.slug] = theme.page(ClosedView(view.frame, view)).encode()
        except BROKEN as problem:
            wrong.append(template_finding(site.root, problem, slug=magnet.slug))
            continue
        unlawful = [finding for face in shown for finding in _unlawful(site, face)]
        wrong += unlawful
        if not unlawful:
            faces[magnet.slug] = shown
    return Publication(faces, privacy, index, closed, one_for_each_place([*wrong, *tried]), openings)


def _faces(site: Site, theme: Theme, view: LandingView) -> tuple[Face, ...]:
    """Return every page of a magnet that has a form: of a quiz, one for each outcome."""
    if isinstance(view.details, Quiz):
        quiz, slug = view.details, view.declaration.magnet
        outcomes = [replace(it, text_html=linked(site, it.text_html)) for it in quiz.outcomes]
        versions = [(it.id, *_version(theme, result_view(view, quiz, it))) for it in outcomes]
        return tuple(Face(f"/{slug}/result/{name}", shown, form) for name, form, shown in versions)
    version, shown = _version(theme, view)
    return (Face(f"/{version.declaration.magnet}", shown, version),)


def _unlawful(site: Site, face: Face) -> list[Finding]:
    """Look at what a template of the site's own made of a page; what ours make is tested."""
    if own_templates(site.root) is None:
        return []
    slug = face.form.declaration.magnet
    return [
        Finding("templates", 1, 1, f"{face.path}: {it.message}", it.cure, code=it.code, slug=slug)
        for it in objections_to_page(face.form.page.decode(), face.view)
    ]


def privacy_url(digest: PrivacyDigest) -> str:
    """Return the address of one version of a privacy statement."""
    return f"/privacy/{digest[:VERSION_CHARACTERS]}"


def frame_of(site: Site, lang: str, privacy: str) -> Frame:
    """Return what surrounds a page whose privacy statement is at `privacy`."""
    base = site.settings.base_url
    return Frame(lang, site.controller, privacy, base_url=base, pages_url=site.pages_url or base)


def linked(site: Site, html: str) -> str:
    """Lead each link of a text to where it is answered, wherever the page is: if need be to the app."""
    here = {"/", "/privacy", *(f"/{slug}" for slug in site.magnets)}

    def lead(link: re.Match[str]) -> str:
        path = re.split("[?#]", link[1])[0]
        return link[0] if path in here else f'<a href="{site.settings.base_url}{link[1]}"'

    return _LINK.sub(lead, html)


def _privacy(site: Site, theme: Theme, lang: str) -> PrivacyVersion:
    statement = site.privacy[lang]
    in_force = f"{site.settings.base_url}/privacy"  # its own digest cannot stand in it
    frame, body = frame_of(site, lang, in_force), linked(site, statement.body_html)
    page = theme.page(PrivacyView(frame, statement.title, body)).encode()
    return PrivacyVersion(PrivacyDigest(hashlib.sha256(page).hexdigest()), lang, page)


def _landing(site: Site, theme: Theme, magnet: Magnet, privacy: PrivacyDigest) -> LandingView:
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
    body = linked(site, magnet.body_html)
    frame = frame_of(site, magnet.lang, privacy_url(privacy))
    for picture in magnet.pictures:
        shown = _picture(theme, picture)
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
        picture=None if magnet.picture is None else _picture(theme, magnet.picture),
        details=magnet.details,
    )


def _picture(theme: Theme, picture: PictureFile) -> Picture:
    name = picture.path.name
    url = theme.add_asset(name, picture.path.read_bytes(), content_type_of(name))
    return Picture(url, picture.alt, picture.width, picture.height)


def _version(theme: Theme, view: LandingView) -> tuple[FormVersion, LandingView]:
    blank = theme.page(view).encode()
    key = FormKey(hashlib.sha256(blank).hexdigest()[:KEY_CHARACTERS])
    named = replace(view, form_key=key)
    page = theme.page(named).encode()
    digest = FormDigest(hashlib.sha256(page).hexdigest())
    return FormVersion(digest, key, page, view.declaration), named


def _index(site: Site, theme: Theme, privacy: Mapping[str, PrivacyVersion]) -> bytes:
    lang = site.languages[0]
    cards = tuple(
        Card(f"/{magnet.slug}", magnet.kind, magnet.lang, magnet.title, magnet.description)
        for magnet in site.magnets.values()
    )
    frame = frame_of(site, lang, privacy_url(privacy[lang].digest))
    return theme.page(IndexView(frame, cards)).encode()
