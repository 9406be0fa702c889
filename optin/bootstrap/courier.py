"""The courier of one installation: its outbox, its words, its way out."""

from __future__ import annotations

from optin.bootstrap.edition import Edition
from optin.bootstrap.office import Office, StoreOutbox
from optin.mail.composing import Composer
from optin.mail.composing import Mailbox as Sender
from optin.mail.courier import Courier
from optin.mail.signing import open_signer
from optin.mail.transport import open_transport


def courier_of(edition: Edition, office: Office) -> Courier:
    """Put a courier together, and let sign-ups wake it. Raises SetupRefused."""
    site = edition.site
    sender = Sender(site.sender.name, site.sender.address, site.sender.reply_to)
    courier = Courier(
        StoreOutbox(office),
        Composer(edition.theme, sender, site.settings.base_url, site.controller),
        open_transport(site.settings.mail, site.root),
        open_signer(site.dkim),
        sender.address,
        office.clock,
    )
    office.wake_courier = courier.wake
    return courier
