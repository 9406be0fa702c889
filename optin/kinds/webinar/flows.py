"""Seats at a webinar: taken at the confirmation, given up, filled from the waiting list.

What is mailed of it is part of what was asked for: the day before, the hour before, a change, the recording.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from optin.kinds.api import FlowPart
from optin.kinds.api.flows import (
    Context,
    Later,
    LinkKind,
    OpenedRequest,
    QueuedMail,
    RequestPolicy,
    SubjectId,
    open_request,
    requests_of,
)
from optin.kinds.api.flows import Standing as Stands
from optin.kinds.api.forms import Details
from optin.kinds.api.mail import enqueue, forget_queued, has_twin
from optin.kinds.api.store import Tx
from optin.kinds.api.sweep import Rule, SweepContext
from optin.kinds.webinar.attendance import Attendance, Standing
from optin.kinds.webinar.details import DAY_BEFORE, HOUR_BEFORE, Webinar
from optin.kinds.webinar.seats import (
    GIVEN_UP,
    SEATED,
    WAITING,
    Seat,
    count_seated,
    find_seat,
    lock_occasion,
    peek_occasion,
    save_seat,
    tell_occasion,
    unreplayed,
    untold,
    update_seat,
    waiting_for,
)

STEP = 40  # people told in one transaction
MOST_COUNTED = 1_000_000
OUTDATED_WAIT = timedelta(minutes=1)  # of a mail whose plan this process does not know yet


class WebinarMail(StrEnum):
    """The mails about a webinar, by the names that are stored."""

    DAY = "webinar-day"  # a reminder the day before, and one the hour before
    HOUR = "webinar-hour"
    MOVED = "webinar-moved"  # another time or place
    CANCELLED = "webinar-cancelled"
    SEATED = "webinar-seated"  # a seat for who waited
    REPLAY = "webinar-replay"


REMINDERS = {WebinarMail.DAY: DAY_BEFORE, WebinarMail.HOUR: HOUR_BEFORE}
MAILS = frozenset(WebinarMail)


def webinar_of(policy: RequestPolicy, magnet: str) -> Webinar | None:
    """Return the webinar as planned now, by any address of its magnet."""
    details = policy.details(magnet)
    return details if isinstance(details, Webinar) else None


def webinars_of(policy: RequestPolicy) -> dict[str, Webinar]:
    """Return every webinar by each address of its magnet: a seat stays under the one it was taken by."""
    return {name: it.details for name, it in policy.magnets.items() if isinstance(it.details, Webinar)}


def take_seat(
    tx: Tx, context: Context, opened: OpenedRequest, subject: SubjectId, _leaf: bytes, now: datetime
) -> None:
    """Give the person a seat, or a place in the line; one, however often they sign up.

    Nobody else takes a seat meanwhile, so there are never more than the room holds.
    """
    policy, magnet, request = context.policy, opened.declaration.magnet, opened.stored.id
    webinar = webinar_of(policy, magnet)
    if webinar is None:
        return
    occasion = lock_occasion(tx, magnet, webinar.plan())
    known = _seat_at(tx, magnet, subject, policy)
    if known is not None and known.state != GIVEN_UP:
        return
    if webinar.cancelled:
        # the mail that hands over says so; should it take place after all, they are in line
        told = occasion.sequence + (dict(occasion.plan) != webinar.plan())
        save_seat(tx, Seat(magnet, subject, request, WAITING, told, replayed=False), now)
        return
    full = webinar.capacity and count_seated(tx, magnet) >= webinar.capacity
    over = webinar.ends_at <= now
    state = WAITING if full and not over else SEATED
    # a server that was not started anew since the last change tells the plan before it; then they hear of it
    told = occasion.sequence - (dict(occasion.plan) != webinar.plan())
    seat = Seat(magnet, subject, request, state, told, replayed=over and bool(webinar.replay))
    save_seat(tx, seat, now)
    if state == SEATED:
        _remind(tx, seat, webinar, policy, now)


def give_up_seat(tx: Tx, opened: OpenedRequest, policy: RequestPolicy, now: datetime) -> bool:
    """Give a seat up, and let the next in line have it; tell whether there was one."""
    magnet, subject = opened.declaration.magnet, opened.stored.subject
    webinar = webinar_of(policy, magnet)
    if webinar is None or subject is None:
        return False
    seat = _seat_at(tx, magnet, subject, policy)
    lock_occasion(tx, magnet if seat is None else seat.magnet, webinar.plan())
    seat = _seat_at(tx, magnet, subject, policy)
    if seat is None or seat.state == GIVEN_UP:
        return False
    save_seat(tx, replace(seat, state=GIVEN_UP), now)
    forget_queued(tx, seat.request, MAILS)
    fill_seats(tx, seat.magnet, webinar, policy, now)
    return True


def give_up_seats(tx: Tx, context: Context, *, email_index: bytes, magnet: str, now: datetime) -> bool:
    """Give up a person's seat at a webinar, whichever request asked for it; tell whether there was one."""
    stored = [it for it in requests_of(tx, email_index) if it.subject is not None]
    opened = [open_request(tx, context.vault, it) for it in stored]
    return any(give_up_seat(tx, it, context.policy, now) for it in opened if it.declaration.magnet == magnet)


