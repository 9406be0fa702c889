"""Column layouts of other tools, as they document their imports (E3).

A preset renames columns and leaves out what a tool has no place for; what it cannot match by itself it offers
to match by hand. The consent's own columns go along: as columns of their own, or as attributes.

Each names the document by which its reader is known; docs/guide/commands.md tells what stands there. All of
them read commas and UTF-8, and none asks for a byte order mark, which one of them refuses: so none gets it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from optin.export.writers import Row

# The columns of a consent, in an order that reads well.
CONSENT = (
    "consent_text", "requested_at", "confirmed_at", "expires_at", "purpose", "channel", "form_version",
    "privacy_version", "magnet", "lang", "evidence", "unsubscribe_url",
)  # fmt: skip
MAILCHIMP_BYTES = 255  # of a text field


@dataclass(frozen=True)
class Preset:
    """The columns that one tool imports."""

    columns: Callable[[tuple[str, ...]], tuple[str, ...]]  # of the export's columns
    row: Callable[[Row], Row]
    document: str  # by which its reader is known
    formats: tuple[str, ...] = ("csv",)


def _renamed(
    names: Mapping[str, str],
    consent: Callable[[str], str],
    document: str,
    formats: tuple[str, ...] = ("csv",),
) -> Preset:
    """Return a preset that renames columns; other form fields keep their names."""

    def name(column: str) -> str:
        return names.get(column) or (consent(column) if column in CONSENT else column)

    def columns(own: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(name(column) for column in own)

    return Preset(
        columns, lambda row: {name(column): value for column, value in row.items()}, document, formats
    )


# texts of 255 bytes, dates as YYYY-MM-DD
def _mailchimp() -> Preset:
    plain = _renamed(
        {
            "email": "Email Address",
            "first_name": "First Name",
            "last_name": "Last Name",
            "phone": "Phone Number",
            "company": "Company",
        },
        lambda column: column.replace("_", " ").title(),
        "https://mailchimp.com/help/format-guidelines-for-your-import-file/",
    )

    def row(lead: Row) -> Row:
        short = {name: _cut(value) for name, value in lead.items()}
        days = {name: lead[name][:10] for name in ("requested_at", "confirmed_at", "expires_at")}
        return plain.row({**short, **days})

    return replace(plain, row=row)


def _cut(text: str) -> str:
    """Return as much of a text as fits, in whole characters: the form's digest still identifies it."""
    return text.encode()[:MAILCHIMP_BYTES].decode("utf-8", "ignore")


# attribute names in capitals, numbers to be called apart
_BREVO = _renamed(
    {
        "email": "EMAIL",
        "first_name": "FIRSTNAME",
        "last_name": "LASTNAME",
        "phone": "LANDLINE_NUMBER",
        "company": "COMPANY",
    },
    str.upper,
    "https://help.brevo.com/hc/en-us/articles/208729849-Create-a-file-to-import-your-contacts",
    ("csv", "xlsx"),
)

# headers by the names of properties
_HUBSPOT = _renamed(
    {
        "email": "Email",
        "first_name": "First name",
        "last_name": "Last name",
        "phone": "Phone number",
        "company": "Company name",
    },
    lambda column: column.replace("_", " ").capitalize(),
    "https://knowledge.hubspot.com/import-and-export/set-up-your-import-file",
    ("csv", "xlsx"),
)


# email, name, and everything else as JSON in attributes
def _listmonk_row(lead: Row) -> Row:
    name = " ".join(part for part in (lead.get("first_name"), lead.get("last_name")) if part)
    rest = {key: value for key, value in lead.items() if value and key not in _LISTMONK_OWN}
    return {
        "email": lead["email"],
        "name": name or lead["email"],
        "attributes": json.dumps(rest, ensure_ascii=False),
    }


_LISTMONK_OWN = frozenset({"email", "first_name", "last_name"})

PRESETS: dict[str, Preset] = {
    "mailchimp": _mailchimp(),
    "brevo": _BREVO,
    "hubspot": _HUBSPOT,
    "listmonk": Preset(
        lambda _own: ("email", "name", "attributes"),
        _listmonk_row,
        "https://github.com/knadh/listmonk/blob/master/internal/subimporter/importer.go",
    ),
}
