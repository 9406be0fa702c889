"""Checks of the mail server, and of the headers that large receivers ask of our own mails."""

from __future__ import annotations

import asyncio
import secrets
import time
from dataclasses import replace
from email import message_from_bytes
from email.message import Message
from urllib.parse import urlsplit

from optin.consent.email_and_telephone import EmailAddress, as_mailed
from optin.consent.form_version import FormDeclaration, PrivacyDigest, Slug
from optin.consent.purpose import ConsentQuestion
from optin.consent.return_address import return_address
from optin.consent.signed_links import SAMPLE_TOKEN
from optin.errors import SetupRefused
from optin.flows.delivery.mail_order import LetterOrder, MailKind
from optin.flows.request_policy import LetterText
from optin.flows.returned_mails.doctors_mail import came_back, mailbox_of_doctor
from optin.mail.connection_pool import ServerUnusable
from optin.mail.dkim_signing import open_signer
from optin.mail.send_test_mail import TestResult, send_test_mail
from optin.mail.smtp_refusals import CURES
from optin.mail.smtp_session import SmtpAddress, close_session, open_session
from optin.mail.transport import FILE_PREFIX, smtp_address
from optin.services.doctor.examination import Examination
from optin.services.doctor.finding import Seen, failed, not_checked, passed
from optin.services.edition_composer import site_composer
from optin.settings.site import SiteSettings
from optin.site.model import Site
from optin.store.unreachable_addresses import ReturnedTest

ONE_CLICK = "List-Unsubscribe=One-Click"  # RFC 8058, 3.1
LIST_HEADERS = frozenset({"list-unsubscribe", "list-unsubscribe-post"})
TEST_ID_BYTES = 16
LOOK_SECONDS = 0.5
_TRIAL = LetterText(subject="trial", preheader="trial", html="<p>trial</p>", text="trial")


def check_mail_server(examination: Examination) -> Seen | None:
    """Check that the mail server answers, encrypts with a valid certificate, and signs us in."""
    if examination.settings.mail.startswith(FILE_PREFIX):
        return None  # the check of the settings says so
    try:
        address = _address_of(examination.edition.site)
    except SetupRefused as problem:
        return failed(str(problem), "Correct OPTIN_MAIL; docs/guide/mail.md shows its forms.")
    place = f"{address.host}:{address.port}"
    try:
        asyncio.run(_try_session(replace(address, timeout_seconds=examination.reach.seconds)))
    except ServerUnusable as problem:
        trouble = problem.outcome.trouble
        text = f"{place} takes no mail from us ({problem.outcome.reply})."
        cure = CURES[trouble] if trouble else "See that host and port in OPTIN_MAIL are right and it runs."
        return failed(text, f"{cure[0].upper()}{cure[1:]}.", "" if trouble is None else trouble.value)
    user = "signs us in" if address.user else "asks for no sign-in"
    secure = "unencrypted on this machine" if _is_plain(address) else "encrypted"
    return passed(f"{place} answers, {secure}, and {user}.")


def _is_plain(address: SmtpAddress) -> bool:
    return address.on_this_machine and not address.tls and address.authority is None


def _address_of(site: Site) -> SmtpAddress:
    settings = site.settings
    return smtp_address(settings.mail, site.root, urlsplit(settings.base_url).hostname or "")


async def _try_session(address: SmtpAddress) -> None:
    await close_session(await open_session(address))


def _new_message_id(settings: SiteSettings) -> str:
    domain = settings.sender.address.rpartition("@")[2]
    return f"<{secrets.token_hex(TEST_ID_BYTES)}@{domain}>"


