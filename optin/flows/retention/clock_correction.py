"""Correct the clock: an officer accepts it, or the log records that it went back (O7).

Either way, what waits for a moment that the wrong clock wrote is brought back.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from optin.consent.event_content import clock_accepted, clock_set_back
from optin.consent.wrong_clock import CLOCKS_DIFFER, FOLLOWED, ClockReading
from optin.flows.context_with_kinds import SiteContext
from optin.flows.deletion_clock import mark_clock, read_clock
from optin.flows.delivery.deliver_mails import LEASE as MAIL_LEASE
from optin.flows.delivery.deliver_mails import LONGEST_WAIT_SECONDS as LONGEST_MAIL_WAIT
from optin.flows.exports.queue_webhook_messages import LEASE as WEBHOOK_LEASE
from optin.flows.exports.queue_webhook_messages import LONGEST_WAIT_SECONDS as LONGEST_WEBHOOK_WAIT
from optin.store.correct_future_times import FutureLimits, correct_future_times
from optin.store.database_interface import Tx
from optin.store.events import add_events
from optin.store.latest_known_time import newest_event, set_backs, store_clock_mark
from optin.store.magnet_promises import SLACK
from optin.store.officer_actions import NOBODY, RightsAction, record_action

NOTED_AGAIN = timedelta(minutes=4)  # while another process goes on with a clock that is ahead


def accept_clock(tx: Tx, context: SiteContext, who: str, why: str, now: datetime) -> ClockReading:
    """Record an officer's statement that the clock is right; does nothing while it is not doubted."""
    look = read_clock(tx, context, now)
    if look.known is None or not look.doubted:
        return look
    add_events(tx, context.vault, None, [clock_accepted(now, look.known)])
    record_action(tx, context.vault, NOBODY, RightsAction(now, "accept-clock", who, why))
    store_clock_mark(tx, context.vault, now)
    correct_future_times(tx, future_limits(context, now), now)
    return look


def check_clock_at_start(tx: Tx, context: SiteContext, now: datetime) -> ClockReading:
    """Check the clock at a server's start: record a step back or a doubt, release what would wait forever.

    A clock may have been ahead while no event was written, so nothing waits longer than it ever should.
    """
    look, newest = (read_clock(tx, context, now), newest_event(tx, context.vault))
    if newest is not None:
        note_set_back(tx, context, newest, now)
    mark_clock(tx, context.vault, look, steady=True)
    correct_future_times(tx, future_limits(context, now), now)
    return look


def note_set_back(tx: Tx, context: SiteContext, was: datetime, now: datetime) -> bool:
    """Record in the log that the clock went back from `was`; return whether it was recorded.

    Not for minutes, by which clocks differ, and not again what another process noted just now. What waits for
    a moment of the clock before is brought back.
    """
    last = set_backs(tx, context.vault)[-1:]
    noted = any(it.at <= now + CLOCKS_DIFFER and abs(was - it.was) <= NOTED_AGAIN for it in last)
    if noted or was <= now + CLOCKS_DIFFER:
        return False
    add_events(tx, context.vault, None, [clock_set_back(now, was)])
    correct_future_times(tx, future_limits(context, now), now)
    return True


def future_limits(context: SiteContext, now: datetime) -> FutureLimits:
    """Return how far in the future times of this site may lie."""
    policy = context.policy
    return FutureLimits(
        skew=FOLLOWED,
        mail_lease=MAIL_LEASE,
        mail_wait=timedelta(seconds=LONGEST_MAIL_WAIT),
        webhook_lease=WEBHOOK_LEASE,
        webhook_wait=timedelta(seconds=LONGEST_WEBHOOK_WAIT),
        keep=policy.erase_at(now) - now,
        link=policy.unconfirmed.link.after(now) - now,
        deliverable=policy.promised_until(now) - now + 2 * SLACK,
        timed=context.mails_of_kinds,
    )
