"""The landing page of a magnet as it would be, with what the server does not serve yet inside it."""

from __future__ import annotations

import base64
import re
from html import escape

from optin.consent.form_version import Slug
from optin.services.site_edition import Edition, assets_of


def preview_page(edition: Edition | None, served: Edition, slug: Slug) -> bytes | None:
    """Return the page of an edition that is not served; None where the magnet has a mistake.

    Pictures and stylesheets that the served edition does not have are put into the page itself.
    """
    page = None if edition is None else edition.publication.preview(slug)
    if edition is None or page is None:
        return page
    found = assets_of([page], edition.theme.assets.get)
    for name in sorted(found, key=len, reverse=True):
        if name in served.theme.assets:
            continue
        asset = found[name]
        inside = f"data:{asset.content_type};base64,{base64.b64encode(asset.data).decode()}"
        page = re.sub(rb"[^\s\"'(,]*" + re.escape(name.encode()), inside.encode(), page)
    return page


def mistakes_page(words: str, findings: tuple[str, ...]) -> str:
    """Return the page of a frame that has no other: what is wrong, in English."""
    rows = "".join(f'<li lang="en">{escape(it)}</li>' for it in findings)
    return f'<!doctype html><meta charset="utf-8"><title>…</title><p>{escape(words)}</p><ul>{rows}</ul>'
