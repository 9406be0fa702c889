"""One small sample of every page and mail, to try a site's own templates and texts on (M4, M9, M10)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from optin.consent.entry import Problem, Typed
from optin.consent.form import FormDeclaration, FormField, PrivacyDigest, Slug
from optin.consent.prize import Contest, PrizeDraw
from optin.consent.purpose import Channel, ConsentQuestion, Controller, PurposeId, RetentionPeriod
from optin.flows.personal import (
    KeptConsent,
    KeptEvent,
    KeptExport,
    KeptHandling,
    KeptHold,
    KeptMail,
    KeptRequest,
    KeptSuppression,
    PersonalData,
)
from optin.theme import views

AT = datetime(2026, 1, 1, tzinfo=UTC)
CONTROLLER = Controller("Sample B.V.", ("Street 1",), "privacy@example.com", "020 123 4567", "KvK 0")
QUESTIONS = (
    ConsentQuestion(PurposeId("a"), Channel.EMAIL, "E-mail me.", RetentionPeriod.parse("1 year")),
    ConsentQuestion(PurposeId("b"), Channel.PHONE, "Call me.", RetentionPeriod.parse("6 months")),
)
GRANTED = tuple(views.Granted(question, AT) for question in QUESTIONS)
HOLDS = (views.HoldShown("invoice 1", AT, (("first_name", "Alice"),)),)
KINDS = ("white-paper", "tip-booklet", "checklist", "newsletter", "prize-draw")
DRAW = PrizeDraw(
    "A bicycle", 500, 2, AT, "Europe/Amsterdam", 18, "Terms.", "<p>Terms.</p>", "The close of AEX", AT,
    RetentionPeriod.parse("3 months"), "Answer this e-mail.", Contest("How many?", ("42",)),
)  # fmt: skip
HOST = "https://optin.example.com"
URL = f"{HOST}/x"
CONFIRM, WITHDRAW, FETCH, SEE = (f"{URL}/{what}" for what in ("confirm", "withdraw", "fetch", "see"))


def pages(lang: str) -> Iterator[Any]:
    """Yield a view for every page, with and without what may be missing from it."""
    frame = views.Frame(lang, CONTROLLER, "/privacy/0123456789abcdef", base_url=HOST, pages_url=HOST)
    wrong = (
        Problem("email", "email-invalid"), Problem("phone", "phone-missing"), Problem("age", "age-missing"),
    )  # fmt: skip
    for kind in KINDS:
        blank = _landing(frame, kind)
        yield blank
        typed = Typed((("email", "alice"), ("phone", "")), ("b",))
        yield replace(blank, typed=typed, problems=wrong, changed=True, picture=None)
        yield views.ConfirmView(frame, "Title", kind, "/confirm/t", AT, QUESTIONS)
        yield views.ConfirmedView(frame, "Title", kind, GRANTED, QUESTIONS, URL, "a.pdf", 1_000)
        yield views.ConfirmedView(frame, "Title", kind, ())
    for kind in ("white-paper", "prize-draw"):
        yield views.ClosedView(frame, _landing(frame, kind))
    for state in ("in", "twice", "late"):
        yield views.ConfirmedView(frame, "Title", "prize-draw", (), part_state=state, ticket="7" * 64)
    open_ = views.DrawView(frame, "Title", URL, f"{URL}/draw.json", DRAW, "optin draw 1")
    fixed = replace(open_, entries=7, digest="d" * 64)
    drawn = replace(fixed, seed="912,34", seed_canonical="912.34/")
    yield from (open_, fixed, drawn, replace(drawn, winners=("7" * 64,), passed_over=("8" * 64,)))
    yield replace(
        _landing(frame, "prize-draw"), declaration=replace(_declaration(lang, "prize-draw"), questions=())
    )
    for problem in ("", "code-missing", "code-wrong", "code-spent"):
        yield views.SentView(frame, "Title", "/x/sent", "t", "a@example.com", problem, resent=not problem)
    yield views.ConfirmView(frame, "Title", "white-paper", "/confirm/t", AT, ())
    for resent in (False, True):
        yield views.ExpiredView(frame, "Title", "/confirm/t", resent=resent)
    yield views.UnsubscribeView(frame, "/unsubscribe/t", QUESTIONS)
    yield views.UnsubscribeView(frame, "/unsubscribe/t", QUESTIONS, done=True, more=True)
    yield views.UnsubscribeView(frame, "/unsubscribe/t", (), erased=True)
    yield views.PersonalAskView(frame, "/me", "a@example.com", "alice", "email-invalid")
    yield views.PersonalAskView(frame, "/me", "a@example.com", sent=True)
    whole = views.PersonalView(frame, "/me/t", _personal(), (("first_name", "First name"),), (("c", "C"),))
    for done in ("withdrawn", "given", "corrected", "unchanged", "limited"):
        yield replace(whole, done=done)
    yield replace(whole, problems=wrong, typed=(("phone", "1"),))
    yield replace(whole, stands_alone=True)
    yield replace(whole, data=_nothing(), done="erased")
    yield views.EraseView(frame, "/me/t", ("A warranty ends.",), HOLDS)
    yield views.EraseView(frame, "/me/t", (), ())
    yield views.PrivacyView(frame, "Title", "<p>Text.</p>")
    yield views.IndexView(frame, (views.Card("/a", "checklist", lang, "Title", "Sentence."),))
    yield views.IndexView(frame, ())
    for name in ("internal", "unknown", "link-expired", "too-many"):
        yield views.ErrorView(frame, name)
    yield views.EvidenceView(frame, "a@example.com", AT, (_story(frame),), "checkpoint", "key")
    yield views.BrokenView(frame, (("a.md:1:1", "Message.", "Cure."),))
    yield views.MailboxView(frame, (("a.eml", "Subject", "a@example.com", "date"),))
    yield views.MailView(frame, "a.eml", "Subject", (("To", "a"),), "Text.", (("a.txt", "Text."),))


def mails(lang: str) -> Iterator[tuple[Any, tuple[str, ...]]]:
    """Yield a view for every mail, with and without what may be missing from it, and the links it is for."""
    first = views.ConfirmationMail(
        lang, CONTROLLER, "Title", KINDS[0], URL, AT, QUESTIONS, CONFIRM, "1234 5678", AT, URL
    )
    for kind in KINDS:
        yield replace(first, kind=kind), (CONFIRM,)
    yield replace(first, questions=()), (CONFIRM,)
    full = views.DeliveryMail(
        lang,
        CONTROLLER,
        "Title",
        KINDS[0],
        URL,
        AT,
        AT,
        granted=GRANTED,
        download_url=FETCH,
        download_until=AT,
        unsubscribe_url=WITHDRAW,
        privacy_url=URL,
        form_version="d" * 64,
        proof_url=URL,
        first_name="Alice",
        personal_url=SEE,
    )
    yield full, (FETCH, WITHDRAW)
    yield replace(full, granted=(), download_url=None, download_until=None, first_name=""), ()
    for state in ("in", "twice", "late"):
        yield replace(full, kind="prize-draw", part_state=state, ticket="7" * 64), (WITHDRAW,)
    told = views.DrawnMail(
        lang, CONTROLLER, "Title", "A bicycle", "Answer this.", "7" * 64, f"{URL}/draw", DRAW.keep, SEE, URL
    )
    for result in (replace(told, won=True), told, replace(told, answer="42")):
        yield result, (f"{URL}/draw", SEE)
    renewal = views.RenewalMail(lang, CONTROLLER, "Title", URL, AT, QUESTIONS, AT, CONFIRM, AT, URL)
    yield renewal, (CONFIRM,)
    yield replace(renewal, ends_at=None), (CONFIRM,)
    yield views.PersonalMail(lang, CONTROLLER, URL, SEE, AT, URL), (SEE,)
    for holds in (HOLDS, ()):
        yield views.ErasedMail(lang, CONTROLLER, URL, holds, URL), ()


def _landing(frame: views.Frame, kind: str) -> views.LandingView:
    return views.LandingView(
        frame=frame,
        declaration=_declaration(frame.lang, kind),
        description="Sentence.",
        body_html="<p>Text.</p>",
        action=URL,
        page_url=URL,
        form_key="f" * 32,
        picture=views.Picture("/static/a.png", "A line", 40, 20),
        details=DRAW if kind == "prize-draw" else None,
    )


def _declaration(lang: str, kind: str) -> FormDeclaration:
    fields = (
        FormField("first_name", "First name", "To call you by it.", required=True),
        FormField("phone", "Telephone", "To call you."),
    )
    return FormDeclaration(
        Slug("x"), kind, "Title", lang, CONTROLLER, PrivacyDigest("e" * 64), QUESTIONS, fields, "a.pdf"
    )


def _story(frame: views.Frame) -> views.Story:
    return views.Story(
        form=_declaration(frame.lang, KINDS[0]),
        form_version="d" * 64,
        declared=(("email", "a@example.com"),),
        consents=(views.StoryConsent(QUESTIONS[0], "given", AT, AT, AT),),
        events=(views.StoryEvent(AT, "confirmed", "E-mail me.", "event.json"),),
        mails=("mail.eml",),
        page_html="page.html",
    )


def _personal() -> PersonalData:
    typed = {"email": "a@example.com", "first_name": "Alice", "phone": "+31201234567"}
    given = KeptConsent("a", "email", "E-mail me.", "given", "Title", AT, AT, None, AT, "d" * 64)
    withdrawn = replace(given, channel="phone", status="withdrawn", ended_at=AT, offered="Call me again.")
    asked = KeptRequest("x", "Title", "a.pdf", AT, AT, ("E-mail me.",), typed, "d" * 64, "e" * 64)
    return PersonalData(
        email="a@example.com",
        lang="",
        contact={"first_name": "Alice", "phone": "+31201234567"},
        taken_away=("company",),
        consents=(given, withdrawn),
        requests=(asked, replace(asked, confirmed_at=None, file="", ticked=(), ticket="7" * 64)),
        mails=(KeptMail("Subject", AT),),
        exports=(
            KeptExport(1, AT, "c", "a", "email", "list"),
            KeptExport(2, AT, "self", "a", "email", "list"),
        ),
        holds=(KeptHold("invoice 1", AT, {"first_name": "Alice"}),),
        suppressions=(KeptSuppression("", "", AT), KeptSuppression("a", "email", AT)),
        handled=(KeptHandling(AT, "show", "letter"),),
        events=(KeptEvent(AT, "confirmed", "a"),),
    )


def _nothing() -> PersonalData:
    full = _personal()
    return replace(
        full, contact={}, consents=(), requests=(), mails=(), exports=(), handled=(), events=(),
        holds=(), suppressions=(),
    )  # fmt: skip
