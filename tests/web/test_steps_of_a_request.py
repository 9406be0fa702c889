"""The pages between a form and what it is for: how far one is, and the mail to look for."""

from __future__ import annotations

import email.policy
from email.parser import BytesParser
from html import escape

from optin.flows.delivery.mail_order import MailKind
from tests.mail.orders import composer
from tests.web.conftest import Visit
from tests.world import NOON

HERE = '<li class="reached" aria-current="step">{}</li>'


def test_each_page_says_how_far_one_is(visit: Visit) -> None:
    """W4: asked, then to be confirmed, then done; a screen reader hears which of them is now."""
    sent = visit.client.get(visit.fill()).text
    token = visit.mail(MailKind.CONFIRMATION).confirm_token
    asked = visit.client.get(f"/confirm/{token}").text
    done = visit.client.get(visit.press(f"/confirm/{token}").headers["location"]).text
    for page, step in ((sent, "Bevestigen"), (asked, "Bevestigen"), (done, "Klaar")):
        assert page.count("aria-current") == 1
        assert HERE.format(step) in page


def test_the_mail_to_look_for_is_shown_as_an_inbox_lists_it(visit: Visit) -> None:
    """W4: with the subject of the mail that is sent, and with its sender by name and address."""
    sent = visit.client.get(visit.fill()).text
    mail = composer().compose(visit.mail(MailKind.CONFIRMATION), NOON)
    subject = BytesParser(policy=email.policy.default).parsebytes(mail)["subject"]
    sender = visit.app_context.edition.site.settings.sender
    shown = sent.partition('<p class="inbox">')[2].partition("</p>")[0]
    for words in (subject, sender.name, sender.address):
        assert escape(words) in shown
