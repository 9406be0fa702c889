"""Sample values for pages and mails: to test a site's own templates on, and to show them (M4, M9, M10, W3).

All of them are about one landing page: a plain one (`landing`), or one of the site's own.
`sample_pages` and `sample_mails` list what optin has; kinds add theirs with what is here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any

from optin.bases.all_bases import BASES
from optin.bases.obligation import INVOICE, RequiredDocument
from optin.consent.channel import MAILBOX, Channel
from optin.consent.form_version import FormDeclaration, FormField, PrivacyDigest, Slug
from optin.consent.kind_specific_details import Details
from optin.consent.purpose import ConsentQuestion, Controller, PurposeId
from optin.consent.retention_period import RetentionPeriod
from optin.consent.signed_links import SAMPLE_TOKEN
from optin.flows.delivery.mail_order import GivenConsent
from optin.flows.request_policy import MailCover, NextStep
from optin.flows.rights.personal_data import (
    PersonalBasis,
    PersonalConsent,
    PersonalData,
    PersonalEvent,
    PersonalExport,
    PersonalHandling,
    PersonalHold,
    PersonalNotice,
    PersonalObjection,
    PersonalQuestion,
    PersonalRefusal,
    PersonalRequest,
    PersonalRightsRequest,
    PersonalSuppression,
    PersonalUnreachable,
    SentMail,
)
from optin.flows.rights.personal_letters import PersonalLetter
from optin.theme import mail_views, views

AFTER, PERSONAL = "After the confirmation", "Personal page"  # pages of which a kind has its own states
ASKED = datetime(2026, 3, 2, 8, 15, tzinfo=UTC)
AT = datetime(2026, 3, 2, 8, 21, tzinfo=UTC)  # when it was confirmed
LINK_ENDS = datetime(2026, 3, 9, 8, 21, tzinfo=UTC)
CONSENT_ENDS = datetime(2028, 3, 2, 8, 21, tzinfo=UTC)
CONTROLLER = Controller("Sample B.V.", ("Street 1",), "privacy@example.com", "020 123 4567", "KvK 0")
QUESTIONS = (
    ConsentQuestion(PurposeId("a"), Channel.EMAIL, "E-mail me.", RetentionPeriod.parse("1 year")),
    ConsentQuestion(PurposeId("b"), Channel.PHONE, "Call me.", RetentionPeriod.parse("6 months")),
)
REQUIRED = (RequiredDocument(INVOICE, date(2026, 11, 2), "AWR 52", datetime(2034, 1, 1, tzinfo=UTC), "1"),)
HOLDS = (views.LegalHoldView("invoice 1", CONSENT_ENDS, (("first_name", "Alice"),)),)
A_KIND = "other"  # of which nothing particular is said
ADDRESS = "alice@example.com"
NUMBER = "+31201234567"
FIELDS = {"first_name": "Alice", "phone": NUMBER}
HOST = "https://optin.example.com"
URL = f"{HOST}/x"
NEXT = NextStep(
    "Here stands what you write under next: in the front matter.", "Your next step", f"{HOST}/y", "Your link",
    "/static/a.webp", "/static/a.png", "A line", 40, 20,
)  # fmt: skip
COVER = MailCover("/static/a.png", "A line")


@dataclass(frozen=True)
class Sample:
    """A page in one of its states. `page` and `state` say in a word or two which, for the site's author."""

    page: str
    state: str
    view: Any


@dataclass(frozen=True)
class SampleMail:
    """A mail in one of its states, and the links that it exists for."""

    state: str
    view: Any
    links: tuple[str, ...] = ()


@dataclass(frozen=True)
class SampleLinks:
    """The personal links in mails about a landing page. None of them leads anywhere."""

    landing: views.LandingView

    @property
    def confirm(self) -> str:
        """The link that confirms."""
        return f"{self.landing.frame.base_url}/confirm/{SAMPLE_TOKEN}"

    @property
    def download(self) -> str:
        """The link to the file."""
        return f"{self.landing.frame.base_url}/download/{SAMPLE_TOKEN}"

    @property
    def withdraw(self) -> str:
        """The link that withdraws."""
        return f"{self.landing.frame.base_url}/unsubscribe/{SAMPLE_TOKEN}"

    @property
    def personal(self) -> str:
        """The link to the personal page."""
        return f"{self.landing.frame.base_url}/me/{SAMPLE_TOKEN}"

    @property
    def place(self) -> str:
        """The link to a person's place in what a kind holds."""
        return f"{self.landing.frame.base_url}/place/{SAMPLE_TOKEN}"

    @property
    def ask(self) -> str:
        """The page that mails a personal link."""
        return f"{self.landing.frame.base_url}/me"


