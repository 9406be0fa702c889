"""Commands for operators: build, serve."""

from __future__ import annotations

import asyncio
import logging
import socket
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from functools import partial
from ipaddress import ip_address
from pathlib import Path

import click

from optin.cli.installed_kinds import InstalledKinds, pass_kinds
from optin.cli.options_and_output import REFUSED, as_served, port_option, refuse, show_findings, site_option
from optin.cli.server_jobs import Senders, background_jobs
from optin.desk.all_routes import desk_routes
from optin.errors import SetupRefused
from optin.jobs.agreement_end import while_agreed
from optin.jobs.anchor_checkpoints import anchor_job
from optin.jobs.daily_examination import examination_job
from optin.jobs.listen_by_lmtp import lmtp_job
from optin.jobs.measure_queues import measure_jobs
from optin.jobs.pull_tool_endings import pull_jobs
from optin.jobs.read_bounce_mailbox import bounce_mailbox_job
from optin.jobs.scheduled_backups import backup_job
from optin.jobs.tool_receiver import tool_receivers
from optin.jobs.webhook_sender import HttpSender, webhook_receivers
from optin.services.chat_sender import ChatSender
from optin.services.doctor.start_checks import check_at_start
from optin.services.log_lines import FORMATS, LogFormat, write_log
from optin.services.open_installation import open_installation
from optin.services.open_journal import begin_journal
from optin.services.open_store import sqlite_path
from optin.services.preload import load_everything
from optin.services.rate_limited_log import log_rarely
from optin.services.setup_check import SERVE, check_placeholders, check_settings
from optin.services.site_edition import Edition, keep_edition, load_edition
from optin.services.tracing import traced
from optin.site.findings import Finding
from optin.site.landing_pages import posts_to_own_address
from optin.site.loading_cache import ReadingCache
from optin.site.output_folder import write_folder
from optin.site.unedited_starter_texts import scaffold_texts
from optin.web.app import build_app
from optin.web.app_context import AppContext
from optin.web.last_answers import LEAVE_SECONDS
from optin.web.metrics_server import handed_out, of_worker
from optin.web.run_server import open_port, run_server
from optin.web.service_manager import ServiceManager, handed_socket
from optin.web.sighup_reload import close_undisturbed, hold_hangups
from optin.web.site_reload import ServedReload
from optin.web.static_site import card_picture, magnets_with_variants, static_files
from optin.web.worker_processes import ParentPipe, join_parent, keep_workers, start_worker, stop_at_signals

log = logging.getLogger("optin.serve")


NO_PROXY = (
    "the server listens on this machine only and trusts no proxy: all visitors look like one, so the limits"
    ' for each client network do not apply; set trusted = ["127.0.0.1"] under [proxy] in optin.toml'
)


@click.command()
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path),
    help="Folder to write: new, empty, or of an earlier build.",
)
@site_option
@pass_kinds
def build(kinds: InstalledKinds, site: Path, out: Path) -> None:
    """Write the pages into a folder that any web host can serve. Their forms post to base_url.

    The app takes the forms of every build, also when the site has changed since.
    """
    edition, findings = load_edition(site, kinds.parts)
    errors = sum(finding.severity == "error" for finding in findings)
    show_findings(findings)
    if edition is None or errors:
        refuse(f"{errors} errors; correct them first. Nothing was written.")
    if posts_to_own_address(edition.site) and not edition.site.settings.pages_url:
        refuse(
            "With names under [sources] a form is posted to the host that shows it, and this folder takes"
            " none. Nothing was written. Set pages_url in optin.toml to where the folder will be: the forms"
            " then name the app, and their sign-ups count no source."
        )
    edition = as_served(edition)
    with open_installation(edition.site.settings, edition.policy, edition.kinds) as installation:
        now = installation.clock()
        show_findings(keep_edition(installation.store, edition, now))
    base_url = edition.site.settings.base_url
    files = static_files(edition, now, partial(card_picture, out))
    try:
        write_folder(out, files)
    except OSError as problem:
        refuse(f"{out} cannot be written: {problem}")
    click.echo(f"{out} holds {len(files)} files; their forms post to {base_url}.")
    for slug in magnets_with_variants(edition):
        click.echo(f"/{slug} is there only as it is written: its variants need the app.")
    if not edition.site.settings.secure:
        click.secho(
            f"warning: {base_url} is not https; set base_url before you publish.", fg="yellow", err=True
        )


