"""The part of a kind that composes its mails."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class MailPart:
    """What a kind attaches to mails and composes of its own; by default nothing."""
