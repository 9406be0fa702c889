"""Landing pages: the content of each, and its form with the version that proves it (P2)."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace
from functools import partial
from html import unescape

from optin.consent.form_version import (
    SOURCE_FIELD,
    FormDeclaration,
    FormDigest,
    FormField,
    FormKey,
    FormVersion,
    PrivacyDigest,
    details_text,
)
from optin.proof.canonical_json import canonical
from optin.site.kind_page_hooks import PagesPart
from optin.site.model import Magnet, Site, StoryPiece, Variant
from optin.site.page_inputs import PageMaker, picture_of
from optin.theme.embedded_views import embedded_views
from optin.theme.social_card import HEIGHT, WIDTH, SocialCard
from optin.theme.theme import Theme
from optin.theme.views import Alternate, Frame, LandingView, Picture, StoryPart

KEY_CHARACTERS = 32
VERSION_CHARACTERS = 16  # of a digest in an address
_LINK = re.compile(r'<a href="(/(?!/)[^"]*)"')


@dataclass(frozen=True)
class FormPage:
    """One page with a form of a magnet: most magnets have one, others one per variant or outcome."""

    path: str  # where it is shown
    view: LandingView  # before rendering
    form: FormVersion
    card: SocialCard | None = None  # to be drawn, where social sites are not shown a picture of its own


def privacy_url(digest: PrivacyDigest) -> str:
    """Return the address of one version of a privacy statement."""
    return f"/privacy/{digest[:VERSION_CHARACTERS]}"


def frame_of(site: Site, lang: str, privacy: str) -> Frame:
    """Return the frame of a page whose privacy statement is at `privacy`."""
    base = site.settings.base_url
    return Frame(
        lang,
        site.controller,
        privacy,
        base_url=base,
        pages_url=site.settings.pages_url or base,
        privacy_day=site.privacy[lang].day,
    )


def posts_to_own_address(site: Site) -> bool:
    """Return whether forms have no target of their own, so that browsers post to the address of the page.

    The source stands in that address, behind the `?` (W8). Pages on a host of their own name the app.
    """
    settings = site.settings
    return bool(settings.sources.names) and (settings.pages_url or settings.base_url) == settings.base_url


def source_fields(maker: PageMaker, magnet: Magnet) -> tuple[FormField, ...]:
    """Return the field for the source of a request, where the site says why it is kept; else nothing (W8).

    A form that cannot learn its source says nothing of it: pages on a host of their own, and forms behind
    other pages of a magnet.
    """
    site = maker.site
    why = site.settings.sources.keep.get(magnet.lang, "").strip()
    is_first_page = maker.kinds.pages[magnet.kind].form_pages is None
    if not why or not is_first_page or not posts_to_own_address(site):
        return ()
    return (FormField(SOURCE_FIELD, maker.theme.text(magnet.lang, f"field.{SOURCE_FIELD}"), why),)


def with_app_links(site: Site, html: str) -> str:
    """Return a text with the app's address in links to pages that only the app answers."""

    def lead(link: re.Match[str]) -> str:
        path = re.split("[?#]", link[1])[0]
        is_built = path in {"/", "/privacy"} or path[1:] in site.magnets
        return link[0] if is_built else f'<a href="{site.settings.base_url}{link[1]}"'

    return _LINK.sub(lead, html)


def landing_view(maker: PageMaker, magnet: Magnet, privacy: PrivacyDigest) -> LandingView:
    """Return a magnet's landing page as written, with a privacy statement. Raises OSError."""
    site, theme, kinds = maker.site, maker.theme, maker.kinds
    declaration = FormDeclaration(
        magnet=magnet.slug,
        kind=magnet.kind,
        title=magnet.title,
        lang=magnet.lang,
        controller=site.controller,
        privacy=privacy,
        questions=magnet.questions,
        fields=(*magnet.fields, *source_fields(maker, magnet)),
        file="" if magnet.file is None else magnet.file.name,
        details="" if magnet.details is None else details_text(magnet.details.declared()),
    )
    frame = frame_of(site, magnet.lang, privacy_url(privacy))
    story = tuple(_story_part(maker, magnet, piece) for piece in magnet.story)
    return LandingView(
        frame=frame,
        declaration=declaration,
        description=magnet.description,
        headline=magnet.headline,
        body_html="".join(part.html for part in story),
        story=story,
        action="" if posts_to_own_address(site) else f"{frame.base_url}/{magnet.slug}",
        form_key="",
        texts=magnet.texts,
        page_url=f"{frame.pages_url}/{magnet.slug}",
        picture=None if magnet.picture is None else picture_of(maker, magnet.picture, original=True),
        details=None
        if magnet.details is None
        else kinds.pages[magnet.kind].with_links(magnet.details, lambda html: with_app_links(site, html)),
        filled_in=kinds.details[magnet.kind].filled_in | {SOURCE_FIELD},
        alternates=tuple(
            Alternate(it.lang, theme.text(it.lang, "language"), f"/{it.slug}")
            for it in site.groups.get(magnet.group, ())
        ),
    )


