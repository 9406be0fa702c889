"""The page about a seat at a webinar: where it is, the calendar entry, one button to give it up."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from optin.consent.form import FormDeclaration
from optin.consent.links import LinkKind
from optin.consent.record import RequestId
from optin.errors import LinkSpent
from optin.flows.attendance import Attendance, Standing
from optin.flows.opened import open_request
from optin.flows.webinars import attendance, give_up_seat
from optin.mail.calendar import FILE, Invitation, calendar_file
from optin.store.requests import load_request, peek_request
from optin.store.transaction import Tx
from optin.theme.calendars import calendar_links
from optin.theme.views import PlaceView, WebinarShown
from optin.web.desk import Desk, desk_of, see_other
from optin.web.headers import NO_STORE
from optin.web.posts import read_post, single


async def get_place(request: Request) -> Response:
    """Show where the person stands; changes nothing."""
    desk = desk_of(request)
    told, form = await _told(desk, request)
    shown, site = webinar_shown(told, request.url.path), desk.edition.site
    again = "" if site.magnet(form.magnet) is None else f"{site.settings.base_url}/{form.magnet}"
    return desk.page(PlaceView(desk.frame(form.lang), shown, again))


async def post_place(request: Request) -> Response:
    """Give the seat up; whoever waits gets it."""
    desk = desk_of(request)
    office, stored = desk.office, _request_of(desk, request)
    if single(await read_post(request), "action") == "give-up":

        def give_up(tx: Tx) -> bool:
            opened = open_request(tx, office.vault, load_request(tx, stored))
            return give_up_seat(tx, opened, office.policy, office.clock())

        if await desk.write(give_up):
            office.wake_courier()
    return see_other(request.url.path)


async def get_calendar(request: Request) -> Response:
    """Hand out the calendar entry as a file, with nobody's address in it."""
    desk = desk_of(request)
    told, form = await _told(desk, request)
    if told.standing not in {Standing.SEATED, Standing.CANCELLED}:
        raise LinkSpent
    site = desk.edition.site
    sender = site.sender
    invitation = Invitation(sender.name, sender.address, sender.address.rpartition("@")[2])
    words = desk.edition.theme.text(form.lang, "webinar.with", host=told.webinar.host)
    file = calendar_file(told, invitation, words, desk.office.clock())
    headers = {"cache-control": NO_STORE, "content-disposition": f'attachment; filename="{FILE}"'}
    return Response(file.data, headers={**headers, "content-type": f"{file.content_type}; charset=utf-8"})


def webinar_shown(told: Attendance, place_url: str) -> WebinarShown:
    """Return what a page tells of a webinar."""
    return WebinarShown(told, place_url, calendar_links(told))


async def _told(desk: Desk, request: Request) -> tuple[Attendance, FormDeclaration]:
    office, stored = desk.office, _request_of(desk, request)

    def look(tx: Tx) -> tuple[Attendance | None, FormDeclaration]:
        opened = open_request(tx, office.vault, peek_request(tx, stored))
        return attendance(tx, opened, office.policy, office.clock()), opened.declaration

    told, form = await desk.read(look)
    if told is None:
        raise LinkSpent
    return told, form


def _request_of(desk: Desk, request: Request) -> RequestId:
    office = desk.office
    token = request.path_params["token"]
    return RequestId(office.vault.links.read(LinkKind.PLACE, token, office.clock(), None))
