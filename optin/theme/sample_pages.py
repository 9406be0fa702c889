"""A sample of every page that optin has for any kind of magnet, in each of its states (M4, M10, W3)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from optin.consent.channel import address_at
from optin.consent.posted_form import FieldProblem, FormInput
from optin.consent.purpose import ConsentQuestion
from optin.consent.signed_links import SAMPLE_TOKEN
from optin.flows.request_policy import NextStep
from optin.theme import dev_views, evidence_views, views
from optin.theme.catalogue import catalogue
from optin.theme.embedded_views import embedded_views, start_elsewhere
from optin.theme.samples import (
    A_KIND,
    ADDRESS,
    AFTER,
    ASKED,
    AT,
    FIELDS,
    HOLDS,
    LINK_ENDS,
    NEXT,
    NUMBER,
    PERSONAL,
    REQUIRED,
    Sample,
    SampleLinks,
    confirmed,
    cover,
    personal_data,
    personal_view,
)

MISTYPED = "alice@exmaple.com"
CONFIRM_PATH = f"/confirm/{SAMPLE_TOKEN}"
FORM, CLOSED, SENT, CONFIRM = "Form", "Closed", "Sent", "Confirm"
EXPIRED, WITHDRAW, ERASE = "Expired link", "Withdrawal", "Erasure"
INDEX, PRIVACY, ERROR, ASK_LINK = "List of magnets", "Privacy statement", "Error", "Ask for a personal link"


def magnet_pages(
    of: views.LandingView,
    forms: Sequence[views.LandingView] = (),
    next_step: NextStep | None = NEXT,
    others: Sequence[views.Card] = (),
) -> Iterator[Sample]:
    """Yield the pages of a magnet. `forms`: its pages with a form, if it has others than `of`.

    `next_step`: after the confirmation; `others`: magnets that are offered where its form is closed.
    """
    for form in forms or (of,):
        yield from form_samples(form)
    yield from elsewhere_pages(of)
    own = f"/{of.declaration.magnet}"
    yield from closed_pages(of, tuple(card for card in others if card.url != own))
    yield from later_pages(of, next_step)


def form_samples(blank: views.LandingView) -> Iterator[Sample]:
    """Yield a page with a form, and its return."""
    form, name = blank.declaration, FORM
    if form.form_name:
        name = f"{FORM} {form.form_name}"
    yield Sample(name, "", blank)
    numbers = tuple(it.purpose for it in form.questions if not it.channel.by_mail)
    typed = FormInput((("email", "alice"), *((field.name, "") for field in form.fields)), numbers)
    wrong = replace(blank, typed=typed, problems=tuple(problems_of(blank)))
    yield Sample(name, "with errors", wrong)
    filled = tuple((field.name, FIELDS.get(field.name, "")) for field in form.fields)
    right = FormInput((("email", MISTYPED), *filled), tuple(it.purpose for it in form.questions))
    doubted = (FieldProblem("email", "email-doubted"),)
    understood = (
        ("email", MISTYPED),
        *((name, value) for name, value in filled if address_at(name) and value),
    )
    asked = replace(blank, typed=right, problems=doubted, meant=ADDRESS, understood=understood)
    yield Sample(name, "an address that looks misspelt", asked)
    if numbers:
        revealed = FormInput((("email", ADDRESS), *filled), numbers)
        yield Sample(name, "ticked, the number shows", replace(blank, typed=revealed))
    yield Sample(name, "changed meanwhile", replace(blank, typed=right, changed=True))
    yield Sample(name, "too many mails", replace(blank, typed=right, wait_seconds=90))
    if not blank.alternates:
        own = blank.frame.lang
        other = "nl" if own == "en" else "en"
        both = tuple(views.Alternate(it, catalogue(it)["language"], f"/{it}") for it in (own, other))
        yield Sample(name, "in two languages", replace(blank, alternates=both))


def problems_of(blank: views.LandingView) -> Iterator[FieldProblem]:
    """Yield what can be wrong with what somebody typed in a form."""
    form = blank.declaration
    yield FieldProblem("email", "email-invalid")
    for field in form.fields:
        if address_at(field.name):
            yield FieldProblem(field.name, f"{field.name}-missing")
        elif field.required and field.name not in blank.filled_in:
            yield FieldProblem(field.name, "missing")
    if form.questions:
        yield FieldProblem("consent", "consent-missing")


def elsewhere_pages(of: views.LandingView) -> Iterator[Sample]:
    """Yield a form as other sites show it: in a frame, and as HTML of their own page (W6, W7)."""
    name = "On another site"
    for state, (_, view) in zip(("in a frame", "as HTML"), embedded_views((of,)), strict=True):
        yield Sample(name, state, view)
    yield Sample(name, "a link to its first page", start_elsewhere(of))


def closed_pages(of: views.LandingView, others: tuple[views.Card, ...]) -> Iterator[Sample]:
    """Yield a magnet's page while its form is not open."""
    frame, blank = of.frame, replace(of, form_key="")
    yield Sample("Waiting", "", views.WaitingView(frame, blank, LINK_ENDS, others))
    yield Sample("Waiting", "with nothing else", views.WaitingView(frame, blank, LINK_ENDS))
    yield Sample(CLOSED, "by its kind", views.ClosedView(frame, blank, others))
    yield Sample(CLOSED, "by its author", views.ClosedView(frame, blank, others, by_kind=False))
    yield Sample("Archived", "", views.ClosedView(frame, blank, others, by_kind=False, is_archived=True))
    yield Sample("Moved", "", views.MovedView(frame, of.declaration.title, f"/{of.declaration.magnet}"))