def frame_in(lang: str) -> views.Frame:
    """Return a sample frame of a page."""
    return views.Frame(lang, CONTROLLER, "/privacy/0123456789abcdef", base_url=HOST, pages_url=HOST)


def landing(frame: views.Frame, kind: str, details: Details | None = None) -> views.LandingView:
    """Return a sample landing page of a kind."""
    return views.LandingView(
        frame=frame,
        declaration=declaration(frame.lang, kind),
        description="Sentence.",
        body_html="<p>Text.</p>",
        action=URL,
        page_url=URL,
        form_key="f" * 32,
        picture=views.Picture("/static/a.png", "A line", 40, 20),
        details=details,
    )


def declaration(lang: str, kind: str) -> FormDeclaration:
    """Return a sample declaration."""
    fields = (
        FormField("first_name", "First name", "To call you by it.", required=True),
        FormField("phone", "Telephone", "To call you."),
    )
    return FormDeclaration(
        Slug("x"), kind, "Title", lang, CONTROLLER, PrivacyDigest("e" * 64), QUESTIONS, fields, "a.pdf"
    )


def granted(of: views.LandingView) -> tuple[GivenConsent, ...]:
    """Return a consent given to each question of a form."""
    return tuple(GivenConsent(question, CONSENT_ENDS) for question in of.declaration.questions)


def confirmed(of: views.LandingView, own: object = None) -> views.ConfirmedView:
    """Return the page after the confirmation; `own`: where the person stands, as their kind tells it."""
    form = of.declaration
    return views.ConfirmedView(of.frame, form.title, form.kind, granted(of), cover=cover(of), own=own)


def cover(of: views.LandingView) -> views.Cover:
    """Return the cover of a landing page."""
    return views.Cover(of.declaration.kind, of.declaration.title, of.picture)


def other(of: views.LandingView) -> views.Card:
    """Return a magnet that is offered where there is nothing more to do: the one of a landing page."""
    form = of.declaration
    return views.Card("/", form.kind, form.lang, form.title, of.description, picture=of.picture)


def about(of: views.LandingView) -> mail_views.RequestFacts:
    """Return what each mail says of a request by a form."""
    form, frame = of.declaration, of.frame
    return {
        "lang": frame.lang,
        "controller": form.controller,
        "title": form.title,
        "kind": form.kind,
        "page_url": of.page_url,
        "requested_at": ASKED,
        "privacy_url": f"{frame.base_url}{frame.privacy_url}",
        "base_url": frame.base_url,
    }


def delivery(of: views.LandingView, own: object = None) -> mail_views.DeliveryMail:
    """Return a sample mail with a magnet; with its file, where its form names one."""
    links, has_file = SampleLinks(of), bool(of.declaration.file)
    return mail_views.DeliveryMail(
        **about(of),
        confirmed_at=AT,
        granted=granted(of),
        download_url=links.download if has_file else None,
        download_until=LINK_ENDS if has_file else None,
        unsubscribe_url=links.withdraw,
        first_name="Alice",
        personal_url=links.ask,
        cover=COVER,
        next_step=NEXT,
        own=own,
    )


def kind_mail(of: views.LandingView, name: str, template: str, own: object) -> mail_views.KindMail:
    """Return a sample of a kind's own mail."""
    return mail_views.KindMail(
        **about(of), name=name, template=template, personal_url=SampleLinks(of).ask, own=own
    )


def personal_page(of: views.LandingView, kept: Mapping[str, str]) -> views.PersonalView:
    """Return the page of a person who made a request; `kept`: what it says of where they stand."""
    data = personal_data(of)
    request = replace(data.requests[0], kind=of.declaration.kind, kept=kept)
    return personal_view(of, replace(data, requests=(request,)))


