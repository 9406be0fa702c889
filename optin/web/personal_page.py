"""The personal page: all stored data, a switch for each consent, an objection, and erasure (R1-R6, L7).

The link is mailed and lives short; only it opens the page. GET changes nothing; POST does one thing.

The module is long because each button of the page has its function here.
"""

from __future__ import annotations

import asyncio
import re
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from optin.consent.channel import address_at
from optin.consent.form_version import EMAIL_FIELD
from optin.consent.posted_form import (
    MAX_FIELD_CHARACTERS,
    MEANT_FIELD,
    DoubtfulAddress,
    FieldProblem,
    FormInput,
    read_address,
    settle_doubtful_address,
)
from optin.consent.purpose import ConsentKey
from optin.consent.signed_links import LinkKind
from optin.consent.typed_email_address import AddressRefused, parse_typed_email
from optin.errors import JournalUnusable, LinkExpired, LogDiverged, PostMalformed, StoreBusy
from optin.export.personal_data_json import as_json
from optin.flows.consents.encrypted_page_token import as_token, from_token, open_text, seal_text
from optin.flows.consents.renew import ask_from_personal_page
from optin.flows.evidence.receipt import NotSigned
from optin.flows.rights.correct import correct
from optin.flows.rights.erase import BY_PERSON, erase_and_notify
from optin.flows.rights.object_to_contact import object_by_person
from optin.flows.rights.personal_data import PersonalData, hand_over, view_personal
from optin.flows.rights.personal_evidence import hand_over_evidence
from optin.flows.rights.personal_link import ask_for_link, ask_with_expired_link
from optin.flows.rights.personal_proof import hand_over_proof
from optin.flows.rights.withdraw import withdraw_one
from optin.proof.receipt_files import PROOF_FILE
from optin.services.event_log_signer import advance_log
from optin.services.personal_data_display import erase_view, personal_file, personal_view, proof_file
from optin.theme.views import ExpiredView, PersonalAskView
from optin.web.app_context import AppContext, app_context_of, language_of, see_other
from optin.web.kind_route_hooks import PersonalAction, kinds_of
from optin.web.read_posted_form import read_post, single
from optin.web.security_headers import NO_STORE

ASKED, ABOUT = "asked", b"me"  # what the sealed address is for, about which it was asked
ASK_ANEW = timedelta(days=1)  # so long a link that expired still shows that its mailbox was read
MOST_DIGITS = 6  # of a place on the page
_PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
DONE = ("withdrawn", "objected", "given", "corrected", "unchanged", "erased", "limited")


async def get_ask(request: Request) -> Response:
    """Show the page to request a personal link; afterwards, the same answer for everybody."""
    return _ask(request, sent=request.query_params.get("sent") == "1")


async def post_ask(request: Request) -> Response:
    """Mail a link to the personal page, if there is one. The answer does not reveal who is known.

    An address that looks misspelt is asked about once; which one it was is sealed in the form's address.
    """
    app_context = app_context_of(request)
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


@dataclass(frozen=True)
class _Visit:
    """A request to a personal page, by somebody whose link opens it."""

    request: Request
    app_context: AppContext
    index: bytes  # digest of the address
    now: datetime

    @classmethod
    def of(cls, request: Request, longer: timedelta = timedelta(0)) -> _Visit:
        """Read the link, which may have expired `longer` ago. Raises LinkForged or LinkExpired."""
        app_context, token = app_context_of(request), request.path_params["token"]
        installation = app_context.installation
        index = app_context.read_link(LinkKind.PERSONAL, token, installation.policy.personal.link, longer)
        return cls(request, app_context, index, installation.clock())

    @property
    def lang(self) -> str:
        """The language for a person of whom none is known."""
        return language_of(self.request)

    async def data(self) -> PersonalData:
        """Return everything that is kept about the person."""
        return await self.app_context.view(view_personal, email_index=self.index, now=self.now)

    def back(self, done: str) -> Response:
        """Show the page again, and say what was done."""
        return see_other(f"{self.request.url.path}?done={done}")


async def get_personal(request: Request) -> Response:
    """Show the stored data, or the consequences of an erasure; changes nothing.

    A link that expired today shows where another is asked for.
    """
    try:
        visit = _Visit.of(request)
    except LinkExpired:
        visit = _Visit.of(request, ASK_ANEW)
        return _expired(visit, resent=request.query_params.get("again") == "1")
    data = await visit.data()
    if request.query_params.get("erase") == "1" and not data.empty:
        view = erase_view(visit.app_context.edition, data, visit.lang, request.url.path)
        return visit.app_context.page(view)
    done = request.query_params.get("done", "")
    # a link may claim what was not done
    is_done = done in _done_words(request) and (done == "erased") == data.empty
    return _page(visit, data, done=done if is_done else "")


