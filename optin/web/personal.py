"""The personal page: everything that is kept, a switch for each consent, and the way out (R1-R6).

The link is mailed and lives short; only it opens the page. GET changes nothing; POST does one thing.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from starlette.requests import Request
from starlette.responses import Response

from optin.consent.channel import address_at
from optin.consent.form import EMAIL_FIELD
from optin.consent.form_entry import (
    MAX_FIELD_CHARACTERS,
    MEANT_FIELD,
    DoubtfulAddress,
    FormInput,
    Problem,
    read_address,
    settle_doubtful_address,
)
from optin.consent.links import LinkKind
from optin.consent.purpose import ConsentKey
from optin.consent.typed_address import AddressRefused, parse_typed_email
from optin.errors import LinkExpired, PostMalformed
from optin.export.personal import as_json
from optin.flows.consents.renew import ask_from_personal_page
from optin.flows.consents.sealed_text import as_token, from_token, open_text, seal_text
from optin.flows.rights.correct import correct
from optin.flows.rights.erase import BY_PERSON, erase_and_notify
from optin.flows.rights.personal_data import PersonalData, hand_over, view_personal
from optin.flows.rights.personal_link import ask_as_reader, ask_for_link
from optin.flows.rights.withdraw import withdraw_one
from optin.services.personal_data import erase_view, personal_file, personal_view
from optin.theme.views import ExpiredView, PersonalAskView
from optin.web.app_context import AppContext, desk_of, language_of, see_other
from optin.web.form_reader import read_post, single
from optin.web.headers import NO_STORE
from optin.web.kind_routes import PersonalAction, kinds_of

ASKED, ABOUT = "asked", b"me"  # what the sealed address is for, about which it was asked
ASK_ANEW = timedelta(days=1)  # so long a link that expired still shows that its mailbox was read
DONE = ("withdrawn", "given", "corrected", "unchanged", "erased", "limited")


async def get_ask(request: Request) -> Response:
    """Show where a personal link is asked for; or, after it, the same words for everybody."""
    return _ask(request, sent=request.query_params.get("sent") == "1")


async def post_ask(request: Request) -> Response:
    """Mail a link to the personal page, if there is one. The answer tells nobody who is known.

    An address that looks misspelt is asked about once; which one it was is sealed in the form's address.
    """
    app_context = desk_of(request)
    await app_context.limits.count(request)
    posted = await read_post(request)
    text = single(posted, EMAIL_FIELD).strip()
    installation = app_context.installation
    asked = open_text(installation.vault, ASKED, ABOUT, from_token(request.query_params.get(ASKED, "")))
    typed, doubt = settle_doubtful_address(
        FormInput(((EMAIL_FIELD, text),), (), single(posted, MEANT_FIELD)), asked
    )
    if doubt is not None:
        return _ask(request, typed=text, problem="email-doubted", doubt=doubt)
    try:
        address = parse_typed_email(typed.value(EMAIL_FIELD))
    except AddressRefused as problem:
        return _ask(request, typed=text[:MAX_FIELD_CHARACTERS], problem=problem.reason)
    await app_context.run(
        ask_for_link,
        address=address,
        lang=language_of(request),
        now=installation.clock(),
        network=app_context.limits.network(request),
    )
    installation.wake_courier()
    return see_other("/me?sent=1")


async def get_personal(request: Request) -> Response:
    """Show what is kept, or what an erasure would cost; changes nothing.

    A link that expired today shows where another is asked for.
    """
    app_context = desk_of(request)
    try:
        index = _index_of(request)
    except LinkExpired:
        _index_of(request, ASK_ANEW)
        return _expired(request, resent=request.query_params.get("again") == "1")
    data = await _data(app_context, index)
    if request.query_params.get("erase") == "1" and not data.empty:
        return app_context.page(erase_view(app_context.edition, data, language_of(request), request.url.path))
    done = request.query_params.get("done", "")
    told = (
        done in _done_words(request) and (done == "erased") == data.empty
    )  # a link may claim what was not done
    return _page(request, data, done=done if told else "")


async def post_personal(request: Request) -> Response:
    """Do the one thing that a button says."""
    app_context, posted = desk_of(request), await read_post(request)
    if single(posted, "action") == "anew":
        return await _anew(request)
    index = _index_of(request)
    match single(posted, "action"):
        case "withdraw":
            return await _withdraw(request, index, _key(posted))
        case "give":
            return await _give(request, index, _key(posted))
        case "correct":
            return await _correct(request, index, posted)
        case "erase":
            return await _erase(request, index)
        case "json" | "page" as form:
            return await _download(request, index, form)
    if action := _action_of(request, single(posted, "magnet"), single(posted, "action")):
        return await _act(request, index, single(posted, "magnet"), action)
    await app_context.limits.count(request)
    raise PostMalformed


async def _anew(request: Request) -> Response:
    """Mail another link to whoever holds one that expired today; the answer is always the same."""
    app_context, index = desk_of(request), _index_of(request, ASK_ANEW)
    await app_context.limits.count(request)
    installation = app_context.installation
    await app_context.run(
        ask_as_reader,
        email_index=index,
        lang=language_of(request),
        now=installation.clock(),
    )
    installation.wake_courier()
    return see_other(f"{request.url.path}?again=1")


def _expired(request: Request, *, resent: bool) -> Response:
    app_context = desk_of(request)
    view = ExpiredView(app_context.frame(language_of(request)), "", request.url.path, resent=resent)
    return app_context.page(view, 200 if resent else LinkExpired.status)


async def _withdraw(request: Request, index: bytes, key: ConsentKey) -> Response:
    app_context = desk_of(request)
    now = app_context.installation.clock()
    done = await app_context.run(withdraw_one, email_index=index, key=key, now=now)
    await app_context.note_ending()  # done before or not: whoever does it again may do so because it failed
    return _back(request, "withdrawn" if done else "unchanged")


async def _give(request: Request, index: bytes, key: ConsentKey) -> Response:
    app_context = desk_of(request)
    await app_context.limits.count(request)
    installation = app_context.installation
    asked = await app_context.run(
        ask_from_personal_page,
        email_index=index,
        key=key,
        now=installation.clock(),
    )
    installation.wake_courier()
    return _back(request, "given" if asked else "limited")


def _action_of(request: Request, magnet: str, action: str) -> PersonalAction | None:
    """Return what a button of a magnet's kind does; None where that kind has no such button."""
    known = desk_of(request).installation.policy.magnets.get(magnet)
    return None if known is None else kinds_of(request)[known.kind].actions.get(action)


