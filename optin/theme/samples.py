"""One small sample of every page and mail, to try a site's own templates and texts on (M4, M9, M10)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from optin.consent.channel import Channel
from optin.consent.consent_record import RequestId
from optin.consent.draw import shown_ticket
from optin.consent.form import FormDeclaration, FormField, PrivacyDigest, Slug
from optin.consent.form_entry import Problem, Typed
from optin.consent.prize import Contest, PrizeDraw
from optin.consent.purpose import ConsentQuestion, Controller, PurposeId, RetentionPeriod
from optin.consent.quiz import Option, Outcome, Pages, Question, Quiz
from optin.consent.webinar import Webinar
from optin.flows.draw_entry import Participation
from optin.flows.prize_draw import DECIDING
from optin.flows.rights.personal_data import (
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
from optin.flows.webinar_attendance import Attendance, Standing
from optin.theme import views

AT = datetime(2026, 1, 1, tzinfo=UTC)
CONTROLLER = Controller("Sample B.V.", ("Street 1",), "privacy@example.com", "020 123 4567", "KvK 0")
QUESTIONS = (
    ConsentQuestion(PurposeId("a"), Channel.EMAIL, "E-mail me.", RetentionPeriod.parse("1 year")),
    ConsentQuestion(PurposeId("b"), Channel.PHONE, "Call me.", RetentionPeriod.parse("6 months")),
)
GRANTED = tuple(views.Granted(question, AT) for question in QUESTIONS)
HOLDS = (views.HoldShown("invoice 1", AT, (("first_name", "Alice"),)),)
KINDS = ("white-paper", "tip-booklet", "checklist", "newsletter", "webinar", "quiz", "prize-draw")
DRAW = PrizeDraw(
    "A bicycle", 500, 2, AT, "Europe/Amsterdam", 18, "Terms.", "<p>Terms.</p>", "The close of AEX", AT,
    RetentionPeriod.parse("3 months"), "Answer this e-mail.", Contest("How many?", ("42",)),
)  # fmt: skip
NUMBER = "+31201234567"
HOST = "https://optin.example.com"
URL = f"{HOST}/x"
CONFIRM, WITHDRAW, FETCH, SEE = (f"{URL}/{what}" for what in ("confirm", "withdraw", "fetch", "see"))


WEBINAR_NEWS = (
    "webinar-day", "webinar-hour", "webinar-moved", "webinar-cancelled", "webinar-seated", "webinar-replay",
)  # fmt: skip
WEBINAR = Webinar(
    AT, 60, "Europe/Amsterdam", "Host", "https://meet.example.com/x", 10, "https://example.com/r"
)


def webinars() -> Iterator[Attendance]:
    """Yield a webinar in every standing, and one that is held in a room."""
    told = Attendance(
        WEBINAR, "Title", RequestId(b"x" * 16), Standing.SEATED, 1, base_url=HOST, place_path="/place/t"
    )
    for standing in Standing:
        yield replace(told, standing=standing)
    yield replace(told, webinar=replace(WEBINAR, place="Street 1"))


TICKET = shown_ticket("7" * 64)
CHANGED = tuple((name, 3) for name in DECIDING)


WRONG = (
    Problem("email", "email-invalid"), Problem("phone", "phone-missing"), Problem("age", "age-missing"),
    Problem("consent", "consent-missing"),
)  # fmt: skip


def pages(lang: str) -> Iterator[Any]:
    """Yield a view for every page, with and without what may be missing from it."""
    frame = views.Frame(lang, CONTROLLER, "/privacy/0123456789abcdef", base_url=HOST, pages_url=HOST)
    yield from _forms(frame)
    both = (views.Alternate(lang, "Own", "/x"), views.Alternate("en", "English", "/y"))
    yield replace(_landing(frame, "white-paper"), alternates=both)
    yield views.MovedView(frame, "Title", "/x")
    yield from _quizzes(frame)
    yield views.ClosedView(frame, _landing(frame, "webinar"))
    for shown in webinars():
        yield views.PlaceView(frame, shown, "/x")
        yield views.ConfirmedView(frame, "Title", "webinar", (), own=shown)
    for kind in ("white-paper", "prize-draw"):
        yield views.ClosedView(frame, _landing(frame, kind))
    for state in ("in", "twice", "late"):
        yield views.ConfirmedView(frame, "Title", "prize-draw", (), own=Participation(state, TICKET, DRAW))
    open_ = views.DrawView(frame, "Title", URL, f"{URL}/draw.json", DRAW, "optin draw 1")
    fixed = replace(open_, entries=7, digest="d" * 64)
    drawn = replace(fixed, seed="912,34", seed_canonical="912.34/", changed=CHANGED)
    yield from (open_, fixed, drawn, replace(drawn, winners=(TICKET,), passed_over=(shown_ticket("8" * 64),)))
    yield replace(
        _landing(frame, "prize-draw"), declaration=replace(_declaration(lang, "prize-draw"), questions=())
    )
    for problem in ("", "code-missing", "code-wrong"):
        sent = views.SentView(frame, "Title", "/x/sent", "t", "a@example.com", problem, resent=not problem)
        yield sent
        yield replace(sent, email="alice@example.com", number=NUMBER, form_url=URL)
    yield views.ConfirmView(frame, "Title", "white-paper", "/confirm/t", AT, ())
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
    """Yield the pages on which a person withdraws, looks, corrects and erases."""
    yield views.UnsubscribeView(frame, "/unsubscribe/t", QUESTIONS)
    yield views.UnsubscribeView(frame, "/unsubscribe/t", QUESTIONS, done=True, more=True)
    yield views.UnsubscribeView(frame, "/unsubscribe/t", (), erased=True)
    yield views.PersonalAskView(frame, "/me", "a@example.com", "alice", "email-invalid")
    asked = views.PersonalAskView(frame, "/me", "a@example.com", "alice", "email-doubted")
    yield replace(asked, meant="alice@example.com")
    yield views.PersonalAskView(frame, "/me", "a@example.com", sent=True)
    whole = views.PersonalView(frame, "/me/t", _personal(), (("first_name", "First name"),), (("c", "C"),))
    for done in ("withdrawn", "given", "corrected", "unchanged", "limited"):
        yield replace(whole, done=done)
    yield replace(whole, problems=WRONG, typed=(("phone", "1"),))
    yield replace(whole, stands_alone=True)
    yield replace(whole, data=_nothing(), done="erased")
    yield views.EraseView(frame, "/me/t", ("A warranty ends.",), HOLDS)
    yield views.EraseView(frame, "/me/t", (), ())


def _indexes(frame: views.Frame) -> Iterator[Any]:
    plain = views.Card("/a", "checklist", frame.lang, "Title", "Sentence.")
    cover = views.Picture("/static/a.png", "A line", 40, 20)
    yield views.IndexView(frame, (plain,))
    yield views.IndexView(
        frame, (plain, replace(plain, language="English", picture=cover, kind_words="List"))
    )
    yield views.IndexView(frame, ())


def mails(lang: str) -> Iterator[tuple[Any, tuple[str, ...]]]:
    """Yield a view for every mail, with and without what may be missing from it, and the links it is for."""
    first = views.ConfirmationMail(
        lang, CONTROLLER, "Title", KINDS[0], URL, AT, QUESTIONS, CONFIRM, "1234 5678", AT, URL
    )
    for kind in KINDS:
        yield replace(first, kind=kind), (CONFIRM,)
    yield replace(first, number=NUMBER), (CONFIRM,)
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
    shown = [*webinars()]
    yield replace(full, kind="webinar", own=shown[0], download_url=None), (WITHDRAW,)
    yield replace(full, kind="webinar", own=shown[1], download_url=None), (WITHDRAW,)
    for news in WEBINAR_NEWS:
        yield _kind_mail(lang, "webinar", news, "news", shown[0]), (shown[0].place_url,)
    yield _kind_mail(lang, "webinar", WEBINAR_NEWS[0], "news", shown[-1]), ()
    yield _kind_mail(lang, "webinar", WEBINAR_NEWS[-1], "news", shown[3]), ()
    outcome = Outcome("good", "Good", "", report="Report.", report_html="<p>Report.</p>")
    yield replace(full, kind="quiz", own=outcome), (FETCH, WITHDRAW)
    for state in ("in", "twice", "late"):
        yield replace(full, kind="prize-draw", own=Participation(state, TICKET, DRAW)), (WITHDRAW,)
    part = Participation("in", TICKET, DRAW, drawn=True)
    for result in (replace(part, won=True), part, replace(part, answer_counts=False)):
        yield _kind_mail(lang, "prize-draw", "drawn", "drawn", result), (f"{URL}/draw", SEE)
    renewal = views.RenewalMail(lang, CONTROLLER, "Title", URL, AT, QUESTIONS, AT, CONFIRM, AT, URL)
    yield renewal, (CONFIRM,)
    yield replace(renewal, ends_at=None, number=NUMBER), (CONFIRM,)
    yield views.PersonalMail(lang, CONTROLLER, URL, SEE, AT, URL), (SEE,)
    for holds in (HOLDS, ()):
        yield views.ErasedMail(lang, CONTROLLER, URL, holds, URL), ()


def _kind_mail(lang: str, kind: str, name: str, template: str, own: object) -> views.KindMail:
    return views.KindMail(lang, CONTROLLER, "Title", kind, name, template, URL, AT, SEE, URL, own)


def sample_quiz(pages: Pages, why: str = "") -> Quiz:
    """Return a small quiz."""
    options = (Option("Yes", (1,)), Option("No", (0,)))
    questions = (Question("First?", options), Question("Second?", options, several=True, optional=True))
    outcome = Outcome("good", "Good", "<p>Text.</p>", report="Report.", report_html="<p>Report.</p>")
    return Quiz(pages, questions, (outcome,), why_answers=why)


def _forms(frame: views.Frame) -> Iterator[Any]:
    """Yield the form of each kind, as it comes back, and what follows it."""
    doubted = (Problem("email", "email-doubted"),)
    read = (("email", "alice@example.com"), ("phone", NUMBER))
    for kind in KINDS:
        blank = _landing(frame, kind)
        yield blank
        typed = Typed((("email", "alice"), ("phone", "")), ("b",))
        yield replace(blank, typed=typed, problems=WRONG, changed=True, picture=None)
        yield replace(blank, typed=typed, problems=doubted, meant="alice@example.com", understood=read)
        yield replace(blank, typed=typed, wait_seconds=90)
        yield views.ConfirmView(frame, "Title", kind, "/confirm/t", AT, QUESTIONS)
        yield views.ConfirmView(frame, "Title", kind, "/confirm/t", AT, QUESTIONS, NUMBER)
        yield views.ConfirmedView(frame, "Title", kind, GRANTED, QUESTIONS, URL, "a.pdf", 1_000)
        yield views.ConfirmedView(frame, "Title", kind, ())


def _quizzes(frame: views.Frame) -> Iterator[Any]:
    blank = _landing(frame, "quiz")
    for pages, shown in ((Pages.ONE, (0, 1)), (Pages.EACH, (0,)), (Pages.EACH, (1,))):
        quiz = sample_quiz(pages, "To advise you." if shown == (1,) else "")
        view = views.QuizView(frame, blank, quiz, f"{URL}/answers", shown, quiz.unanswered)
        yield view
        yield replace(view, missing=shown[:1], changed=True, so_far="s", back_url="/x", chosen=((0,), (0, 1)))
    form = blank.declaration
    told = (FormField("outcome", "Result", "To know it."), FormField("answers", "Answers", "To advise."))
    kept = replace(form, fields=(*form.fields, *told))
    for action in ("", URL):
        yield views.ResultView(
            frame,
            kept,
            "",
            "",
            action,
            "f" * 32,
            page_url=URL,
            outcome=quiz.outcomes[0],
            quiz_url=URL,
            filled_in=frozenset({"outcome", "answers"}),
        )


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
        details=WEBINAR if kind == "webinar" else DRAW if kind == "prize-draw" else None,
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
        mails=("mails/mail.eml",),
        page_html="page.html",
    )


def _personal() -> PersonalData:
    typed = {"email": "a@example.com", "first_name": "Alice", "phone": "+31201234567"}
    given = KeptConsent(
        "a", "email", "E-mail me.", "given", "Title", AT, AT, None, AT, "d" * 64, form_since=AT
    )
    withdrawn = replace(given, channel="phone", status="withdrawn", ended_at=AT, offered="Call me again.")
    asked = KeptRequest(
        "x", "Title", "a.pdf", AT, AT, ("E-mail me.",), typed, "d" * 64, "e" * 64, AT, AT, "2026-01-01"
    )
    return PersonalData(
        email="a@example.com",
        lang="",
        contact={"first_name": "Alice", "phone": "+31201234567"},
        taken_away=("company",),
        consents=(given, withdrawn),
        requests=(
            asked,
            replace(asked, kind="webinar", kept={"seat": "seat"}),
            replace(
                asked,
                confirmed_at=None,
                file="",
                ticked=(),
                kind="prize-draw",
                kept={"ticket": "7" * 64, "ticket_short": "7" * 10},
                privacy_day="",
            ),
        ),
        mails=(KeptMail("Subject", AT),),
        exports=(
            KeptExport(1, AT, "c", "a", "email", "list"),
            KeptExport(2, AT, "self", "a", "email", "list"),
            KeptExport(0, AT, "c", "a", "email", "webhook"),
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
