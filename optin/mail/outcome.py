"""What became of one try to send a mail."""

from __future__ import annotations

from dataclasses import dataclass

from optin.flows.orders import Verdict


@dataclass(frozen=True)
class Outcome:
    """A verdict. `reply` is a code, never words of the server: they may name people (S4)."""

    verdict: Verdict
    reply: str
    server_down: bool = False  # no use in trying other mails just now
