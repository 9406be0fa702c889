"""One sample of every page and mail, in every language, with kind and with hostile values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from html import escape
from typing import Any

from optin.bases.all_bases import BASES
from optin.bases.obligation import INVOICE, RequiredDocument
from optin.consent.form_version import FormDeclaration, FormField
from optin.consent.posted_form import FieldProblem, FormInput
from optin.consent.status_transitions import EventKind, RequestId
from optin.flows.delivery.mail_order import BasisNotice, GivenConsent, NoticeLine, StaffDigest
from optin.flows.request_policy import LetterText, MailCover, NextStep
from optin.flows.rights.personal_data import (
    PersonalConsent,
    PersonalData,
    PersonalEvent,
    PersonalExport,
    PersonalHandling,
    PersonalHold,
    PersonalObjection,
    PersonalRequest,
    PersonalSuppression,
    SentMail,
)
from optin.flows.rights.personal_letters import PersonalLetter
from optin.kinds.prize_draw.draw_lots import shown_ticket
from optin.kinds.prize_draw.pages import CHANGED, DRAW, DrawView
from optin.kinds.prize_draw.participation import Participation
from optin.kinds.quiz.questions_and_outcomes import Option, Outcome, Pages, Question, Quiz
from optin.kinds.quiz.views import QuizView, ResultView
from optin.kinds.webinar.details import Webinar
from optin.kinds.webinar.page_samples import NEWS
from optin.kinds.webinar.place_view import PlaceView
from optin.kinds.webinar.seat_status import Attendance, SeatStatus
from optin.site.mail_prose import mail_prose, mail_prose_as_text
from optin.theme import mail_views, samples, views
from optin.theme.catalogue import catalogue
from optin.theme.look import Look
from tests.serving import BASE_URL
from tests.world import DECLARATION

REQUEST = RequestId(b"0123456789abcdef")
NOW = datetime(2026, 11, 23, 21, 28, tzinfo=UTC)
TICKET = shown_ticket("0123456789abcdef" * 4)
HOSTILE = "\"><script>alert(1)</script>{{ 7919*7907 }}\u202eevil & 'quotes'"


def declaration(lang: str, kind: str = "white-paper") -> FormDeclaration:
    return replace(DECLARATION, lang=lang, kind=kind)


def landing(lang: str, kind: str = "white-paper", **changes: Any) -> views.LandingView:
    view = views.LandingView(
        frame=frame(lang),
        declaration=declaration(lang, kind),
        description="Wie u nog mag bellen.",
        body_html="<p>Tekst.</p><h2>Kop</h2><ul><li>Een</li></ul>",
        action=f"{BASE_URL}/koud-bellen",
        form_key="f" * 32,
        page_url=f"{BASE_URL}/koud-bellen",
        details=DRAW if kind == "prize-draw" else None,
    )
    return replace(view, **changes)


def frame(lang: str) -> views.Frame:
    return views.Frame(
        lang,
        DECLARATION.controller,
        "/privacy/0123456789abcdef",
        base_url=BASE_URL,
        pages_url=BASE_URL,
        privacy_day=NOW.date(),
    )


def about(lang: str) -> mail_views.RequestFacts:
    """Return what every mail says of a request."""
    return {**samples.about(landing(lang)), "requested_at": NOW}


def confirmation(lang: str, **changes: Any) -> mail_views.ConfirmationMail:
    mail = mail_views.ConfirmationMail(
        **about(lang),
        questions=DECLARATION.questions,
        confirm_url="https://optin.example.com/confirm/" + "t" * 74,
        code="1234 5678",
        expires_at=NOW,
    )
    return replace(mail, **changes)


def delivery(lang: str, **changes: Any) -> mail_views.DeliveryMail:
    mail = mail_views.DeliveryMail(
        **about(lang),
        confirmed_at=NOW,
        granted=tuple(GivenConsent(question, NOW) for question in DECLARATION.questions),
        download_url="https://optin.example.com/download/" + "t" * 74,
        download_until=NOW,
        unsubscribe_url="https://optin.example.com/unsubscribe/" + "t" * 74,
        first_name="Alice",
    )
    return replace(mail, **changes)


def renewal(lang: str, **changes: Any) -> mail_views.RenewalMail:
    mail = mail_views.RenewalMail(
        **about(lang),
        questions=DECLARATION.questions,
        ends_at=NOW,
        confirm_url="https://optin.example.com/confirm/" + "t" * 74,
        expires_at=NOW,
    )
    return replace(mail, **changes)


REPLAY = "https://video.example.com/0123456789"
WEBINAR = Webinar(
    NOW, 60, "Europe/Amsterdam", "Anna de Vries, jurist", "https://meet.example.com/bellen-mag-dat-nog", 100
)


def webinar(standing: SeatStatus = SeatStatus.SEATED) -> Attendance:
    return Attendance(
        replace(WEBINAR, replay=REPLAY),
        "Bellen, mag dat nog?",
        REQUEST,
        standing,
        1,
        base_url=BASE_URL,
        place_path="/place/" + "t" * 74,
    )


def webinar_mail(lang: str, news: str, standing: SeatStatus = SeatStatus.SEATED) -> mail_views.KindMail:
    return kind_mail(lang, "webinar", news, "news", webinar(standing))


def kind_mail(lang: str, kind: str, name: str, template: str, own: object) -> mail_views.KindMail:
    facts = about(lang)
    facts |= {"title": "Bellen, mag dat nog?", "kind": kind, "page_url": f"{BASE_URL}/webinar"}
    return mail_views.KindMail(
        **facts,
        name=name,
        template=template,
        personal_url="https://optin.example.com/me",
        own=own,
    )


NEXT = NextStep(
    text="In twintig minuten loopt Anna één van uw lijsten met u na. Gratis, en u zit nergens aan vast.",
    title="Samen uw bellijst langs?",
    link="https://calendar.example.com/anna",
    label="Kies een moment",
    picture="/static/anna-144.0123456789abcdef.webp",
    mail_picture="/static/anna.0123456789abcdef.png",
    alt="Anna Voorbeeld",
    width=144,
    height=144,
)
COVER = MailCover("/static/cover-mail.0123456789abcdef.jpg", "De omslag")
REQUIRED = (
    RequiredDocument(INVOICE, NOW.date(), "AWR 52", NOW, "2026-114"),
    RequiredDocument("<b>Lehrvertrag</b>", NOW.date(), "BBiG 36", NOW),
)
HELD = (views.LegalHoldView("invoice 2026-114", NOW, (("first_name", "Alice"), ("phone", "+31201234567"))),)


HOST = "https://optin.example.com"


def letter(lang: str) -> mail_views.LetterMail:
    """Return a letter with everything that may stand in one."""
    prose = "# Kop\n\nTekst met **nadruk** en een [verwijzing](/a).\n\n## Tussenkop\n\n"
    prose += "- een\n- twee\n\n1. drie\n\n> citaat\n\n---\n\n### Slot\n\n`code`"
    html, text = mail_prose(prose, HOST, Look()), mail_prose_as_text(prose, HOST)
    return mail_views.LetterMail(
        lang=lang,
        controller=DECLARATION.controller,
        title=DECLARATION.title,
        base_url="https://optin.example.com",
        privacy_url="https://optin.example.com/privacy/" + "a" * 16,
        letter=LetterText("Zo belt u binnen de regels", "Wat u vandaag nog kunt doen.", html, text),
        question=DECLARATION.questions[0],
        given_at=NOW,
        unsubscribe_url="https://optin.example.com/unsubscribe/" + "t" * 74,
    )


def mails(lang: str) -> Iterator[Any]:
    """Yield every mail."""
    privacy = "https://optin.example.com/privacy"
    about = (lang, DECLARATION.controller, "https://optin.example.com")
    yield confirmation(lang)
    yield delivery(lang)
    yield delivery(
        lang, next_step=NEXT, cover=MailCover("/static/cover-mail.0123456789abcdef.jpg", "De omslag")
    )
    yield delivery(lang, next_step=NextStep("Een tekst zonder meer."), first_name="")
    for standing in SeatStatus:
        yield delivery(lang, kind="webinar", download_url=None, own=webinar(standing))
    for news in NEWS:
        yield webinar_mail(lang, news)
    yield webinar_mail(lang, "webinar-replay", SeatStatus.REPLAY)
    for state in ("in", "twice", "late"):
        yield delivery(lang, kind="prize-draw", own=Participation(state, TICKET, DRAW))
    part = Participation("in", TICKET, DRAW, drawn=True)
    for result in (part, replace(part, won=True), replace(part, answer_counts=False)):
        yield kind_mail(lang, "prize-draw", "drawn", "drawn", result)
    yield renewal(lang)
    yield renewal(lang, ends_at=None)
    yield renewal(lang, ends_at=None, attested=True)
    yield mail_views.PersonalMail(*about, "https://optin.example.com/me/" + "t" * 74, NOW, privacy)
    yield mail_views.SignInMail(*about, "https://optin.example.com/desk/sign-in/" + "t" * 60, NOW, privacy)
    yield letter(lang)
    line = NoticeLine("Bellen, mag dat nog?", "https://optin.example.com/bellen-mag-dat-nog", 3, 2)
    yield mail_views.StaffMail(*about, StaffDigest((line,), NOW), privacy)
    yield mail_views.StaffMail(*about, None, privacy)
    for name, part in BASES.items():
        if part.tells_person:
            notice = BasisNotice(name, part.article, "Offerte voor een dak", NOW, NOW, ("email", "phone"))
            yield mail_views.BasisMail(*about, notice, privacy)
            yield mail_views.BasisMail(*about, replace(notice, extended=True), privacy)
    yield mail_views.ErasedMail(*about, (), privacy)
    yield mail_views.ErasedMail(*about, HELD, privacy, REQUIRED)


HANDLED = ("show", "export", "withdraw", "hold", "end", "erase", "draw")


def personal(**changes: Any) -> PersonalData:
    """Return everything that can be kept about a person."""
    consents = tuple(
        PersonalConsent(
            asked.purpose, asked.channel.value, asked.wording, status, DECLARATION.title, NOW, NOW,
            None if status == "given" else NOW, NOW, "d" * 64, "" if status == "given" else "Anders.",
            form_since=NOW,
            letters=(PersonalLetter("Zo belt u", sent_at=NOW), PersonalLetter("Wat u zegt", due_at=NOW))
            if status == "given" else (),
        )
        for asked, status in zip(DECLARATION.questions, ("given", "withdrawn"), strict=True)
    )  # fmt: skip
    typed = {"email": "alice@example.com", "first_name": "Alice", "phone": "+31201234567"}
    asked = PersonalRequest(
        "koud-bellen", DECLARATION.title, "a.pdf", NOW, NOW, ("Mail mij.",), typed, "d" * 64, "e" * 64,
        NOW, NOW, "2026-11-23", "webinar", {"seat": "seat"},
    )  # fmt: skip
    data = PersonalData(
        email="alice@example.com",
        lang="",
        contact={"first_name": "Alice", "phone": "+31201234567"},
        taken_away=(),
        consents=consents,
        requests=(asked, replace(asked, confirmed_at=None, file="", ticked=())),
        mails=(SentMail("Bevestig uw aanvraag", NOW),),
        exports=(PersonalExport(1, NOW, "crm", "tips-email", "email", "bellijst"),),
        holds=(PersonalHold("invoice 2026-114", NOW, {"first_name": "Alice"}),),
        suppressions=(PersonalSuppression("", "", NOW), PersonalSuppression("tips-email", "email", NOW)),
        handled=tuple(PersonalHandling(NOW, it, "brief") for it in HANDLED),
        bases=samples.personal_bases(),
        objections=(
            PersonalObjection("person", "email", "phone", NOW),
            PersonalObjection("company", "email", "", NOW, "brief"),
        ),
        events=tuple(
            PersonalEvent(NOW, kind.value, "tips-email")
            for kind in EventKind
            if f"event.{kind}" in catalogue("nl")  # not of those that name nobody
        ),
    )
    return replace(data, **changes)


NOTHING: dict[str, Any] = {
    "contact": {},
    "consents": (),
    "requests": (),
    "mails": (),
    "exports": (),
    "handled": (),
    "events": (),
    "bases": (),
}


def _webinars(lang: str) -> Iterator[tuple[str, Any]]:
    at, title = frame(lang), DECLARATION.title
    for name, details in (("seat", WEBINAR), ("replay", replace(WEBINAR, replay=REPLAY, capacity=0))):
        yield f"landing-webinar-{name}", landing(lang, "webinar", details=details)
    gone = replace(WEBINAR, cancelled=True)
    yield "closed-webinar", views.ClosedView(at, landing(lang, "webinar", details=WEBINAR))
    yield "closed-cancelled", views.ClosedView(at, landing(lang, "webinar", details=gone))
    for standing in SeatStatus:
        yield f"place-{standing}", PlaceView(at, webinar(standing), f"{BASE_URL}/webinar")
        seen = views.ConfirmedView(at, title, "webinar", (), own=webinar(standing))
        yield f"confirmed-webinar-{standing}", seen


def pages(lang: str) -> Iterator[tuple[str, Any]]:
    """Yield every page with its name."""
    asked = DECLARATION.questions
    at, title = frame(lang), DECLARATION.title
    for kind in ("white-paper", "tip-booklet", "checklist", "newsletter", "webinar", "quiz", "prize-draw"):
        yield f"landing-{kind}", landing(lang, kind)
        yield f"confirm-{kind}", views.ConfirmView(at, title, kind, "/confirm/t", NOW, asked)
        yield f"confirmed-{kind}", views.ConfirmedView(at, title, kind, ())
    others = (
        views.Alternate("nl", "Nederlands", "/koud-bellen"),
        views.Alternate("en", "English", "/cold-calls"),
        views.Alternate("fr", "Français", "/appels"),
        views.Alternate("de", "Deutsch", "/anrufe"),
    )
    yield "landing-languages", landing(lang, alternates=others)
    yield "moved", views.MovedView(at, title, "/koud-bellen")
    reasons = ("email-missing", "email-invalid", "missing", "too-long", "phone-missing", "phone-invalid")
    typed = FormInput((("email", "no"), ("first_name", "x" * 200), ("phone", "1")), ("tips-email",))
    for reason in reasons:
        problems = (FieldProblem("email", reason), FieldProblem("phone", "phone-invalid"))
        yield f"landing-{reason}", landing(lang, typed=typed, problems=problems, changed=True)
    yield "landing-spent", landing(lang, typed=typed, wait_seconds=7_200)
    picture = views.Picture("/static/a.0123456789abcdef.png", "Een lijn", 40, 20)
    yield from _understood(lang)
    yield (
        "landing-draw-age",
        landing(lang, "prize-draw", typed=typed, problems=(FieldProblem("age", "age-missing"),)),
    )
    yield "closed-draw", views.ClosedView(at, landing(lang, "prize-draw"))
    draw = DrawView(at, title, "/x", "/x/draw.json", DRAW, "optin draw 1")
    fixed = replace(draw, entries=7, digest="d" * 64)
    drawn = replace(fixed, seed="912,34", seed_canonical="912.34/")
    yield "draw-open", draw
    yield "draw-fixed", fixed
    yield "draw-drawn", replace(drawn, winners=(TICKET,), passed_over=(shown_ticket("8" * 64),))
    yield "draw-nobody", replace(drawn, changed=CHANGED)
    for state in ("in", "twice", "late"):
        part = views.ConfirmedView(at, title, "prize-draw", (), own=Participation(state, TICKET, DRAW))
        yield f"confirmed-draw-{state}", part
    yield "landing-picture", landing(lang, picture=picture)
    for problem in ("", "code-missing", "code-wrong"):
        yield f"sent-{problem}", views.SentView(at, title, "/x/sent", "t", "a@example.com", problem)
    yield "closed", views.ClosedView(at, landing(lang))
    yield from _webinars(lang)
    yield "sent-again", views.SentView(at, title, "/x/sent", "t", "a@example.com", resent=True)
    yield (
        "confirm-thanks",
        views.ConfirmView(at, title, "white-paper", "/c", NOW, (), leads_to="www.example.com"),
    )
    yield "confirm-alone", views.ConfirmView(at, title, "white-paper", "/c", NOW, asked, alone=True)
    yield "confirm-nothing", views.ConfirmView(at, title, "white-paper", "/confirm/t", NOW, ())
    granted = tuple(GivenConsent(question, NOW) for question in asked)
    full = views.ConfirmedView(at, title, "white-paper", granted, asked, "/download/t", "a.pdf", 212_000)
    cover = views.Cover("white-paper", title)
    yield "confirmed-next", replace(full, lapsed=(), starts=True, next_step=NEXT, cover=cover)
    yield "confirmed-full", full
    yield "confirmed-listed", views.ConfirmedView(at, title, "newsletter", granted)
    yield "confirmed-withdrawn", views.ConfirmedView(at, title, "newsletter", (), asked)
    yield "expired", views.ExpiredView(at, title, "/confirm/t", cover=cover)
    yield "expired-again", views.ExpiredView(at, title, "/confirm/t", resent=True)
    yield "expired-personal", views.ExpiredView(at, "", "/me/t")
    for name, questions, done in (("ask", asked, False), ("done", asked, True), ("none", (), False)):
        yield f"unsubscribe-{name}", views.UnsubscribeView(at, "/unsubscribe/t", questions, done, more=True)
    kept = views.PersonalView(at, "/me/t", personal(), (("first_name", "Voornaam"),), (("crm", "CRM B.V."),))
    yield "personal", kept
    objected = (PersonalObjection("person", "email", "", NOW), *kept.data.objections)
    yield "personal-objected", replace(kept, data=personal(objections=objected), done="objected")
    for what in ("withdrawn", "given", "corrected", "unchanged", "limited", "given-up"):
        yield f"personal-{what}", replace(kept, done=what)
    wrong = (FieldProblem("phone", "phone-invalid"), FieldProblem("first_name", "too-long"))
    yield "personal-mistake", replace(kept, problems=wrong, typed=(("phone", "12"),))
    yield "personal-bare", replace(kept, data=personal(**{**NOTHING, "requests": kept.data.requests}))
    required = tuple(it for it in samples.personal_bases() if it.required)
    yield "personal-required", replace(kept, data=personal(**{**NOTHING, "bases": required}), done="erased")
    known = personal(**{**NOTHING, "bases": samples.personal_bases()}, holds=(), suppressions=())
    yield "personal-bases", replace(kept, data=known)
    yield "personal-number", replace(kept, data=replace(known, email="", number="+31201234567"))
    yield "personal-erased", replace(kept, data=personal(**NOTHING), done="erased")
    yield (
        "personal-erased-all",
        replace(kept, data=personal(**NOTHING, holds=(), suppressions=(), objections=())),
    )
    yield "erase", views.EraseView(at, "/me/t", ("De garantie vervalt.",), HELD, REQUIRED)
    yield "erase-bare", views.EraseView(at, "/me/t", (), ())
    for problem in ("", "email-missing", "email-invalid"):
        yield f"ask-{problem}", views.PersonalAskView(at, "/me", "tips@example.com", "no", problem)
    yield "ask-sent", views.PersonalAskView(at, "/me", "tips@example.com", sent=True)
    yield "unsubscribe-objected", views.UnsubscribeView(at, "/unsubscribe/t", asked, objected=True)
    yield "unsubscribe-objected-again", views.UnsubscribeView(at, "/unsubscribe/t", (), objected=True)
    nobody = views.UnsubscribeView(at, "/unsubscribe/t", (), erased=True)
    yield "unsubscribe-erased", nobody
    yield "privacy", views.PrivacyView(at, "Privacy", "<p>Tekst.</p>", NOW.date())
    cards = (
        views.Card("/a", "checklist", "nl", "Titel", "Zin."),
        views.Card("/b", "newsletter", "en", "T", "S.", "English", picture),
    )
    yield "index", views.IndexView(at, cards)
    yield "index-empty", views.IndexView(at, ())
    yield from quizzes(lang)
    for name in ERRORS:
        yield f"error-{name}", views.ErrorView(at, name)


def _understood(lang: str) -> Iterator[tuple[str, Any]]:
    """Yield pages that show how what was typed is understood, or ask whether it is meant."""
    at, email, number = frame(lang), "adelheid.van-der-vennen+tips@gmail.com", "+31475123456"
    doubted, read = FieldProblem("email", "email-doubted"), (("email", email), ("phone", "+31 475 123 456"))
    typed = FormInput((("email", email), ("first_name", ""), ("phone", "0475 12 34 56")), ())
    asking: dict[str, Any] = {"typed": typed, "meant": email, "understood": read}
    yield "landing-doubted", landing(lang, problems=(doubted,), **asking)
    yield (
        "landing-doubted-wrong",
        landing(lang, problems=(doubted, FieldProblem("phone", "phone-missing")), **asking),
    )
    unticked = (FieldProblem("consent", "consent-missing"),)
    yield "landing-unticked", landing(lang, "newsletter", typed=typed, problems=unticked, understood=read)
    by_phone = (FieldProblem("consent", "consent-email-missing"),)
    yield "landing-unticked-email", landing(lang, "newsletter", typed=typed, problems=by_phone)
    ask = views.PersonalAskView(at, "/me?asked=s", "tips@example.com", email, "email-doubted", meant=email)
    yield "ask-doubted", ask
    yield "ask-several", replace(ask, problem="email-several", meant="")
    sent = views.SentView(at, "T", "/x/sent", "t", "a@example.com", email=email, form_url="/x")
    cover = views.Cover("white-paper", "Koud bellen onder de AVG")
    yield "sent-to", replace(sent, cover=cover)
    yield "sent-to-and-number", replace(sent, number=number)
    confirm = views.ConfirmView(at, "T", "white-paper", "/c", NOW, DECLARATION.questions, number)
    yield "confirm-number", replace(confirm, cover=cover)
    yield "error-wait", views.ErrorView(at, "too-many", 3_600)


def quizzes(lang: str, words: str = "Werkgelegenheidsvoorwaarde van 2 jaar?") -> Iterator[tuple[str, Any]]:
    """Yield the pages of a quiz: all questions, one of them, with mistakes, and the result."""
    options = (Option(words, (1,)), Option("Nee", (0,)))
    questions = (Question(words, options), Question("Twee?", options, several=True, optional=True))
    outcome = Outcome("goed", words, f"<p>{escape(words)}</p><h2>Kop</h2>", report="Verslag.")
    blank = landing(lang, "quiz")
    for pages, shown in ((Pages.ONE, (0, 1)), (Pages.EACH, (0,)), (Pages.EACH, (1,))):
        quiz = Quiz(pages, questions, (outcome,), why_answers="Om u te adviseren." if shown == (1,) else "")
        asking = QuizView(blank.frame, blank, quiz, f"{BASE_URL}/x/answers", shown, quiz.unanswered)
        name = f"quiz-{pages.value}-{len(shown)}-{shown[0]}"
        yield name, asking
        wrong = replace(asking, missing=shown, changed=True, so_far="s", back_url="/x/answers?question=1")
        yield f"{name}-wrong", replace(wrong, chosen=((0,), (0, 1)))
    told = (FormField("outcome", "Uitslag", words), FormField("answers", "Antwoorden", words))
    declared = replace(blank.declaration, fields=(*blank.declaration.fields, *told))
    result = ResultView(
        blank.frame,
        declared,
        "",
        "",
        "",
        "f" * 32,
        page_url=f"{BASE_URL}/x/result/goed",
        outcome=outcome,
        quiz_url="/x",
        place=2,
        places=3,
    )
    yield "quiz-result", result
    yield (
        "quiz-result-wrong",
        replace(result, action="/x", problems=(FieldProblem("email", "email-missing"),)),
    )


ERRORS = (
    "internal", "busy", "write-lost", "unfinished", "unknown", "method", "malformed", "too-large",
    "form-unknown", "link-forged", "link-expired", "link-spent", "answers-unknown", "answers-stale",
    "file-unavailable", "closed", "gone", "too-many", "too-slow",
)  # fmt: skip


def hostile(lang: str) -> Iterator[tuple[str, Any]]:
    """Yield pages full of what somebody might type or write."""
    question = replace(DECLARATION.questions[0], wording=HOSTILE)
    form = replace(declaration(lang), title=HOSTILE, questions=(question,))
    typed = FormInput((("email", HOSTILE), ("first_name", HOSTILE), ("phone", HOSTILE)), ())
    yield "landing", landing(lang, declaration=form, description=HOSTILE, typed=typed)
    yield from quizzes(lang, HOSTILE)
    sent = views.SentView(frame(lang), HOSTILE, "/x/sent", HOSTILE, HOSTILE)
    yield "sent", replace(sent, email=HOSTILE, number=HOSTILE, cover=views.Cover("white-paper", HOSTILE))
    read = (("email", HOSTILE), ("phone", HOSTILE))
    asking = landing(lang, declaration=form, typed=typed, meant=HOSTILE, understood=read)
    yield "doubted", replace(asking, problems=(FieldProblem("email", "email-doubted"),))
    yield "confirm", views.ConfirmView(frame(lang), HOSTILE, "white-paper", "/c", NOW, (question,))
    yield (
        "confirmed",
        views.ConfirmedView(
            frame(lang), HOSTILE, "white-paper", (GivenConsent(question, NOW),), (), "/d", HOSTILE, 1
        ),
    )
