"""Commands for notices to staff."""

from __future__ import annotations

import asyncio
import os
import secrets
from datetime import datetime
from pathlib import Path

import click

from optin.cli.installed_kinds import InstalledKinds, pass_kinds
from optin.cli.options_and_output import load_edition_or_exit, refuse, site_option
from optin.consent.email_and_telephone import as_mailed, parse_email
from optin.errors import RequestRefused
from optin.flows.delivery.mail_order import MailKind, StaffOrder, Verdict
from optin.mail.courier import MailWriter
from optin.mail.dkim_signing import open_signer
from optin.mail.send_outcome import SendOutcome
from optin.mail.smtp_refusals import CURES
from optin.mail.staff_message import title_and_text_of_test
from optin.mail.transport import open_transport
from optin.services.chat_sender import ChatMessage, ChatSender
from optin.services.edition_composer import composer_of
from optin.services.site_edition import Edition
from optin.services.steady_clock import SteadyClock
from optin.settings.site import Notify
from optin.site.findings import nearest

TEST_ID_BYTES = 16


@click.group()
def notify() -> None:
    """Send staff a test of the messages that [notify] in optin.toml sends them."""


@notify.command()
@click.argument("receiver")
@site_option
@pass_kinds
def test(kinds: InstalledKinds, receiver: str, site: Path) -> None:
    """Send a test message to RECEIVER, an id under [notify] in optin.toml, and print what happened."""
    edition = load_edition_or_exit(site, kinds)
    known = edition.site.settings.notify
    if receiver not in known:
        msg = f"There is no [notify.{receiver}] in optin.toml. {nearest(receiver, [*known])}"
        raise RequestRefused(msg)
    if known[receiver].variable:
        _test_chat(edition, known[receiver])
    else:
        _test_mail(edition, known[receiver], SteadyClock()())


def _test_chat(edition: Edition, setting: Notify) -> None:
    settings = edition.site.settings
    address = os.environ.get(setting.variable, "")
    if not address:
        refuse(f"Nothing was sent: the environment variable {setting.variable} is not set in this shell.")
    title, text = title_and_text_of_test(edition.theme, settings.languages[0], settings.controller.name)
    result = asyncio.run(ChatSender().send(address, ChatMessage(title, text)))
    if not result.sent:
        refuse(f"Nothing was sent: {result.said}. Check the address in {setting.variable}.")
    click.echo("The chat service took the test message.")


def _cure_of(outcome: SendOutcome, to: str) -> str:
    """Return what to do about a mail that was not taken."""
    if outcome.trouble is not None:
        cure = CURES[outcome.trouble]
        return f"{cure[0].upper()}{cure[1:]}."
    if outcome.verdict is Verdict.REFUSED:
        return f"It does not take mail for {to}: correct the address under [notify] in optin.toml."
    return "It postpones the mail; try again in a few minutes, and ask whoever runs it if that goes on."


def _test_mail(edition: Edition, setting: Notify, now: datetime) -> None:
    settings = edition.site.settings
    writer = MailWriter(composer_of(edition), open_signer(settings.dkim), settings.sender.address)
    order = StaffOrder(
        number=0,
        claim=b"",
        message_id=f"<{secrets.token_hex(TEST_ID_BYTES)}@{settings.sender.address.rpartition('@')[2]}>",
        kind=MailKind.STAFF,
        recipient=parse_email(setting.to),
        lang=settings.languages[0],
        digest=None,
    )
    message = writer.write(order, now)

    async def send() -> SendOutcome:
        transport = open_transport(settings.mail, edition.site.root)
        try:
            return await transport.send(writer.sender, as_mailed(order.recipient), message)
        finally:
            await transport.close()

    outcome = asyncio.run(send())
    if outcome.verdict is not Verdict.SENT:
        refuse(f"Nothing was sent: the mail server answered {outcome.reply}. {_cure_of(outcome, setting.to)}")
    click.echo(f"The mail server took the test mail to {setting.to}.")
