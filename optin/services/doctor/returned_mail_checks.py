"""Checks whether mails that come back reach optin."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from datetime import timedelta

from optin.mail.transport import FILE_PREFIX
from optin.server_addresses import parse_listening
from optin.services.doctor.examination import Examination
from optin.services.doctor.finding import NotChecked, Seen, not_checked, passed, warning
from optin.settings.bounces import BouncesTable
from optin.store.recent_counts import forms_posted_since
from optin.store.unreachable_addresses import last_arrivals

LATELY = timedelta(days=28)
MANY = 300  # sign-ups, each with a mail: of so many some come back
_GUIDE = "docs/guide/bounces.md shows the ways."


def check_ways_back(examination: Examination) -> Seen | None:
    """Check that something reads the mails that come back: a setting, or a pipe that was used."""
    if examination.settings.mail.startswith(FILE_PREFIX):
        return None  # nothing leaves
    bounces = examination.settings.bounces
    if bounces.lmtp and not _listens(bounces.lmtp, examination):
        cure = "See that optin serve runs; its log says why it does not listen."
        return warning(f"Nothing listens at {bounces.lmtp} for mails that come back.", cure, "lmtp")
    ways = ", ".join(ways_in_settings(bounces))
    if ways:
        return passed(f"They are read: {ways}.")
    if not bounces.address:
        text = "Mails come back to the address of the sender, and optin learns of none."
        cure = f'Write address = "bounces@YOUR-DOMAIN" under [bounces], and let it be read; {_GUIDE}'
        return warning(text, cure, "no address")
    return _by_pipe(examination)


def ways_in_settings(bounces: BouncesTable) -> Iterator[str]:
    """Yield the ways by which the settings say that mails come back; a pipe is in none."""
    if bounces.imap is not None:
        yield "mailbox"
    if bounces.lmtp:
        yield "LMTP"
    if bounces.webhooks:
        yield "webhook"


def _by_pipe(examination: Examination) -> Seen:
    """Judge by what came: the settings of the mail server are unknown."""
    store, since = examination.opened().store, examination.now - LATELY
    last = max(store.read(last_arrivals).values(), default=None)
    if last is not None and last >= since:
        return passed(f"One came back on {last:%Y-%m-%d}.")
    cure = f"Let it be read, or send a mail to its address yourself to try a pipe: {_GUIDE}"
    try:
        sent = len(store.read(forms_posted_since, since))
    except NotChecked:
        sent = 0
    if sent >= MANY:
        text = (
            f"No mail has come back in four weeks, though over {MANY} people signed up; of so many some do."
        )
        return warning(text, cure, "nothing came")
    return not_checked("No setting says who reads them, and none has come back in four weeks.", cure)


def _listens(place: str, examination: Examination) -> bool:
    """Return whether a server answers at a place for LMTP."""
    try:
        if "/" in place:
            with socket.socket(socket.AF_UNIX) as asking:
                asking.settimeout(examination.reach.seconds)
                asking.connect(str(examination.settings.root / place))
        else:
            socket.create_connection(parse_listening(place), examination.reach.seconds).close()
    except (OSError, ValueError):
        return False
    return True
