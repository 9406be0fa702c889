"""Sample mails of the gallery: composed as real ones are, and sent to an address of one's own (W3)."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from optin.consent.email_and_telephone import as_mailed, parse_email
from optin.errors import SetupRefused
from optin.mail.compose_mails import Composer
from optin.mail.dkim_signing import open_signer
from optin.mail.kind_mail_hooks import MailSender
from optin.mail.sample_orders import SampleOrders
from optin.mail.send_test_mail import send_test_mail
from optin.mail.transport import FILE_PREFIX, smtp_address
from optin.services.steady_clock import utc_now
from optin.site.load_site import SITE_FILE
from optin.site.toml_and_markdown_reader import Document, read_toml
from optin.theme.samples import ADDRESS
from optin.web.gallery.exhibits import Broken, Gallery, Subject

MARK = b"[test] "  # before the subject of a mail that was sent to try it
NO_SERVER = (
    'There is no mail server to send it with. Write mail = "smtp://user:password@mail.example.com:587" in'
    " optin.toml, or set OPTIN_MAIL to it before optin dev starts."
)


@dataclass(frozen=True)
class Sending:
    """Result of a test mail. `answer`: the mail server's own words."""

    sent: bool
    message: str
    answer: str = ""


def compose_sample(
    gallery: Gallery, subject: Subject, lang: str, name: str, recipient: str = ADDRESS
) -> bytes:
    """Return the bytes of a sample mail. Raises KeyError, or whatever its templates and its kind raise."""
    edition, settings = gallery.edition, gallery.edition.site.settings
    sample = gallery.mails(subject, lang)[name]
    if isinstance(sample.view, Broken):
        raise sample.view.problem
    sender = MailSender(settings.sender.name, settings.sender.address, settings.sender.reply_to)
    base_url, controller = settings.base_url, edition.site.controller
    composer = Composer(gallery.theme, sender, base_url, controller, edition.kinds.mails)
    form = gallery.landing(subject, lang).declaration
    orders = SampleOrders(parse_email(recipient), form, *gallery.extras(subject, lang))
    domain = settings.sender.address.rpartition("@")[2]
    order = orders.order(sample.view, f"<{secrets.token_hex(16)}@{domain}>")
    return composer.compose(order, utc_now())


def marked(mail: bytes) -> bytes:
    """Return a mail whose subject says that it is a test."""
    return mail.replace(b"\r\nSubject: ", b"\r\nSubject: " + MARK, 1)


def configured_server(root: Path, from_environment: str) -> str:
    """Return the address of the mail server of a site; empty when it has none.

    `from_environment`: what OPTIN_MAIL was before `optin dev` put its mailbox in that place.
    """
    document = read_toml(root / SITE_FILE, SITE_FILE)
    written = document.values.get("mail", "") if isinstance(document, Document) else ""
    found = from_environment or str(written)
    return "" if found.startswith(FILE_PREFIX) else found


async def send_sample(mail: bytes, recipient: str, server: str, gallery: Gallery) -> Sending:
    """Send a sample mail to the author's own address; return the result."""
    site = gallery.edition.site
    settings, to = site.settings, as_mailed(parse_email(recipient))
    if not server:
        return Sending(sent=False, message=NO_SERVER)
    try:
        host = urlsplit(settings.base_url).hostname or ""
        address = smtp_address(server, site.root, host)
        signed = open_signer(settings.dkim).sign(marked(mail))
    except SetupRefused as problem:
        return Sending(sent=False, message=str(problem))
    result = await send_test_mail(address, settings.sender.address, to, signed)
    if result.taken:
        message = f"Sent to {to}: the mail server {address.host} took it."
    else:
        message = f"Not sent: the mail server {address.host} did not take it. {result.cure}".strip()
    return Sending(result.taken, message, result.answer)
