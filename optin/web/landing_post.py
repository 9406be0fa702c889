"""The landing page's form: take the post, and show the page "check your inbox"."""

from __future__ import annotations

from dataclasses import dataclass, replace

from starlette.requests import Request
from starlette.responses import Response

from optin.consent.channel import address_at
from optin.consent.form_version import EMAIL_FIELD, IN_HTML, SOURCE_FIELD, FormKey, FormVersion, Slug
from optin.consent.kind_specific_details import DetailsPart
from optin.consent.posted_form import (
    FORM_FIELD,
    DoubtfulAddress,
    FieldProblem,
    FormInput,
    ValidEntry,
    normalised_values,
    read_entry,
    read_form_input,
    settle_doubtful_address,
)
from optin.consent.signed_links import LinkKind
from optin.consent.status_transitions import ID_BYTES, RequestId
from optin.errors import (
    FormUnknown,
    LinkExpired,
    LinkForged,
    LinkSpent,
    MailsSpent,
    PageUnknown,
)
from optin.flows.consents.confirm import CodeRefused, confirm_by_code
from optin.flows.consents.earlier_page_versions import view_form
from optin.flows.consents.encrypted_page_token import as_token, from_token, open_text, seal_text
from optin.flows.consents.sign_up import sign_up
from optin.flows.delivery.mail_limits import MailRequester
from optin.flows.kind_errors import as_kind_failed
from optin.services.site_edition import Edition
from optin.services.source_counts import CountedPage
from optin.theme.embedded_views import framed_address, in_frame
from optin.theme.views import SentView
from optin.web.app_context import AppContext, app_context_of, framed_slug, see_other, slug_of
from optin.web.confirm import after_confirmation, cover_of, may_lead_to, resend_mail, thanks_of
from optin.web.listed_sites import require_shown_place
from optin.web.read_posted_form import read_post, single
from optin.web.removed_magnet_pages import removed_form

ASKED, SHOWN = "asked", "shown"  # what a sealed text is for
WRONG = 422


async def post_form(request: Request) -> Response:
    """Take a posted form: store all of it or nothing, with the same answer for everybody (D1, D7)."""
    app_context, slug = app_context_of(request), slug_of(request)
    served = _served(app_context, slug)
    await app_context.limits.count(request)
    posted = await read_post(request)
    now = app_context.require_open(slug)  # what is stored bears this moment, not one after the end
    edition, installation = app_context.edition, app_context.installation
    key, _, sealed = single(posted, FORM_FIELD).partition(".")
    form = await _shown(app_context, edition, served, key)
    require_shown_place(request, form.declaration.shown_in)
    asked = open_text(installation.vault, ASKED, slug.encode(), from_token(sealed))
    kind = edition.kinds.details[form.declaration.kind]
    country = edition.site.settings.controller.country
    typed, doubt = settle_doubtful_address(read_form_input(form.declaration, posted, kind), asked)
    entry = read_entry(form.declaration, typed, country, kind)
    if not isinstance(entry, ValidEntry) or doubt is not None:
        problems = () if isinstance(entry, ValidEntry) else entry
        return _again(app_context, edition, slug, form, _Returned(typed, problems, doubt, asked))
    with as_kind_failed(form.declaration.kind):
        carried = edition.kinds.flows[form.declaration.kind].carried(
            installation.vault,
            edition.site.magnets[slug].details,
            form.declaration,
            request.query_params,
            now,
        )
    source = _kept_source(app_context, edition, form, request)
    entry = replace(entry, fields=(*_typed_fields(entry, kind), *carried, *source))
    try:
        async with app_context.limits.mails.mail() as mailing:
            stored, mailing.queued = await app_context.run(sign_up, form=form, entry=entry, now=now)
    except MailsSpent as spent:
        return _again(
            app_context, edition, slug, form, _Returned(typed, (), None, asked, spent.retry_after_seconds)
        )
    page = CountedPage(slug, form.declaration.variant)
    installation.sources.add_sign_up(page, request.scope["query_string"], now)
    installation.wake_courier()
    number = next((value for name, value in entry.fields if address_at(name)), "")
    shown = f"{entry.email}\n{number}\n{form.key}"
    after = stored + seal_text(installation.vault, SHOWN, stored, shown)
    token = installation.vault.links.sign(LinkKind.SENT, after, installation.clock())
    return see_other(f"{_place(request, slug)}/sent?to={token}{_of(form)}")


