"""Read the mailbox to which mails come back, every few minutes, in one server at a time (O6)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import timedelta
from functools import partial

from optin.jobs.background_job import Job, every
from optin.services.bounce_mailbox import MailboxRound, MailboxTrouble, read_mailbox
from optin.services.installation import Installation
from optin.services.read_secret import SecretUnusable, read_secret
from optin.services.returned_mails import take_returned_mail
from optin.services.site_edition import Edition
from optin.settings.bounces import IMAP_PASSWORD, ImapTable
from optin.store.tool_marks import claim_pull, store_pull_mark

log = logging.getLogger("optin.bounces")

EVERY = timedelta(minutes=2)
LOOK_SECONDS = 30.0
STALE_SECONDS = 1800.0
MARK = "bounces imap"  # no processor has such a name
IMAP = "imap"


def read_when_due(
    installation: Installation, edition: Edition, every: timedelta = EVERY
) -> MailboxRound | None:
    """Read the mailbox if that is due and no other server does; None when it is not. Raises MailboxTrouble.

    Raises StoreBusy, StoreUnusable or EndingUnwritten; what was not stored is read again.
    """
    mailbox = edition.site.settings.bounces.imap
    if mailbox is None:
        return None
    source = place_of(mailbox)
    now = installation.clock()
    mark = installation.write(claim_pull, processor=MARK, source=source, every=every, now=now)
    if mark is None:
        return None
    try:
        password = read_secret(edition.site.root, "password", mailbox.password, IMAP_PASSWORD)
    except SecretUnusable as problem:
        raise MailboxTrouble(str(problem)) from None
    take = partial(take_returned_mail, installation, source=IMAP)
    done = MailboxRound(mark)
    try:
        for done in read_mailbox(mailbox, password, mark, take):  # noqa: B007 - the last one counts
            pass
    finally:
        if done.mark != mark:
            installation.write(store_pull_mark, processor=MARK, source=source, mark=done.mark)
    return done


def place_of(mailbox: ImapTable) -> str:
    """Return what tells a mailbox from another one."""
    return f"{mailbox.user}@{mailbox.host}:{mailbox.port}/{mailbox.folder}"


def bounce_mailbox_job(installation: Installation, edition: Callable[[], Edition]) -> Job:
    """Return the job. `edition`: what is served now."""

    async def look() -> None:
        try:
            done = await asyncio.to_thread(read_when_due, installation, edition())
        except MailboxTrouble as trouble:
            log.warning("the mailbox of [bounces.imap] cannot be read, and is tried again: %s", trouble)
            return
        if done is not None and done.handled:
            log.info("%d messages came back", done.handled)

    return Job("bounces", partial(every, LOOK_SECONDS, look), STALE_SECONDS)
