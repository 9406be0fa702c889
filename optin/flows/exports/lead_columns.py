"""Columns of a proven consent, shared by exports and webhooks (E2)."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from optin.consent.event_content import rfc3339
from optin.consent.form_version import SOURCE_FIELD
from optin.consent.signed_links import LinkKind
from optin.flows.evidence.prove_consent import ProvenConsent
from optin.store.encryption import Vault

COLUMNS = (
    "purpose",
    "channel",
    "consent_text",
    "requested_at",
    "confirmed_at",
    "expires_at",
    "form_version",
    "privacy_version",
    "magnet",
    "lang",
    "evidence",
    "unsubscribe_url",
)
SOURCE_COLUMN = "source"  # the last one, where a form keeps it


def source_column(field_names: Collection[str]) -> str:
    """Return the column of a kept source: a field of the site's own may have its usual name already."""
    return SOURCE_FIELD if SOURCE_COLUMN in field_names else SOURCE_COLUMN


def columns_of(vault: Vault, lead: ProvenConsent, base_url: str, now: datetime) -> dict[str, str]:
    """Return the columns common to all exports, by name; the caller adds addresses and form fields.

    Times are RFC 3339 in UTC with milliseconds.
    """
    question, form = lead.question, lead.form.version
    token = vault.links.sign(LinkKind.UNSUBSCRIBE, lead.request + question.purpose.encode(), now)
    return {
        "purpose": question.purpose,
        "channel": question.channel.value,
        "consent_text": question.wording,
        "requested_at": rfc3339(lead.requested_at),
        "confirmed_at": rfc3339(lead.confirmed_at),
        "expires_at": rfc3339(lead.expires_at),
        "form_version": form.digest,
        "privacy_version": form.declaration.privacy,
        "magnet": form.declaration.magnet,
        "lang": form.declaration.lang,
        "evidence": f"{lead.request.hex()}:{lead.leaf.hex()}",
        "unsubscribe_url": f"{base_url}/unsubscribe/{token}",
    }
