"""How long a request took, and what in it: nothing, where nobody asks for traces (O5)."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Protocol


class Spans(Protocol):
    """Begins spans. Their names are of routes and flows; they hold nothing about a person."""

    def request(self, method: str) -> AbstractContextManager[RequestSpan]:
        """Return the span of a request; what is begun within the block belongs to it."""

    def work(self, name: str) -> AbstractContextManager[object]:
        """Return the span of a piece of work, such as a flow in the database."""


class RequestSpan(Protocol):
    """The span of one request."""

    def answered(self, route: str, status: int, request_id: str) -> None:
        """Say what was answered. `route`: the pattern, never the address; `request_id`: as log lines have."""


class NoSpans:
    """Begins none."""

    def request(self, method: str) -> AbstractContextManager[RequestSpan]:  # noqa: ARG002 - as Spans has it
        """Do nothing."""
        return nullcontext(_Nothing())

    def work(self, name: str) -> AbstractContextManager[object]:  # noqa: ARG002 - as Spans has it
        """Do nothing."""
        return _NOTHING


class _Nothing:
    def answered(self, route: str, status: int, request_id: str) -> None:
        """Do nothing."""


_NOTHING = nullcontext()
