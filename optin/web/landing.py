"""The landing page's form: what is posted, and the page that says "look in your mailbox"."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from starlette.requests import Request
from starlette.responses import Response

from optin.consent.address import mailbox_of
from optin.consent.entry import FORM_FIELD, Entry, Problem, Typed, read_entry, read_typed
from optin.consent.form import REQUEST_FIELDS, FormVersion, Slug
from optin.consent.links import LinkKind
from optin.consent.quiz import Quiz
from optin.consent.record import RequestId
from optin.errors import FormUnknown, LinkExpired, LinkSpent, MagnetClosed, PageUnknown
from optin.flows.answers import kept_of_quiz
from optin.flows.confirm import CodeRefused, confirm_by_code
from optin.flows.sign_up import sign_up
from optin.store.forms import form_by_key
from optin.theme.views import SentView
from optin.web.confirm import mail_again
from optin.web.desk import Desk, desk_of, see_other, slug_of
from optin.web.front import is_over
from optin.web.posts import read_post, single


async def post_form(request: Request) -> Response:
    """Take a filled-in form: store all of it or nothing, and answer everybody alike (D1, D7)."""
    desk, slug = desk_of(request), slug_of(request)
    served = _served(desk, slug)
    desk.limits.count(request)
    posted = await read_post(request)
    if is_over(desk.edition.site.magnets[slug].closes_at, desk.office.clock()):
        raise MagnetClosed
    form = await _shown(desk, served, single(posted, FORM_FIELD))
    typed = read_typed(form.declaration, posted)
    entry = read_entry(form.declaration, typed, desk.edition.site.country)
    if not isinstance(entry, Entry):
        return _again(desk, slug, form, typed, entry)
    office, now = desk.office, desk.office.clock()
    entry = replace(entry, fields=(*_typed_fields(entry), *_of_quiz(desk, slug, form, request)))
    mailbox = office.vault.index(mailbox_of(entry.email))
    policy = desk.limits.policy_for(mailbox, office.policy, now)
    desk.limits.count_mail(mailbox, now)
    stored = await desk.write(
        partial(sign_up, vault=office.vault, form=form, entry=entry, policy=policy, now=now)
    )
    office.wake_courier()
    token = office.vault.links.sign(LinkKind.SENT, stored, office.clock())
    return see_other(f"/{slug}/sent?to={token}{_of(form)}")


async def get_sent(request: Request) -> Response:
    """Say that a mail is on its way, and where its code can be typed (D3)."""
    desk, slug = desk_of(request), slug_of(request)
    token = request.query_params.get("to", "")
    _request_of(desk, token)
    form = _wording(desk, slug, request)
    return _sent(desk, form, token, resent=request.query_params.get("again") == "1")


async def post_sent(request: Request) -> Response:
    """Take a code, or the wish for another mail. Nobody learns from it who is known (D7)."""
    desk, slug = desk_of(request), slug_of(request)
    served = _wording(desk, slug, request)
    desk.limits.count(request)
    posted = await read_post(request)
    token = single(posted, "token")
    stored, office = _request_of(desk, token), desk.office
    if single(posted, "action") == "resend":
        await mail_again(desk, stored)
        return see_other(f"/{slug}/sent?to={token}&again=1{_of(served)}")
    typed = single(posted, "code")
    try:
        outcome = await desk.write(
            partial(
                confirm_by_code,
                vault=office.vault,
                request=stored,
                typed=typed,
                policy=office.policy,
                now=office.clock(),
            )
        )
    except LinkSpent:  # an erased request answers like a wrong code
        outcome = CodeRefused(served.declaration, "code-wrong" if typed.strip() else "code-missing")
    if isinstance(outcome, CodeRefused):
        return _sent(desk, served, token, problem=outcome.reason)
    office.wake_courier()
    done = office.vault.links.sign(LinkKind.CONFIRM, outcome.request, office.clock())
    return see_other(f"/confirm/{done}")


def _served(desk: Desk, slug: Slug) -> FormVersion:
    form = desk.edition.publication.forms.get(slug)
    if form is None:
        raise PageUnknown
    return form


async def _shown(desk: Desk, served: FormVersion, key: str) -> FormVersion:
    """Return the version that was shown: one that is served now, or an earlier one of this page (F7)."""
    face = desk.edition.publication.face(served.declaration.magnet, key)
    if face is not None:
        return face.form
    stored = await desk.read(partial(form_by_key, key=key))
    if stored is None:
        raise FormUnknown
    magnet = desk.edition.site.magnet(stored.version.declaration.magnet)  # it may have had another name
    if magnet is None or magnet.slug != served.declaration.magnet:
        raise FormUnknown
    return stored.version


def _again(
    desk: Desk, slug: Slug, shown: FormVersion, typed: Typed, problems: tuple[Problem, ...]
) -> Response:
    """Show the form as it is now with what was typed; a tick stays only on words that are the same."""
    publication = desk.edition.publication
    view = publication.face_like(slug, shown).view
    now = view.declaration
    same = [question.purpose for question in now.questions if question in shown.declaration.questions]
    kept = Typed(typed.values, tuple(purpose for purpose in typed.ticked if purpose in same))
    changed = shown.key != view.form_key
    return desk.page(replace(view, typed=kept, problems=problems, changed=changed), 422)


def _typed_fields(entry: Entry) -> tuple[tuple[str, str], ...]:
    """Return what was typed: of a quiz nobody types the outcome."""
    return tuple(pair for pair in entry.fields if pair[0] not in REQUEST_FIELDS)


def _of_quiz(desk: Desk, slug: Slug, form: FormVersion, request: Request) -> tuple[tuple[str, str], ...]:
    details = desk.edition.site.magnets[slug].details
    quiz, office = details if isinstance(details, Quiz) else None, desk.office
    token = request.query_params.get("answers", "")
    return kept_of_quiz(office.vault, quiz, form.declaration, token, office.clock())


def _request_of(desk: Desk, token: str) -> RequestId:
    """Return the request that a page after the form is for; never longer than any request is kept (D7)."""
    office, now = desk.office, desk.office.clock()
    try:
        payload = office.vault.links.read(LinkKind.SENT, token, now, office.policy.page_of_code(now))
    except LinkExpired:
        raise LinkSpent from None
    return RequestId(payload)


def _of(form: FormVersion) -> str:
    """Return how the page after the form knows which of several wordings was sent, for its title."""
    return f"&of={form.key}" if form.declaration.variant else ""


def _wording(desk: Desk, slug: Slug, request: Request) -> FormVersion:
    face = desk.edition.publication.face(slug, request.query_params.get("of", ""))
    return _served(desk, slug) if face is None else face.form


def _sent(desk: Desk, form: FormVersion, token: str, problem: str = "", *, resent: bool = False) -> Response:
    view = SentView(
        frame=desk.frame(form.declaration.lang),
        title=form.declaration.title,
        action=f"/{form.declaration.magnet}/sent{_of(form).replace('&', '?')}",
        token=token,
        sender=desk.edition.site.sender.address,
        problem=problem,
        resent=resent,
    )
    return desk.page(view, 422 if problem else 200)
