"""Seats at a webinar: taken at the confirmation, given up, filled from the waiting list."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from optin.kinds.api.flows import Context, OpenedRequest, RequestPolicy, SubjectId, open_request, requests_of
from optin.kinds.api.mail import enqueue, forget_queued
from optin.kinds.api.store import Tx
from optin.kinds.webinar.details import Webinar
from optin.kinds.webinar.mail_schedule import MAILS, REMINDERS, WebinarMail
from optin.kinds.webinar.seat_status import Attendance, SeatStatus
from optin.kinds.webinar.stored_seats import (
    GIVEN_UP,
    SEATED,
    WAITING,
    Seat,
    count_seated,
    find_seat,
    lock_occasion,
    peek_occasion,
    save_seat,
    update_seat,
    waiting_for,
)

STEP = 40  # people told in one transaction


def webinar_of(policy: RequestPolicy, magnet: str) -> Webinar | None:
    """Return the webinar as planned now, by any address of its magnet."""
    details = policy.details(magnet)
    return details if isinstance(details, Webinar) else None


def webinars_of(policy: RequestPolicy) -> dict[str, Webinar]:
    """Return every webinar by each address of its magnet: a seat stays under its first address."""
    return {name: it.details for name, it in policy.magnets.items() if isinstance(it.details, Webinar)}


def take_seat(
    tx: Tx, context: Context, opened: OpenedRequest, subject: SubjectId, _leaf: bytes, now: datetime
) -> None:
    """Give the person a seat or a place on the waiting list; one, however often they sign up.

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
        sequence_told = occasion.sequence + occasion.differs(webinar.plan())
        save_seat(tx, Seat(magnet, subject, request, WAITING, sequence_told, replayed=False), now)
        return
    full = webinar.capacity and count_seated(tx, magnet) >= webinar.capacity
    over = webinar.ends_at <= now
    state = WAITING if full and not over else SEATED
    # a server that was not started anew since the last change tells the plan before it; then they hear of it
    sequence_told = occasion.sequence - occasion.differs(webinar.plan())
    seat = Seat(magnet, subject, request, state, sequence_told, replayed=over and bool(webinar.replay))
    save_seat(tx, seat, now)
    if state == SEATED:
        remind(tx, seat, webinar, policy, now)


def give_up_seat(tx: Tx, opened: OpenedRequest, policy: RequestPolicy, now: datetime) -> bool:
    """Give a seat up, and fill it from the waiting list; return whether there was one."""
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
    """Give up a person's seat at a webinar, of any request; return whether there was one."""
    stored = [it for it in requests_of(tx, email_index) if it.subject is not None]
    opened = [open_request(tx, context.vault, it) for it in stored]
    return any(give_up_seat(tx, it, context.policy, now) for it in opened if it.declaration.magnet == magnet)


def attendance(tx: Tx, opened: OpenedRequest, policy: RequestPolicy, now: datetime) -> Attendance | None:
    """Return the attendance of a request's person; None when the request is about no webinar."""
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
        outdated=occasion is not None and occasion.differs(webinar.plan()),
    )


def _seat_at(tx: Tx, magnet: str, subject: SubjectId, policy: RequestPolicy) -> Seat | None:
    """Return a person's seat, also under another address of the same webinar."""
    webinar = webinar_of(policy, magnet)
    names = [magnet, *(name for name, it in webinars_of(policy).items() if it is webinar and name != magnet)]
    seats = [seat for name in names if (seat := find_seat(tx, name, subject)) is not None]
    return next((seat for seat in seats if seat.state != GIVEN_UP), next(iter(seats), None))


def _standing(seat: Seat, webinar: Webinar, now: datetime) -> SeatStatus:
    if seat.state == GIVEN_UP:
        return SeatStatus.GIVEN_UP
    if webinar.cancelled:
        return SeatStatus.CANCELLED
    if webinar.ends_at <= now:
        return SeatStatus.REPLAY if webinar.replay else SeatStatus.OVER
    return SeatStatus(seat.state)


def fill_seats(tx: Tx, magnet: str, webinar: Webinar, policy: RequestPolicy, now: datetime) -> int:
    """Fill free seats from the waiting list; return how many. The occasion is locked."""
    if webinar.cancelled or webinar.starts_at <= now:
        return 0  # nobody comes any more
    free = STEP if not webinar.capacity else min(STEP, webinar.capacity - count_seated(tx, magnet))
    waiting = waiting_for(tx, magnet, free) if free > 0 else []
    for seat in waiting:
        update_seat(tx, replace(seat, state=SEATED))
        enqueue(tx, WebinarMail.SEATED, seat.request, policy.mail_domain, now)
        remind(tx, seat, webinar, policy, now)
    return len(waiting)


def remind(tx: Tx, seat: Seat, webinar: Webinar, policy: RequestPolicy, now: datetime) -> None:
    """Queue the reminders that are still ahead."""
    for kind, before in REMINDERS.items():
        due = webinar.starts_at - before
        if now < due and not webinar.cancelled:
            enqueue(tx, kind, seat.request, policy.mail_domain, now, due)