def attendance(tx: Tx, opened: OpenedRequest, policy: RequestPolicy, now: datetime) -> Attendance | None:
    """Return what the person behind a request is told now; None where it is about no webinar."""
    magnet, subject = opened.declaration.magnet, opened.stored.subject
    webinar = webinar_of(policy, magnet)
    seat = None if subject is None or webinar is None else _seat_at(tx, magnet, subject, policy)
    if webinar is None or seat is None:
        return None
    occasion = peek_occasion(tx, seat.magnet)
    sequence = 0 if occasion is None else occasion.sequence
    return Attendance(
        webinar=webinar,
        title=opened.declaration.title,
        request=seat.request,
        standing=_standing(seat, webinar, now),
        sequence=sequence,
        seated=seat.state == SEATED,
        outdated=occasion is not None and dict(occasion.plan) != webinar.plan(),
    )


def _seat_at(tx: Tx, magnet: str, subject: SubjectId, policy: RequestPolicy) -> Seat | None:
    """Return a person's seat, also one that was taken under another address of the same webinar."""
    webinar = webinar_of(policy, magnet)
    names = [magnet, *(name for name, it in webinars_of(policy).items() if it is webinar and name != magnet)]
    seats = [seat for name in names if (seat := find_seat(tx, name, subject)) is not None]
    return next((seat for seat in seats if seat.state != GIVEN_UP), next(iter(seats), None))


def _standing(seat: Seat, webinar: Webinar, now: datetime) -> Standing:
    if seat.state == GIVEN_UP:
        return Standing.GIVEN_UP
    if webinar.cancelled:
        return Standing.CANCELLED
    if webinar.ends_at <= now:
        return Standing.REPLAY if webinar.replay else Standing.OVER
    return Standing(seat.state)


def due_of(kind: WebinarMail, webinar: Webinar) -> datetime | None:
    """Return when a reminder should leave; None for a mail that is due at once."""
    before = REMINDERS.get(kind)
    return None if before is None else webinar.starts_at - before


def has_use(kind: WebinarMail, told: Attendance, now: datetime) -> bool:
    """Tell whether a mail still says something that is so, to somebody whom it concerns."""
    webinar = told.webinar
    match kind:
        case WebinarMail.CANCELLED:
            return told.standing is Standing.CANCELLED
        case WebinarMail.REPLAY:
            return told.standing is Standing.REPLAY
        case WebinarMail.MOVED:
            return told.standing in {Standing.SEATED, Standing.WAITING} and now < webinar.ends_at
        case WebinarMail.SEATED:
            return told.standing is Standing.SEATED and now < webinar.ends_at
    latest = webinar.starts_at - HOUR_BEFORE if kind is WebinarMail.DAY else webinar.starts_at
    return told.standing is Standing.SEATED and now < latest


def notice_plans(tx: Tx, policy: RequestPolicy) -> None:
    """Notice which plans are others than those that were told: theirs is told from now on.

    Only for a site that was just loaded: a server that runs on with an earlier one would tell it again.
    """
    for magnet, webinar in sorted(webinars_of(policy).items()):
        if magnet in outdated_plans(tx, {magnet: webinar}):
            occasion = lock_occasion(tx, magnet, webinar.plan())
            if dict(occasion.plan) != webinar.plan():
                tell_occasion(tx, magnet, occasion.sequence + 1, webinar.plan())


def outdated_plans(tx: Tx, webinars: Mapping[str, Webinar]) -> list[str]:
    """Return the webinars of which another plan was told than the one that is loaded here."""
    told = ((magnet, webinar, peek_occasion(tx, magnet)) for magnet, webinar in webinars.items())
    return [magnet for magnet, it, known in told if known is not None and dict(known.plan) != it.plan()]


def keep_up(tx: Tx, magnet: str, webinar: Webinar, policy: RequestPolicy, now: datetime) -> int:
    """Do one step of what is due for a webinar; return how many people it was about.

    1. Leave it to whoever has loaded the plan that was told last (`notice_plans`).
    2. Tell everybody who has a seat, with reminders for the new time.
    3. Fill seats that are free.
    4. Say where the recording is.
    """
    # 1. Leave it to whoever has loaded the plan that was told last.
    if peek_occasion(tx, magnet) is None:
        return 0
    occasion = lock_occasion(tx, magnet, webinar.plan())
    if dict(occasion.plan) != webinar.plan():
        return 0

    # 2. Tell everybody who has a seat.
    people = untold(tx, magnet, occasion.sequence, STEP)
    kind = WebinarMail.CANCELLED if webinar.cancelled else WebinarMail.MOVED
    for seat in people:
        update_seat(tx, replace(seat, sequence=occasion.sequence))
        forget_queued(tx, seat.request, MAILS)
        if now < webinar.ends_at:
            enqueue(tx, kind, seat.request, policy.mail_domain, now)
        if seat.state == SEATED:
            _remind(tx, seat, webinar, policy, now)
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
        enqueue(tx, WebinarMail.REPLAY, seat.request, policy.mail_domain, now)
    return len(viewers)


