"""Grounds for deleting data, decided from authenticated events and never from database columns (R8).

A column only says where to look. When the events contradict it, LogDisagrees is raised, and nothing is
deleted. None means that the data are not due yet. Pure.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from optin.consent.consent_history import History
from optin.consent.erasure_grounds import ErasureGround, ErasureReason
from optin.consent.retention_period import RetentionPeriod
from optin.consent.status_transitions import ConsentState, EventKind, Status
from optin.errors import LogDisagrees

_OPEN = frozenset(
    {EventKind.REQUESTED, EventKind.MAILED, EventKind.ACCESSED, EventKind.ASKED, EventKind.NOTED}
)
_PROLONGS = frozenset({EventKind.REQUESTED, EventKind.MAILED})


def longest_period(periods: Collection[RetentionPeriod], since: datetime) -> RetentionPeriod:
    """Return the period that ends last among those that start at `since`."""
    return max(periods, key=lambda period: period.after(since))


def unconfirmed_ground(
    history: History, erase_at: int, periods: Collection[RetentionPeriod], now: datetime
) -> ErasureGround | None:
    """Return the ground for erasing an unconfirmed request, or None.

    `erase_at`: the time in its row, in milliseconds. `periods`: how long the request and its link are kept,
    from the moment when it was made or a mail about it was last sent.
    """
    decided = sorted({logged.event.kind for logged in history} - _OPEN)
    if decided:
        msg = f"a request is stored as unconfirmed, its events say {decided[0]}"
        raise LogDisagrees(msg)
    since = max((event.at for event in history.of(*_PROLONGS)), default=None)
    if since is None:
        msg = "a request has no event of its asking"
        raise LogDisagrees(msg)
    kept = longest_period(periods, since)
    if kept.after(since) > now:
        if erase_at < since.timestamp() * 1_000:
            msg = "a request was to be erased before it was made"
            raise LogDisagrees(msg)
        return None
    return ErasureGround(ErasureReason.UNCONFIRMED, since, kept)


def expired_consent(consent: ConsentState | None, now: datetime) -> ConsentState:
    """Return the consent if its events, too, say that its retention is over at `now`."""
    if consent is None or consent.record.status is not Status.GIVEN:
        status = "never given" if consent is None else str(consent.record.status)
        msg = f"a consent is stored as given, its events say {status}"
        raise LogDisagrees(msg)
    if consent.expires_at > now:
        msg = "a consent is stored as over, its events say until later"
        raise LogDisagrees(msg)
    return consent


def idle_since(history: History, consents: Collection[ConsentState]) -> datetime | None:
    """Return since when a person has no live purpose: the end of the last consent, or the last confirmation.

    None: nothing was ever confirmed.
    """
    over_by_itself = {Status.GIVEN, Status.EXPIRED}
    ends = [it.expires_at if it.record.status in over_by_itself else it.record.since for it in consents]
    asked = [event.at for event in history.of(EventKind.CONFIRMED)]
    return max((moment for moment in (*ends, *asked) if moment is not None), default=None)


def idle_ground(
    history: History,
    consents: Collection[ConsentState],
    kept: RetentionPeriod,
    now: datetime,
    *,
    consented: bool,
) -> ErasureGround:
    """Return the ground for erasing a person without a live purpose for the period `kept`."""
    if bool(consents) != consented:
        msg = f"a person is stored as {'' if consented else 'not '}having consented, its events say otherwise"
        raise LogDisagrees(msg)
    if history.unanswered:
        msg = "a person is stored as idle, but has a request that nobody confirmed"
        raise LogDisagrees(msg)
    since = idle_since(history, consents)
    if since is None or kept.after(since) > now:
        msg = "a person is stored as idle, its events say otherwise"
        raise LogDisagrees(msg)
    return ErasureGround(ErasureReason.ENDED if consented else ErasureReason.NO_CONSENT, since, kept)
