"""One row of an export of people who may be contacted on another basis than consent (G3)."""

from __future__ import annotations

from optin.consent.channel import MAILBOX, declared_addresses
from optin.consent.event_content import rfc3339
from optin.consent.purpose import ConsentKey
from optin.flows.gate.export_by_basis import AllowedEntry

BASIS_COLUMNS = (
    MAILBOX.field,
    *(it.field for it in declared_addresses()),
    "name",
    "purpose",
    "channel",
    "basis",
    "evidence",
    "rule",
    "duties",
    "recorded_at",
    "expires_at",
    "personal_page",
)


def basis_row(allowed: AllowedEntry, key: ConsentKey, base_url: str) -> dict[str, str]:
    """Return one person by column. Times are RFC 3339 in UTC with milliseconds.

    An address goes nowhere but to its channel, the mailbox apart (GDPR 5(1)(b)).
    """
    statement, answer = allowed.entry.statement, allowed.answer
    until, basis = allowed.entry.until, answer.basis
    address = key.channel.address
    return {
        MAILBOX.field: statement.addresses.get(MAILBOX.field, ""),
        **{
            it.field: statement.addresses.get(it.field, "") if it == address else ""
            for it in declared_addresses()
        },
        "name": statement.person.get("name", ""),
        "purpose": str(key.purpose),
        "channel": key.channel.value,
        "basis": "" if basis is None else basis.value,
        "evidence": answer.evidence,
        "rule": answer.rule,
        "duties": " ".join(answer.duties),
        "recorded_at": statement.at,
        "expires_at": "" if until is None else rfc3339(until),
        "personal_page": f"{base_url}/me",
    }
