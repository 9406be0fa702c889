"""What the servers of fake tools share: they are strict, have a clock, and may have troubles."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from optin.export.connectors.tool import ToolAnswer, ToolCall

BEGAN = datetime(2026, 11, 29, 9, 0, tzinfo=UTC)
_PATH = re.compile(r"/[A-Za-z0-9._~%/-]*(\?[A-Za-z0-9._~%&=+:,-]*)?")


class FakeTool(ABC):
    """A tool that keeps contacts. `calls` are what was asked.

    `troubles` are answered first, one a call; `instead` once each, to a method and a part of a path.
    """

    def __init__(self, token: str) -> None:
        self.token = token
        self.now = BEGAN
        self.troubles: list[ToolAnswer] = []
        self.instead: list[tuple[str, str, ToolAnswer]] = []
        self.calls: list[ToolCall] = []

    def wait(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def answer(self, call: ToolCall) -> ToolAnswer:
        """Answer one call, as the vendor would: with the date of its own clock."""
        self.calls.append(call)
        self.wait(0.2)
        found = self._scripted(call) or self._checked(call)
        dated = {"date": format_datetime(self.now.replace(microsecond=0), usegmt=True), **found.headers}
        return ToolAnswer(found.status, dated, found.content)

    def _scripted(self, call: ToolCall) -> ToolAnswer | None:
        if self.troubles:
            return self.troubles.pop(0)
        for it in self.instead:
            if call.method == it[0] and it[1] in call.path:
                self.instead.remove(it)
                return it[2]
        return None

    def _checked(self, call: ToolCall) -> ToolAnswer:
        if not _PATH.fullmatch(call.path):
            return ToolAnswer(400, {}, None)  # as any server: a path that is not encoded
        headers = {name.lower(): value for name, value in call.headers.items()}
        split = urlsplit(call.path)
        parts = [unquote(it, errors="strict") for it in split.path.split("/")[1:]]
        query = dict(parse_qsl(split.query, keep_blank_values=True, strict_parsing=bool(split.query)))
        return self.route(call.method, parts, query, (headers, call.content))

    @abstractmethod
    def route(
        self, method: str, parts: list[str], query: dict[str, str], sent: tuple[dict[str, str], Any]
    ) -> ToolAnswer:
        """Answer a call that the vendor would understand."""

    def stamp(self) -> str:
        """Return the time in ISO 8601 with milliseconds and a Z."""
        return iso(self.now)


def iso(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def strict(content: Any, fields: Mapping[str, type], required: tuple[str, ...] = ()) -> str:
    """Return what is wrong with an object of JSON: no object, unknown fields, wrong types; "" for nothing."""
    if not isinstance(content, dict):
        return "no object"
    unknown = [it for it in content if it not in fields]
    missing = [it for it in required if it not in content]
    wrong = [it for it, value in content.items() if it in fields and type(value) is not fields[it]]
    return "; ".join(
        f"{kind} {it}"
        for kind, names in (("unknown", unknown), ("missing", missing), ("wrong", wrong))
        for it in names
    )
