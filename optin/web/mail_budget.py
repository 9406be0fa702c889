"""Limit the mails that strangers can cause each day by filling in forms, for the whole site (D8, O8).

Half of `mails_per_day` is for confirmation mails, which anybody can ask for with anybody's address. The
other half is kept for what people have a right to: each confirmation leads to one delivery with its receipt
at most, and no sign-up ever takes from links to personal pages, withdrawals or what readers of a mailbox ask.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from optin.errors import MailsSpent, OptinError
from optin.flows.limits.time_window_counters import Window, take_for_site
from optin.services.installation import Installation
from optin.store.database_interface import written_alone
from optin.web.limit_counts_in_memory import SiteQuota

log = logging.getLogger("optin.limits")

DAY = Window("mails_per_day", timedelta(days=1))
SHARE = 500  # one mail in so many thousandths of the day's asks the store; three servers lose 1 % at most


@dataclass
class MailReservation:
    """A reserved mail. Return it when the mail was not queued."""

    queued: bool = True


class MailBudget:
    """Distributes the confirmation mails of a day among all processes of the site."""

    def __init__(self, installation: Installation, mails_per_day: int) -> None:
        """Allow half of `mails_per_day`, rounded up, each day (UTC)."""
        self._installation = installation
        self._lease = SiteQuota(installation, DAY, (mails_per_day + 1) // 2, SHARE)
        self._opens_at: datetime | None = None

    @asynccontextmanager
    async def mail(self) -> AsyncIterator[MailReservation]:
        """Reserve one mail. Raises MailsSpent with the seconds until the next day."""
        now = self._installation.clock()
        if not await self._lease.spend(now):
            await self._say_spent(now)
            raise MailsSpent(wait_seconds(DAY, now))
        mailing = MailReservation()
        try:
            yield mailing
        except OptinError:  # nothing was stored
            mailing.queued = False
            raise
        finally:  # whoever goes away meanwhile may have had it
            if not mailing.queued:
                self._lease.give_back(now)

    async def look(self) -> None:
        """Log once, after a day with refusals, that forms are accepted again."""
        if self._opens_at is not None and self._installation.clock() >= self._opens_at:
            if await self._first_to_say("open", self._opens_at):
                log.warning("limit open again: kind=mails_per_day")
            self._opens_at = None

    async def _say_spent(self, now: datetime) -> None:
        if self._opens_at is not None:
            return
        self._opens_at = DAY.end(now)
        if await self._first_to_say("spent", now):
            log.warning(
                "limit reached: kind=mails_per_day; forms are refused until %s UTC",
                self._opens_at.strftime("%Y-%m-%d %H:%M"),
            )

    async def _first_to_say(self, what: str, now: datetime) -> bool:
        """Return whether no other process logged it in this window."""
        once, store = Window(f"mails_per_day {what}", DAY.length), self._installation.store
        return await written_alone(store, take_for_site, self._installation.context, once, 1, 1, now)


def wait_seconds(window: Window, now: datetime) -> int:
    """Return the remaining seconds of a window, at least one."""
    return max(1, int((window.end(now) - now).total_seconds()) + 1)
