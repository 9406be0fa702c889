"""One person: may we, how do we know, what happened; and the pages and mails exactly as they were (K4)."""

from __future__ import annotations

import asyncio
import email
import email.policy
import json
from dataclasses import dataclass, field
from datetime import datetime
from email.message import EmailMessage
from typing import Any, ClassVar

from starlette.responses import Response

from optin.consent.email_and_telephone import EmailAddress
from optin.consent.plain_text import whole_number
from optin.consent.signed_links import without_tokens
from optin.desk.desk_route import DESK, DeskRoute, StaffVisit
from optin.desk.page_roles import OFFICERS
from optin.desk.people.timeline import MOST_LINES, TimelineLine, timeline
from optin.desk.people.visit import (
    PersonPage,
    about_person,
    get_reason,
    nobody,
    opened,
    post_reason,
)
from optin.flows.rights.personal_data import PersonalBasis, PersonalConsent, PersonalRequest
from optin.flows.staff.person_file import ConsentProof, MailAsSent, is_evidenced, mail_at, page_of
from optin.flows.staff.person_visits import keep_note
from optin.flows.staff.trail import ActKind
from optin.services.verify_person import verify_person
from optin.web.security_headers import CONTENT_POLICY, NO_STORE

VERIFIED = "verified"  # the note of a session
DONE = frozenset({"withdrawn", "held", "corrected", "unchanged", "objected", "verified"})
# exactly the stored bytes, in a frame of our page: no script, no form, nothing from elsewhere, no way out
AS_SHOWN_POLICY = (
    "sandbox allow-same-origin; default-src 'none'; style-src 'self' 'unsafe-inline'; img-src 'self' data:;"
    " font-src 'self' data:; form-action 'none'; base-uri 'none'; frame-ancestors 'self'"
)
MOST_SENTENCES = 3  # of what does not hold, kept with a session


@dataclass(frozen=True)
class Verification:
    """What was found when a person's evidence was verified in this session."""

    at: datetime
    held: int
    checks: int
    checkpoint: int
    faults: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """Whether every check holds."""
        return bool(self.checks) and self.held == self.checks


@dataclass(frozen=True)
class PersonView(PersonPage):
    """The page of a person. `lines`: the newest of what happened; `older`: how many more there are."""

    lines: tuple[TimelineLine, ...]
    older: int
    shown_at: datetime
    verified: Verification | None = None
    done: str = ""
    template: ClassVar[str] = "desk/people/person.html"

    @property
    def without_box(self) -> tuple[PersonalRequest, ...]:
        """Sign-ups in which no box was ticked: nobody may be approached by them."""
        return tuple(it for it in self.person.data.requests if not it.ticked)

    @property
    def unconfirmed(self) -> tuple[PersonalRequest, ...]:
        """Sign-ups with a ticked box that nobody confirmed: no consent."""
        return tuple(it for it in self.person.data.requests if it.ticked and it.confirmed_at is None)

    @property
    def consents(self) -> tuple[PersonalConsent, ...]:
        """The consents, those that hold first."""
        return tuple(sorted(self.person.data.consents, key=lambda it: (it.status != "given", it.purpose)))

    def proof(self, consent: PersonalConsent) -> ConsentProof | None:
        """Return what shows a consent."""
        return self.person.proof_of(consent.purpose, consent.channel)

    def standing(self, consent: PersonalConsent) -> str:
        """Return how a consent stands, as one word of the desk."""
        if consent.status == "given":
            proof = self.proof(consent)
            return "proven" if proof is not None and not proof.unproven else "unusable"
        return {"pending": "unconfirmed", "withdrawn": "withdrawn"}.get(consent.status, "ended")

    def standing_of(self, basis: PersonalBasis) -> str:
        """Return how an entry of the register stands."""
        if basis.until is not None and basis.until <= self.shown_at:
            return "ended"
        return "evidenced" if is_evidenced(basis) else "attested"

    def given_to(self, consent: PersonalConsent) -> tuple[tuple[str, datetime, int], ...]:
        """Return the processors that got a consent: name, when, number of the export (0: by webhook)."""
        return tuple(
            (self.processors.get(it.processor, it.processor), it.at, it.number)
            for it in self.person.data.exports
            if (it.purpose, it.channel) == (consent.purpose, consent.channel)
        )


@dataclass(frozen=True)
class FrameView(PersonPage):
    """A page or a mail in a frame: `source` is its address. `mail`: headers and the plain text of a mail."""

    source: str
    digest: str = ""
    mail: MailAsSent | None = None
    headers: tuple[tuple[str, str], ...] = ()
    text: str = field(default="", repr=False)
    attachments: tuple[str, ...] = ()
    template: ClassVar[str] = "desk/people/frame.html"


@dataclass(frozen=True)
class MailsView(PersonPage):
    """Every mail to a person, as sent."""

    template: ClassVar[str] = "desk/people/mails.html"


def verification_of(page: PersonPage, notes: dict[str, str]) -> Verification | None:
    """Return what was verified in this session, if it was of this person."""
    told: dict[str, Any] = json.loads(notes.get(VERIFIED, "{}"))
    if told.get("person") != page.person.index.hex():
        return None
    return Verification(
        datetime.fromisoformat(told["at"]),
        told["held"],
        told["checks"],
        told["checkpoint"],
        tuple(told["faults"]),
    )


