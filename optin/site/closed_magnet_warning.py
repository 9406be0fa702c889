"""Magnets whose form is closed: a warning for whoever runs the check."""

from __future__ import annotations

from datetime import datetime

from optin.site.findings import Finding
from optin.site.model import Site


def closed_magnets(site: Site, now: datetime) -> tuple[Finding, ...]:
    """Return a warning for each magnet whose form is closed at `now`."""
    found: list[Finding] = []
    for magnet in site.magnets.values():
        if magnet.closes_at is not None and magnet.closes_at <= now and not magnet.is_archived:
            alone = magnet.folder.name != magnet.slug
            path = f"magnets/{magnet.slug}.md" if alone else f"magnets/{magnet.slug}/index.md"
            message = f"It closed on {magnet.closes_at:%Y-%m-%d %H:%M} UTC and its form is closed."
            cure = "Write status: archived, or remove it; for a new date, make a magnet at a new address."
            found.append(Finding(path, 1, 1, message, cure, "warning", "closed", magnet.slug))
    return tuple(found)
