"""Builds the courier of one installation: outbox, composer and transport."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from urllib.parse import urlsplit

from optin.consent.return_address import return_address
from optin.flows.delivery.mail_order import Order
from optin.jobs.background_job import Job
from optin.jobs.courier_outbox import StoreOutbox
from optin.mail.courier import LANES, LANES_A_PLACE, Courier, MailWriter
from optin.mail.dkim_signing import open_signer
from optin.mail.recipient_domains import DomainLimit, RecipientDomains
from optin.mail.threaded_transport import ThreadedTransport
from optin.mail.transport import open_transport
from optin.mail.trouble_log import TroubleLog
from optin.services.edition_composer import composer_of
from optin.services.installation import Installation
from optin.services.site_edition import Edition
from optin.services.visitor_load import GiveWay
from optin.settings.site import MailServerTable

STALE_SECONDS = 300.0  # longer than it waits for a mail server that is down


def returns_of(edition: Edition, installation: Installation) -> Callable[[Order, datetime], str] | None:
    """Return what gives each mail an address to come back to; None where the site has none for that."""
    base, vault = edition.site.settings.bounces.address, installation.vault

    def returns(order: Order, now: datetime) -> str:
        return return_address(base, vault.return_tokens.sign(vault.index(order.recipient), now))

    return returns if base else None


def domains_of(table: MailServerTable) -> RecipientDomains:
    """Return how much mail each domain of recipients gets."""
    others = table.each_domain
    named = {
        name: DomainLimit(
            others.per_minute or 0 if it.per_minute is None else it.per_minute,
            others.connections or 0 if it.connections is None else it.connections,
        )
        for name, it in table.domains.items()
    }
    return RecipientDomains(named, DomainLimit(others.per_minute or 0, others.connections or 0))


def follow_edition(courier: Courier, installation: Installation, edition: Edition) -> None:
    """Let a courier write in the words of another edition from now on."""
    returns = returns_of(edition, installation)
    courier.write_with(composer_of(edition), edition.site.settings.sender.address, returns)


def courier_of(edition: Edition, installation: Installation) -> Courier:
    """Return a courier that new requests wake. Raises SetupRefused."""
    site = edition.site
    own_host, troubles = urlsplit(site.settings.base_url).hostname or "", TroubleLog()
    courier = Courier(
        StoreOutbox(installation, domains_of(site.settings.mail_server)),
        MailWriter(
            composer_of(edition),
            open_signer(site.settings.dkim),
            site.settings.sender.address,
            returns_of(edition, installation),
        ),
        ThreadedTransport(
            open_transport(
                site.settings.mail,
                site.root,
                own_host=own_host,
                most=site.settings.mail_server.connections,
                troubles=troubles,
            )
        ),
        installation.clock,
        max(LANES, LANES_A_PLACE * site.settings.mail_server.connections),
        troubles,
    )
    courier.pace = GiveWay(installation.visitors)
    installation.wake_courier = courier.wake
    return courier


def courier_job(courier: Courier) -> Job:
    """Return the job that sends mail."""
    return Job("courier", courier.run, STALE_SECONDS)