@about_person
async def get_person(visit: StaffVisit, page: PersonPage) -> Response:
    """Show a person, when the visit has a reason."""
    lines = timeline(page.person)
    done = visit.request.query_params.get("done", "")
    return visit.page(
        PersonView(
            *page.parts,
            tuple(lines[:MOST_LINES]),
            max(0, len(lines) - MOST_LINES),
            visit.now,
            verification_of(page, visit.session.notes),
            done if done in DONE else "",
        )
    )


@about_person
async def post_verify(visit: StaffVisit, page: PersonPage) -> Response:
    """Verify the evidence of a person now, in a thread; the result stays with the session."""
    app_context, person = visit.app_context, page.person
    found = await asyncio.to_thread(
        verify_person, app_context.edition, app_context.installation, EmailAddress(person.data.email)
    )
    told = {
        "person": person.index.hex(),
        "at": visit.now.isoformat(),
        "held": found.held,
        "checks": len(found.lines),
        "checkpoint": found.checkpoint,
        "faults": found.faults[:MOST_SENTENCES],
    }
    facts = {"held": found.held, "checks": len(found.lines), "checkpoint": found.checkpoint}
    await visit.act(
        visit.doing(ActKind.VERIFIED, person.index, page.reason.why, facts),
        keep_note,
        session=visit.session,
        name=VERIFIED,
        text=json.dumps(told),
    )
    return visit.back(f"/people/{person.number}?done=verified")


@about_person
async def get_page(visit: StaffVisit, page: PersonPage) -> Response:
    """Show a page as this person saw it, in a frame that can send nothing."""
    digest = str(visit.request.path_params["digest"])
    if await visit.view(page_of, index=page.person.index, digest=digest) is None:
        return nobody(visit)
    source = f"{DESK}/people/{page.person.number}/pages/{digest}/as-shown"
    return visit.page(_in_frame(page, source, digest=digest))


@about_person
async def get_page_as_shown(visit: StaffVisit, page: PersonPage) -> Response:
    """Answer with exactly the stored bytes of a page, for the frame."""
    digest = str(visit.request.path_params["digest"])
    data = await visit.view(page_of, index=page.person.index, digest=digest)
    return nobody(visit) if data is None else _as_stored(data)


@about_person
async def get_mails(visit: StaffVisit, page: PersonPage) -> Response:
    """List the mails to a person."""
    return visit.page(MailsView(*page.parts))


async def get_mail(visit: StaffVisit) -> Response:
    """Show a mail as it was sent, in a frame that can send nothing."""
    found = await _mail(visit)
    if isinstance(found, Response):
        return found
    page, mail, told = found
    if mail.unused:
        return visit.page(_in_frame(page, "", mail=mail))
    plain = told.get_body(("plain",))
    headers = tuple(
        (name, str(told[name])) for name in ("From", "To", "Date", "Subject", "Message-ID") if told[name]
    )
    source = f"{DESK}/people/{page.person.number}/mails/{mail.place}/as-sent"
    return visit.page(
        _in_frame(
            page,
            source if told.get_body(("html",)) is not None else "",
            mail=mail,
            headers=headers,
            text="" if plain is None else without_tokens(str(plain.get_content())),
            attachments=tuple(it.get_filename() or it.get_content_type() for it in told.iter_attachments()),
        )
    )


async def get_mail_as_sent(visit: StaffVisit) -> Response:
    """Answer with the HTML of a mail as it was sent, for the frame."""
    found = await _mail(visit)
    if isinstance(found, Response):
        return found
    html = None if found[1].unused else found[2].get_body(("html",))
    return nobody(visit) if html is None else _as_stored(without_tokens(str(html.get_content())).encode())


async def _mail(visit: StaffVisit) -> tuple[PersonPage, MailAsSent, EmailMessage] | Response:
    page = await opened(visit)
    if isinstance(page, Response):
        return page
    place = whole_number(str(visit.request.path_params["place"])) or 0
    found = await visit.view(mail_at, index=page.person.index, place=place)
    if found is None:
        return nobody(visit)
    return page, found[0], email.message_from_bytes(found[1], policy=email.policy.default)


def _in_frame(page: PersonPage, source: str, **more: Any) -> FrameView:
    return FrameView(*page.parts, source, **more)


def _as_stored(data: bytes) -> Response:
    headers = {CONTENT_POLICY: AS_SHOWN_POLICY, "x-frame-options": "SAMEORIGIN", "cache-control": NO_STORE}
    return Response(data, media_type="text/html; charset=utf-8", headers=headers)


ROUTES = (
    DeskRoute("/people/{number}", get_person, OFFICERS),
    DeskRoute("/people/{number}/reason", get_reason, OFFICERS),
    DeskRoute("/people/{number}/reason", post_reason, OFFICERS, "POST"),
    DeskRoute("/people/{number}/verify", post_verify, OFFICERS, "POST"),
    DeskRoute("/people/{number}/pages/{digest}", get_page, OFFICERS),
    DeskRoute("/people/{number}/pages/{digest}/as-shown", get_page_as_shown, OFFICERS),
    DeskRoute("/people/{number}/mails", get_mails, OFFICERS),
    DeskRoute("/people/{number}/mails/{place}", get_mail, OFFICERS),
    DeskRoute("/people/{number}/mails/{place}/as-sent", get_mail_as_sent, OFFICERS),
)
