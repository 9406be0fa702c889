"""Rendering a site once: the pages that everybody gets, each form with its version (P2)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from optin.consent.form import (
    FormDeclaration,
    FormDigest,
    FormKey,
    FormVersion,
    PrivacyDigest,
    PrivacyVersion,
    Slug,
)
from optin.site.findings import Finding
from optin.site.model import Magnet, PictureFile, Site
from optin.site.shown import objections_to_page
from optin.site.templates import BROKEN, one_for_each_place, own_templates, template_finding, try_samples
from optin.theme.theme import Theme, content_type_of
from optin.theme.views import Card, Frame, IndexView, LandingView, Picture, PrivacyView

KEY_CHARACTERS = 32
VERSION_CHARACTERS = 16  # of a digest in an address
_LINK = re.compile(r'<a href="(/(?!/)[^"]*)"')


@dataclass(frozen=True)
class Publication:
    """Every page that is the same for everybody. `views` are the landing pages before rendering."""

    forms: Mapping[Slug, FormVersion]
    views: Mapping[Slug, LandingView]
    privacy: Mapping[str, PrivacyVersion]
    index: bytes
    findings: tuple[Finding, ...] = ()


def publish(site: Site, theme: Theme) -> Publication:
    """Render the pages of a site. Same site, same bytes, in any process.

    A template of the site's own that cannot be rendered is a finding; one that all pages need leaves none.
    """
    tried = try_samples(site, theme)
    try:
        privacy = {lang: _privacy(site, theme, lang) for lang in site.languages}
        index = _index(site, theme, privacy)
    except BROKEN as problem:
        return Publication(
            {}, {}, {}, b"", one_for_each_place([template_finding(site.root, problem), *tried])
        )
    findings: list[Finding] = []
    forms: dict[Slug, FormVersion] = {}
    pages: dict[Slug, LandingView] = {}
    for magnet in site.magnets.values():
        try:
            view = _landing(site, theme, magnet, privacy[magnet.lang].digest)
            version, view = _version(theme, view)
        except BROKEN as problem:
            findings.append(template_finding(site.root, problem, slug=magnet.slug))
            continue
        unlawful = _unlawful(site, version, view)
        findings += unlawful
        if not unlawful:
            forms[magnet.slug], pages[magnet.slug] = version, view
    return Publication(forms, pages, privacy, index, one_for_each_place([*findings, *tried]))


def _unlawful(site: Site, version: FormVersion, view: LandingView) -> list[Finding]:
    """Look at what a template of the site's own made of a page; what ours make is tested."""
    if own_templates(site.root) is None:
        return []
    slug = version.declaration.magnet
    return [
        Finding("templates", 1, 1, f"/{slug}: {it.message}", it.cure, code=it.code, slug=slug)
        for it in objections_to_page(version.page.decode(), view)
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