async def _act(request: Request, index: bytes, magnet: str, action: PersonalAction) -> Response:
    """Do what a button of a magnet's kind says."""
    app_context = desk_of(request)
    now = app_context.installation.clock()
    done = await app_context.run(action.run, email_index=index, magnet=magnet, now=now)
    app_context.installation.wake_courier()
    return _back(request, action.done if done else "unchanged")


def _done_words(request: Request) -> frozenset[str]:
    """Return the words for what may have been done."""
    actions = (action for _, part in kinds_of(request).items() for action in part.actions.values())
    return frozenset((*DONE, *(action.done for action in actions)))


async def _correct(request: Request, index: bytes, posted: list[tuple[str, str]]) -> Response:
    """Put name or number right. What does not fit comes back with what was typed."""
    app_context = desk_of(request)
    data = await _data(app_context, index)
    there = {name for name, _ in posted}  # a field that did not come along is not an empty one
    typed = {
        name: " ".join(single(posted, name).replace("\0", "").split())
        for name in (*data.contact, *data.taken_away)
        if name in there
    }
    values, problems = _checked(typed, app_context.edition.site.settings.controller.country)
    if problems:
        return _page(request, data, problems=problems, typed=tuple(typed.items()), status=422)
    installation = app_context.installation
    done = await app_context.run(correct, email_index=index, values=values, now=installation.clock())
    await app_context.note_ending()
    return _back(request, "corrected" if done else "unchanged")


