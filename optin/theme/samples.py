"""Sample values for every page and mail, to test a site's own templates and texts (M4, M9, M10)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from optin.consent.channel import Channel
from optin.consent.form_version import FormDeclaration, FormField, PrivacyDigest, Slug
from optin.consent.kind_specific_details import Details
from optin.consent.posted_form import FormInput, Problem
from optin.consent.purpose import ConsentQuestion, Controller, PurposeId
from optin.consent.retention_period import RetentionPeriod
from optin.flows.delivery.mail_order import GivenConsent
from optin.flows.request_policy import MailCover, NextStep
from optin.flows.rights.personal_data import (
    PersonalConsent,
    PersonalData,
    PersonalEvent,
    PersonalExport,
    PersonalHandling,
    PersonalHold,
    PersonalRequest,
    PersonalSuppression,
    SentMail,
)
from optin.theme import mail_views, views

AT = datetime(2026, 1, 1, tzinfo=UTC)
CONTROLLER = Controller("Sample B.V.", ("Street 1",), "privacy@example.com", "020 123 4567", "KvK 0")
QUESTIONS = (
    ConsentQuestion(PurposeId("a"), Channel.EMAIL, "E-mail me.", RetentionPeriod.parse("1 year")),
    ConsentQuestion(PurposeId("b"), Channel.PHONE, "Call me.", RetentionPeriod.parse("6 months")),
)
GRANTED = tuple(GivenConsent(question, AT) for question in QUESTIONS)
HOLDS = (views.LegalHoldView("invoice 1", AT, (("first_name", "Alice"),)),)
A_KIND = "other"  # of which nothing particular is said
NUMBER = "+31201234567"
HOST = "https://optin.example.com"
URL = f"{HOST}/x"
CONFIRM, WITHDRAW, FETCH, SEE = (f"{URL}/{what}" for what in ("confirm", "withdraw", "fetch", "see"))


NEXT = NextStep("Text.", "Title", f"{HOST}/y", "Label", "/static/a.webp", "/static/a.png", "A line", 40, 20)
WRONG = (
    Problem("email", "email-invalid"), Problem("phone", "phone-missing"), Problem("age", "age-missing"),
    Problem("consent", "consent-missing"),
)  # fmt: skip


def frame_in(lang: str) -> views.Frame:
    """Return a sample frame of a page."""
    return views.Frame(lang, CONTROLLER, "/privacy/0123456789abcdef", base_url=HOST, pages_url=HOST)


def pages(lang: str, kinds: Mapping[str, Details | None]) -> Iterator[Any]:
    """Yield a view for every page, with and without its optional parts.

    `kinds`: every kind that has a form, with its details, if it has any.
    """
    frame = frame_in(lang)
    for kind, details in kinds.items():
        yield from _forms(landing(frame, kind, details))
        yield views.ClosedView(frame, landing(frame, kind, details))
    plain = landing(frame, A_KIND)
    others = (views.Card("/a", A_KIND, lang, "Other", "Sentence."),)
    yield views.ClosedView(frame, plain, others, by_kind=False, is_archived=True)
    yield views.WaitingView(frame, plain, AT)
    yield views.WaitingView(frame, plain, AT, others)
    both = (views.Alternate(lang, "Own", "/x"), views.Alternate("en", "English", "/y"))
    yield replace(landing(frame, A_KIND), alternates=both)
    yield views.MovedView(frame, "Title", "/x")
    for problem in ("", "code-missing", "code-wrong"):
        sent = views.SentView(frame, "Title", "/x/sent", "t", "a@example.com", problem, resent=not problem)
        yield sent
        yield replace(sent, email="alice@example.com", number=NUMBER, form_url=URL)
    yield views.ConfirmView(frame, "Title", A_KIND, "/confirm/t", AT, ())
    for resent in (False, True):
        yield views.ExpiredView(frame, "Title", "/confirm/t", resent=resent)
        yield views.ExpiredView(frame, "", "/me/t", resent=resent)
    yield from _rights(frame)
    yield views.PrivacyView(frame, "Title", "<p>Text.</p>")
    yield views.PrivacyView(frame, "Title", "<p>Text.</p>", AT.date())
    yield from _indexes(frame)
    for name in ("internal", "unknown", "link-expired", "too-many"):
        yield views.ErrorView(frame, name)
    yield views.ErrorView(frame, "too-many", 90)
    told = views.EvidenceView(frame, "a@example.com", AT, (_story(frame),), "checkpoint", "key")
    yield told
    yield replace(told, stories=(replace(_story(frame), page_html=""),), copies=("view/mail-mail.html",))
    yield views.BrokenView(frame, (("a.md:1:1", "Message.", "Cure."),))
    yield views.MailboxView(frame, (("a.eml", "Subject", "a@example.com", "date"),))
    yield views.MailView(frame, "a.eml", "Subject", (("To", "a"),), "Text.", (("a.txt", "Text."),))


def _rights(frame: views.Frame) -> Iterator[Any]:
    """Yield the pages on which people withdraw, inspect, correct and erase."""
    yield views.UnsubscribeView(frame, "/unsubscribe/t", QUESTIONS)
    yield views.UnsubscribeView(frame, "/unsubscribe/t", QUESTIONS, done=True, more=True)
    yield views.UnsubscribeView(frame, "/unsubscribe/t", (), erased=True)
    yield views.PersonalAskView(frame, "/me", "a@example.com", "alice", "email-invalid")
    asked = views.PersonalAskView(frame, "/me", "a@example.com", "alice", "email-doubted")
    yield replace(asked, meant="alice@example.com")
    yield views.PersonalAskView(frame, "/me", "a@example.com", sent=True)
    whole = _personal_page(frame, _personal())
    for done in ("withdrawn", "given", "corrected", "unchanged", "limited"):
        yield replace(whole, done=done)
    yield replace(whole, problems=WRONG, typed=(("phone", "1"),))
    yield replace(whole, stands_alone=True)
    yield replace(whole, data=_nothing(), done="erased")
    yield views.EraseView(frame, "/me/t", ("A warranty ends.",), HOLDS)
    yield views.EraseView(frame, "/me/t", (), ())


def _indexes(frame: views.Frame) -> Iterator[Any]:
    plain = views.Card("/a", A_KIND, frame.lang, "Title", "Sentence.")
    cover = views.Picture("/static/a.png", "A line", 40, 20)
    yield views.IndexView(frame, (plain,))
    yield views.IndexView(
        frame, (plain, replace(plain, language="English", picture=cover, kind_words="List"))
    )
    yield views.IndexView(frame, ())


def mails(lang: str, kinds: Iterable[str]) -> Iterator[tuple[Any, tuple[str, ...]]]:
    """Yield a view for every mail, with and without its optional parts, and the links it must have."""
    first = mail_views.ConfirmationMail(
        **_about(lang), questions=QUESTIONS, confirm_url=CONFIRM, code="1234 5678", expires_at=AT
    )
    for kind in kinds:
        yield replace(first, kind=kind), (CONFIRM,)
    yield replace(first, number=NUMBER), (CONFIRM,)
    yield replace(first, questions=()), (CONFIRM,)
    full = delivery(lang)
    yield full, (FETCH, WITHDRAW)
    bare = replace(full, granted=(), download_url=None, download_until=None, first_name="")
    yield replace(bare, hands_out=False, proof_attached=False, next_step=None), ()
    renewal = mail_views.RenewalMail(
        **_about(lang), questions=QUESTIONS, ends_at=AT, confirm_url=CONFIRM, expires_at=AT
    )
    yield renewal, (CONFIRM,)
    yield replace(renewal, ends_at=None, number=NUMBER), (CONFIRM,)
    yield mail_views.PersonalMail(lang, CONTROLLER, URL, SEE, AT, URL), (SEE,)
    for holds in (HOLDS, ()):
        yield mail_views.ErasedMail(lang, CONTROLLER, URL, holds, URL), ()


def _about(lang: str, kind: str = A_KIND) -> mail_views.RequestFacts:
    return {
        "lang": lang,
        "controller": CONTROLLER,
        "title": "Title",
        "kind": kind,
        "page_url": URL,
        "requested_at": AT,
        "privacy_url": URL,
        "base_url": HOST,
    }


def delivery(lang: str, kind: str = A_KIND, own: object = None) -> mail_views.DeliveryMail:
    """Return a sample mail with the magnet of a kind."""
    return mail_views.DeliveryMail(
        **_about(lang, kind),
        confirmed_at=AT,
        granted=GRANTED,
        download_url=FETCH,
        download_until=AT,
        unsubscribe_url=WITHDRAW,
        first_name="Alice",
        personal_url=SEE,
        cover=MailCover("/static/a.png", "A line"),
        next_step=NEXT,
        own=own,
    )


def kind_mail(lang: str, kind: str, name: str, template: str, own: object) -> mail_views.KindMail:
    """Return a sample of a kind's own mail."""
    return mail_views.KindMail(**_about(lang, kind), name=name, template=template, personal_url=SEE, own=own)


