"""The command dev, which shows authors their site. A module of its own, since serve never loads it."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import click

from optin.cli.installed_kinds import InstalledKinds, pass_kinds
from optin.cli.options_and_output import REFUSED, port_option, show_findings, site_option
from optin.cli.server_jobs import Senders, background_jobs
from optin.consent.email_and_telephone import EmailAddress
from optin.desk.all_routes import desk_routes
from optin.flows.staff.accounts import account_to_try
from optin.jobs.background_job import Job
from optin.jobs.tool_receiver import printing_receivers
from optin.jobs.webhook_sender import PrintingSender, webhook_receivers
from optin.services.open_installation import open_installation
from optin.services.open_journal import renew_journal
from optin.services.open_store import open_keys
from optin.services.setup_check import DEV, check_use
from optin.services.site_edition import keep_edition, load_edition
from optin.site.loading_cache import ReadingCache
from optin.web.app import build_app
from optin.web.app_context import AppContext
from optin.web.dev import DevMiddleware, DevState, dev_routes
from optin.web.gallery.routes import GalleryRoom
from optin.web.mailbox import Mailbox
from optin.web.run_server import open_port, run_server
from optin.web.site_reload import SiteReloader

DEV_MAIL = "var/mail"


@click.command()
@site_option
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@port_option
@pass_kinds
def dev(kinds: InstalledKinds, site: Path, host: str, port: int) -> None:
    """Serve the site for its author: live reload, errors in the browser, mail at /dev/mail.

    /dev/gallery shows every page and mail in each of its states, and mails one to you as a test.
    """
    shown = "127.0.0.1" if host in {"0.0.0.0", "::"} else host  # noqa: S104 - compared, not bound
    shown = f"[{shown}]" if ":" in shown else shown
    os.environ.setdefault("OPTIN_BASE_URL", f"http://{shown}:{port}")
    mail_server = os.environ.get("OPTIN_MAIL", "")  # for tests that the author sends from the gallery
    os.environ["OPTIN_MAIL"] = f"file:{DEV_MAIL}"  # whatever is configured: nobody gets a mail from dev
    kept = ReadingCache()
    edition, findings = load_edition(site, kinds.parts, kept, with_drafts=True)
    show_findings(findings)
    if edition is None:
        sys.exit(REFUSED)
    settings = edition.site.settings
    check_use(open_keys(settings, kinds.parts.schema).use, DEV)  # before a port is taken
    listening = open_port(host, port)
    renew_journal(settings, kinds.parts.schema)
    with open_installation(settings, edition.policy, edition.kinds, DEV) as installation:
        reused = keep_edition(installation.store, edition, installation.clock())
        show_findings(reused)
        app_context = AppContext.of(edition, installation)
        reloader = SiteReloader(app_context, kept, with_drafts=True)
        gallery = GalleryRoom(app_context, mail_server)
        bench = DevState(app_context, Mailbox(site / DEV_MAIL), reloader, gallery, (*findings, *reused))
        app = DevMiddleware(build_app(app_context, kinds.routes, [*dev_routes(bench), *desk_routes()]), bench)
        url = settings.base_url
        click.echo(f"Your site: {url}/    Its mailbox: {url}/dev/mail    Stop: Ctrl-C")
        click.echo(f"Every page and mail: {url}/dev/gallery")
        mine = EmailAddress(settings.controller.email)
        account = installation.run(account_to_try, email=mine, now=installation.clock())
        click.echo(f"The desk of your staff: {url}/desk    Sign in as {account.email}")
        receivers = {
            **webhook_receivers(installation, settings.processors, PrintingSender(click.echo)),
            **printing_receivers(settings.processors, click.echo),
        }
        jobs = background_jobs(app_context, listening, Senders(receivers, None), Job("reload", bench.watch))
        held_out = asyncio.run(run_server(app, listening, jobs, edition.site.settings.server))
    if not held_out:
        sys.exit(REFUSED)
