"""Limit the questions of each processor to the gate, over all server processes (G5, O8)."""

from __future__ import annotations

from datetime import timedelta

from optin.errors import TooManyRequests
from optin.flows.limits.time_window_counters import Window
from optin.services.installation import Installation
from optin.web.limit_counts_in_memory import SiteQuota
from optin.web.limit_log import LimitLog
from optin.web.mail_budget import wait_seconds

LIMIT = "questions_per_minute"
MINUTE = timedelta(minutes=1)
SHARE = 20  # one question in so many hundredths of a minute's asks the store


class QuestionLimits:
    """Counts questions; refuses those above a processor's limit."""

    def __init__(self, installation: Installation, most: int, log: LimitLog) -> None:
        """Allow each processor `most` questions a minute."""
        self._installation, self._most, self._log = installation, most, log
        self._quotas: dict[str, SiteQuota] = {}

    async def count(self, processor: str) -> None:
        """Count one question. Raises TooManyRequests with the seconds to wait."""
        window, now = Window(f"{LIMIT} {processor}", MINUTE), self._installation.clock()
        quota = self._quotas.setdefault(processor, SiteQuota(self._installation, window, self._most, SHARE))
        if not await quota.spend(now):
            self._log.note(LIMIT)
            raise TooManyRequests(wait_seconds(window, now))