def _forms(blank: views.LandingView) -> Iterator[Any]:
    """Yield a kind's form, its return with problems, and the pages after it."""
    frame, kind = blank.frame, blank.declaration.kind
    doubted = (Problem("email", "email-doubted"),)
    read = (("email", "alice@example.com"), ("phone", NUMBER))
    yield blank
    typed = FormInput((("email", "alice"), ("phone", "")), ("b",))
    yield replace(blank, typed=typed, problems=WRONG, changed=True, picture=None)
    yield replace(blank, typed=typed, problems=doubted, meant="alice@example.com", understood=read)
    yield replace(blank, typed=typed, wait_seconds=90)
    yield views.ConfirmView(frame, "Title", kind, "/confirm/t", AT, QUESTIONS)
    yield views.ConfirmView(frame, "Title", kind, "/confirm/t", AT, QUESTIONS, NUMBER, "www.example.com")
    done = views.ConfirmedView(frame, "Title", kind, GRANTED, QUESTIONS, URL, "a.pdf", 1_000)
    yield done
    yield replace(done, starts=True, next_step=NEXT)
    yield views.ConfirmedView(frame, "Title", kind, ())


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


def _story(frame: views.Frame) -> views.EvidenceRequest:
    return views.EvidenceRequest(
        form=declaration(frame.lang, A_KIND),
        form_version="d" * 64,
        declared=(("email", "a@example.com"),),
        consents=(views.EvidenceConsent(QUESTIONS[0], "given", AT, AT, AT),),
        events=(views.EvidenceEvent(AT, "confirmed", "E-mail me.", "event.json"),),
        mails=("mails/mail.eml",),
        page_html="page.html",
    )


