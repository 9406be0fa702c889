"""Canonical JSON (RFC 8785): the one form in which declarations and events are stored and hashed."""

from __future__ import annotations

from typing import TypeAlias

import orjson
import rfc8785

Json: TypeAlias = "bool | int | str | list[Json] | tuple[Json, ...] | dict[str, Json] | None"


def canonical(value: Json) -> bytes:
    """Return the canonical bytes of `value`. These bytes are stored; nothing is serialised twice."""
    return rfc8785.dumps(value)


def parse(data: bytes | str) -> dict[str, Json]:
    """Read an object written by `canonical`. Raises ValueError for anything else."""
    value = orjson.loads(data)
    if not isinstance(value, dict):
        msg = "not a JSON object"
        raise ValueError(msg)  # noqa: TRY004 - the text is wrong, not the call
    return value
