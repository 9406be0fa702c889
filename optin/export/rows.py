"""One row of an export: which columns it has, in their order (E2)."""

from __future__ import annotations

from datetime import datetime

from optin.consent.event import rfc3339
from optin.consent.links import LinkKind
from optin.consent.purpose import Channel
from optin.flows.proving import Proven
from optin.store.vault import Vault

BEFORE = ("email", "phone")
AFTER = (
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


class Rows:
    """Turns proven leads into rows of texts."""

    def __init__(self, vault: Vault, base_url: str, field_names: tuple[str, ...], now: datetime) -> None:
        """Write links under `base_url`, made at `now`."""
        self._vault = vault
        self._base = base_url
        self._fields = field_names
        self._now = now
        self.columns = (*BEFORE, *field_names, *AFTER)

    def row(self, lead: Proven) -> dict[str, str]:
        """Return one lead by column. Times are RFC 3339 in UTC with milliseconds."""
        question, form = lead.question, lead.form.version
        payload = lead.request + question.purpose.encode()
        token = self._vault.links.sign(LinkKind.UNSUBSCRIBE, payload, self._now)
        return {
            "email": lead.email,
            # a number was given to be called; it goes nowhere else (GDPR 5(1)(b))
            "phone": lead.fields.get("phone", "") if question.channel is Channel.PHONE else "",
            **{name: lead.fields.get(name, "") for name in self._fields},
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
            "unsubscribe_url": f"{self._base}/unsubscribe/{token}",
        }
