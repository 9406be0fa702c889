"""A person's data as a file for another provider (GDPR 20). Its schema: optin schema personal."""

from __future__ import annotations

import json
from typing import Any

from pydantic import TypeAdapter

from optin.flows.rights.personal_data import PersonalData

_ADAPTER: TypeAdapter[PersonalData] = TypeAdapter(PersonalData)


def as_json(data: PersonalData) -> bytes:
    """Return the data as JSON. Times are RFC 3339 in UTC."""
    whole = _ADAPTER.dump_python(data, mode="json")
    for request in whole["requests"]:  # what a kind keeps stands beside the rest, under its own names
        del request["kind"]
        request.update(request.pop("kept"))
        if not request["left"]:
            del request["left"]
    return json.dumps(whole, ensure_ascii=False, indent=2).encode() + b"\n"


def schema() -> dict[str, Any]:
    """Return the JSON Schema of what `as_json` writes."""
    found = _ADAPTER.json_schema()
    request = found["$defs"]["PersonalRequest"]
    del request["properties"]["kind"]
    request["additionalProperties"] = request["properties"].pop("kept")["additionalProperties"]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **found}
