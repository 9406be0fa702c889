"""Sends messages through chat services, each in a process of its own (`chat_process`)."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

DEADLINE_SECONDS = 30.0  # for all of it, the start of the process too
COMMAND = (sys.executable, "-I", "-X", "utf8", "-m", "optin.services.chat_process")
TOO_LONG = "no answer in time"
NOT_STARTED = "the process that sends it cannot be started"
DIED = "the process that sends it ended without a result"


@dataclass(frozen=True)
class ChatMessage:
    """One message to a chat service."""

    title: str
    body: str


@dataclass(frozen=True)
class ChatResult:
    """Whether a message was taken, and a word for the log without anything secret."""

    sent: bool
    said: str


class ChatSender:
    """Sends messages by a command that reads an order. Only tests give another command or deadline."""

    def __init__(self, command: Sequence[str] = COMMAND, seconds: float = DEADLINE_SECONDS) -> None:
        """Take the command, and the deadline in seconds."""
        self._command = command
        self._seconds = seconds

    async def send(self, address: str, message: ChatMessage) -> ChatResult:
        """Send one message to `address`, which holds a secret. Never raises for a fault of the service."""
        order = json.dumps({"address": address, "title": message.title, "body": message.body})
        try:
            process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,  # the library may write an address there
                env={"PATH": os.environ.get("PATH", "")},  # no secrets, no proxies
            )
        except OSError as problem:  # no memory, no process left, no such program
            return ChatResult(sent=False, said=f"{NOT_STARTED}: {os.strerror(problem.errno or 0)}")
        try:
            async with asyncio.timeout(self._seconds):
                answer, _ = await process.communicate(order.encode())
            told = json.loads(answer)
            return ChatResult(bool(told["sent"]), str(told["said"]))
        except TimeoutError:
            return ChatResult(sent=False, said=TOO_LONG)
        except (ValueError, KeyError, OSError):
            return ChatResult(sent=False, said=DIED)
        finally:
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
