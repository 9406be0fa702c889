"""Recover after a crash: mark mail and webhook calls of a dead server as sent, or queue them again.

Servers that share a database know of each other, so that one takes over what another left.
"""

from __future__ import annotations

import logging
from datetime import datetime
from pathlib import Path

from optin.errors import StoreBusy, log_line_of
from optin.flows.context import Context
from optin.flows.delivery.deliver_mails import record_crashed_send
from optin.flows.unreadable_rows import BROKEN
from optin.services.accepted_mail_log import mails_of_dead_processes
from optin.store.database_interface import Store

log = logging.getLogger("optin.mail")

HANDED_OVER = "var/handed-over"


def recover_crashed_work(store: Store, context: Context, now: datetime, folder: Path) -> None:
    """Show that this server is alive; mark as sent, or queue again, what dead servers were sending.

    1. What they wrote down as handed over, in `folder`, is sent.
    2. All else is due at once.
    Raises StoreUnusable while a backup is put back.
    """
    # 1. What was handed over is sent.
    for taken in mails_of_dead_processes(folder, context.vault):
        for it in taken:
            try:
                store.submit(record_crashed_send, context, it.number, it.claim, it.message, now).result()
            except StoreBusy:
                raise  # the file stays for the next time
            except BROKEN as problem:
                log.warning(
                    "a mail that the mail server accepted before a crash could not be marked as sent: %s",
                    log_line_of(problem),
                )

    # 2. All else is due at once.
    if released := store.submit(store.presence.renew, now=now).result():
        log.info("%d mails and webhook calls of a stopped server are queued again", released)
