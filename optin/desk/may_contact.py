"""Whether a person may be contacted: the gate's question, asked by staff (G1, G2).

The answer is of the moment; a page that is loaded again asks again. What is shown to staff tells a person
who is unknown from one without a basis as little as the answer itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar

from starlette.responses import Response

from optin.consent.channel import CHANNELS
from optin.consent.event_content import STAFF
from optin.desk.desk_page import DeskPage
from optin.desk.desk_route import DeskRoute, StaffVisit
from optin.desk.page_roles import SALES_AND_OFFICERS
from optin.errors import QuestionUnreadable
from optin.flows.gate.answer import VALID_FOR, SignedAnswer
from optin.flows.gate.question import COUNTRY_LETTERS, MOST_CHARACTERS, Question, QuestionText, read_question
from optin.flows.staff.trail import ActKind
from optin.proof.canonical_json import Json
from optin.rules.contact_rule import Hours
from optin.rules.may_contact import Refusal
from optin.rules.rule_files import rule_book
from optin.web.gate import answer_question
from optin.web.timing_protection import at_even_times


@dataclass(frozen=True)
class AskedFor:
    """A purpose and a channel that can be asked about. `text`: the purpose in the reader's language."""

    purpose: str
    channel: str
    text: str

    @property
    def value(self) -> str:
        """The value of its option in the form."""
        return f"{self.purpose} {self.channel}"


@dataclass(frozen=True)
class CallingHours:
    """When people of a country may be called."""

    country: str
    hours: Hours


@dataclass(frozen=True)
class MayAnswer:
    """An answer of the gate as staff read it. `refusal`: the word for a no; `duties`: by their ids.

    `law`: the article behind the rule. `details`: sentences of the rules, in English.
    """

    may: bool
    at: datetime
    refusal: str
    rule: str
    law: str
    basis: str
    until: datetime | None
    duties: tuple[tuple[str, str], ...]
    details: tuple[str, ...]
    number: str
    about: AskedFor
    hours: tuple[CallingHours, ...] = ()

    @property
    def holds_until(self) -> datetime:
        """The moment from which it must be asked again."""
        return self.at + VALID_FOR


@dataclass(frozen=True)
class MayView(DeskPage):
    """The form, and the answer to what was asked. `problems`: by field, why it cannot be asked."""

    options: tuple[AskedFor, ...]
    typed: Mapping[str, str] = field(default_factory=dict, repr=False)
    problems: Mapping[str, str] = field(default_factory=dict)
    answer: MayAnswer | None = None
    template: ClassVar[str] = "desk/may.html"


async def get_may(visit: StaffVisit) -> Response:
    """Show the form."""
    return _page(visit, {})


async def post_may(visit: StaffVisit) -> Response:
    """1. What is asked. 2. The gate's answer, logged. 3. In the trail, whatever it was."""
    # 1. What is asked.
    typed = {name: visit.value(name).strip()[:MOST_CHARACTERS] for name in ("who", "for", "country")}
    about = next((it for it in _options(visit) if it.value == typed["for"]), None)
    if about is None:
        return _page(visit, typed, problems={"for": "for"})
    gate = visit.app_context.installation.policy.gate
    text = QuestionText(visit.value("who"), about.purpose, about.channel, typed["country"])
    try:
        question = read_question(gate, text, STAFF, visit.session.account.name)
    except QuestionUnreadable:
        country = typed["country"]
        wrong = (
            "country" if country and not (len(country) == COUNTRY_LETTERS and country.isalpha()) else "who"
        )
        return _page(visit, typed, problems={wrong: wrong})

    # 2. The gate's answer, logged.
    answer, _ = await answer_question(visit.app_context, question)

    # 3. In the trail.
    said = answer.content
    facts: Mapping[str, Json] = {name: said[name] for name in ("purpose", "channel", "answer_id", "may")}
    await visit.note(visit.doing(ActKind.ASKED_MAY, facts=facts))
    return _page(visit, typed, answer=_answer(visit, question, about, answer))


def _page(
    visit: StaffVisit,
    typed: Mapping[str, str],
    *,
    problems: Mapping[str, str] | None = None,
    answer: MayAnswer | None = None,
) -> Response:
    frame = visit.frame
    view = MayView(frame, _options(visit), typed, problems or {}, answer)
    return visit.page(view, 422 if problems else 200)


def _options(visit: StaffVisit) -> tuple[AskedFor, ...]:
    """Return what can be asked: each purpose by its channel, and by any where it has none of its own."""
    known = visit.app_context.edition.site.settings.purposes
    found = (
        AskedFor(name, channel, known[name].text.get(visit.lang, "") if name in known else "")
        for name, purpose in visit.app_context.installation.policy.gate.purposes.items()
        for channel in (CHANNELS if purpose.channel is None else (purpose.channel.value,))
    )
    return tuple(sorted(found, key=lambda it: it.purpose not in known))  # the site's own first


def _answer(visit: StaffVisit, question: Question, about: AskedFor, answer: SignedAnswer) -> MayAnswer:
    said, duties = answer.content, answer.content["duties"]
    reasons, until = said["reasons"], said["until"]
    refusal = None if said["reason"] is None else Refusal(str(said["reason"]))
    tells = refusal not in {None, Refusal.NO_BASIS}
    cure = [str(said["cure"])] if tells and said["cure"] else []
    return MayAnswer(
        answer.may,
        datetime.fromisoformat(str(said["asked"])),
        "" if refusal is None else refusal.name.lower(),
        str(said["rule"] or ""),
        str(said["article"] or ""),
        str(said["basis"] or ""),
        None if until is None else datetime.fromisoformat(str(until)),
        tuple((str(it["id"]), str(it["text"])) for it in duties if isinstance(it, dict))
        if isinstance(duties, list)
        else (),
        (*(map(str, reasons) if tells and isinstance(reasons, list) else ()), *cure),
        str(said["answer_id"])[:8].upper(),
        about,
        _hours(visit, question),
    )


def _hours(visit: StaffVisit, question: Question) -> tuple[CallingHours, ...]:
    """Return when people of the countries in question may be called, whoever they are."""
    countries, channel = rule_book().countries, question.key.channel.value
    codes = visit.app_context.installation.policy.gate.strictness.codes
    return tuple(
        CallingHours(name, hours)
        for name in question.countries
        if name in countries
        for hours in countries[name].hours_of(channel, visit.now.date())
        if hours.law or codes
    )


ROUTES = (
    DeskRoute("/may", get_may, SALES_AND_OFFICERS, menu="may"),
    DeskRoute("/may", at_even_times(post_may), SALES_AND_OFFICERS, method="POST"),
)
