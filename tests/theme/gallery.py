"""One sample of every page and mail, in both languages, with kind and with hostile values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from optin.consent.entry import Problem, Typed
from optin.consent.form import FormDeclaration
from optin.theme import views
from tests.world import DECLARATION

NOW = datetime(2026, 11, 23, 21, 28, tzinfo=UTC)
HOSTILE = "\"><script>alert(1)</script>{{ 7*7 }}\u202eevil & 'quotes'"


def declaration(lang: str, kind: str = "white-paper") -> FormDeclaration:
    return replace(DECLARATION, lang=lang, kind=kind)


def landing(lang: str, kind: str = "white-paper", **changes: Any) -> views.LandingView:
    view = views.LandingView(
        frame=frame(lang),
        declaration=declaration(lang, kind),
        description="Wie u nog mag bellen.",
        body_html="<p>Tekst.</p><h2>Kop</h2><ul><li>Een</li></ul>",
        action="/koud-bellen",
        form_key="f" * 32,
    )
    return replace(view, **changes)


def frame(lang: str) -> views.Frame:
    return views.Frame(lang, DECLARATION.controller, "/privacy/0123456789abcdef")


def confirmation(lang: str, **changes: Any) -> views.ConfirmationMail:
    mail = views.ConfirmationMail(
        lang=lang,
        controller=DECLARATION.controller,
        title=DECLARATION.title,
        kind="white-paper",
        page_url="https://optin.example.com/koud-bellen",
        requested_at=NOW,
        questions=DECLARATION.questions,
        confirm_url="https://optin.example.com/confirm/" + "t" * 74,
        code="1234 5678",
        expires_at=NOW,
        privacy_url="https://optin.example.com/privacy/0123456789abcdef",
    )
    return replace(mail, **changes)


def delivery(lang: str, **changes: Any) -> views.DeliveryMail:
    mail = views.DeliveryMail(
        lang=lang,
        controller=DECLARATION.controller,
        title=DECLARATION.title,
        kind="white-paper",
        page_url="https://optin.example.com/koud-bellen",
        requested_at=NOW,
        confirmed_at=NOW,
        granted=tuple(views.Granted(question, NOW) for question in DECLARATION.questions),
        download_url="https://optin.example.com/download/" + "t" * 74,
        download_until=NOW,
        unsubscribe_url="https://optin.example.com/unsubscribe/" + "t" * 74,
        privacy_url="https://optin.example.com/privacy/0123456789abcdef",
        proof_url="https://optin.example.com/log",
        form_version="d" * 64,
        first_name="Alice",
    )
    return replace(mail, **changes)


def pages(lang: str) -> Iterator[tuple[str, Any]]:
    """Yield every page with its name."""
    asked = DECLARATION.questions
    at, title = frame(lang), DECLARATION.title
    for kind in ("white-paper", "tip-booklet", "checklist", "newsletter"):
        yield f"landing-{kind}", landing(lang, kind)
        yield f"confirm-{kind}", views.ConfirmView(at, title, kind, "/confirm/t", NOW, asked)
        yield f"confirmed-{kind}", views.ConfirmedView(at, title, kind, ())
    reasons = ("email-missing", "email-invalid", "missing", "too-long", "phone-missing", "phone-invalid")
    typed = Typed((("email", "no"), ("first_name", "x" * 200), ("phone", "1")), ("tips-email",))
    for reason in reasons:
        problems = (Problem("email", reason), Problem("phone", "phone-invalid"))
        yield f"landing-{reason}", landing(lang, typed=typed, problems=problems, changed=True)
    picture = views.Picture("/static/a.0123456789abcdef.png", "Een lijn", 40, 20)
    yield "landing-picture", landing(lang, picture=picture)
    for problem in ("", "code-missing", "code-wrong", "code-spent"):
        yield f"sent-{problem}", views.SentView(at, title, "/x/sent", "t", "a@example.com", problem)
    yield "sent-again", views.SentView(at, title, "/x/sent", "t", "a@example.com", resent=True)
    yield "confirm-nothing", views.ConfirmView(at, title, "white-paper", "/confirm/t", NOW, ())
    granted = tuple(views.Granted(question, NOW) for question in asked)
    full = views.ConfirmedView(at, title, "white-paper", granted, asked, "/download/t", "a.pdf", 212_000)
    yield "confirmed-full", full
    yield "expired", views.ExpiredView(at, title, "/confirm/t")
    yield "expired-again", views.ExpiredView(at, title, "/confirm/t", resent=True)
    for name, questions, done in (("ask", asked, False), ("done", asked, True), ("none", (), False)):
        yield f"unsubscribe-{name}", views.UnsubscribeView(at, "/unsubscribe/t", questions, done)
    yield "privacy", views.PrivacyView(at, "Privacy", "<p>Tekst.</p>")
    cards = (
        views.Card("/a", "checklist", "nl", "Titel", "Zin."),
        views.Card("/b", "newsletter", "en", "T", "S."),
    )
    yield "index", views.IndexView(at, cards)
    yield "index-empty", views.IndexView(at, ())
    for name in ERRORS:
        yield f"error-{name}", views.ErrorView(at, name)


ERRORS = (
    "internal", "busy", "unknown", "method", "malformed", "too-large", "form-unknown", "link-forged",
    "link-expired", "link-spent", "file-unavailable", "too-many",
)  # fmt: skip


def hostile(lang: str) -> Iterator[tuple[str, Any]]:
    """Yield pages full of what somebody might type or write."""
    question = replace(DECLARATION.questions[0], wording=HOSTILE)
    form = replace(declaration(lang), title=HOSTILE, questions=(question,))
    typed = Typed((("email", HOSTILE), ("first_name", HOSTILE), ("phone", HOSTILE)), ())
    yield "landing", landing(lang, declaration=form, description=HOSTILE, typed=typed)
    yield "sent", views.SentView(frame(lang), HOSTILE, "/x/sent", HOSTILE, HOSTILE)
    yield "confirm", views.ConfirmView(frame(lang), HOSTILE, "white-paper", "/c", NOW, (question,))
    yield (
        "confirmed",
        views.ConfirmedView(
            frame(lang), HOSTILE, "white-paper", (views.Granted(question, NOW),), (), "/d", HOSTILE, 1
        ),
    )
