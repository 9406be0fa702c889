"""A webinar as a calendar file (RFC 5545, 5546): one entry, with a higher sequence number at each change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from urllib.parse import quote
from zoneinfo import ZoneInfo

from optin.kinds.api import MailPart
from optin.kinds.api.flows import as_mailed
from optin.kinds.api.mail import Attachment, MailKind, MailOrder, MailSender
from optin.kinds.webinar.mail_schedule import WebinarMail
from optin.kinds.webinar.seat_status import Attendance, SeatStatus

FILE = "webinar.ics"
RULES_AROUND = timedelta(days=800)  # the changes of a clock before and after it; by default they stop in 2038


class Method(StrEnum):
    """What the file does to the reader's calendar (RFC 5546)."""

    REQUEST = "REQUEST"  # an invitation by mail
    PUBLISH = "PUBLISH"  # a file that somebody opens
    CANCEL = "CANCEL"


@dataclass(frozen=True)
class Invitation:
    """Organiser and attendee of an entry. `domain`: the domain in every entry's UID."""

    organizer: str
    address: str
    domain: str
    attendee: str = ""  # empty: the file is for whoever opens it


def calendar_file(participation: Attendance, invitation: Invitation, words: str, now: datetime) -> Attachment:
    """Return the entry as an attachment. `words`: its texts."""
    method = Method.CANCEL if participation.standing is SeatStatus.CANCELLED else Method.REQUEST
    if method is Method.REQUEST and not invitation.attendee:
        method = Method.PUBLISH
    data = calendar_bytes(participation, invitation, method, words, now)
    return Attachment(FILE, f"text/calendar; method={method}", data)


def calendar_bytes(
    participation: Attendance, invitation: Invitation, method: Method, words: str, now: datetime
) -> bytes:
    """Return the entry with times in the webinar's zone, whose rules are in the file."""
    from icalendar import Calendar, Event, vCalAddress, vText  # noqa: PLC0415 - heavy; few mails need it

    webinar, zone = participation.webinar, ZoneInfo(participation.webinar.zone)
    event = Event()
    event.add("uid", f"{participation.request.hex()}@{invitation.domain}")
    event.add("dtstamp", now.replace(microsecond=0))
    event.add("sequence", participation.sequence)
    start, end = webinar.starts_at.astimezone(zone), webinar.ends_at.astimezone(zone)
    if start.fold or end.fold:  # a local time that comes twice means the first (RFC 5545, section 3.3.5)
        start, end = webinar.starts_at, webinar.ends_at
    event.add("dtstart", start)
    event.add("dtend", end)
    event.add("summary", participation.title)
    event.add("location", webinar.place)
    event.add("description", words)
    event.add("status", "CANCELLED" if method is Method.CANCEL else "CONFIRMED")
    event.add("transp", "OPAQUE")
    organizer = vCalAddress(_mailto(invitation.address))
    organizer.params["CN"] = vText(invitation.organizer)
    event["organizer"] = organizer
    if invitation.attendee and method is not Method.PUBLISH:
        attendee = vCalAddress(_mailto(invitation.attendee))
        attendee.params["PARTSTAT"] = vText("ACCEPTED")  # they asked for it; nobody has to answer
        attendee.params["RSVP"] = vText("FALSE")
        event["attendee"] = attendee
    calendar = Calendar()
    calendar.add("version", "2.0")
    calendar.add("prodid", "-//optin//webinar//EN")
    calendar.add("method", str(method))
    calendar.add_component(event)
    calendar.add_missing_timezones(start.date() - RULES_AROUND, end.date() + RULES_AROUND)
    return bytes(calendar.to_ical())


def _mailto(address: str) -> str:
    """Return the mailto address of a mailbox (RFC 6068), with % escaped."""
    return f"mailto:{quote(address, safe='@+!$*')}"


# what changes the entry in people's calendars
CHANGING = frozenset({WebinarMail.MOVED, WebinarMail.CANCELLED, WebinarMail.SEATED})


def attach(
    order: MailOrder, sender: MailSender, words: Callable[..., str], now: datetime
) -> tuple[Attachment, ...]:
    """Attach the calendar entry; a change has the same UID and a higher number."""
    participation = order.own
    if not isinstance(participation, Attendance):
        return ()
    delivered = order.kind == MailKind.DELIVERY and participation.standing is SeatStatus.SEATED
    if not delivered and not (order.kind in CHANGING and participation.seated):
        return ()
    domain = sender.address.rpartition("@")[2]
    invited = Invitation(sender.name, sender.address, domain, as_mailed(order.recipient))
    return (
        calendar_file(participation, invited, words("webinar.with", host=participation.webinar.host), now),
    )


MAILS = MailPart(templates=dict.fromkeys(WebinarMail, "news"), modules=("icalendar",), attach=attach)
