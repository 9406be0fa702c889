"""Log trouble with mail: at once, but not at every attempt.

A line holds a code and a cure; never a recipient, never words of a server (S4).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from optin.mail.smtp_refusals import CURES, MailTrouble

log = logging.getLogger("optin.mail")

WARN_EVERY_SECONDS = 60.0
SHOUT_EVERY_SECONDS = 6 * 3600.0  # while it lasts
SHOUT_AGAIN_SECONDS = 600.0  # when mail left meanwhile
WAITING = "mails wait and are tried again for a week; what was given up is sent again by: optin mail retry"


@dataclass
class _LastReport:
    at: float
    more: int = 0  # times since that nothing was said


class TroubleLog:
    """Writes one line for many equal failures."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin with nothing logged."""
        self._clock = clock
        self._told: dict[str, _LastReport] = {}
        self._shouted: set[str] = set()
        self._left_at = -SHOUT_EVERY_SECONDS  # when a mail left last

    def warn(self, kind: str, words: str) -> None:
        """Log a warning about a passing fault, at most once a minute for each kind."""
        self._say(logging.WARNING, kind, words)

    def fail(self, kind: str, words: str) -> None:
        """Log an error about a fault that should never occur, at most once a minute for each kind."""
        self._say(logging.ERROR, kind, words)

    def _say(self, level: int, kind: str, words: str) -> None:
        if (more := self._due(kind, WARN_EVERY_SECONDS)) is not None:
            log.log(level, "%s%s", words, more)

    def shout(self, trouble: MailTrouble, reply: str) -> None:
        """Log an error that only the operator can repair, with its cure: once, and then rarely."""
        told = self._told.get(trouble)
        left = told is not None and self._left_at > told.at
        if (more := self._due(trouble, SHOUT_AGAIN_SECONDS if left else SHOUT_EVERY_SECONDS)) is not None:
            self._shouted.add(trouble)
            log.error("%s (%s). Nothing is lost: %s%s", CURES[trouble], reply, WAITING, more)

    def mail_left(self) -> None:
        """Record that a mail was sent; log the end of a trouble that was logged."""
        self._left_at = self._clock()
        if self._shouted:
            self._shouted.clear()
            log.info("mail is sent again")

    def _due(self, kind: str, every_seconds: float) -> str | None:
        """Return the note about suppressed lines; None when it is too early for another line."""
        now, told = self._clock(), self._told.get(kind)
        if told is not None and now - told.at < every_seconds:
            told.more += 1
            return None
        self._told[kind] = _LastReport(now)
        return f" ({told.more} times more since)" if told is not None and told.more else ""
