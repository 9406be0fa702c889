"""Statistics as a file for programs. Its schema: optin schema stats (O4)."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter

from optin.flows.reports.statistics import Statistics

_ADAPTER: TypeAdapter[Statistics] = TypeAdapter(Statistics)


def as_json(statistics: Statistics) -> bytes:
    """Return the statistics as JSON. Times are RFC 3339 in UTC."""
    return _ADAPTER.dump_json(statistics, indent=2) + b"\n"


def schema() -> dict[str, Any]:
    """Return the JSON Schema of what `as_json` writes."""
    found = _ADAPTER.json_schema(mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **found}
