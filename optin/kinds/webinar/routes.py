"""The page about a seat at a webinar: its place, the calendar entry, a button to give it up."""

from __future__ import annotations

from dataclasses import replace

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from optin.kinds.api import RoutesPart
from optin.kinds.api.errors import LinkSpent
from optin.kinds.api.flows import load_request, open_request, peek_request
from optin.kinds.api.forms import FormDeclaration
from optin.kinds.api.store import Tx
from optin.kinds.api.web import (
    NO_STORE,
    AppContext,
    PersonalAction,
    app_context_of,
    read_post,
    request_of_place,
    see_other,
    single,
)
from optin.kinds.webinar.assign_seats import attendance, give_up_seat, give_up_seats
from optin.kinds.webinar.calendar_file import FILE, Invitation, calendar_file
from optin.kinds.webinar.place_view import PlaceView
from optin.kinds.webinar.seat_status import Attendance, SeatStatus


async def get_place(request: Request) -> Response:
    """Show the person's status; changes nothing."""
    app_context = app_context_of(request)
    told, form = await _told(app_context, request)
    shown, edition = replace(told, place_path=request.url.path), app_context.edition
    now, magnet = app_context.installation.clock(), edition.site.magnet(form.magnet)
    is_open = magnet is not None and (magnet.closes_at is None or now < magnet.closes_at)
    return app_context.page(
        PlaceView(
            app_context.frame(form.lang),
            shown,
            f"{edition.site.settings.base_url}/{form.magnet}" if is_open else "",
            None if magnet is None else edition.publication.next_steps.get(magnet.slug),
            app_context.others(form.magnet, form.lang),
        )
    )


async def post_place(request: Request) -> Response:
    """Give the seat up; the next on the waiting list gets it."""
    app_context = app_context_of(request)
    installation, stored = app_context.installation, request_of_place(request)
    if single(await read_post(request), "action") == "give-up":

        def give_up(tx: Tx) -> bool:
            opened = open_request(tx, installation.vault, load_request(tx, stored))
            return give_up_seat(tx, opened, installation.policy, installation.clock())

        if await app_context.write(give_up):
            installation.wake_courier()
    return see_other(request.url.path)


async def get_calendar(request: Request) -> Response:
    """Send the calendar entry as a file, without anybody's address."""
    app_context = app_context_of(request)
    told, form = await _told(app_context, request)
    if told.standing not in {SeatStatus.SEATED, SeatStatus.CANCELLED}:
        raise LinkSpent
    site = app_context.edition.site
    sender = site.settings.sender
    invitation = Invitation(sender.name, sender.address, sender.address.rpartition("@")[2])
    words = app_context.edition.theme.text(form.lang, "webinar.with", host=told.webinar.host)
    file = calendar_file(told, invitation, words, app_context.installation.clock())
    headers = {"cache-control": NO_STORE, "content-disposition": f'attachment; filename="{FILE}"'}
    return Response(file.data, headers={**headers, "content-type": f"{file.content_type}; charset=utf-8"})


async def _told(app_context: AppContext, request: Request) -> tuple[Attendance, FormDeclaration]:
    installation, stored = app_context.installation, request_of_place(request)

    def look(tx: Tx) -> tuple[Attendance | None, FormDeclaration]:
        opened = open_request(tx, installation.vault, peek_request(tx, stored))
        return attendance(tx, opened, installation.policy, installation.clock()), opened.declaration

    told, form = await app_context.read(look)
    if told is None:
        raise LinkSpent
    return told, form


ROUTES = RoutesPart(
    place=(
        Route("/place/{token}", get_place, methods=["GET"]),
        Route("/place/{token}", post_place, methods=["POST"]),
        Route("/place/{token}/calendar.ics", get_calendar, methods=["GET"]),
    ),
    actions={"give-up": PersonalAction(give_up_seats, "given-up")},
)
