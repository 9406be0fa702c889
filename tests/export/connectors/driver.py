"""Steps of a connector against a fake tool: to the end, or cut after some calls."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

import pytest

from optin.export.connectors.tool import (
    Steps,
    Stop,
    Tool,
    ToolAccount,
    ToolAnswer,
    ToolCall,
    ToolLead,
    ToolTrouble,
    carry_out,
)
from tests.export.connectors.fake_tool import FakeTool, iso

T = TypeVar("T")
ANN = "ann+news@example.org"
# addresses whose signs mean something in a path or a query
ADDRESSES = (ANN, "o'brien/x@example.org", "jürgen&co=1@exämple.org", '"a b?#%41"@example.org')
PURPOSES = ("tips", "offers")


class Cut(Exception):
    """The process that made the calls was killed."""


@dataclass(frozen=True)
class Fault:
    """One call goes wrong. `taken`: the tool did it, but its answer is lost. No `answer`: we are killed."""

    at_call: int
    taken: bool
    answer: ToolAnswer | None


@dataclass
class Bench:
    """A connector, its account, and a fake of the tool."""

    tool: Tool
    fake: Any
    account: ToolAccount
    is_on: Callable[[str, str], bool]  # whether the tool would mail an address for a purpose
    stop: Callable[[str], None]  # the person stops everything, in the tool
    blocks: Callable[[str, str], bool] = lambda _email, _purpose: False  # whether the tool itself refuses
    pulled: list[Stop] = field(default_factory=list)
    mark: str = ""

    def run(self, steps: Steps[T], fault: Fault | None = None) -> T:
        """Make the calls of the steps; with a fault, something is wrong with one of them."""
        made = 0

        async def call(wanted: ToolCall) -> ToolAnswer:
            nonlocal made
            made += 1
            fake: FakeTool = self.fake
            headers = {**self.tool.headers(self.account), **wanted.headers}
            whole = ToolCall(wanted.method, wanted.path, wanted.content, headers)
            if fault is None or made != fault.at_call:
                return fake.answer(whole)
            if fault.taken:
                fake.answer(whole)
            if fault.answer is None:
                raise Cut
            return fault.answer

        return asyncio.run(carry_out(steps, call))

    def lead(self, email: str = ANN, purpose: str = "tips", **columns: str) -> ToolLead:
        """Return a consent that was confirmed now."""
        return lead(email, purpose, self.fake.now, **columns)

    def confirm(self, email: str = ANN, purpose: str = "tips", **columns: str) -> ToolLead:
        self.fake.wait(60)
        told = self.lead(email, purpose, **columns)
        self.fake.wait(1)
        self.run(self.tool.confirmed(self.account, told))
        return told

    def pull(self) -> list[Stop]:
        found = self.run(self.tool.stops(self.account, self.mark))
        self.mark = found.mark
        self.pulled += found.found
        return list(found.found)

    def trouble(self, steps: Steps[Any]) -> ToolTrouble:
        """Return the trouble that the steps end in; it says nothing of the person or the token."""
        with pytest.raises(ToolTrouble) as raised:
            self.run(steps)
        says = raised.value.says.lower()
        assert says
        for secret in ("example.org", "exämple", "ann+", "annie", "secret", "31612345678", "müller"):
            assert secret not in says
        return raised.value


def lead(email: str, purpose: str, now: datetime, **columns: str) -> ToolLead:
    told = {
        "email": email,
        "phone": "",
        "purpose": purpose,
        "channel": "email",
        "consent_text": f"Ja, stuur mij {purpose} – elke maand",
        "requested_at": iso(now),
        "confirmed_at": iso(now),
        "expires_at": iso(datetime(2028, 11, 29, tzinfo=UTC)),
        "form_version": "9f2c" * 16,
        "privacy_version": "77aa" * 16,
        "magnet": "koud-bellen",
        "lang": "nl",
        "evidence": f"{'ab' * 16}:{'cd' * 32}",
        "unsubscribe_url": "https://optin.example.org/unsubscribe/" + "t" * 90,
    }
    return ToolLead(email, purpose, told | columns)


LATER = (
    None,
    ToolAnswer(500, {}, None),
    ToolAnswer(503, {}, "<html>"),
    ToolAnswer(429, {}, {"message": "slow"}),
)