def send_mail_to(examination: Examination, recipient: EmailAddress) -> TestResult:
    """Send a test mail: a letter with every header that mails to people have, signed. Raises SetupRefused.

    Its return address has a token of its own, as those of other mails have, where [bounces] names a mailbox.
    """
    settings = examination.settings
    if settings.mail.startswith(FILE_PREFIX):
        msg = "OPTIN_MAIL is not set here, so mail goes to a folder; set it as it is set for the server."
        raise SetupRefused(msg)
    question = _some_question(settings)
    if question is None:
        msg = "There is no purpose in optin.toml yet, so there is no letter to try."
        raise SetupRefused(msg)
    message = _sample(examination, question, recipient)
    signed = open_signer(settings.dkim).sign(message.replace(b"\r\nSubject: ", b"\r\nSubject: [test] ", 1))
    to, address = as_mailed(recipient), _address_of(examination.edition.site)
    sender = settings.sender.address
    vault = examination.vault() if settings.bounces.address else None
    if vault is not None:
        token = vault.return_tokens.sign(mailbox_of_doctor(vault), examination.now)
        sender = return_address(settings.bounces.address, token)
    return asyncio.run(send_test_mail(address, sender, to, signed))


def wait_for_return(examination: Examination, seconds: int) -> ReturnedTest | None:
    """Wait until the test mail came back, or for so long; return how it did, None when it did not."""
    store, until = examination.opened().store, time.monotonic() + seconds
    while True:
        found = store.read(came_back, examination.now)
        if found is not None or time.monotonic() >= until:
            return found
        time.sleep(LOOK_SECONDS)


def _some_question(settings: SiteSettings) -> ConsentQuestion | None:
    """Return the question of some purpose, for a letter."""
    for name, it in settings.purposes.items():
        wording = next(iter(it.text.values()), "")
        return ConsentQuestion(name, it.channel, wording, it.retention)
    return None


def check_one_click(examination: Examination) -> Seen | None:
    """Check the headers by which a mail program unsubscribes at one click (RFC 8058), on a mail of ours."""
    settings = examination.settings
    question = _some_question(settings)
    if question is None:
        return None
    try:
        signer = open_signer(settings.dkim)
    except SetupRefused:
        return not_checked("The DKIM key cannot be used.", "See the check dkim.")
    message = _sample(examination, question, EmailAddress("trial@example.com"))
    return judge_one_click(message_from_bytes(signer.sign(message)), is_signed=settings.dkim is not None)


def _sample(examination: Examination, question: ConsentQuestion, recipient: EmailAddress) -> bytes:
    site, kinds = examination.edition.site, examination.edition.kinds
    form = FormDeclaration(
        magnet=Slug("trial"),
        kind="",
        title="trial",
        lang=site.settings.languages[0],
        controller=site.controller,
        privacy=PrivacyDigest(""),
        questions=(question,),
    )
    order = LetterOrder(
        number=0,
        claim=b"",
        message_id=_new_message_id(site.settings),
        kind=MailKind.LETTER,
        recipient=recipient,
        form=form,
        question=question,
        given_at=examination.now,
        letter=_TRIAL,
        unsubscribe_token=SAMPLE_TOKEN,
    )
    return site_composer(site, examination.theme(), kinds).compose(order, examination.now)


def judge_one_click(mail: Message, *, is_signed: bool) -> Seen:
    """Return the finding about the headers of a mail."""
    link = str(mail["List-Unsubscribe"] or "").strip()
    if not (link.startswith("<https://") and link.endswith(">")):
        return failed(
            "Letters have no https link in List-Unsubscribe.", 'base_url = "https://…" in optin.toml'
        )
    if str(mail["List-Unsubscribe-Post"] or "").strip() != ONE_CLICK:
        return failed("Letters have no List-Unsubscribe-Post.", "Remove your own template of letters.")
    if not is_signed:
        return passed("Letters carry both headers; whoever signs them must sign these as well.")
    tags = (it.partition("=") for it in str(mail["DKIM-Signature"]).split(";"))
    names = {name.strip(): value for name, _, value in tags}.get("h", "")
    signed = {it.strip().lower() for it in names.split(":")}
    if not signed >= LIST_HEADERS:
        return failed("The signature of letters leaves these headers out.", "Update optin.")
    return passed("Letters carry both headers, and DKIM signs them.")
