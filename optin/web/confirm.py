"""The confirmation link: GET shows, POST confirms. No GET, HEAD or scanner changes anything (D2)."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

from starlette.requests import Request
from starlette.responses import Response

from optin.consent.form import FormDeclaration
from optin.consent.links import LinkKind
from optin.consent.record import RequestId
from optin.errors import LinkExpired
from optin.flows.confirm import Asked, confirm, view_confirmation, view_request
from optin.flows.mail_limits import Asker
from optin.flows.resend import resend_confirmation
from optin.flows.twins import mailed_request
from optin.theme.views import ConfirmedView, ConfirmView, ExpiredView, Granted
from optin.web.desk import Desk, desk_of, see_other
from optin.web.handouts import handout_of
from optin.web.place import webinar_shown
from optin.web.posts import read_post, single


async def get_confirmation(request: Request) -> Response:
    """Show what will be confirmed, or what was; changes nothing."""
    desk, token = desk_of(request), request.path_params["token"]
    stored, expired = _read(desk, token)
    asked = await desk.read(partial(view_request, vault=desk.office.vault, request=stored))
    if asked.confirmed:
        return await _confirmed(desk, stored)
    if expired:
        again = request.query_params.get("again") == "1"
        return _expired(desk, asked.form, token, resent=again)
    return _ask(desk, asked, token)


async def post_confirmation(request: Request) -> Response:
    """Confirm, and show the same page at every further click; or mail a new link for an old one."""
    desk, token = desk_of(request), request.path_params["token"]
    posted = await read_post(request)
    stored, expired = _read(desk, token)
    office = desk.office
    if not expired:
        await desk.write(
            partial(
                confirm,
                vault=office.vault,
                request=stored,
                policy=office.policy,
                now=office.clock(),
            )
        )
        office.wake_courier()
        return see_other(f"/confirm/{token}")
    if single(posted, "action") == "resend":
        await desk.limits.count(request)
        await mail_again(desk, stored, Asker.READER)  # only the mail has this link
        return see_other(f"/confirm/{token}?again=1")
    return see_other(f"/confirm/{token}")


async def mail_again(desk: Desk, stored: RequestId, asker: Asker = Asker.FORM) -> None:
    """Send the confirmation mail once more, if its mailbox did not have enough; nobody is told (D6, D7).

    Raises MailsSpent where no more mails leave today that anybody may ask for.
    """
    office = desk.office
    stored = await desk.read(partial(mailed_request, vault=office.vault, request=stored))
    again = partial(
        resend_confirmation,
        vault=office.vault,
        request=stored,
        policy=office.policy,
        now=office.clock(),
        asker=asker,
    )
    if asker is Asker.READER:
        await desk.write(again)
    else:
        async with desk.limits.mails.mail() as mailing:
            mailing.queued = await desk.write(again)
    office.wake_courier()


def _read(desk: Desk, token: str) -> tuple[RequestId, bool]:
    """Return the request a link is for, and whether its time is over. Raises LinkForged."""
    office = desk.office
    now = office.clock()
    lifetime: timedelta = office.policy.link.after(now) - now
    try:
        return RequestId(office.vault.links.read(LinkKind.CONFIRM, token, now, lifetime)), False
    except LinkExpired as problem:
        return RequestId(problem.payload), True


def _ask(desk: Desk, asked: Asked, token: str) -> Response:
    form = asked.form
    return desk.page(
        ConfirmView(
            frame=desk.frame(form.lang),
            title=form.title,
            kind=form.kind,
            action=f"/confirm/{token}",
            requested_at=asked.requested_at,
            questions=asked.questions,
            number=asked.number,
        )
    )


def _expired(desk: Desk, form: FormDeclaration, token: str, *, resent: bool) -> Response:
    view = ExpiredView(desk.frame(form.lang), form.title, f"/confirm/{token}", resent=resent)
    return desk.page(view, 200 if resent else LinkExpired.status)


async def _confirmed(desk: Desk, stored: RequestId) -> Response:
    office = desk.office
    outcome = await desk.read(
        partial(
            view_confirmation, vault=office.vault, request=stored, policy=office.policy, now=office.clock()
        )
    )
    form = outcome.form
    file = await handout_of(desk, form) if outcome.hands_out else None
    token = office.vault.links.sign(LinkKind.DOWNLOAD, stored, office.clock())
    place = office.vault.links.sign(LinkKind.PLACE, stored, office.clock())
    return desk.page(
        ConfirmedView(
            frame=desk.frame(form.lang),
            title=form.title,
            kind=form.kind,
            granted=tuple(Granted(given.question, given.until) for given in outcome.granted),
            lapsed=outcome.lapsed,
            download_url=None if file is None else f"/download/{token}",
            file_name="" if file is None else file.name,
            file_bytes=0 if file is None else file.size,
            webinar=None if outcome.webinar is None else webinar_shown(outcome.webinar, f"/place/{place}"),
            part_state="" if outcome.part is None else outcome.part.state,
            ticket=None if outcome.part is None else outcome.part.ticket,
        )
    )
