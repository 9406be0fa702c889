"""A magnet's page and mails in frames, as visitors get them. Nothing can be sent from there.

The page of a frame is the one that is served. It runs no script and posts no form; only the desk frames it.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import ClassVar

from starlette.responses import HTMLResponse, Response

from optin.consent.form_version import Slug
from optin.desk.desk_route import DeskRoute, StaffVisit
from optin.desk.held_counts import held_counts
from optin.desk.magnets.magnet_page import MagnetPage, has_report
from optin.desk.magnets.standing import StandingMagnet, standing_of
from optin.desk.page_roles import MARKETERS_AND_OFFICERS
from optin.errors import PageUnknown
from optin.web.gallery.exhibits import Gallery
from optin.web.gallery.frames import broken_page
from optin.web.gallery.sample_mailing import compose_sample
from optin.web.mailbox import Mail, parse_mail
from optin.web.security_headers import CONTENT_POLICY, NO_STORE, security_headers

WIDTHS = (360, 768, 1280)  # pixels: a phone, a tablet, a desk
FRAME_POLICY = (
    "default-src 'none'; style-src 'self' 'unsafe-inline'; img-src 'self'; font-src 'self';"
    " form-action 'none'; base-uri 'none'; frame-ancestors 'self'"
)


@dataclass(frozen=True)
class PreviewView(MagnetPage):
    """The page of a magnet at three widths."""

    widths: tuple[int, ...] = WIDTHS
    template: ClassVar[str] = "desk/magnets/preview.html"


@dataclass(frozen=True)
class SampleMail:
    """A mail of a magnet, with made-up data. `subject`: empty when it cannot be made; its frame says why."""

    name: str
    subject: str


@dataclass(frozen=True)
class MailsView(MagnetPage):
    """The mails of a magnet."""

    mails: tuple[SampleMail, ...]
    template: ClassVar[str] = "desk/magnets/mails.html"


async def get_preview(visit: StaffVisit) -> Response:
    """Show the page of a magnet at three widths. Raises PageUnknown."""
    it = await _served(visit)
    return visit.page(PreviewView(visit.frame, it, has_report(visit, it)))


async def get_page_frame(visit: StaffVisit) -> Response:
    """Answer with the page of a magnet, for a frame. Raises PageUnknown."""
    page = visit.app_context.edition.publication.preview(Slug(visit.request.path_params["slug"]))
    if page is None:
        raise PageUnknown
    return _framed(visit, page)


async def get_mails(visit: StaffVisit) -> Response:
    """Show the mails of a magnet. Raises PageUnknown."""
    it = await _served(visit)
    gallery = _gallery(visit)

    def made() -> tuple[SampleMail, ...]:
        return tuple(SampleMail(name, _subject(gallery, it.slug, name)) for name in _names(gallery, it.slug))

    view = MailsView(
        visit.frame,
        it,
        has_report(visit, it),
        await asyncio.to_thread(made),
    )
    return visit.page(view)


async def get_mail_frame(visit: StaffVisit) -> Response:
    """Answer with a mail of a magnet, for a frame. Raises PageUnknown."""
    await _served(visit)
    slug, gallery = str(visit.request.path_params["slug"]), _gallery(visit)
    names, number = await asyncio.to_thread(_names, gallery, slug), int(visit.request.path_params["place"])
    if not 1 <= number <= len(names):
        raise PageUnknown
    html = await asyncio.to_thread(_html, visit, gallery, slug, names[number - 1])
    base_url = visit.app_context.edition.site.settings.base_url
    return _framed(visit, html.replace(f'="{base_url}/', '="/').encode())


def _framed(visit: StaffVisit, page: bytes) -> Response:
    """Answer with a page that the desk may frame, and nobody else."""
    headers = dict(security_headers(visit.app_context.edition.site.settings.base_url))
    headers |= {CONTENT_POLICY: FRAME_POLICY, "x-frame-options": "SAMEORIGIN", "cache-control": NO_STORE}
    return HTMLResponse(page, headers=headers)


async def _served(visit: StaffVisit) -> StandingMagnet:
    """Return a magnet of which there is a page. Raises PageUnknown."""
    edition, slug = visit.app_context.edition, str(visit.request.path_params["slug"])
    written = await held_counts(visit.request).written.get(edition, visit.now)
    it = standing_of(slug, edition, written, visit.now)
    if it is None or edition.publication.preview(Slug(slug)) is None:
        raise PageUnknown
    return it


def _gallery(visit: StaffVisit) -> Gallery:
    return held_counts(visit.request).gallery(visit.app_context.edition)


def _names(gallery: Gallery, slug: str) -> list[str]:
    subject = gallery.subject(slug)
    return list(gallery.mails(subject, subject.lang)) if subject.name == slug else []


def _mail(gallery: Gallery, slug: str, name: str) -> Mail:
    subject = gallery.subject(slug)
    return parse_mail(name, compose_sample(gallery, subject, subject.lang, name))


def _subject(gallery: Gallery, slug: str, name: str) -> str:
    try:
        return _mail(gallery, slug, name).subject
    except Exception:  # noqa: BLE001 - a template of the site, or a kind: the frame of the mail says which
        return ""


def _html(visit: StaffVisit, gallery: Gallery, slug: str, name: str) -> str:
    try:
        return _mail(gallery, slug, name).html
    except Exception as problem:  # noqa: BLE001 - a template of the site, or a kind: programs of others
        root = gallery.edition.site.root
        return broken_page(gallery.theme, problem, root, visit.app_context.frame(visit.lang))


ROUTES = (
    DeskRoute("/magnets/{slug}/preview", get_preview, MARKETERS_AND_OFFICERS),
    DeskRoute("/magnets/{slug}/page", get_page_frame, MARKETERS_AND_OFFICERS),
    DeskRoute("/magnets/{slug}/mails", get_mails, MARKETERS_AND_OFFICERS),
    DeskRoute("/magnets/{slug}/mails/{place:int}", get_mail_frame, MARKETERS_AND_OFFICERS),
)
