"""One row of an export: its columns, in order (E2)."""

from __future__ import annotations

from datetime import datetime

from optin.consent.channel import MAILBOX, declared_addresses
from optin.consent.form_version import SOURCE_FIELD
from optin.flows.evidence.prove_consent import ProvenConsent
from optin.flows.exports.lead_columns import COLUMNS, columns_of, source_column
from optin.store.encryption import Vault

BEFORE = (MAILBOX.field, *(it.field for it in declared_addresses()))


class LeadRows:
    """Turns proven leads into rows of text."""

    def __init__(self, vault: Vault, base_url: str, field_names: tuple[str, ...], now: datetime) -> None:
        """Write links below `base_url`, made at `now`."""
        self._vault = vault
        self._base = base_url
        self._fields = tuple(name for name in field_names if name != SOURCE_FIELD)
        self._now = now
        self._kept = (source_column(field_names),) if SOURCE_FIELD in field_names else ()
        self.columns = (*BEFORE, *self._fields, *COLUMNS, *self._kept)

    def row(self, lead: ProvenConsent) -> dict[str, str]:
        """Return one lead by column. Times are RFC 3339 in UTC with milliseconds."""
        address = lead.question.channel.address
        return {
            MAILBOX.field: lead.email,
            # an address was given for its channels; it goes nowhere else (GDPR 5(1)(b))
            **{it.field: it.own(lead.fields) if it == address else "" for it in declared_addresses()},
            **{name: lead.fields.get(name, "") for name in self._fields},
            **columns_of(self._vault, lead, self._base, self._now),
            **{name: lead.fields.get(SOURCE_FIELD, "") for name in self._kept},
        }
