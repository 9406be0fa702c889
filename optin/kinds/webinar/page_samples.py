"""Samples of a webinar's pages, to test templates on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from optin.kinds.api import PagesPart
from optin.kinds.api.flows import RequestId
from optin.kinds.api.pages import ConfirmedView, Frame
from optin.kinds.api.samples import AT, HOST, WITHDRAW, delivery, kind_mail, personal_page
from optin.kinds.webinar.details import Webinar
from optin.kinds.webinar.seat_status import Attendance, SeatStatus

WEBINAR_NEWS = (
    "webinar-day", "webinar-hour", "webinar-moved", "webinar-cancelled", "webinar-seated", "webinar-replay",
)  # fmt: skip
WEBINAR = Webinar(
    AT, 60, "Europe/Amsterdam", "Host", "https://meet.example.com/x", 10, "https://example.com/r"
)


@dataclass(frozen=True)
class PlaceView:
    """The page about a seat at a webinar."""

    template: ClassVar = "kinds/webinar/place.html"

    frame: Frame
    told: Attendance
    again_url: str  # where one registers; empty: nowhere any more


def webinars() -> Iterator[Attendance]:
    """Yield a webinar with each status, and one that is held in a room."""
    told = Attendance(
        WEBINAR, "Title", RequestId(b"x" * 16), SeatStatus.SEATED, 1, base_url=HOST, place_path="/place/t"
    )
    for standing in SeatStatus:
        yield replace(told, standing=standing)
    yield replace(told, webinar=replace(WEBINAR, place="Street 1"))


def samples(frame: Frame) -> Iterator[Any]:
    """Yield sample pages about a seat."""
    for shown in webinars():
        yield PlaceView(frame, shown, "/x")
        yield ConfirmedView(frame, "Title", "webinar", (), own=shown)
        yield personal_page(frame, "webinar", {"seat": shown.standing.value})


def mail_samples(lang: str) -> Iterator[tuple[Any, tuple[str, ...]]]:
    """Yield samples of the kind's own mails, and of its part in the delivery mail."""
    shown = [*webinars()]
    yield replace(delivery(lang, "webinar", shown[0]), download_url=None), (WITHDRAW,)
    yield replace(delivery(lang, "webinar", shown[1]), download_url=None), (WITHDRAW,)
    for news in WEBINAR_NEWS:
        yield kind_mail(lang, "webinar", news, "news", shown[0]), (shown[0].place_url,)
    yield kind_mail(lang, "webinar", WEBINAR_NEWS[0], "news", shown[-1]), ()
    yield kind_mail(lang, "webinar", WEBINAR_NEWS[-1], "news", shown[3]), ()


MOVED = {
    "pages/place.html": "kinds/webinar/place.html",
    "mails/webinar.html": "kinds/webinar/news.html",
    "mails/webinar.txt": "kinds/webinar/news.txt",
    "mails/seat.html": "kinds/webinar/seat-mail.html",
    "mails/seat.txt": "kinds/webinar/seat-mail.txt",
}
PAGES = PagesPart(samples=samples, mail_samples=mail_samples, sample=WEBINAR, moved_templates=MOVED)
