"""Repeat equal log lines at most once a minute, with their number (S4).

A database that is away is told of by every form that is refused and every connection that is tried.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

EVERY_SECONDS = 60.0
OURS, POOL = ("optin.web", "optin.bounces"), "psycopg.pool"


@dataclass
class _RepeatedLine:
    at: float
    unsaid: int = 0


class OncePerMinuteFilter(logging.Filter):
    """Lets equal lines through once a minute."""

    def __init__(self, *, by_template: bool, clock: Callable[[], float] = time.monotonic) -> None:
        """Compare lines by their text, or `by_template` by the format string in the program."""
        super().__init__()
        self._by_template = by_template
        self._clock = clock
        self._lock = threading.Lock()
        self._said: dict[str, _RepeatedLine] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether to write a line; make it one line, with the number of suppressed ones."""
        words = " ".join(record.getMessage().split())
        kind, now = str(record.msg) if self._by_template else words, self._clock()
        with self._lock:
            said = self._said.get(kind)
            if said is not None and now - said.at < EVERY_SECONDS:
                said.unsaid += 1
                return False
            self._said[kind] = _RepeatedLine(now)
        more = f" ({said.unsaid} more like it since the last)" if said is not None and said.unsaid else ""
        record.msg, record.args = words + more, None
        return True


def log_rarely() -> None:
    """Limit these lines to one a minute in this process."""
    for name in OURS:
        logging.getLogger(name).addFilter(OncePerMinuteFilter(by_template=False))
    logging.getLogger(POOL).addFilter(OncePerMinuteFilter(by_template=True))
