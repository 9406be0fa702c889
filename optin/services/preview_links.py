"""Links to a page that is not public yet, for the command and for the desk (W10)."""

from __future__ import annotations

from datetime import timedelta

from optin.consent.form_version import Slug
from optin.consent.preview_link import preview_payload
from optin.consent.signed_links import LinkKind
from optin.errors import RequestRefused
from optin.services.installation import Installation
from optin.services.site_edition import Edition
from optin.site.findings import nearest
from optin.site.magnet_life import MagnetPhase

MOST_DAYS = 90
DAYS = 7  # unless somebody says otherwise


def preview_link(installation: Installation, edition: Edition, slug: str, days: int = DAYS) -> str:
    """Return a link that shows a draft, or a page before its day. Raises RequestRefused for any other."""
    site, name = edition.site, Slug(slug.strip("/"))
    magnet = site.drafts.get(name) or site.magnets.get(name)
    if magnet is None:
        msg = f"There is no magnet {slug!r}. {nearest(name, [*site.drafts, *site.magnets])}"
        raise RequestRefused(msg)
    now = installation.clock()
    if name in site.magnets and magnet.phase_at(now) is not MagnetPhase.WAITING:
        msg = f"/{name} is public: {site.settings.base_url}/{name}"
        raise RequestRefused(msg)
    payload = preview_payload(name, now + timedelta(days=days))
    token = installation.vault.links.sign(LinkKind.PREVIEW, payload, now)
    return f"{site.settings.base_url}/{name}/preview/{token}"
