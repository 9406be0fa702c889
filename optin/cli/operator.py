"""Commands of whoever runs the site: build, serve, sweep, backup, restore, keys."""

from __future__ import annotations

import asyncio
import getpass
import logging
import socket
import sys
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from typing import TypedDict

import click
from rich.console import Console
from rich.table import Table

from optin.bootstrap.anchors import anchor_job
from optin.bootstrap.backup import Journals, back_up
from optin.bootstrap.backup import restore as put_back
from optin.bootstrap.courier import courier_job, courier_of
from optin.bootstrap.crash_recovery import HANDED_OVER, presence_job
from optin.bootstrap.edition import Edition, keep_edition, load_edition
from optin.bootstrap.health import check_jobs
from optin.bootstrap.jobs import Job
from optin.bootstrap.journal_opening import begin_journal, journal_at
from optin.bootstrap.office import Office, open_office
from optin.bootstrap.office_jobs import STALE_SECONDS, office_jobs
from optin.bootstrap.opening import open_keys, sqlite_path
from optin.bootstrap.preload import load_everything
from optin.bootstrap.rare_log import log_rarely
from optin.bootstrap.schema_watch import check_schema, schema_job
from optin.bootstrap.served import journal_to_restore, must_agree, settings_of_server
from optin.bootstrap.soundness import SERVE, check_placeholders, check_settings
from optin.bootstrap.sweep_runner import DISAGREED, FILES, sweep
from optin.bootstrap.webhooks import HttpSender, webhook_jobs
from optin.cli.terminal import (
    REFUSED,
    asked_edition,
    port_option,
    refuse,
    served_edition,
    show_findings,
    site_option,
    with_settings_of,
)
from optin.consent.webhook import secret_text
from optin.errors import KeysUnusable, RequestRefused, SetupRefused
from optin.flows.clock_correction import accept_clock as accept
from optin.flows.sweep import plan
from optin.flows.sweep_context import SweepContext
from optin.flows.sweep_share import held_back, record_beyond
from optin.flows.webinars import notice_plans
from optin.keys import load_keys, write_rotated
from optin.site.findings import Finding, nearest
from optin.site.folder import write_folder
from optin.store.vault import Vault
from optin.web.app import build_app
from optin.web.connections import keep_room
from optin.web.desk import Desk
from optin.web.limit_log import keep_limit_log
from optin.web.serving import open_port, run_server
from optin.web.static import drawn_before, static_files, unsplit
from optin.web.workers import Pipe, join_parent, keep_workers, start_worker, stop_at_signals

log = logging.getLogger("optin.serve")

NO_PROXY = (
    "only this machine can reach the server, and no proxy is trusted: all visitors look like one, and the"
    ' limit for each client network counts nobody; set trusted = ["127.0.0.1"] under [proxy] in optin.toml'
)


@click.command()
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path),
    help="Folder to write: new, empty, or of an earlier build.",
)
@site_option
def build(site: Path, out: Path) -> None:
    """Write the pages as a folder that any web host can serve. Their forms post to base_url.

    The app takes the forms of every build, also when the site has changed since.
    """
    edition, findings = load_edition(site)
    errors = sum(finding.severity == "error" for finding in findings)
    show_findings(findings)
    if edition is None or errors:
        refuse(f"{errors} errors; mend them first. Nothing was written.")
    edition = _as_served(edition)
    with open_office(edition.site.settings, edition.policy) as office:
        show_findings(keep_edition(office.store, edition, office.clock()))
    base_url = edition.site.settings.base_url
    files = static_files(edition, partial(drawn_before, out))
    try:
        write_folder(out, files)
    except OSError as problem:
        refuse(f"{out} cannot be written: {problem}")
    click.echo(f"{out} holds {len(files)} files; their forms post to {base_url}.")
    for slug in unsplit(edition):
        click.echo(f"/{slug} is there as it is written: only the app shows its variants in turn.")
    if not edition.site.settings.secure:
        click.secho(
            f"warning: {base_url} is not https; set base_url before you publish.", fg="yellow", err=True
        )


