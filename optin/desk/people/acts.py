"""What an officer does for a person: withdraw, hold, correct, object. By the flows of the commands (K2).

Each page says first what follows. Erasure and evidence have modules of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, ClassVar

from starlette.responses import Response

from optin.consent.channel import CHANNELS, MAILBOX, declared_addresses
from optin.consent.email_and_telephone import EmailAddress
from optin.consent.form_version import EMAIL_FIELD
from optin.consent.objection import EVERY_CHANNEL
from optin.consent.purpose import ConsentKey
from optin.consent.rights_request import RightsRequest
from optin.consent.time_zones import typed_day
from optin.desk.desk_route import DeskRoute, StaffVisit
from optin.desk.page_roles import OFFICERS
from optin.desk.people.visit import PersonPage, about_person
from optin.flows.rights.object_to_contact import ObjectionRecord, object_on_request
from optin.flows.rights.officer_requests import (
    SERVED_RIGHTS,
    DocumentToHold,
    OfficerRequest,
    correct_on_request,
    hold_on_request,
    hold_under_obligation,
    withdraw_on_request,
)
from optin.flows.staff.trail import ActKind
from optin.web.personal_page import checked_corrections


@dataclass(frozen=True)
class ActView(PersonPage):
    """A page that asks before something is done. `act`: its name; `requests`: which it may answer.

    `problems`: mistakes by field; `typed`: what was typed.
    """

    act: str
    requests: tuple[RightsRequest, ...] = ()
    problems: dict[str, str] = field(default_factory=dict)
    typed: dict[str, str] = field(default_factory=dict, repr=False)
    chosen: frozenset[str] = frozenset()
    rules: tuple[tuple[str, str], ...] = ()  # ids of obligations, with the law of each
    template: ClassVar[str] = "desk/people/act.html"

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields that may be corrected."""
        data = self.person.data
        return tuple(dict.fromkeys((*data.contact, *data.taken_away)))

    @property
    def channels(self) -> tuple[str, ...]:
        """The channels by which somebody may object."""
        return tuple(CHANNELS)


def act_page(page: PersonPage, act: str, **more: Any) -> ActView:
    """Return the page that asks before an act; it offers the open requests that the act answers."""
    rights = SERVED_RIGHTS.get({"object": "withdraw"}.get(act, act), ())
    requests = tuple(it for it in page.person.requests if it.answer is None and it.right in rights)
    return ActView(
        *page.parts,
        act,
        requests,
        **more,
    )


def answered_request(visit: StaffVisit, page: PersonPage) -> int | None:
    """Return the number of the person's open request that the officer says is answered by this."""
    chosen = visit.value("request")
    return next((it.number for it in page.person.requests if f"{it.number}" == chosen), None)


def handling_of(visit: StaffVisit, page: PersonPage) -> OfficerRequest:
    """Return on whose behalf, by whom and why something is done."""
    person = page.person
    return OfficerRequest(
        person.index, visit.session.account.name, page.reason.why, answered_request(visit, page)
    )


@about_person
async def get_withdraw(visit: StaffVisit, page: PersonPage) -> Response:
    """Ask which consents are withdrawn."""
    return visit.page(act_page(page, "withdraw"))


@about_person
async def post_withdraw(visit: StaffVisit, page: PersonPage) -> Response:
    """Withdraw the chosen consents, at once."""
    there = {f"{it.purpose} {it.channel}" for it in page.person.data.consents}
    chosen = [it for it in visit.values("consent") if it in there]
    if not chosen:
        return visit.page(act_page(page, "withdraw", problems={"consent": "choose"}), 422)
    await visit.act(
        visit.doing(ActKind.WITHDREW, page.person.index, page.reason.why, {"count": len(chosen)}),
        withdraw_on_request,
        handling=handling_of(visit, page),
        which=[ConsentKey.parse(*it.split(" ")) for it in chosen],
        now=visit.now,
    )
    await visit.app_context.note_ending()
    return visit.back(f"/people/{page.person.number}?done=withdrawn")


@about_person
async def get_hold(visit: StaffVisit, page: PersonPage) -> Response:
    """Ask what is kept, until when and by which law."""
    return visit.page(act_page(page, "hold", rules=_rules(visit)))


def _rules(visit: StaffVisit) -> tuple[tuple[str, str], ...]:
    policy = visit.app_context.installation.policy
    return tuple((name, it.law) for name, it in policy.bases.obligations.items())