async def get_sent(request: Request) -> Response:
    """Show that a mail is on its way, and the field for its code (D3)."""
    app_context, slug = app_context_of(request), slug_of(request)
    token = request.query_params.get("to", "")
    form, after = await _form_sent(app_context, slug, request, token)
    return _sent(request, form, after, resent=request.query_params.get("again") == "1")


async def post_sent(request: Request) -> Response:
    """Take a code, or a request for another mail, without revealing who is known (D7).

    A code is refused in the same words however often it was tried, and whether the request is still there.
    """
    app_context, slug = app_context_of(request), slug_of(request)
    await app_context.limits.count(request)
    posted = await read_post(request)
    served, after = await _form_sent(app_context, slug, request, single(posted, "token"))
    stored, installation = after.request, app_context.installation
    place = _place(request, slug)
    if single(posted, "action") == "resend":
        await resend_mail(app_context, stored)
        return see_other(f"{place}/sent?to={after.token}&again=1{_of(served)}")
    typed = single(posted, "code")
    reason = "code-wrong" if typed.strip() else "code-missing"
    try:
        outcome = await app_context.run(
            confirm_by_code, request=stored, typed=typed, now=installation.clock()
        )
    except LinkSpent:  # an erased request answers like a wrong code
        return _sent(request, served, after, problem=reason)
    if isinstance(outcome, CodeRefused) and outcome.reason == "code-elsewhere":
        # strangers' forms keep nobody's mail back
        await resend_mail(app_context, stored, MailRequester.READER)
        return see_other(f"{place}/sent?to={after.token}&again=1{_of(served)}")
    if isinstance(outcome, CodeRefused):
        if outcome.reason == "code-spent":  # logged; the page says the same of every code that is refused
            app_context.limits.log.note("code_tries")
        return _sent(request, served, after, problem=reason)
    installation.wake_courier()
    done = installation.vault.links.sign(LinkKind.CONFIRM, outcome.request, installation.clock())
    if framed_slug(request) is not None:
        return see_other(f"{place}/confirmed/{done}")
    return see_other(after_confirmation(app_context, outcome, done))


def _place(request: Request, slug: Slug) -> str:
    """Return the address of the form that was posted: its page, or its frame in another site's page."""
    return f"/{slug}" if framed_slug(request) is None else framed_address(slug)


def _served(app_context: AppContext, slug: Slug) -> FormVersion:
    form = app_context.edition.publication.forms.get(slug)
    if form is None:
        raise PageUnknown
    return form


async def _shown(app_context: AppContext, edition: Edition, served: FormVersion, key: str) -> FormVersion:
    """Return the shown form version: a present one, or an earlier one of this page (F7)."""
    form_page = edition.publication.form_page(served.declaration.magnet, key)
    if form_page is not None:
        return form_page.form
    earlier = await app_context.view(view_form, key=key)
    magnet = edition.site.magnet(earlier.declaration.magnet)  # it may have had another name
    if magnet is None or magnet.slug != served.declaration.magnet:
        raise FormUnknown
    return earlier


@dataclass(frozen=True)
class _Returned:
    """A form shown again: the typed values, the problems, the question about the address."""

    typed: FormInput
    problems: tuple[FieldProblem, ...]
    doubt: DoubtfulAddress | None
    asked: str  # about which address before
    wait_seconds: int = 0  # until it can be sent, where no more mails leave today


def _again(
    app_context: AppContext, edition: Edition, slug: Slug, shown: FormVersion, returned: _Returned
) -> Response:
    """Show the present form with the typed values; a tick stays only on unchanged words.

    An address that looks misspelt is asked about once: the form carries along, sealed, which one it was.
    `edition`: in which the form was open; the present one may have lost the magnet meanwhile.
    """
    publication, typed, doubt = edition.publication, returned.typed, returned.doubt
    pasted = publication.form_page(slug, shown.key) is not None and shown.declaration.shown_in == IN_HTML
    view = publication.form_page_like(slug, shown).view
    now = view.declaration
    same = [question.purpose for question in now.questions if question in shown.declaration.questions]
    kept = FormInput(typed.values, tuple(purpose for purpose in typed.ticked if purpose in same))
    doubted = () if doubt is None else (FieldProblem(EMAIL_FIELD, "email-doubted"),)
    asked = returned.asked if doubt is None else doubt.typed
    sealed = as_token(seal_text(app_context.installation.vault, ASKED, slug.encode(), asked)) if asked else ""
    again = replace(
        view,
        form_key=FormKey(f"{view.form_key}.{sealed}" if sealed else view.form_key),
        typed=kept,
        problems=(*doubted, *returned.problems),
        changed=shown.key != view.form_key and not pasted,
        meant="" if doubt is None else doubt.meant,
        understood=normalised_values(shown.declaration, typed, edition.site.settings.controller.country),
        wait_seconds=returned.wait_seconds,
    )
    if not returned.wait_seconds:
        return app_context.page(again, WRONG)
    answer = app_context.page(again, MailsSpent.status)
    answer.headers["retry-after"] = str(returned.wait_seconds)
    return answer


