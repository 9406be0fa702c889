"""The courier of one installation: its outbox, its words, its way out."""

from __future__ import annotations

import json
from functools import partial
from urllib.parse import urlsplit

from optin.consent.form import FormDeclaration
from optin.consent.quiz import Outcome, Quiz
from optin.jobs.job import Job
from optin.jobs.store_outbox import StoreOutbox
from optin.mail.composing import Composer
from optin.mail.composing import Mailbox as Sender
from optin.mail.courier import LANES, LANES_A_PLACE, Courier
from optin.mail.signing import open_signer
from optin.mail.threaded_transport import ThreadedTransport
from optin.mail.transport import open_transport
from optin.mail.trouble_log import TroubleLog
from optin.services.edition import Edition
from optin.services.installation import Installation
from optin.store.promises import promise_of

STALE_SECONDS = 300.0  # longer than it waits for a mail server that is down


def courier_of(edition: Edition, installation: Installation) -> Courier:
    """Put a courier together, and let sign-ups wake it. Raises SetupRefused."""
    site = edition.site
    own_host, troubles = urlsplit(site.settings.base_url).hostname or "", TroubleLog()
    sender = Sender(site.settings.sender.name, site.settings.sender.address, site.settings.sender.reply_to)
    courier = Courier(
        StoreOutbox(installation),
        Composer(
            edition.theme,
            sender,
            site.settings.base_url,
            site.controller,
            partial(report_of, edition, installation),
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
        open_signer(site.settings.dkim),
        sender.address,
        installation.clock,
        max(LANES, LANES_A_PLACE * site.settings.mail_server.connections),
        troubles,
    )
    installation.wake_courier = courier.wake
    return courier


def courier_job(courier: Courier) -> Job:
    """Return the job that carries mail."""
    return Job("courier", courier.run, STALE_SECONDS)


def report_of(edition: Edition, installation: Installation, form: FormDeclaration) -> Outcome | None:
    """Return the outcome that a form of a quiz told, as the site words its report now, or did last."""
    outcome = form.face
    if not outcome:
        return None
    magnet = edition.site.magnet(form.magnet)
    details = None if magnet is None else magnet.details
    if isinstance(details, Quiz) and (found := details.outcome(outcome)) is not None:
        return found
    kept = installation.store.read(promise_of, magnet=form.magnet, outcome=outcome)
    if kept is None or not kept.report:
        return None
    told = json.loads(kept.report)
    return Outcome(outcome, told["title"], "", report=told["report"], report_html=told["report_html"])