async def post_personal(request: Request) -> Response:
    """Do the action of the pressed button."""
    posted = await read_post(request)
    button = single(posted, "action")
    if button == "anew":
        return await _anew(_Visit.of(request, ASK_ANEW))
    visit = _Visit.of(request)
    match button:
        case "withdraw":
            return await _withdraw(visit, _key(posted))
        case "object":
            return await _object(visit)
        case "give":
            return await _give(visit, _key(posted))
        case "correct":
            return await _correct(visit, posted)
        case "erase":
            return await _erase(visit)
        case "json" | "page" | "proof" | "evidence":
            return await _take_along(visit, button, posted)
    magnet = single(posted, "magnet")
    if action := _action_of(visit, magnet, button):
        return await _act(visit, magnet, action)
    await visit.app_context.limits.count(request)
    raise PostMalformed


async def _anew(visit: _Visit) -> Response:
    """Mail another link to the holder of one that expired today; the answer is always the same."""
    app_context = visit.app_context
    await app_context.limits.count(visit.request)
    await app_context.run(ask_with_expired_link, email_index=visit.index, lang=visit.lang, now=visit.now)
    app_context.installation.wake_courier()
    return see_other(f"{visit.request.url.path}?again=1")


def _expired(visit: _Visit, *, resent: bool) -> Response:
    app_context = visit.app_context
    view = ExpiredView(app_context.frame(visit.lang), "", visit.request.url.path, resent=resent)
    return app_context.page(view, 200 if resent else LinkExpired.status)


async def _withdraw(visit: _Visit, key: ConsentKey) -> Response:
    app_context = visit.app_context
    done = await app_context.run(withdraw_one, email_index=visit.index, key=key, now=visit.now)
    await app_context.note_ending()  # done before or not: whoever does it again may do so because it failed
    return visit.back("withdrawn" if done else "unchanged")


async def _object(visit: _Visit) -> Response:
    app_context = visit.app_context
    await app_context.run(object_by_person, email_index=visit.index, now=visit.now)
    await app_context.note_ending()
    return visit.back("objected")  # also when it stood before: it does


async def _give(visit: _Visit, key: ConsentKey) -> Response:
    app_context = visit.app_context
    await app_context.limits.count(visit.request)
    asked = await app_context.run(ask_from_personal_page, email_index=visit.index, key=key, now=visit.now)
    app_context.installation.wake_courier()
    return visit.back("given" if asked else "limited")


def _action_of(visit: _Visit, magnet: str, action: str) -> PersonalAction | None:
    """Return the action of a kind's button; None when the kind has no such button."""
    known = visit.app_context.installation.policy.magnets.get(magnet)
    return None if known is None else kinds_of(visit.request)[known.kind].actions.get(action)


async def _act(visit: _Visit, magnet: str, action: PersonalAction) -> Response:
    """Do the action of a kind's button."""
    app_context = visit.app_context
    done = await app_context.run(action.run, email_index=visit.index, magnet=magnet, now=visit.now)
    app_context.installation.wake_courier()
    return visit.back(action.done if done else "unchanged")


def _done_words(request: Request) -> frozenset[str]:
    """Return the words for the completed action."""
    actions = (action for _, part in kinds_of(request).items() for action in part.actions.values())
    return frozenset((*DONE, *(action.done for action in actions)))


async def _correct(visit: _Visit, posted: list[tuple[str, str]]) -> Response:
    """Correct name or number. Invalid values come back as typed."""
    app_context, data = visit.app_context, await visit.data()
    there = {name for name, _ in posted}  # a field that did not come along is not an empty one
    typed = {
        name: " ".join(single(posted, name).replace("\0", "").split())
        for name in (*data.contact, *data.taken_away)
        if name in there
    }
    values, problems = checked_corrections(typed, app_context.edition.site.settings.controller.country)
    if problems:
        return _page(visit, data, problems=problems, typed=tuple(typed.items()), status=422)
    done = await app_context.run(correct, email_index=visit.index, values=values, now=visit.now)
    await app_context.note_ending()
    return visit.back("corrected" if done else "unchanged")


def checked_corrections(
    typed: dict[str, str], country: str
) -> tuple[dict[str, str], tuple[FieldProblem, ...]]:
    """Return corrected values in their normal forms, and the mistakes in them."""
    values, problems = dict(typed), []
    for name, value in typed.items():
        if len(value) > MAX_FIELD_CHARACTERS:
            problems.append(FieldProblem(name, "too-long"))
        elif value and (address := address_at(name)) is not None:
            values[name], reason = read_address(address, value, country)
            problems += [FieldProblem(name, reason)] if reason else []
    return values, tuple(problems)


