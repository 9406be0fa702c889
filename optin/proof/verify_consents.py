"""Check the consents in a bundle: each follows from its events, in the words of the shown form."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import PurePosixPath

from optin.consent.consent_history import ConsentHistory, History, LoggedEvent
from optin.consent.email_and_telephone import EmailAddress, address_key
from optin.consent.event_content import Event, rfc3339
from optin.consent.form_version import IN_FRAME, IN_HTML, FormDeclaration, shows
from optin.consent.purpose import ConsentKey
from optin.consent.status_transitions import EventKind, Status, TransitionRefused
from optin.proof.bundle_report import Report, RequestReport
from optin.proof.canonical_json import parse

Cases = Mapping[str, RequestReport]  # by the commitment that their events name


def check_order(cases: Cases, events: Sequence[LoggedEvent], say: Callable[..., None]) -> None:
    """Check that each request asks and confirms each box once, at the declared time."""
    for event in History(events).repeated:
        say(f"{event.purpose} was {event.kind} twice by one request", held=False)
    for event in History(events).of(EventKind.REQUESTED, EventKind.CONFIRMED):
        case = cases.get(event.commitment)
        declared = {} if case is None else parse(case.declaration)
        if event.kind is EventKind.REQUESTED and declared.get("at") != rfc3339(event.at):
            say(f"what was declared is of another moment than {rfc3339(event.at)}", held=False)
        if declared.get("form") != event.form:
            say("what was declared names another form than its event", held=False)


def consent_summaries(
    files: dict[str, bytes], cases: Cases, events: Sequence[LoggedEvent], now: datetime, report: Report
) -> None:
    """Report the status and the wording of each consent of each person."""
    people: dict[str, list[LoggedEvent]] = {}
    for logged in events:
        people.setdefault(_who(cases, logged.event), []).append(logged)
    for who in sorted(people):
        for consent in History(people[who]).consents.values():
            _tell_consent(files, cases, (who, consent), now, report)


def _tell_consent(
    files: dict[str, bytes], cases: Cases, told: tuple[str, ConsentHistory], now: datetime, report: Report
) -> None:
    who, consent = told
    key, confirmed = consent.key, consent.confirmations
    try:
        record = consent.record
    except TransitionRefused:
        report.say(f"the events of {who} for {key} cannot follow like this", held=False)
        return
    for event in confirmed:
        _tell_confirmation(files, cases, report, event, key)
    if record.status is not None and record.since is not None:
        until = _until(files, confirmed[-1]) if record.status is Status.GIVEN else None
        report.say(
            f"{who}, {key}: {_STATUS[record.status]} since {rfc3339(record.since)}"
            + ("" if until is None else f", until {rfc3339(until)}")
            + (" — that is past: OVER" if until is not None and until <= now else "")
        )
    address = key.channel.address
    if address.declared and confirmed:
        report.limits.append(
            f"that the {address.noun} is the person's: it was declared on the form, and confirmed"
            f" through the mailbox; nobody verified the {address.noun}"
        )


def _until(files: dict[str, bytes], confirmed: Event) -> datetime | None:
    """Return when a consent expires by the retention that its form promised."""
    form = _form(files, confirmed.form)
    question = None if form is None else form.question(confirmed.purpose or "")
    return None if question is None else question.retention.after(confirmed.at)


def _who(cases: Cases, event: Event) -> str:
    """Return the declared person of an event: one mailbox is one person, however it was typed."""
    case = cases.get(event.commitment)
    declared = None if case is None else parse(case.declaration).get("email")
    if not isinstance(declared, str):
        return "somebody"
    try:
        return address_key(EmailAddress(declared)).decode()
    except ValueError:  # whoever made the bundle can write anything there
        return f"somebody at {declared!a}"


_STATUS = {
    Status.PENDING: "asked, never confirmed: NO consent",
    Status.GIVEN: "consent GIVEN",
    Status.WITHDRAWN: "consent WITHDRAWN by the person",
    Status.REVOKED: "consent ended by the controller",
    Status.EXPIRED: "consent expired",
}


def _tell_confirmation(
    files: dict[str, bytes], cases: Cases, report: Report, event: Event, key: ConsentKey
) -> None:
    """Report the wording of a consent, or the contradiction in it."""
    case = cases.get(event.commitment)
    form = _form(files, event.form)
    question = None if form is None else form.question(key.purpose)
    if case is None or form is None or question is None or question.key != key:
        report.say(f"{key}: there is no form that asked this", held=False)
        return
    shown = shows(files.get(f"forms/{event.form}.html", b""), form, question)
    declared = parse(case.declaration)
    ticked, fields = declared.get("purposes"), declared.get("fields")
    if not shown or not isinstance(ticked, list) or key.purpose not in ticked:
        report.say(f"{key}: the page shows other words, or the box was not ticked", held=False)
        return
    address = key.channel.address
    given = address.own(fields) if isinstance(fields, dict) else ""
    through = declared.get("through")  # nobody ticked what the company asked by mail, or a page asked anew
    asked = f"was asked ({through!a})" if through else "ticked"
    report.say(
        f"{declared.get('email')} {asked} “{question.wording}” at {declared.get('at')}"
        f" and confirmed it through the mailbox at {rfc3339(event.at)}"
        + (f"; {address.noun} declared: {given}" if given else "")
    )


def unproven_surroundings(files: dict[str, bytes]) -> list[str]:
    """Return what is not proven of forms that other sites showed (W6, W7)."""
    shown_in = {
        form.shown_in
        for name in files
        if name.startswith("forms/") and name.endswith(".json")
        if (form := _form(files, PurePosixPath(name).stem)) is not None
    }
    around = "what stood around the frame in which another website showed the form"
    pasted = "that another website left the form unchanged in its page, and what stood around it"
    return [text for place, text in ((IN_FRAME, around), (IN_HTML, pasted)) if place in shown_in]


def _form(files: dict[str, bytes], form: str) -> FormDeclaration | None:
    try:
        return FormDeclaration.from_json(parse(files[f"forms/{form}.json"]))
    except (KeyError, TypeError, ValueError, AttributeError):
        return None
