"""What the link to a preview says: which page, and until when (W10)."""

from __future__ import annotations

from datetime import UTC, datetime

from optin.consent.form_version import Slug
from optin.errors import LinkForged


def preview_payload(slug: Slug, until: datetime) -> bytes:
    """Return the payload of a link that shows a magnet's page until a moment, to the second."""
    return f"{slug}\n{int(until.timestamp())}".encode()


def read_preview(payload: bytes, slug: Slug) -> datetime:
    """Return until when a link shows the page of a magnet. Raises LinkForged for a link to another."""
    named, _, until = payload.decode().partition("\n")
    if named != slug:
        raise LinkForged
    return datetime.fromtimestamp(int(until), UTC)