def _as_served(edition: Edition) -> Edition:
    """Return the edition with the server's base address, where none is set here. Raises SetupRefused.

    `optin dev` says nothing about where the public's server is: then the address set here holds.
    """
    settings = edition.site.settings
    served = settings_of_server(settings)
    if served is None:
        return edition
    if not served.over_file:
        must_agree(settings, served)
    elif served.disagreeing(settings) or "base_url" in settings.in_file:
        return edition
    return with_settings_of(served, edition)


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
@click.option("--new-journal", is_flag=True, help="Begin a new journal, because the old one is lost.")
def serve(site: Path, host: str, port: int, workers: int, *, new_journal: bool) -> None:
    """Serve the site to the public. A site with errors or a weak set-up is refused with the cure."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    log_rarely()
    shared = join_parent()  # of several workers this is one
    edition, findings = load_edition(site)
    if shared is None:  # what is so of all workers is said once
        show_findings(findings)
    edition = _without_errors(edition, findings)
    settings = edition.site.settings
    check_settings(settings)
    check_placeholders(findings)
    if workers > 1 and sqlite_path(settings.store, settings.root) is not None:
        msg = "Several workers need PostgreSQL; set OPTIN_STORE to postgresql://… or leave --workers."
        raise SetupRefused(msg)
    if new_journal and shared is None:
        begin_journal(settings)
    listening = shared or open_port(host, port)
    with open_office(settings, edition.policy, SERVE) as office:
        reused = keep_edition(office.store, edition, office.clock())
        if shared is None:
            show_findings(reused)
            log.info("serving on %s port %d", host, port)
            if is_hidden(listening, edition.site.trusted_proxies):
                log.warning(NO_PROXY)
        if shared is not None or workers == 1:
            held_out = asyncio.run(_serve(edition, office, listening))
    if shared is None and workers > 1:
        start = partial(start_worker, listening, Pipe(), sys.argv[1:])
        held_out = keep_workers(workers, start, stop_at_signals())
    if not held_out:
        sys.exit(REFUSED)


def _without_errors(edition: Edition | None, findings: Sequence[Finding]) -> Edition:
    errors = [finding for finding in findings if finding.severity == "error"]
    if edition is None or errors:
        refuse(f"{len(errors)} errors; mend them first, or see them in the browser with: optin dev")
    return edition


def is_hidden(listening: socket.socket, trusted: Sequence[str]) -> bool:
    """Tell whether every visitor will come from this machine, through a proxy that is not trusted (D8)."""
    return ip_address(listening.getsockname()[0]).is_loopback and not trusted


async def _serve(edition: Edition, office: Office, listening: socket.socket) -> bool:
    load_everything(edition)
    desk = Desk.of(edition, office)
    jobs = [
        courier_job(courier_of(edition, office)),
        *office_jobs(office),
        schema_job(office),
        presence_job(office.store, office.vault, office.clock, edition.site.settings.path(HANDED_OVER)),
        Job(
            "limit log", partial(keep_limit_log, desk.limits.log, look=desk.limits.mails.look), STALE_SECONDS
        ),
        Job("connections", partial(keep_room, desk, listening), STALE_SECONDS),
        anchor_job(office, edition.site.anchors),
        *webhook_jobs(office, edition.site.processors, HttpSender()),
    ]
    desk.readiness.add("jobs", partial(check_jobs, jobs))
    desk.readiness.add("schema", partial(check_schema, office))
    app = build_app(desk)
    return await run_server(app, listening, jobs, edition.site.server)


class _Word(TypedDict):
    """Who says something as an officer, and why."""

    vault: Vault
    who: str
    why: str
    now: datetime


@click.command("sweep")
@click.option("--dry-run", is_flag=True, help="Only show what would be deleted, and why; change nothing.")
@click.option("--accept-clock", is_flag=True, help="First accept the clock as right, after optin doubted it.")
@click.option("--beyond-share", is_flag=True, help="Exceed the share of people who lose data in one day.")
@click.option("--why", help="Why you accept the clock or exceed the share; it is recorded.")
@site_option
def sweep_command(
    site: Path, *, dry_run: bool, accept_clock: bool, beyond_share: bool, why: str | None
) -> None:
    """Delete or expire data past its retention. A running server does this by itself.

    Nothing is deleted while the clock is doubted, and only a share of the people loses data in one day.
    """
    why = (why or "").strip()
    if (accept_clock or beyond_share) and not why:
        msg = "--why is empty; say why you accept the clock or exceed the share: it is recorded."
        raise RequestRefused(msg)
    edition = served_edition(site)
    with open_office(edition.site.settings, edition.policy) as office:
        if accept_clock and not dry_run:
            _accept_clock(office, why)
        if beyond_share and not dry_run:
            office.write(partial(record_beyond, **_word(office, why)))
        look, context = office.read_clock(), SweepContext(office.vault, office.policy, office.clock())
        planned = office.store.read(partial(plan, context=context))
        held = office.store.read(partial(held_back, context=context))
        office.clock_doubted = look.doubted  # this command says so itself, below or as it is refused
        if not dry_run:
            office.write(partial(notice_plans, policy=edition.policy))
        done = {} if dry_run else sweep(office, beyond=beyond_share)
        files = office.unneeded_files() if dry_run else done[FILES]
    table = Table("What", "Would go" if dry_run else "Gone", "Why")
    for line in planned:
        count = line.count if dry_run else done[line.rule]
        table.add_row(f"{line.rule}: {line.what}", str(count), line.why)
    table.add_row(f"{FILES}: copies of files", str(files), "no magnet hands them out, no link leads to them")
    Console().print(table)
    if refused := done.get(DISAGREED, 0):
        click.echo(f"{refused} refused: the database and the log disagree. See: optin audit", err=True)
    if look.doubted:
        click.secho(look.sentence, fg="yellow", err=True)
    if held is not None and not beyond_share:
        click.secho(held.sentence, fg="yellow", err=True)
    if dry_run:
        click.echo("Nothing was changed.")


def _accept_clock(office: Office, why: str) -> None:
    look = office.write(partial(accept, policy=office.policy, **_word(office, why)))
    if look.doubted:
        office.say_clock(office.read_clock())
        click.echo(f"The clock is accepted: {look.now:%Y-%m-%d %H:%M} UTC.")
    else:
        click.echo("The clock was not doubted; there was nothing to accept.")


def _word(office: Office, why: str) -> _Word:
    return {"vault": office.vault, "who": getpass.getuser(), "why": why, "now": office.clock()}


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@site_option
def backup(site: Path, file: Path) -> None:
    """Copy the store to FILE beside live traffic, and check the copy."""
    edition = served_edition(site)
    with open_office(edition.site.settings, edition.policy) as office:
        size = back_up(edition, office, file)
    click.echo(f"{file} holds a log of {size} events; its pages and its signed root were checked.")
    click.echo("It opens with the key file alone: keep that apart, and the journal apart from both.")
    longest = edition.policy.keep_backups.text
    click.echo(f"Delete it within {longest} ([retention] backups): the journal goes back no further.")


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--journal",
    "journal_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The journal that says who withdrew or was erased since. Default: as in optin.toml.",
)
@click.option(
    "--without-journal",
    is_flag=True,
    help="Restore, although whoever withdrew or was erased since comes back.",
)
@click.option(
    "--new-store", is_flag=True, help="Restore into a store that is not the one of the last server."
)
@site_option
def restore(
    site: Path, file: Path, journal_file: Path | None, *, without_journal: bool, new_store: bool
) -> None:
    """Restore a backup, then replay every withdrawal and erasure since, so that nobody comes back."""
    edition = asked_edition(site)
    settings = edition.site.settings
    kept = journal_to_restore(settings, elsewhere=new_store)
    found = load_keys(settings.keys, settings.root)
    if found is None:
        msg = f"The key file {settings.keys} is missing; put the one back that belongs to the backup."
        raise KeysUnusable(msg)
    path = journal_file or settings.path(kept)
    if not path.exists() and not without_journal:
        msg = (
            f"There is no journal at {path}: people who withdrew or were erased since the backup would come"
            " back. Name it with --journal, or say --without-journal."
        )
        raise RequestRefused(msg)
    told_by = None if without_journal else journal_at(path, found)
    journals = Journals(told_by, journal_at(settings.path(kept), found))
    done = put_back(edition, Vault(found), file, journals)
    told = ", ".join(f"{count} {kind}" for kind, count in sorted(done.told.items())) or "nothing"
    click.echo(f"{file} is restored. Replayed since it was made: {told}.")
    for kind, count in sorted(done.lost.items()):
        click.echo(
            f"{count} {kind} since then are lost: the journal holds no data, only that there were some."
        )


@click.group()
def keys() -> None:
    """Look after the keys."""


@keys.command()
@site_option
def rotate(site: Path) -> None:
    """Add a new key of each kind, while no server runs: it would not know them.

    Old ones go on reading: links, data and checkpoints keep working.
    """
    edition = asked_edition(site)
    settings = edition.site.settings
    served = settings_of_server(settings)
    if served is not None:
        must_agree(settings, served)
    ring = load_keys(settings.keys, settings.root)
    if ring is None or settings.keys.lstrip().startswith("{"):
        msg = "There is no key file to rotate; keys from the environment are changed where they are set."
        raise SetupRefused(msg)
    if served is not None:
        with open_office(settings, edition.policy) as office, office.store.alone():
            # these keys are those of the data; and no server is left that does not know the new ones
            ring = load_keys(settings.keys, settings.root) or ring  # opening names the journal's key
            write_rotated(settings.keys, settings.root, ring.rotated())
    else:
        write_rotated(settings.keys, settings.root, ring.rotated())
    click.echo(f"{settings.keys} has new keys; start the server, and keep a copy of the file.")
    if any(it.webhook is not None for it in edition.site.processors.values()):
        click.echo(
            "Give each receiver of webhooks its new secret (optin keys webhook ID): the one before signs too,"
        )
        click.echo("until keys are rotated again.")


@keys.command()
@click.argument("processor")
@site_option
def webhook(site: Path, processor: str) -> None:
    """Print the secret by which PROCESSOR knows our webhooks. Whoever has it can pass for us."""
    edition = asked_edition(site)
    told = [it.id for it in edition.site.processors.values() if it.webhook is not None]
    if processor not in told:
        msg = f"{processor!r} is no processor with a webhook in optin.toml. {nearest(processor, told)}"
        raise RequestRefused(msg)
    settings = edition.site.settings
    vault = Vault(open_keys(settings))
    click.echo(secret_text(vault.webhook_secrets(processor)[0]))
