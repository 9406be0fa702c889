"""Call a tool's API with a company's account: public servers only, never faster than the tool allows (W11).

Whatever a tool answers, the caller gets a result or a ToolTrouble and never another error. The words of a
ToolTrouble hold no personal data and no token.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from optin.export.connectors.installed import TOOLS
from optin.export.connectors.tool import (
    Steps,
    Tool,
    ToolAccount,
    ToolAnswer,
    ToolCall,
    ToolTrouble,
    TroubleKind,
    carry_out,
)
from optin.services.http_client import AddressRefused, CallFailed, VettedClient
from optin.services.read_secret import SecretUnusable, read_secret
from optin.settings.site import Processor
from optin.settings.tools import token_variable

T = TypeVar("T")
CALL_SECONDS = 20.0
MOST_BYTES = 4 * 1024 * 1024  # of one answer: a page of those who unsubscribed


class ToolConnection:
    """A company's account at a tool. It is read before each use: a corrected token needs no restart."""

    def __init__(self, tool: Tool, account: Callable[[], ToolAccount], client: VettedClient) -> None:
        """Call by `client`; `account` raises ToolTrouble when there is no usable token."""
        self.tool = tool
        self._account = account
        self._client = client
        self._free_at = 0.0  # when the next call may begin, by the loop's clock

    def purposes(self) -> frozenset[str]:
        """Return the purposes that have a list in the tool. Raises ToolTrouble."""
        return frozenset(self._account().lists)

    async def carry_out(self, steps: Callable[[ToolAccount], Steps[T]], seconds: float) -> T:
        """Make the calls of `steps` within `seconds` altogether; return its result. Raises ToolTrouble."""
        try:
            account = self._account()
            base, headers = self.tool.address(account), self.tool.headers(account)
        except ValueError as problem:
            raise ToolTrouble(TroubleKind.SETUP, str(problem)) from None
        try:
            async with asyncio.timeout(seconds):
                return await carry_out(steps(account), partial(self._call, base, headers))
        except TimeoutError:
            raise ToolTrouble(TroubleKind.LATER, "it took too long") from None
        except _NOT_UNDERSTOOD as problem:
            says = f"an answer that is not understood ({type(problem).__name__})"
            raise ToolTrouble(TroubleKind.LATER, says) from None

    async def _call(self, base: str, headers: Mapping[str, str], call: ToolCall) -> ToolAnswer:
        await self._wait_for_turn()
        body = None if call.content is None else json.dumps(call.content, ensure_ascii=False).encode()
        named = {**headers, **call.headers}.items()  # each once, however a connector writes its name
        sent = {"accept": "application/json", **{name.lower(): value for name, value in named}}
        if body is not None:
            sent["content-type"] = "application/json"
        try:
            answer = await self._client.request(call.method, base + call.path, body, sent)
        except AddressRefused as problem:
            raise ToolTrouble(TroubleKind.SETUP, str(problem)) from None
        except CallFailed as problem:
            raise ToolTrouble(TroubleKind.LATER, str(problem)) from None
        return ToolAnswer(answer.status, answer.headers, _json_of(answer.body))

    async def _wait_for_turn(self) -> None:
        now = asyncio.get_running_loop().time()
        turn = max(now, self._free_at)
        self._free_at = turn + 1 / self.tool.calls_per_second
        await asyncio.sleep(turn - now)


# what a connector may stumble over in an answer of another shape
_NOT_UNDERSTOOD = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError)


def _json_of(body: bytes) -> Any:
    """Return the JSON of an answer; None when it has none."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def open_connection(
    name: str, processor: Processor, root: Path, client: VettedClient | None = None
) -> ToolConnection:
    """Return the connection of a processor to its tool. `client`: only tests give one with other rules."""
    client = client or VettedClient(seconds=CALL_SECONDS, most_bytes=MOST_BYTES)
    return ToolConnection(TOOLS[processor.connect], partial(account_of, name, processor, root), client)


def account_of(name: str, processor: Processor, root: Path) -> ToolAccount:
    """Return a processor's account, with its token read now. Raises ToolTrouble with the cure."""
    return ToolAccount(
        token=_token_of(name, processor, root),
        server=processor.server,
        lists=processor.lists,
        fields=processor.fields,
    )


def _token_of(name: str, processor: Processor, root: Path) -> str:
    try:
        return read_secret(root, "token", processor.token, token_variable(name))
    except SecretUnusable as problem:
        raise ToolTrouble(TroubleKind.SETUP, str(problem)) from None
