"""The composer of mails in the words of an edition."""

from __future__ import annotations

from optin.mail.compose_mails import Composer
from optin.mail.kind_mail_hooks import MailSender
from optin.services.site_edition import Edition


def composer_of(edition: Edition) -> Composer:
    """Return a composer of mails in the words of an edition."""
    settings = edition.site.settings
    sender = MailSender(settings.sender.name, settings.sender.address, settings.sender.reply_to)
    return Composer(edition.theme, sender, settings.base_url, edition.site.controller, edition.kinds.mails)