async def _erase(visit: _Visit) -> Response:
    """Erase, at once. Twice, or two at the same time: one result, and the same page."""
    app_context = visit.app_context
    lang = (await visit.data()).lang or visit.lang
    gone = await app_context.run(
        erase_and_notify, email_index=visit.index, reason=BY_PERSON, lang=lang, now=visit.now
    )
    await app_context.note_ending(erased=gone is not None)
    if gone is not None:
        app_context.installation.wake_courier()
    return visit.back("erased")


async def _take_along(visit: _Visit, button: str, posted: list[tuple[str, str]]) -> Response:
    """Send what the person takes along: data, the proof of a request, a file of evidence."""
    if button == "proof":
        return await _proof(visit, single(posted, "request"))
    if button == "evidence":
        return await _evidence(visit, single(posted, "file"))
    return await _download(visit, button)


async def _download(visit: _Visit, form: str) -> Response:
    """Send the data as JSON for another provider (GDPR 20), or as a page to read."""
    app_context = visit.app_context
    data = await app_context.run(hand_over, email_index=visit.index, now=visit.now)
    if form == "json":
        return _file(as_json(data), "application/json", "personal-data.json")
    page = personal_file(app_context.edition, data, visit.lang)
    return _file(page, "text/html; charset=utf-8", "personal-data.html")


async def _proof(visit: _Visit, place: str) -> Response:
    """Send the proof of one request. Raises PostMalformed, StoreBusy while its events are not signed yet."""
    app_context = visit.app_context
    if not place.isascii() or not place.isdecimal():
        raise PostMalformed
    with suppress(LogDiverged, JournalUnusable):  # then what was signed before can still be proven
        await asyncio.to_thread(advance_log, app_context.installation)
    try:
        found = await app_context.run(
            hand_over_proof, email_index=visit.index, place=int(place), now=visit.now
        )
    except NotSigned:
        raise StoreBusy from None
    return _file(proof_file(app_context.edition, found), "application/zip", PROOF_FILE)


async def _evidence(visit: _Visit, places: str) -> Response:
    """Send a file of evidence as it was handed in (GDPR 15(3)). Raises PostMalformed, LinkSpent."""
    entry, _, file = places.partition(" ")
    if not all(it.isascii() and it.isdecimal() and len(it) < MOST_DIGITS for it in (entry, file)):
        raise PostMalformed
    note, data = await visit.app_context.run(
        hand_over_evidence, email_index=visit.index, entry=int(entry), file=int(file), now=visit.now
    )
    # never shown by the browser: a file from elsewhere may hold a script
    return _file(data, "application/octet-stream", note.name)


def _file(body: bytes, kind: str, name: str) -> Response:
    known = f'attachment; filename="{name}"'
    other = f"attachment; filename*=UTF-8''{quote(name, safe='')}"  # RFC 6266
    disposition = known if _PLAIN_NAME.fullmatch(name) else other
    headers = {"content-disposition": disposition, "cache-control": NO_STORE}
    return Response(body, media_type=kind, headers=headers)


def _key(posted: list[tuple[str, str]]) -> ConsentKey:
    purpose, _, channel = single(posted, "consent").rpartition(" ")
    try:
        return ConsentKey.parse(purpose, channel)
    except ValueError:
        raise PostMalformed from None


def _ask(
    request: Request,
    *,
    typed: str = "",
    problem: str = "",
    doubt: DoubtfulAddress | None = None,
    sent: bool = False,
) -> Response:
    app_context = app_context_of(request)
    frame = app_context.frame(language_of(request))
    sender = app_context.edition.site.settings.sender.address
    view = PersonalAskView(frame, "/me", sender, typed, problem, sent=sent)
    if doubt is not None:
        sealed = as_token(seal_text(app_context.installation.vault, ASKED, ABOUT, doubt.typed))
        view = replace(view, action=f"/me?{ASKED}={sealed}", meant=doubt.meant)
    return app_context.page(view, 422 if problem else 200)


def _page(
    visit: _Visit,
    data: PersonalData,
    *,
    done: str = "",
    problems: tuple[FieldProblem, ...] = (),
    typed: tuple[tuple[str, str], ...] = (),
    status: int = 200,
) -> Response:
    view = personal_view(visit.app_context.edition, data, visit.lang, visit.request.url.path)
    return visit.app_context.page(replace(view, done=done, problems=problems, typed=typed), status)
