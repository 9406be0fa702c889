"""A sample of every mail that optin sends for any kind of magnet, in each of its states (M4, M10, W3)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from optin.bases.all_bases import BASES
from optin.consent.channel import MAILBOX, declared_addresses
from optin.consent.signed_links import SAMPLE_TOKEN
from optin.flows.delivery.mail_order import BasisNotice, NamedPerson, NoticeLine, StaffDigest
from optin.flows.request_policy import LetterText
from optin.theme import mail_views, views
from optin.theme.samples import (
    AT,
    CONSENT_ENDS,
    HOLDS,
    LINK_ENDS,
    NUMBER,
    QUESTIONS,
    REQUIRED,
    SampleLinks,
    SampleMail,
    about,
    delivery,
)

CODE = "1234 5678"
KEPT = tuple(it.field for it in (MAILBOX, *declared_addresses()))
ABOUT = "Here stands what your colleague wrote."
_PLACE = "Here stands what you write in letters/LANG/NAME.md."
LETTER = LetterText("The subject of your letter", _PLACE, f"<p>{_PLACE}</p>", _PLACE)


def magnet_mails(of: views.LandingView) -> Iterator[SampleMail]:
    """Yield the mails about a request by a form."""
    links, questions = SampleLinks(of), of.declaration.questions
    first = mail_views.ConfirmationMail(
        **about(of), questions=questions, confirm_url=links.confirm, code=CODE, expires_at=LINK_ENDS
    )
    to_confirm = (links.confirm,)
    yield SampleMail("", first, to_confirm)
    if any(not question.channel.by_mail for question in questions):
        yield SampleMail("with a number", replace(first, number=NUMBER), to_confirm)
    yield SampleMail("nothing ticked", replace(first, questions=()), to_confirm)
    full = delivery(of)
    found = () if full.download_url is None else (links.download,)
    yield SampleMail("", full, (*found, links.withdraw))
    plain = replace(full, granted=(), first_name="", cover=None, next_step=None)
    yield SampleMail("nothing ticked", plain, found)
    bare = replace(plain, download_url=None, download_until=None, hands_out=False, proof_attached=False)
    yield SampleMail("a consent given anew", replace(bare, granted=full.granted), (links.withdraw,))
    yield SampleMail("without its proof", replace(bare, hands_out=True), ())
    renewal = mail_views.RenewalMail(
        **about(of),
        questions=questions[:1],
        ends_at=CONSENT_ENDS,
        confirm_url=links.confirm,
        expires_at=LINK_ENDS,
    )
    yield SampleMail("a consent ends soon", renewal, to_confirm)
    yield SampleMail("a consent from elsewhere", replace(renewal, ends_at=None, attested=True), to_confirm)
    yield SampleMail("a consent wanted back", replace(renewal, ends_at=None, number=NUMBER), to_confirm)


def site_mails(of: views.LandingView) -> Iterator[SampleMail]:
    """Yield the mails about a person, whatever they asked for."""
    frame, links = of.frame, SampleLinks(of)
    privacy = f"{frame.base_url}/privacy"
    facts = (frame.lang, frame.controller, frame.base_url)
    yield SampleMail(
        "", mail_views.PersonalMail(*facts, links.personal, LINK_ENDS, privacy), (links.personal,)
    )
    for part in BASES.values():
        if part.tells_person:
            notice = BasisNotice(part.name, part.article, ABOUT, AT, CONSENT_ENDS, KEPT)
            mail = mail_views.BasisMail(*facts, notice, privacy)
            yield SampleMail("put on file", mail)
            yield SampleMail("kept longer", replace(mail, notice=replace(notice, extended=True)))
    line = NoticeLine(of.declaration.title, f"{frame.base_url}/{of.declaration.magnet}", 3, 2)
    yield SampleMail("", mail_views.StaffMail(*facts, StaffDigest((line,), CONSENT_ENDS), privacy))
    person = NamedPerson("alice@example.com", "Alice", ("tips-email",))
    named = StaffDigest((replace(line, people=(person,)),), CONSENT_ENDS, why="So that we call back.")
    yield SampleMail("with names", mail_views.StaffMail(*facts, named, privacy))
    waiting = StaffDigest((), CONSENT_ENDS, ("Mails that were given up: 3. See: optin mail retry --dry-run",))
    yield SampleMail("something waits", mail_views.StaffMail(*facts, waiting, privacy))
    sign_in = f"{frame.base_url}/desk/sign-in/{SAMPLE_TOKEN}"
    yield SampleMail("", mail_views.SignInMail(*facts, sign_in, LINK_ENDS, privacy), (sign_in,))
    yield SampleMail("a test", mail_views.StaffMail(*facts, None, privacy))
    yield SampleMail("a sample", letter(of), (links.withdraw,))
    yield SampleMail("", mail_views.ErasedMail(*facts, (), privacy))
    yield SampleMail("a law keeps something", mail_views.ErasedMail(*facts, HOLDS, privacy, REQUIRED))


def letter(of: views.LandingView) -> mail_views.LetterMail:
    """Return a sample letter of the purpose that a form asks first."""
    form, frame = of.declaration, of.frame
    return mail_views.LetterMail(
        lang=frame.lang,
        controller=form.controller,
        title=form.title,
        base_url=frame.base_url,
        privacy_url=f"{frame.base_url}{frame.privacy_url}",
        letter=LETTER,
        question=(*form.questions, *QUESTIONS)[0],
        given_at=AT,
        unsubscribe_url=SampleLinks(of).withdraw,
    )