@click.command()
@site_option
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@port_option
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Processes (PostgreSQL only). One that dies is replaced; all end with the command.",
)
@click.option(
    "--reload",
    is_flag=True,
    help="Watch the files, and serve an edited site without a restart. SIGHUP does so once.",
)
@click.option("--new-journal", is_flag=True, help="Begin a new journal, because the old one is lost.")
@click.option(
    "--log-format",
    type=click.Choice(FORMATS),
    default="text",
    show_default=True,
    help="How log lines look: json for programs, one object a line.",
)
@pass_kinds
def serve(
    kinds: InstalledKinds,
    /,
    site: Path,
    host: str,
    port: int,
    workers: int,
    log_format: LogFormat,
    **flags: bool,
) -> None:
    """Serve the site to the public. Refuse a site with errors or an unsafe set-up, and print the cure.

    A port that systemd holds takes the place of --host and --port.
    """
    hold_hangups()
    write_log(log_format)
    log_rarely()
    manager = ServiceManager.of_this_process()
    shared = join_parent()  # of several workers this is one
    kept = ReadingCache()
    edition, findings = load_edition(site, kinds.parts, kept)
    if shared is None:  # what is so of all workers is said once
        show_findings(findings)
    edition = _without_errors(edition, findings)
    settings = edition.site.settings
    check_settings(settings)
    check_placeholders((*findings, *scaffold_texts(edition.site, edition.kinds.files)))
    if workers > 1 and sqlite_path(settings.store, settings.root) is not None:
        msg = "Several workers need PostgreSQL; set OPTIN_STORE to postgresql://… or leave --workers."
        raise SetupRefused(msg)
    if flags["new_journal"] and shared is None:
        begin_journal(settings, edition.kinds.schema)
    listening = shared or handed_socket() or open_port(host, port)
    several = workers > 1
    counting = nullcontext(of_worker()) if shared else handed_out(settings.metrics, several=several)
    with counting as measurements:
        with (
            open_installation(settings, edition.policy, edition.kinds, SERVE) as installation,
            traced(settings.tracing) as spans,
        ):
            installation.measure_with(measurements)
            installation.spans = spans
            reused = keep_edition(installation.store, edition, installation.clock())
            if shared is None:
                show_findings(reused)
                check_at_start(edition, installation)
                log.info("serving on %s port %d", *listening.getsockname()[:2])
                if is_hidden(listening, edition.site.settings.proxy.trusted):
                    log.warning(NO_PROXY)
            if shared is not None or workers == 1:
                load_everything(edition)
                app_context = AppContext.of(edition, installation)
                reload = ServedReload(app_context, kept, watch=flags["reload"] or settings.desk.edit)
                served = _serve(kinds, app_context, reload, listening, manager)
                held_out = asyncio.run(served)
        if shared is None and workers > 1:
            start = partial(start_worker, listening, ParentPipe(), sys.argv[1:])
            manager.tell("READY=1")  # the socket listens, and each worker takes from it
            stop = stop_at_signals()
            held_out = keep_workers(workers, start, stop, manager.tell_alive, listening.close)
            manager.tell("STOPPING=1")
    if not held_out:
        sys.exit(REFUSED)


def _without_errors(edition: Edition | None, findings: Sequence[Finding]) -> Edition:
    errors = [finding for finding in findings if finding.severity == "error"]
    if edition is None or errors:
        refuse(f"{len(errors)} errors; correct them first, or see them in the browser with: optin dev")
    return edition


def is_hidden(listening: socket.socket, trusted: Sequence[str]) -> bool:
    """Return whether all visitors would appear as this machine, behind an untrusted proxy (D8)."""
    return ip_address(listening.getsockname()[0]).is_loopback and not trusted


async def _serve(
    kinds: InstalledKinds,
    app_context: AppContext,
    reload: ServedReload,
    listening: socket.socket,
    manager: ServiceManager,
) -> bool:
    settings = app_context.edition.site.settings
    installation, processors = app_context.installation, settings.processors
    tools = tool_receivers(processors, settings.root)
    receivers = {**webhook_receivers(installation, processors, HttpSender()), **tools}
    receivers = while_agreed(installation, receivers, processors)
    jobs = background_jobs(
        app_context,
        listening,
        Senders(receivers, ChatSender()),
        anchor_job(installation, settings.log),
        *pull_jobs(installation, tools),
        examination_job(installation, lambda: app_context.edition),
        bounce_mailbox_job(installation, lambda: app_context.edition),
        lmtp_job(installation, lambda: app_context.edition),
        backup_job(installation, lambda: app_context.edition),
        *reload.jobs,
        *measure_jobs(installation),
        *manager.jobs(),
    )
    app_context.readiness.add("site", reload.check)
    app = build_app(app_context, kinds.routes, desk_routes())
    try:
        return await run_server(app, listening, jobs, settings.server, reload.ask, LEAVE_SECONDS)
    finally:
        close_undisturbed(asyncio.get_running_loop())