def _story_part(maker: PageMaker, magnet: Magnet, piece: StoryPiece) -> StoryPart:
    """Return a part of a magnet's text as a page shows it, with its pictures. Raises OSError."""
    html = piece.html
    if piece.name:
        html = maker.theme.block(magnet.lang, piece.name, piece.block, partial(picture_of, maker))
    html = with_app_links(maker.site, html)
    for picture in magnet.pictures:
        shown = picture_of(maker, picture)
        html = re.sub(
            rf'<img src="{re.escape(picture.source)}" alt="([^"]*)"(?: title="[^"]*")? />',
            partial(_drawn_tag, maker.theme, shown),
            html,
        )
    return StoryPart(html, piece.name)


def _drawn_tag(theme: Theme, shown: Picture, tag: re.Match[str]) -> str:
    """Return the HTML of a drawn picture in place of a tag, whose description it keeps."""
    return theme.picture(replace(shown, alt=unescape(tag[1])))


def form_pages_of(
    theme: Theme, kind: PagesPart, view: LandingView, magnet: Magnet, *, embedded: bool = False
) -> tuple[FormPage, ...]:
    """Return every page of a magnet with a form: the one as written, then its variants.

    A kind may have several of another making. `embedded`: other sites show the forms, too.
    """
    address = f"/{magnet.slug}"
    if kind.form_pages is not None:
        return tuple(
            _form_page(theme, form_page, f"{address}{path}") for path, form_page in kind.form_pages(view)
        )
    views = [view, *(_as_variant(view, variant) for variant in magnet.variants)]
    form_pages = tuple(_form_page(theme, wording, address) for wording in views)
    if not embedded:
        return form_pages
    return (*form_pages, *(_form_page(theme, shown, path) for path, shown in embedded_views(views)))


def _form_page(theme: Theme, view: LandingView, path: str) -> FormPage:
    """Return a page with its form and its social preview."""
    view, card = with_card(theme, view)
    version, named = _version(theme, view)
    return FormPage(path, named, version, card)


def with_card(theme: Theme, view: LandingView) -> tuple[LandingView, SocialCard | None]:
    """Return a page with its social preview: its own picture, else one to be drawn.

    None of them shows an SVG.
    """
    card = None
    shown = view.picture
    if shown is None or shown.url.endswith(".svg"):
        key = f"kind.{view.declaration.kind}"
        kind = dict(view.texts).get(key) or theme.text(view.frame.lang, key)
        title, name = view.declaration.title, view.frame.controller.name
        card = SocialCard(kind, title, name, *theme.look.card)
        shown = Picture(card.url, f"{kind}: {title}", WIDTH, HEIGHT)
    return replace(view, card=shown), card


def _as_variant(view: LandingView, variant: Variant) -> LandingView:
    """Return a page in the words of a variant."""
    declaration = replace(
        view.declaration, title=variant.title, variant=variant.name, questions=variant.questions
    )
    return replace(
        view,
        declaration=declaration,
        headline=variant.headline,
        description=variant.description,
        texts=variant.texts,
    )


def _version(theme: Theme, view: LandingView) -> tuple[FormVersion, LandingView]:
    blank = theme.page(view).encode()
    declared = canonical(view.declaration.as_json())  # a page may not show all that it declares
    key = FormKey(hashlib.sha256(blank + declared).hexdigest()[:KEY_CHARACTERS])
    named = replace(view, form_key=key)
    page = theme.page(named).encode()
    digest = FormDigest(hashlib.sha256(page).hexdigest())
    return FormVersion(digest, key, page, view.declaration), named
