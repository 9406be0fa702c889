"""Samples of a webinar's pages, to test templates on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from optin.kinds.api import PagesPart
from optin.kinds.api.flows import RequestId
from optin.kinds.api.pages import LandingView
from optin.kinds.api.samples import (
    AFTER,
    AT,
    NEXT,
    PERSONAL,
    Sample,
    SampleLinks,
    SampleMail,
    confirmed,
    delivery,
    kind_mail,
    other,
    personal_page,
)
from optin.kinds.webinar.details import Webinar
from optin.kinds.webinar.mail_schedule import WebinarMail
from optin.kinds.webinar.place_view import PlaceView
from optin.kinds.webinar.seat_status import Attendance, SeatStatus

NEWS = {
    WebinarMail.DAY: SeatStatus.SEATED,
    WebinarMail.HOUR: SeatStatus.SEATED,
    WebinarMail.MOVED: SeatStatus.SEATED,
    WebinarMail.CANCELLED: SeatStatus.CANCELLED,
    WebinarMail.SEATED: SeatStatus.SEATED,
    WebinarMail.REPLAY: SeatStatus.REPLAY,
}
STATES = {
    SeatStatus.SEATED: "has a seat",
    SeatStatus.WAITING: "waits",
    SeatStatus.GIVEN_UP: "gave it up",
    SeatStatus.REPLAY: "over, with a recording",
    SeatStatus.OVER: "over",
    SeatStatus.CANCELLED: "cancelled",
}
STEP = replace(NEXT, picture="")
WEBINAR = Webinar(
    AT, 60, "Europe/Amsterdam", "Host", "https://meet.example.com/x", 10, "https://example.com/r"
)


def _attendances(of: LandingView) -> Iterator[tuple[str, Attendance]]:
    """Yield a person's place with each status, and one that is held in a room; each with what it is."""
    webinar = of.details if isinstance(of.details, Webinar) else WEBINAR
    frame, links = of.frame, SampleLinks(of)
    told = Attendance(
        webinar,
        of.declaration.title,
        RequestId(b"x" * 16),
        SeatStatus.SEATED,
        1,
        base_url=frame.base_url,
        place_path=links.place.removeprefix(frame.base_url),
    )
    for status, what in STATES.items():
        recorded = replace(webinar, replay=webinar.replay or WEBINAR.replay)
        yield (
            what,
            replace(told, standing=status, webinar=recorded if status is SeatStatus.REPLAY else webinar),
        )
    yield "in a room", replace(told, webinar=replace(webinar, place="Street 1"))


def samples(of: LandingView) -> Iterator[Sample]:
    """Yield the pages about a seat."""
    for what, told in _attendances(of):
        yield Sample("Your seat", what, PlaceView(of.frame, told, of.page_url, STEP, (other(of),)))
        yield Sample(AFTER, what, confirmed(of, told))
        yield Sample(PERSONAL, what, personal_page(of, {"seat": told.standing.value}))


def mail_samples(of: LandingView) -> Iterator[SampleMail]:
    """Yield the mail with a seat, the reminders, and the news about a webinar."""
    links, places = SampleLinks(of), dict(_attendances(of))
    for what, told in places.items():
        yield SampleMail(what, delivery(of, told), (links.withdraw,))
    for news, status in NEWS.items():
        found = (links.place,) if status is SeatStatus.SEATED else ()
        yield SampleMail(STATES[status], kind_mail(of, news, "news", places[STATES[status]]), found)
    in_a_room = kind_mail(of, WebinarMail.DAY, "news", places["in a room"])
    yield SampleMail("in a room", in_a_room)


MOVED = {
    "pages/place.html": "kinds/webinar/place.html",
    "mails/webinar.html": "kinds/webinar/news.html",
    "mails/webinar.txt": "kinds/webinar/news.txt",
    "mails/seat.html": "kinds/webinar/seat-mail.html",
    "mails/seat.txt": "kinds/webinar/seat-mail.txt",
}
PAGES = PagesPart(samples=samples, mail_samples=mail_samples, sample=WEBINAR, moved_templates=MOVED)
