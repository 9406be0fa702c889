"""A person's data as a file that another supplier can read (GDPR 20). Its schema: optin schema personal."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter

from optin.flows.rights.personal_data import PersonalData

_ADAPTER: TypeAdapter[PersonalData] = TypeAdapter(PersonalData)


def as_json(data: PersonalData) -> bytes:
    """Return the data as JSON. Times are RFC 3339 in UTC."""
    return _ADAPTER.dump_json(data, indent=2) + b"\n"


def schema() -> dict[str, Any]:
    """Return the JSON Schema of what `as_json` writes."""
    found = _ADAPTER.json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **found}