@about_person
async def post_hold(visit: StaffVisit, page: PersonPage) -> Response:
    """Keep data until a day, or a document as a law requires."""
    typed = {name: visit.value(name).strip() for name in ("rule", "document", "day", "until", "why")}
    names = visit.values("data")
    problems = _wrong_hold(visit, page, typed, names)
    if problems:
        view = act_page(
            page, "hold", rules=_rules(visit), problems=problems, typed=typed, chosen=frozenset(names)
        )
        return visit.page(view, 422)
    handling = OfficerRequest(page.person.index, visit.session.account.name, typed["why"], None)
    if typed["rule"]:
        held = DocumentToHold(
            typed["rule"],
            typed["document"],
            date.fromisoformat(typed["day"]),
            EmailAddress(page.person.data.email),
            page.person.data.lang or visit.lang,
        )
        doing = visit.doing(ActKind.HELD_DATA, page.person.index, typed["why"], {"rule": typed["rule"]})
        await visit.act(doing, hold_under_obligation, handling=handling, held=held, files=(), now=visit.now)
    else:
        until = _end_of(date.fromisoformat(typed["until"]))
        doing = visit.doing(ActKind.HELD_DATA, page.person.index, typed["why"], {"until": typed["until"]})
        await visit.act(doing, hold_on_request, handling=handling, names=names, until=until, now=visit.now)
    await visit.app_context.note_ending()
    return visit.back(f"/people/{page.person.number}?done=held")


def _wrong_hold(
    visit: StaffVisit, page: PersonPage, typed: dict[str, str], names: Sequence[str]
) -> dict[str, str]:
    """Return the mistakes of a hold by field."""
    wrong = {}
    if not typed["why"]:
        wrong["why"] = "missing"
    if typed["rule"]:
        day = typed_day(typed["day"])
        if typed["rule"] not in dict(_rules(visit)):
            wrong["rule"] = "choose"
        if not typed["document"]:
            wrong["document"] = "missing"
        if day is None or day > visit.now.date():
            wrong["day"] = "past-day"
        return wrong
    until = typed_day(typed["until"])
    if until is None or _end_of(until) <= visit.now:
        wrong["until"] = "future-day"
    if not names or not set(names) <= {EMAIL_FIELD, *page.person.data.contact}:
        wrong["data"] = "choose"
    return wrong


def _end_of(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 23, 59, 59, tzinfo=UTC)


@about_person
async def get_correct(visit: StaffVisit, page: PersonPage) -> Response:
    """Show what may be put right."""
    return visit.page(act_page(page, "correct", typed=dict(page.person.data.contact)))


@about_person
async def post_correct(visit: StaffVisit, page: PersonPage) -> Response:
    """Put name or number right; mistakes come back as typed."""
    there = {name for name, _ in visit.posted}
    typed = {
        name: " ".join(visit.value(name).replace("\0", "").split())
        for name in act_page(page, "correct").fields
        if name in there
    }
    country = visit.app_context.edition.site.settings.controller.country
    values, problems = checked_corrections(typed, country)
    if problems:
        wrong = {it.field: it.reason for it in problems}
        return visit.page(act_page(page, "correct", problems=wrong, typed=typed), 422)
    done = await visit.act(
        visit.doing(ActKind.CORRECTED_PERSON, page.person.index, page.reason.why, {"fields": len(values)}),
        correct_on_request,
        handling=handling_of(visit, page),
        values=values,
        now=visit.now,
    )
    await visit.app_context.note_ending()
    return visit.back(f"/people/{page.person.number}?done={'corrected' if done else 'unchanged'}")


@about_person
async def get_object(visit: StaffVisit, page: PersonPage) -> Response:
    """Ask by which channel the person wants no advertising."""
    return visit.page(act_page(page, "object", typed={"channel": EVERY_CHANNEL}))


@about_person
async def post_object(visit: StaffVisit, page: PersonPage) -> Response:
    """Record an objection to advertising."""
    channel, data = visit.value("channel"), page.person.data
    if channel not in {EVERY_CHANNEL, *CHANNELS}:
        return visit.page(act_page(page, "object", problems={"channel": "choose"}), 422)
    kinds = ((MAILBOX, data.email), *((it, data.number) for it in declared_addresses()))
    found = next(((kind, value) for kind, value in kinds if value), None)
    if found is None:  # only a digest is left of this person
        return visit.page(act_page(page, "object", problems={"channel": "no-address"}), 422)
    record = ObjectionRecord(
        visit.session.account.name, page.reason.why, channel, answered_request(visit, page)
    )
    await visit.act(
        visit.doing(ActKind.OBJECTED_FOR, page.person.index, page.reason.why, {"channel": channel}),
        object_on_request,
        address=found[0],
        value=found[1],
        record=record,
        now=visit.now,
    )
    await visit.app_context.note_ending()
    return visit.back(f"/people/{page.person.number}?done=objected")


ROUTES = (
    DeskRoute("/people/{number}/withdraw", get_withdraw, OFFICERS),
    DeskRoute("/people/{number}/withdraw", post_withdraw, OFFICERS, "POST"),
    DeskRoute("/people/{number}/hold", get_hold, OFFICERS, again=True),
    DeskRoute("/people/{number}/hold", post_hold, OFFICERS, "POST", again=True),
    DeskRoute("/people/{number}/correct", get_correct, OFFICERS),
    DeskRoute("/people/{number}/correct", post_correct, OFFICERS, "POST"),
    DeskRoute("/people/{number}/object", get_object, OFFICERS),
    DeskRoute("/people/{number}/object", post_object, OFFICERS, "POST"),
)