def _checked(typed: dict[str, str], country: str) -> tuple[dict[str, str], tuple[Problem, ...]]:
    values, problems = dict(typed), []
    for name, value in typed.items():
        if len(value) > MAX_FIELD_CHARACTERS:
            problems.append(Problem(name, "too-long"))
        elif value and (address := address_at(name)) is not None:
            values[name], reason = read_address(address, value, country)
            problems += [Problem(name, reason)] if reason else []
    return values, tuple(problems)


async def _erase(request: Request, index: bytes) -> Response:
    """Erase, at once. Twice, or two at once: one result, and the same page."""
    app_context = desk_of(request)
    installation = app_context.installation
    lang = (await _data(app_context, index)).lang or language_of(request)
    gone = await app_context.run(
        erase_and_notify, email_index=index, reason=BY_PERSON, lang=lang, now=installation.clock()
    )
    await app_context.note_ending(erased=gone is not None)
    if gone is not None:
        installation.wake_courier()
    return _back(request, "erased")


async def _download(request: Request, index: bytes, form: str) -> Response:
    """Hand the data over: as JSON for another supplier (GDPR 20), or as a page to read."""
    app_context = desk_of(request)
    data = await app_context.run(hand_over, email_index=index, now=app_context.installation.clock())
    if form == "json":
        return _file(as_json(data), "application/json", "personal-data.json")
    page = personal_file(app_context.edition, data, language_of(request))
    return _file(page, "text/html; charset=utf-8", "personal-data.html")


def _file(body: bytes, kind: str, name: str) -> Response:
    headers = {"content-disposition": f'attachment; filename="{name}"', "cache-control": NO_STORE}
    return Response(body, media_type=kind, headers=headers)


def _index_of(request: Request, longer: timedelta = timedelta(0)) -> bytes:
    """Return whose page a link opens, or opened until `longer` ago. Raises LinkForged or LinkExpired."""
    installation = desk_of(request).installation
    now = installation.clock()
    lifetime = installation.policy.personal.link.after(now) - now + longer
    return installation.vault.links.read(LinkKind.PERSONAL, request.path_params["token"], now, lifetime)


def _key(posted: list[tuple[str, str]]) -> ConsentKey:
    purpose, _, channel = single(posted, "consent").rpartition(" ")
    try:
        return ConsentKey.parse(purpose, channel)
    except ValueError:
        raise PostMalformed from None


async def _data(app_context: AppContext, index: bytes) -> PersonalData:
    now = app_context.installation.clock()
    return await app_context.view(view_personal, email_index=index, now=now)


def _back(request: Request, done: str) -> Response:
    return see_other(f"{request.url.path}?done={done}")


def _ask(
    request: Request,
    *,
    typed: str = "",
    problem: str = "",
    doubt: DoubtfulAddress | None = None,
    sent: bool = False,
) -> Response:
    app_context = desk_of(request)
    frame = app_context.frame(language_of(request))
    sender = app_context.edition.site.settings.sender.address
    view = PersonalAskView(frame, "/me", sender, typed, problem, sent=sent)
    if doubt is not None:
        sealed = as_token(seal_text(app_context.installation.vault, ASKED, ABOUT, doubt.typed))
        view = replace(view, action=f"/me?{ASKED}={sealed}", meant=doubt.meant)
    return app_context.page(view, 422 if problem else 200)


def _page(
    request: Request,
    data: PersonalData,
    *,
    done: str = "",
    problems: tuple[Problem, ...] = (),
    typed: tuple[tuple[str, str], ...] = (),
    status: int = 200,
) -> Response:
    app_context = desk_of(request)
    view = personal_view(app_context.edition, data, language_of(request), request.url.path)
    return app_context.page(replace(view, done=done, problems=problems, typed=typed), status)