def personal_view(of: views.LandingView, data: PersonalData) -> views.PersonalView:
    """Return the page with a person's data."""
    labels = tuple((field.name, field.label) for field in of.declaration.fields)
    purposes = tuple((it.purpose, it.wording) for it in of.declaration.questions)
    return views.PersonalView(of.frame, f"/me/{SAMPLE_TOKEN}", data, labels, (("c", "C"),), purposes)


def personal_data(of: views.LandingView) -> PersonalData:
    """Return everything that can be kept about a person who asked by a form."""
    form = of.declaration
    named = {field.name for field in form.fields}
    contact = {name: value for name, value in FIELDS.items() if name in named}
    consents = tuple(
        PersonalConsent(
            it.purpose, it.channel.value, it.wording, "given", form.title, ASKED, AT, None, CONSENT_ENDS,
            "d" * 64, form_since=AT,
            letters=(PersonalLetter("A", sent_at=AT), PersonalLetter("B", due_at=LINK_ENDS))
            if it.channel.by_mail else (),
        )
        for it in form.questions
    )  # fmt: skip
    withdrawn = tuple(
        replace(it, status="withdrawn", ended_at=LINK_ENDS, offered=it.wording, letters=())
        for it in consents[-1:]
    )
    asked = PersonalRequest(
        form.magnet, form.title, form.file, ASKED, AT, tuple(it.wording for it in form.questions),
        {"email": ADDRESS, **contact}, "d" * 64, "e" * 64, AT, AT, "2026-01-01",
    )  # fmt: skip
    purpose = form.questions[0].purpose if form.questions else ""
    return PersonalData(
        email=ADDRESS,
        lang="",
        contact=contact,
        taken_away=("company",),
        consents=(*consents[:-1], *withdrawn) if len(consents) > 1 else consents,
        requests=(asked, replace(asked, confirmed_at=None, file="", ticked=(), privacy_day="")),
        mails=(SentMail(form.title, AT),),
        exports=tuple(
            PersonalExport(number, AT, who, purpose, "email", how)
            for number, who, how in ((1, "c", "list"), (2, "self", "list"), (0, "c", "webhook"))
        ),
        holds=(PersonalHold("invoice 1", CONSENT_ENDS, {"first_name": "Alice"}),),
        suppressions=(PersonalSuppression("", "", AT), PersonalSuppression(purpose, "email", AT)),
        unreachable=PersonalUnreachable(AT, "5.1.1"),
        handled=(PersonalHandling(AT, "show", "letter"),),
        events=(PersonalEvent(AT, "confirmed", purpose), PersonalEvent(AT, "withdrawn", purpose, "c")),
        refusals=(PersonalRefusal(AT, "c", "consent.confirmed", purpose, "email", "status 400"),),
        questions=(PersonalQuestion(AT, "c", purpose, "email", may=True, reason=""),),
        bases=personal_bases(),
        rights_requests=(
            PersonalRightsRequest("access", AT.date(), "letter", CONSENT_ENDS.date(), note="box 7"),
            PersonalRightsRequest(
                "erasure",
                AT.date(),
                "phone",
                CONSENT_ENDS.date(),
                "",
                "much work",
                AT.date(),
                "refused",
                "letter",
                "a claim",
            ),
        ),
        objections=(
            PersonalObjection("person", "email", "", AT),
            PersonalObjection("person", "email", "phone", AT),
            PersonalObjection("company", "email", "", AT, "asked not to be contacted"),
        ),
    )


def personal_bases() -> tuple[PersonalBasis, ...]:
    """Return a sample entry of the register of bases for each basis, with all that an entry can say."""
    told = (PersonalNotice(AT, ""), PersonalNotice(AT, "during the call"))
    return tuple(
        PersonalBasis(
            basis=part.name,
            article=part.article,
            recorded_at=AT,
            since=AT.date(),
            until=CONSENT_ENDS,
            required=part.survives_erasure,
            about="a quote",
            source="a call",
            purposes=(),
            known={MAILBOX.field: ADDRESS, "name": "Alice", "number": "2026-114"},
            met={"own-sale": "order form 3"},
            files=("letter.pdf",),
            extended=("the tender was moved",),
            channels=(Channel.EMAIL.value,),
            told=told if part.tells_person else (),
        )
        for part in BASES.values()
    )
