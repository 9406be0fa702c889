"""Sweep rules for webinars: mail changed plans, fill free seats, mail recordings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from optin.kinds.api.flows import Context, RequestPolicy
from optin.kinds.api.mail import enqueue, forget_queued
from optin.kinds.api.store import Tx
from optin.kinds.api.sweep import SweepContext, SweepRule
from optin.kinds.webinar.assign_seats import STEP, fill_seats, remind, webinars_of
from optin.kinds.webinar.details import Webinar
from optin.kinds.webinar.mail_schedule import MAILS, WebinarMail
from optin.kinds.webinar.stored_seats import (
    SEATED,
    count_seated,
    lock_occasion,
    peek_occasion,
    tell_occasion,
    unreplayed,
    untold,
    update_seat,
    waiting_for,
)

MOST_COUNTED = 1_000_000


def notice_plans(tx: Tx, policy: RequestPolicy) -> None:
    """Detect changed webinar plans, and announce them from now on.

    Only for a site that was just loaded: a server that runs on with an earlier one would tell it again.
    """
    for magnet, webinar in sorted(webinars_of(policy).items()):
        if magnet in outdated_plans(tx, {magnet: webinar}):
            occasion = lock_occasion(tx, magnet, webinar.plan())
            if occasion.differs(webinar.plan()):
                tell_occasion(tx, magnet, occasion.sequence + 1, webinar.plan())


def outdated_plans(tx: Tx, webinars: Mapping[str, Webinar]) -> list[str]:
    """Return the webinars whose announced plan is not the one loaded here."""
    told = ((magnet, webinar, peek_occasion(tx, magnet)) for magnet, webinar in webinars.items())
    return [magnet for magnet, it, known in told if known is not None and known.differs(it.plan())]


def do_due_step(tx: Tx, magnet: str, webinar: Webinar, policy: RequestPolicy, now: datetime) -> int:
    """Do one step of what is due for a webinar; return the number of people it concerned.

    1. Leave it to whoever has loaded the plan that was told last (`notice_plans`).
    2. Tell everybody who has a seat, with reminders for the new time.
    3. Fill seats that are free.
    4. Say where the recording is.
    """
    # 1. Leave it to whoever has loaded the plan that was told last.
    if peek_occasion(tx, magnet) is None:
        return 0
    occasion = lock_occasion(tx, magnet, webinar.plan())
    if occasion.differs(webinar.plan()):
        return 0

    # 2. Tell everybody who has a seat.
    people = untold(tx, magnet, occasion.sequence, STEP)
    kind = WebinarMail.CANCELLED if webinar.cancelled else WebinarMail.MOVED
    for seat in people:
        update_seat(tx, replace(seat, sequence=occasion.sequence))
        forget_queued(tx, seat.request, MAILS)
        if now < webinar.ends_at:
            enqueue(tx, kind, seat.request, policy.mail_domain, now, now)
        if seat.state == SEATED:
            remind(tx, seat, webinar, policy, now)
    if people:
        return len(people)

    # 3. Fill seats that are free.
    if seated := fill_seats(tx, magnet, webinar, policy, now):
        return seated

    # 4. Say where the recording is.
    if not webinar.replay or webinar.cancelled or now < webinar.ends_at:
        return 0
    viewers = unreplayed(tx, magnet, STEP)
    for seat in viewers:
        update_seat(tx, replace(seat, replayed=True))
        enqueue(tx, WebinarMail.REPLAY, seat.request, policy.mail_domain, now, now)
    return len(viewers)


def count_due_people(tx: Tx, magnet: str, webinar: Webinar, now: datetime) -> int:
    """Count the people that `do_due_step` would mail now; changes nothing."""
    occasion = peek_occasion(tx, magnet)
    if occasion is None:
        return 0
    sequence = occasion.sequence + occasion.differs(webinar.plan())
    if told := len(untold(tx, magnet, sequence, MOST_COUNTED)):
        return told
    if webinar.replay and not webinar.cancelled and webinar.ends_at <= now:
        return len(unreplayed(tx, magnet, MOST_COUNTED))
    if webinar.cancelled or webinar.starts_at <= now:
        return 0
    free = webinar.capacity - count_seated(tx, magnet) if webinar.capacity else MOST_COUNTED
    return len(waiting_for(tx, magnet, free)) if free > 0 else 0


def sweep_webinars(tx: Tx, context: SweepContext) -> int:
    """Mail moved and cancelled webinars, free seats, and recordings."""
    for magnet, webinar in webinars_of(context.policy).items():
        if done := do_due_step(tx, magnet, webinar, context.policy, context.now):
            return done
    return 0


RULES = (
    SweepRule(
        name="webinars",
        what="people",
        why="are told by mail of another time, a seat that is free, or the recording",
        due=lambda tx, context: sum(
            count_due_people(tx, magnet, webinar, context.now)
            for magnet, webinar in webinars_of(context.policy).items()
        ),
        step=sweep_webinars,
    ),
)


def warn_of_outdated(tx: Tx, context: Context, _now: datetime) -> Sequence[str]:
    """Return the webinars that were changed since this server loaded them."""
    return [
        f"/{magnet} was changed since this server started: start it anew; its mails wait"
        for magnet in outdated_plans(tx, webinars_of(context.policy))
    ]