def _typed_fields(entry: ValidEntry, kind: DetailsPart) -> tuple[tuple[str, str], ...]:
    """Return the typed values; optin fills in some fields itself."""
    return tuple(pair for pair in entry.fields if pair[0] not in kind.filled_in)


def _kept_source(
    app_context: AppContext, edition: Edition, shown: FormVersion, request: Request
) -> tuple[tuple[str, str], ...]:
    """Return the source as a field to store, where the form said why, and the site still does (W8)."""
    declared = shown.declaration
    if declared.source_field is None or not edition.site.settings.sources.keep.get(declared.lang):
        return ()
    source = app_context.installation.sources.source_of(request.scope["query_string"])
    return ((SOURCE_FIELD, source),) if source else ()


@dataclass(frozen=True)
class _After:
    """The page after the form: its request, and the typed values, from the token alone."""

    token: str
    request: RequestId
    email: str
    number: str
    form: str = ""  # the key of the form that was sent; tokens of older versions lack it


def _read_after(app_context: AppContext, token: str) -> _After:
    """Return the page after the form; valid no longer than any request is stored (D7)."""
    installation, now = app_context.installation, app_context.installation.clock()
    try:
        payload = installation.vault.links.read(
            LinkKind.SENT, token, now, installation.policy.page_of_code(now)
        )
    except LinkExpired:
        raise LinkSpent from None
    request = RequestId(payload[:ID_BYTES])
    email, number, form, *_ = [
        *open_text(installation.vault, SHOWN, request, payload[ID_BYTES:]).split("\n"),
        "",
        "",
    ]
    return _After(token, request, email, number, form)


def _of(form: FormVersion) -> str:
    """Return the mark of the posted wording in the address of the page after the form."""
    return f"&of={form.key}" if form.declaration.variant else ""


async def _form_sent(
    app_context: AppContext, slug: Slug, request: Request, token: str
) -> tuple[FormVersion, _After]:
    """Return the posted form, for the page after it; also when its magnet was removed.

    The token alone says which: a page that looked for the request would tell a stranger of its erasure (D7).
    """
    if await removed_form(request, slug) is None:
        after = _read_after(app_context, token)
        return _wording(app_context, slug, request), after
    try:
        after = _read_after(app_context, token)
        sent = await app_context.view(view_form, key=after.form)
    except (LinkForged, LinkSpent, FormUnknown):
        raise PageUnknown from None
    if sent.declaration.magnet != slug:
        raise PageUnknown
    return sent, after


def _wording(app_context: AppContext, slug: Slug, request: Request) -> FormVersion:
    form_page = app_context.edition.publication.form_page(slug, request.query_params.get("of", ""))
    return _served(app_context, slug) if form_page is None else form_page.form


def _sent(
    request: Request, form: FormVersion, after: _After, problem: str = "", *, resent: bool = False
) -> Response:
    app_context, framed = app_context_of(request), framed_slug(request)
    frame, place = app_context.frame(form.declaration.lang), f"/{form.declaration.magnet}"
    if framed is not None:
        frame, place = in_frame(frame, framed), framed_address(framed)
    sender = app_context.edition.site.settings.sender
    view = SentView(
        frame=frame,
        title=form.declaration.title,
        action=f"{place}/sent{_of(form).replace('&', '?')}",
        token=after.token,
        sender=sender.address,
        sender_name=sender.name,
        problem=problem,
        resent=resent,
        email=after.email,
        number=after.number,
        form_url=f"{frame.pages_url}{place}" if framed is None else place,
        cover=cover_of(app_context, form.declaration),
    )
    page = app_context.page(view, WRONG if problem else 200)
    thanks = "" if framed is not None else thanks_of(app_context, form.declaration)
    return may_lead_to(app_context, page, thanks)
