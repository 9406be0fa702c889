"""The composer of mails in the words of an edition."""

from __future__ import annotations

from optin.mail.compose_mails import Composer
from optin.mail.kind_mail_hooks import MailSender
from optin.services.installed_kind_parts import KindParts
from optin.services.site_edition import Edition
from optin.site.model import Site
from optin.theme.theme import Theme


def composer_of(edition: Edition) -> Composer:
    """Return a composer of mails in the words of an edition."""
    return site_composer(edition.site, edition.theme, edition.kinds)


def site_composer(site: Site, theme: Theme, kinds: KindParts) -> Composer:
    """Return a composer of mails of a site, whose pages need not be rendered."""
    settings = site.settings
    sender = MailSender(settings.sender.name, settings.sender.address, settings.sender.reply_to)
    return Composer(theme, sender, settings.base_url, site.controller, kinds.mails)
