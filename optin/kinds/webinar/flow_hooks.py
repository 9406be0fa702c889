"""Flow hooks of a webinar: a seat at the confirmation, and mails of its own.

What is mailed of it is part of what was asked for: the day before, the hour before, a change, the recording.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from optin.kinds.api import FlowPart
from optin.kinds.api.flows import Context, LinkKind, OpenedRequest, PersonStatus, QueuedMail, SendLater
from optin.kinds.api.forms import Details
from optin.kinds.api.mail import has_duplicate
from optin.kinds.api.store import Tx
from optin.kinds.webinar.assign_seats import attendance, take_seat
from optin.kinds.webinar.audit import audit_seats
from optin.kinds.webinar.details import Webinar
from optin.kinds.webinar.mail_schedule import MAILS, WebinarMail, due_of, has_use
from optin.kinds.webinar.seat_status import Attendance
from optin.kinds.webinar.sweep_rules import RULES, notice_plans, warn_of_outdated

OUTDATED_WAIT = timedelta(minutes=1)  # of a mail whose plan this process does not know yet


def person_status(tx: Tx, context: Context, opened: OpenedRequest, now: datetime) -> PersonStatus | None:
    """Return a person's status with a webinar."""
    participation = attendance(tx, opened, context.policy, now)
    if participation is None:
        return None
    return PersonStatus(_linked(context, opened, participation, now), {"seat": participation.standing.value})


def _linked(context: Context, opened: OpenedRequest, participation: Attendance, now: datetime) -> Attendance:
    """Return the attendance with the link to the page about the seat."""
    token = context.vault.links.sign(LinkKind.PLACE, opened.stored.id, now)
    return replace(participation, base_url=context.policy.base_url, place_path=f"/place/{token}")


def fill_mail(
    tx: Tx, context: Context, opened: OpenedRequest, mail: QueuedMail, now: datetime
) -> Attendance | SendLater | None:
    """Return the person's attendance, for a mail that is due and still of use."""
    kind = WebinarMail(mail.name)
    participation = attendance(tx, opened, context.policy, now)
    if participation is not None and participation.outdated:
        return SendLater(now + OUTDATED_WAIT)  # whoever knows the plan says it
    if participation is None or not has_use(kind, participation, now):
        return None
    due = due_of(kind, participation.webinar)
    if due is not None and now < due:
        # None: it was in hand while the time moved
        return None if has_duplicate(tx, mail.number, opened.stored.id, mail.name) else SendLater(due)
    return _linked(context, opened, participation, now)


def kept(details: Details) -> Mapping[str, Any] | None:
    """Return the details of a webinar to store in case its page is removed."""
    return details.kept() if isinstance(details, Webinar) else None


FLOWS = FlowPart(
    on_confirmed=take_seat,
    person_status=person_status,
    mails=MAILS,
    fill_mail=fill_mail,
    kept=kept,
    read_kept=Webinar.read,
    on_published=notice_plans,
    sweep_rules=RULES,
    warnings=warn_of_outdated,
    audit_confirmed=audit_seats,
)