def count_due(tx: Tx, magnet: str, webinar: Webinar, now: datetime) -> int:
    """Count whom `keep_up` would tell something now; changes nothing."""
    occasion = peek_occasion(tx, magnet)
    if occasion is None:
        return 0
    sequence = occasion.sequence + (dict(occasion.plan) != webinar.plan())
    if told := len(untold(tx, magnet, sequence, MOST_COUNTED)):
        return told
    if webinar.replay and not webinar.cancelled and webinar.ends_at <= now:
        return len(unreplayed(tx, magnet, MOST_COUNTED))
    if webinar.cancelled or webinar.starts_at <= now:
        return 0
    free = webinar.capacity - count_seated(tx, magnet) if webinar.capacity else MOST_COUNTED
    return len(waiting_for(tx, magnet, free)) if free > 0 else 0


def fill_seats(tx: Tx, magnet: str, webinar: Webinar, policy: RequestPolicy, now: datetime) -> int:
    """Let the next in line have the seats that are free; return how many got one. The occasion is locked."""
    if webinar.cancelled or webinar.starts_at <= now:
        return 0  # nobody comes any more
    free = STEP if not webinar.capacity else min(STEP, webinar.capacity - count_seated(tx, magnet))
    waiting = waiting_for(tx, magnet, free) if free > 0 else []
    for seat in waiting:
        update_seat(tx, replace(seat, state=SEATED))
        enqueue(tx, WebinarMail.SEATED, seat.request, policy.mail_domain, now)
        _remind(tx, seat, webinar, policy, now)
    return len(waiting)


def _remind(tx: Tx, seat: Seat, webinar: Webinar, policy: RequestPolicy, now: datetime) -> None:
    for kind, before in REMINDERS.items():
        due = webinar.starts_at - before
        if now < due and not webinar.cancelled:
            enqueue(tx, kind, seat.request, policy.mail_domain, now, due)


def sweep_webinars(tx: Tx, context: SweepContext) -> int:
    """Tell people of webinars that moved or were cancelled, fill free seats, say where recordings are."""
    for magnet, webinar in webinars_of(context.policy).items():
        if done := keep_up(tx, magnet, webinar, context.policy, context.now):
            return done
    return 0


RULES = (
    Rule(
        name="webinars",
        what="people",
        why="are told by mail of another time, a seat that is free, or the recording",
        due=lambda tx, context: sum(
            count_due(tx, magnet, webinar, context.now)
            for magnet, webinar in webinars_of(context.policy).items()
        ),
        step=sweep_webinars,
    ),
)


def stands(tx: Tx, context: Context, opened: OpenedRequest, now: datetime) -> Stands | None:
    """Return where a person stands with a webinar."""
    told = attendance(tx, opened, context.policy, now)
    if told is None:
        return None
    return Stands(_linked(context, opened, told, now), {"seat": told.standing.value})


def _linked(context: Context, opened: OpenedRequest, told: Attendance, now: datetime) -> Attendance:
    """Return it with the link to the page about the seat."""
    token = context.vault.links.sign(LinkKind.PLACE, opened.stored.id, now)
    return replace(told, base_url=context.policy.base_url, place_path=f"/place/{token}")


def fill_mail(
    tx: Tx, context: Context, opened: OpenedRequest, mail: QueuedMail, now: datetime
) -> Attendance | Later | None:
    """Return where a person stands, for a mail that is due and still of use."""
    kind = WebinarMail(mail.name)
    told = attendance(tx, opened, context.policy, now)
    if told is not None and told.outdated:
        return Later(now + OUTDATED_WAIT)  # whoever knows the plan says it
    if told is None or not has_use(kind, told, now):
        return None
    due = due_of(kind, told.webinar)
    if due is not None and now < due:
        # None: it was in hand while the time moved
        return None if has_twin(tx, mail.number, opened.stored.id, mail.name) else Later(due)
    return _linked(context, opened, told, now)


def kept(details: Details) -> Mapping[str, Any] | None:
    """Return what must be known of a webinar when its page is gone."""
    return details.kept() if isinstance(details, Webinar) else None


def warn_of_outdated(tx: Tx, context: Context, _now: datetime) -> Sequence[str]:
    """Return which webinars were changed since this server loaded them."""
    return [
        f"/{magnet} was changed since this server started: start it anew; its mails wait"
        for magnet in outdated_plans(tx, webinars_of(context.policy))
    ]


FLOWS = FlowPart(
    on_confirmed=take_seat,
    standing=stands,
    mails=MAILS,
    fill_mail=fill_mail,
    kept=kept,
    read_kept=Webinar.read,
    on_published=notice_plans,
    sweep_rules=RULES,
    warnings=warn_of_outdated,
)
