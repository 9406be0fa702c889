"""Listen for mails that came back, by LMTP, in one process of a machine at a time (O6)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from optin.jobs.background_job import Job, RoundDone, every
from optin.services.installation import Installation
from optin.services.returned_mails import take_returned_mail
from optin.services.site_edition import Edition

if TYPE_CHECKING:
    from optin.services.lmtp_server import LmtpServer

log = logging.getLogger("optin.bounces")

LOOK_SECONDS = 5.0
STALE_SECONDS = 300.0
LMTP = "lmtp"


class LmtpListener:
    """Listens where the site says, and moves when that is edited."""

    def __init__(self, installation: Installation, edition: Callable[[], Edition]) -> None:
        """Begin without listening. `edition`: what is served now."""
        self._installation, self._edition = installation, edition
        self._wanted = ("", "")
        self._server: LmtpServer | None = None
        self._is_spare = False

    async def look(self) -> None:
        """Listen where the site says now, if nobody else does."""
        bounces = self._edition().site.settings.bounces
        wanted = (bounces.lmtp, bounces.address)
        if wanted != self._wanted:
            self.close()
            self._wanted, self._is_spare = wanted, False
        if self._server is not None or not bounces.lmtp:
            return
        from optin.services.lmtp_server import LmtpServer, PlaceTaken  # noqa: PLC0415 - a library that few sites use

        server = LmtpServer(partial(take_returned_mail, self._installation, source=LMTP), bounces.address)
        try:
            await server.listen(bounces.lmtp, self._edition().site.root)
        except PlaceTaken:
            if not self._is_spare:
                log.info("another process listens at [bounces] lmtp; this one does when that has ended")
            self._is_spare = True
            return
        except (OSError, ValueError) as problem:
            log.warning("nothing can listen at [bounces] lmtp, and it is tried again: %s", _plain(problem))
            return
        self._server = server
        log.info("mails that come back are taken by LMTP at %s", bounces.lmtp)

    def close(self) -> None:
        """Listen no more."""
        if self._server is not None:
            self._server.close()
        self._server = None

    async def work(self, stop: asyncio.Event, round_done: RoundDone) -> None:
        """Listen until `stop` is set."""
        try:
            await every(LOOK_SECONDS, self.look, stop, round_done)
        finally:
            self.close()


def lmtp_job(installation: Installation, edition: Callable[[], Edition]) -> Job:
    """Return the job. `edition`: what is served now."""
    return Job("lmtp", LmtpListener(installation, edition).work, STALE_SECONDS)


def _plain(problem: Exception) -> str:
    """Return what the system says, without the address."""
    return (problem.strerror or "") if isinstance(problem, OSError) else type(problem).__name__
