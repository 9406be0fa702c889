"""The confirmation link: GET shows, POST confirms. GET, HEAD and mail scanners change nothing (D2)."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from optin.consent.form_version import FormDeclaration, Slug
from optin.consent.signed_links import LinkKind
from optin.consent.status_transitions import RequestId
from optin.errors import LinkExpired
from optin.flows.consents.confirm import Confirmation, ShownRequest, confirm, view_confirmation, view_request
from optin.flows.consents.duplicate_posts import mailed_request
from optin.flows.consents.resend_confirmation import resend_confirmation
from optin.flows.delivery.mail_limits import MailRequester
from optin.site.next_steps import origin_of
from optin.theme.embedded_views import in_frame
from optin.theme.views import ConfirmedView, ConfirmView, Cover, ExpiredView
from optin.web.app_context import AppContext, app_context_of, framed_slug, see_other
from optin.web.download import promised_download
from optin.web.read_posted_form import read_post, single
from optin.web.security_headers import CONTENT_POLICY, content_policy


async def get_confirmation(request: Request) -> Response:
    """Show what will be confirmed, or what was; changes nothing."""
    app_context, token = app_context_of(request), request.path_params["token"]
    stored, expired = _read(app_context, token)
    asked = await app_context.view(view_request, request=stored)
    if asked.confirmed:
        return await _confirmed(app_context, stored, starts=request.query_params.get("now") == "1")
    if expired:
        again = request.query_params.get("again") == "1"
        return _expired(app_context, asked.form, token, resent=again)
    return _ask(app_context, asked, token)


async def get_confirmed_in_frame(request: Request) -> Response:
    """Show, in a frame of another site, what was confirmed there by the code; changes nothing (W6)."""
    app_context, token = app_context_of(request), request.path_params["token"]
    framed = framed_slug(request)
    stored, _ = _read(app_context, token)
    if not (await app_context.view(view_request, request=stored)).confirmed:
        return see_other(f"/confirm/{token}")
    return await _confirmed(app_context, stored, starts=True, framed=framed)


async def post_confirmation(request: Request) -> Response:
    """Confirm, with the same page at every further click; or mail a new link for an expired one."""
    app_context, token = app_context_of(request), request.path_params["token"]
    posted = await read_post(request)
    stored, expired = _read(app_context, token)
    installation = app_context.installation
    if not expired:
        outcome = await app_context.run(confirm, request=stored, now=installation.clock())
        installation.wake_courier()
        return see_other(after_confirmation(app_context, outcome, token))
    if single(posted, "action") == "resend":
        await app_context.limits.count(request)
        await resend_mail(app_context, stored, MailRequester.READER)  # only the mail has this link
        return see_other(f"/confirm/{token}?again=1")
    return see_other(f"/confirm/{token}")


async def resend_mail(
    app_context: AppContext, stored: RequestId, asker: MailRequester = MailRequester.FORM
) -> None:
    """Send the confirmation mail again, within the mailbox's limit; the answer does not reveal it (D6, D7).

    Raises MailsSpent where no more mails leave today that anybody may ask for.
    """
    installation = app_context.installation
    stored = await app_context.view(mailed_request, request=stored)
    now = installation.clock()
    if asker is MailRequester.READER:
        await app_context.run(resend_confirmation, request=stored, now=now, asker=asker)
    else:
        async with app_context.limits.mails.mail() as mailing:
            mailing.queued = await app_context.run(resend_confirmation, request=stored, now=now, asker=asker)
    installation.wake_courier()


def _read(app_context: AppContext, token: str) -> tuple[RequestId, bool]:
    """Return the request of a link, and whether it has expired. Raises LinkForged."""
    lifetime = app_context.installation.policy.unconfirmed.link
    try:
        return RequestId(app_context.read_link(LinkKind.CONFIRM, token, lifetime)), False
    except LinkExpired as problem:
        return RequestId(problem.payload), True


def _ask(app_context: AppContext, asked: ShownRequest, token: str) -> Response:
    form = asked.form
    thanks = thanks_of(app_context, form) if asked.hands_out else ""
    view = ConfirmView(
        frame=app_context.frame(form.lang),
        title=form.title,
        kind=form.kind,
        action=f"/confirm/{token}",
        requested_at=asked.requested_at,
        questions=asked.questions,
        number=asked.number,
        leads_to=origin_of(thanks).partition("://")[2],
        cover=cover_of(app_context, form) if asked.hands_out else None,
        alone=not asked.hands_out,
    )
    return may_lead_to(app_context, app_context.page(view), thanks)


def _expired(app_context: AppContext, form: FormDeclaration, token: str, *, resent: bool) -> Response:
    frame, cover = app_context.frame(form.lang), cover_of(app_context, form)
    view = ExpiredView(frame, form.title, f"/confirm/{token}", resent=resent, cover=cover)
    return app_context.page(view, 200 if resent else LinkExpired.status)


def after_confirmation(app_context: AppContext, outcome: Confirmation, token: str) -> str:
    """Return where a button leads that confirms: the page that starts the download, or the site's own thanks.

    Nothing is added to an address elsewhere; what was asked for is in the mail, and behind the link in it.
    """
    thanks = thanks_of(app_context, outcome.form) if outcome.hands_out else ""
    return thanks or f"/confirm/{token}?now=1"


def cover_of(app_context: AppContext, form: FormDeclaration) -> Cover | None:
    """Return the cover of a magnet as its page shows it; None when the magnet was removed."""
    magnet = app_context.edition.site.magnet(form.magnet)
    form_pages = () if magnet is None else app_context.edition.publication.form_pages.get(magnet.slug, ())
    return Cover(form.kind, form.title, form_pages[0].view.picture) if form_pages else None


def thanks_of(app_context: AppContext, form: FormDeclaration) -> str:
    """Return the page elsewhere that a magnet sends people to; empty when there is none."""
    magnet = app_context.edition.site.magnet(form.magnet)
    return "" if magnet is None else magnet.thanks


def may_lead_to(app_context: AppContext, answer: Response, thanks: str) -> Response:
    """Return a page whose form may be answered by a redirect to `thanks`."""
    if thanks:
        base_url = app_context.edition.site.settings.base_url
        answer.headers[CONTENT_POLICY] = content_policy(base_url, origin_of(thanks))
    return answer


async def _confirmed(
    app_context: AppContext, stored: RequestId, *, starts: bool, framed: Slug | None = None
) -> Response:
    installation = app_context.installation
    outcome = await app_context.view(view_confirmation, request=stored, now=installation.clock())
    form = outcome.form
    file = await promised_download(app_context, form) if outcome.hands_out else None
    token = installation.vault.links.sign(LinkKind.DOWNLOAD, stored, installation.clock())
    magnet = app_context.edition.site.magnet(form.magnet)
    publication = app_context.edition.publication
    # what a removed or replaced magnet gave keeps no cover and no next step
    given = magnet.slug if magnet is not None and outcome.hands_out else None
    starts = starts and file is not None
    frame = app_context.frame(form.lang)
    answer = app_context.page(
        ConfirmedView(
            frame=frame if framed is None else in_frame(frame, framed),
            title=form.title,
            kind=form.kind,
            granted=outcome.granted,
            lapsed=outcome.lapsed,
            alone=not outcome.hands_out,
            download_url=None if file is None else f"/download/{token}",
            file_name="" if file is None else file.name,
            file_bytes=0 if file is None else file.size,
            starts=starts,
            next_step=None if given is None else publication.next_steps.get(given),
            cover=None if given is None else cover_of(app_context, form),
            own=outcome.own,
        )
    )
    if starts:  # the button said so; the page stays, for what is sent is an attachment
        answer.headers["refresh"] = f"0; url=/download/{token}"
    return answer
