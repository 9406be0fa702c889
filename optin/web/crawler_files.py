"""Files for search engines: the pages, each with its other languages (M8)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from xml.sax.saxutils import escape, quoteattr

from optin.services.site_edition import Edition
from optin.site.magnet_life import MagnetPhase
from optin.theme.views import Alternate


def crawler_files(edition: Edition, now: datetime) -> tuple[str, str]:
    """Return robots.txt and sitemap.xml, with the public addresses of the pages.

    The sitemap leaves out what is archived, waits for its day or is not listed.
    """
    site = edition.site
    host = site.settings.pages_url or site.settings.base_url
    pages = {
        f"/{slug}": form_pages[0].view.alternates
        for slug, form_pages in edition.publication.form_pages.items()
        if (magnet := site.magnets[slug]).listed
        and not magnet.is_archived
        and magnet.phase_at(now) is not MagnetPhase.WAITING
    }
    robots = f"User-agent: *\nAllow: /\nSitemap: {host}/sitemap.xml\n"
    return robots, _sitemap({"/": (), **pages}, host)


def _sitemap(pages: Mapping[str, Sequence[Alternate]], host: str) -> str:
    """Return a sitemap as sitemaps.org defines it, with xhtml:link for other languages."""
    urls = "".join(
        f"  <url><loc>{escape(host + path)}</loc>{_links(alternates, host)}</url>\n"
        for path, alternates in pages.items()
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'
        f' xmlns:xhtml="http://www.w3.org/1999/xhtml">\n{urls}</urlset>\n'
    )


def _links(alternates: Sequence[Alternate], host: str) -> str:
    named = [(it.lang, it.path) for it in alternates]
    named += [("x-default", path) for _, path in named[:1]]
    return "".join(
        f'<xhtml:link rel="alternate" hreflang={quoteattr(lang)} href={quoteattr(host + path)}/>'
        for lang, path in named
    )