def _personal() -> PersonalData:
    typed = {"email": "a@example.com", "first_name": "Alice", "phone": "+31201234567"}
    given = PersonalConsent(
        "a", "email", "E-mail me.", "given", "Title", AT, AT, None, AT, "d" * 64, form_since=AT
    )
    withdrawn = replace(given, channel="phone", status="withdrawn", ended_at=AT, offered="Call me again.")
    asked = PersonalRequest(
        "x", "Title", "a.pdf", AT, AT, ("E-mail me.",), typed, "d" * 64, "e" * 64, AT, AT, "2026-01-01"
    )
    return PersonalData(
        email="a@example.com",
        lang="",
        contact={"first_name": "Alice", "phone": "+31201234567"},
        taken_away=("company",),
        consents=(given, withdrawn),
        requests=(asked, replace(asked, confirmed_at=None, file="", ticked=(), privacy_day="")),
        mails=(SentMail("Subject", AT),),
        exports=(
            PersonalExport(1, AT, "c", "a", "email", "list"),
            PersonalExport(2, AT, "self", "a", "email", "list"),
            PersonalExport(0, AT, "c", "a", "email", "webhook"),
        ),
        holds=(PersonalHold("invoice 1", AT, {"first_name": "Alice"}),),
        suppressions=(PersonalSuppression("", "", AT), PersonalSuppression("a", "email", AT)),
        handled=(PersonalHandling(AT, "show", "letter"),),
        events=(PersonalEvent(AT, "confirmed", "a"),),
    )


def personal_page(frame: views.Frame, kind: str, kept: Mapping[str, str]) -> views.PersonalView:
    """Return the page of a person who made a request of a kind; `kept`: what it says of where they stand."""
    data = _personal()
    return _personal_page(frame, replace(data, requests=(replace(data.requests[0], kind=kind, kept=kept),)))


def _personal_page(frame: views.Frame, data: PersonalData) -> views.PersonalView:
    return views.PersonalView(frame, "/me/t", data, (("first_name", "First name"),), (("c", "C"),))


def _nothing() -> PersonalData:
    full = _personal()
    return replace(
        full, contact={}, consents=(), requests=(), mails=(), exports=(), handled=(), events=(),
        holds=(), suppressions=(),
    )  # fmt: skip
