"""Erase a person, hand out the evidence, print the statement for an authority."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any, ClassVar

from starlette.responses import Response

from optin.bases.obligation import RequiredDocument
from optin.consent.email_and_telephone import EmailAddress
from optin.desk.desk_route import DeskRoute, StaffVisit
from optin.desk.page_roles import OFFICERS
from optin.desk.people.acts import ActView, act_page, handling_of
from optin.desk.people.person import PersonView
from optin.desk.people.visit import PersonPage, about_person
from optin.flows.evidence.live_links import refuse_live_confirmation
from optin.flows.rights.officer_requests import erase_on_request
from optin.flows.staff.trail import ActKind, note_act_on_person
from optin.services.personal_data_display import erase_view
from optin.services.verify_person import VerifiedPerson, verify_person
from optin.theme.views import LegalHoldView

DIGITS = 4  # of a fingerprint, in a group


@dataclass(frozen=True)
class Told:
    """A processor that got the person's data. `by_itself`: it is told of the erasure by webhook."""

    name: str
    exports: tuple[int, ...]
    by_itself: bool


@dataclass(frozen=True)
class EraseView(ActView):
    """What is lost, what stays and why, who else is told; then the button."""

    consequences: tuple[str, ...] = ()
    holds: tuple[LegalHoldView, ...] = ()
    required: tuple[RequiredDocument, ...] = ()
    told: tuple[Told, ...] = ()
    template: ClassVar[str] = "desk/people/erase.html"


@dataclass(frozen=True)
class EvidenceView(PersonPage):
    """The page from which the bundle of evidence is taken."""

    template: ClassVar[str] = "desk/people/evidence.html"


@dataclass(frozen=True)
class PaperView(PersonView):
    """A statement for an authority, to be printed. `checked`: what was verified when it was made."""

    checked: VerifiedPerson | None = field(default=None, repr=False)
    printed_by: str = ""
    template: ClassVar[str] = "desk/people/paper.html"

    @property
    def fingerprint(self) -> str:
        """The digest of the bundle in groups."""
        digest = "" if self.checked is None else self.checked.digest
        return " ".join(digest[at : at + DIGITS] for at in range(0, len(digest), DIGITS))


@about_person
async def get_erase(visit: StaffVisit, page: PersonPage) -> Response:
    """Say what is lost, what stays, and who else is told."""
    return visit.page(_erase_page(visit, page))


def _erase_page(visit: StaffVisit, page: PersonPage) -> EraseView:
    known = erase_view(visit.app_context.edition, page.person.data, visit.lang)
    view = act_page(page, "erase")
    webhooks = visit.app_context.installation.policy.webhooks
    exports: dict[str, list[int]] = {}
    for export in page.person.data.exports:
        exports.setdefault(export.processor, []).extend([export.number] if export.number else [])
    return EraseView(
        *page.parts,
        "erase",
        view.requests,
        consequences=known.consequences,
        holds=known.holds,
        required=known.required,
        told=tuple(
            Told(page.processors.get(name, name), tuple(dict.fromkeys(numbers)), name in webhooks)
            for name, numbers in exports.items()
        ),
    )


@about_person
async def post_erase(visit: StaffVisit, page: PersonPage) -> Response:
    """Erase everything that may be, now. The number of the person is gone with it."""
    person = page.person
    gone = await visit.act(
        visit.doing(ActKind.ERASED_PERSON, person.index),  # a reason may name somebody, who is gone now
        erase_on_request,
        handling=handling_of(visit, page),
        lang=person.data.lang or visit.lang,
        now=visit.now,
    )
    await visit.app_context.note_ending(erased=gone is not None)
    visit.app_context.installation.wake_courier()
    return visit.back(f"/people?done={'nothing-left' if gone is None else 'erased'}")


@about_person
async def get_evidence(visit: StaffVisit, page: PersonPage) -> Response:
    """Say what the bundle is, before it is taken."""
    return visit.page(EvidenceView(*page.parts))


@about_person
async def post_evidence(visit: StaffVisit, page: PersonPage) -> Response:
    """Hand out the bundle of evidence, as `optin evidence` makes it."""
    found = await _verified(visit, page)
    await visit.view(refuse_live_confirmation, EmailAddress(page.person.data.email), visit.now)
    facts: dict[str, Any] = {"sha256": found.digest}
    doing = visit.doing(ActKind.TOOK_EVIDENCE, page.person.index, page.reason.why, facts)
    await visit.app_context.run(note_act_on_person, doing, visit.now)
    name = f"evidence-{page.person.number}.zip"
    return visit.download(found.bundle, "application/zip", name)


async def _verified(visit: StaffVisit, page: PersonPage) -> VerifiedPerson:
    """Make and verify the bundle in a thread. Raises RequestRefused when there is no evidence."""
    app_context = visit.app_context
    address = EmailAddress(page.person.data.email)
    return await asyncio.to_thread(verify_person, app_context.edition, app_context.installation, address)


@about_person
async def get_paper(visit: StaffVisit, page: PersonPage) -> Response:
    """Print the statement for an authority, with what was checked when it was made."""
    found = await _verified(visit, page)
    doing = visit.doing(ActKind.PRINTED, page.person.index, page.reason.why)
    await visit.app_context.run(note_act_on_person, doing, visit.now)
    return visit.page(
        PaperView(
            *page.parts,
            (),
            0,
            visit.now,
            checked=found,
            printed_by=visit.session.account.name,
        )
    )


ROUTES = (
    DeskRoute("/people/{number}/erase", get_erase, OFFICERS, again=True),
    DeskRoute("/people/{number}/erase", post_erase, OFFICERS, "POST", again=True),
    DeskRoute("/people/{number}/evidence", get_evidence, OFFICERS, again=True),
    DeskRoute("/people/{number}/evidence", post_evidence, OFFICERS, "POST", again=True),
    DeskRoute("/people/{number}/paper", get_paper, OFFICERS, again=True),
)