def later_pages(of: views.LandingView, next_step: NextStep | None) -> Iterator[Sample]:
    """Yield the pages between a form and what it is for."""
    frame, form = of.frame, of.declaration
    for problem, state in (("", ""), ("code-missing", "no code"), ("code-wrong", "a wrong code")):
        sent = views.SentView(frame, form.title, f"/{form.magnet}/sent", SAMPLE_TOKEN, ADDRESS, problem)
        sent = replace(sent, email=ADDRESS, form_url=of.page_url, cover=cover(of))
        yield Sample(SENT, state, sent)
    yield Sample(SENT, "sent again, with a number", replace(sent, problem="", resent=True, number=NUMBER))
    yield Sample(SENT, "nobody's address known", replace(sent, problem="", email="", form_url=""))
    confirm = views.ConfirmView(frame, form.title, form.kind, CONFIRM_PATH, ASKED, form.questions)
    confirm = replace(confirm, cover=cover(of))
    yield Sample(CONFIRM, "", confirm)
    yield Sample(CONFIRM, "nothing ticked", replace(confirm, questions=()))
    elsewhere = replace(confirm, number=NUMBER, leads_to="www.example.com")
    yield Sample(CONFIRM, "with a number, and a page of thanks", elsewhere)
    done = confirmed(of)
    if form.file:
        done = replace(done, download_url=SampleLinks(of).download, file_name=form.file, file_bytes=2_100_000)
        yield Sample(AFTER, "the download starts", replace(done, starts=True, next_step=next_step))
    yield Sample(AFTER, "with the next step", replace(done, next_step=next_step))
    yield Sample(
        AFTER, "some withdrawn since", replace(done, granted=done.granted[:1], lapsed=form.questions)
    )
    yield Sample(AFTER, "nothing ticked", replace(done, granted=()))
    yield Sample(AFTER, "nothing to hand over", replace(done, granted=(), download_url=None, cover=None))
    for resent, state in ((False, ""), (True, "sent again")):
        expired = views.ExpiredView(frame, form.title, CONFIRM_PATH, resent=resent, cover=cover(of))
        yield Sample(EXPIRED, state, expired)


def site_pages(of: views.LandingView) -> Iterator[Sample]:
    """Yield the pages that belong to no magnet; what people gave is what the form of `of` asks."""
    frame = of.frame
    yield from withdrawal_pages(frame, of.declaration.questions)
    yield from personal_pages(of)
    for resent, state in ((False, "to a personal page"), (True, "to a personal page, sent again")):
        yield Sample(EXPIRED, state, views.ExpiredView(frame, "", f"/me/{SAMPLE_TOKEN}", resent=resent))
    for name in ("internal", "unknown", "link-expired", "too-many"):
        yield Sample(ERROR, name.replace("-", " "), views.ErrorView(frame, name))
    yield Sample(ERROR, "too many, until when", views.ErrorView(frame, "too-many", 90))
    yield from _proofs(of)


def withdrawal_pages(frame: views.Frame, questions: tuple[ConsentQuestion, ...]) -> Iterator[Sample]:
    """Yield the pages behind the link in each mail."""
    asked = views.UnsubscribeView(frame, f"/unsubscribe/{SAMPLE_TOKEN}", questions)
    yield Sample(WITHDRAW, "", asked)
    yield Sample(WITHDRAW, "done", replace(asked, done=True, more=True))
    yield Sample(WITHDRAW, "no advertising at all", replace(asked, done=True, objected=True))
    yield Sample(WITHDRAW, "nothing left", replace(asked, questions=(), erased=True))


def personal_pages(of: views.LandingView) -> Iterator[Sample]:
    """Yield the pages on which people inspect, correct and erase."""
    frame = of.frame
    ask = views.PersonalAskView(frame, "/me", ADDRESS)
    yield Sample(ASK_LINK, "", ask)
    yield Sample(ASK_LINK, "no address", replace(ask, email="alice", problem="email-invalid"))
    doubted = replace(ask, email=MISTYPED, problem="email-doubted", meant=ADDRESS)
    yield Sample(ASK_LINK, "an address that looks misspelt", doubted)
    yield Sample(ASK_LINK, "sent", replace(ask, sent=True))
    data = personal_data(of)
    whole = personal_view(of, data)
    yield Sample(PERSONAL, "", whole)
    for done in ("withdrawn", "objected", "given", "corrected", "unchanged", "limited"):
        yield Sample(PERSONAL, done, replace(whole, done=done))
    for name in filter(address_at, data.contact):
        wrong = replace(whole, problems=(FieldProblem(name, f"{name}-invalid"),), typed=((name, "1"),))
        yield Sample(PERSONAL, "with errors", wrong)
    yield Sample(PERSONAL, "as a file", replace(whole, stands_alone=True))
    nothing = replace(
        data, contact={}, consents=(), requests=(), mails=(), exports=(), handled=(), events=(), holds=(),
        suppressions=(), rights_requests=(), objections=(), bases=(),
    )  # fmt: skip
    yield Sample(PERSONAL, "erased", replace(whole, data=nothing, done="erased"))
    wrote = replace(nothing, rights_requests=data.rights_requests)
    yield Sample(PERSONAL, "who only wrote a letter", replace(whole, data=wrote))
    required = replace(nothing, bases=tuple(it for it in data.bases if it.required))
    yield Sample(
        PERSONAL, "erased, but for what a law requires", replace(whole, data=required, done="erased")
    )
    on_file = replace(nothing, bases=data.bases)
    yield Sample(PERSONAL, "put on file by your staff", replace(whole, data=on_file))
    yield Sample(ERASE, "", views.EraseView(frame, f"/me/{SAMPLE_TOKEN}", (), ()))
    lost = views.EraseView(frame, f"/me/{SAMPLE_TOKEN}", ("A warranty ends.",), HOLDS, REQUIRED)
    yield Sample(ERASE, "with consequences", lost)


def _proofs(of: views.LandingView) -> Iterator[Sample]:
    """Yield the readable page of an evidence bundle."""
    form = of.declaration
    story = evidence_views.EvidenceRequest(
        form=form,
        form_version="d" * 64,
        declared=(("email", ADDRESS),),
        consents=tuple(evidence_views.EvidenceConsent(it, "given", AT, AT, AT) for it in form.questions),
        events=tuple(
            evidence_views.EvidenceEvent(AT, "confirmed", it.wording, "event.json") for it in form.questions
        ),
        mails=("mails/mail.eml",),
        page_html="page.html",
    )
    told = evidence_views.EvidenceView(of.frame, ADDRESS, AT, (story,), "checkpoint", "key")
    yield Sample("Evidence", "", told)
    copies = replace(told, stories=(replace(story, page_html=""),), copies=("view/mail-mail.html",))
    yield Sample("Evidence", "with copies", copies)


def list_pages(index: views.IndexView, privacy: Sequence[views.PrivacyView]) -> Iterator[Sample]:
    """Yield the list of magnets, and the privacy statement in each of its languages."""
    yield Sample(INDEX, "", index)
    yield Sample(INDEX, "empty", replace(index, cards=()))
    for statement in privacy:
        yield Sample(PRIVACY, statement.frame.lang, statement)


def sample_lists(frame: views.Frame) -> Iterator[Sample]:
    """Yield a list of two plain magnets, and a privacy statement of one sentence."""
    plain = views.Card("/a", A_KIND, frame.lang, "Title", "Sentence.")
    cover = views.Picture("/static/a.png", "A line", 40, 20)
    other = replace(plain, language="English", picture=cover, kind_words="List")
    statement = views.PrivacyView(frame, "Title", "<p>Text.</p>")
    yield from list_pages(
        views.IndexView(frame, (plain, other)), (statement, replace(statement, day=AT.date()))
    )


def dev_pages(frame: views.Frame) -> Iterator[Any]:
    """Yield a view of each page of `optin dev`, which visitors never see."""
    yield dev_views.BrokenView(frame, (("a.md:1:1", "Message.", "Cure."),))
    yield dev_views.MailboxView(frame, (("a.eml", "Subject", ADDRESS, "date"),))
    yield dev_views.MailView(frame, "a.eml", "Subject", (("To", "a"),), "Text.", (("a.txt", "Text."),))
