"""How the installation stands: what is broken first, with its cure; mail that was given up; the log."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from starlette.responses import Response

from optin.consent.plain_text import whole_number
from optin.consent.staff_role import Role
from optin.desk.desk_page import DeskPage, desk_frame
from optin.desk.desk_route import DeskRoute, StaffVisit
from optin.desk.held_counts import held_counts
from optin.desk.page_roles import OFFICERS, OFFICERS_AND_ADMINS
from optin.errors import PageUnknown, RequestRefused
from optin.flows.delivery.retry_abandoned_mails import GivenUpMail, given_up_mails, retry_one
from optin.flows.staff.trail import ActKind
from optin.services.audit_job import (
    MOST_EVENTS,
    AuditState,
    claim_audit,
    run_claimed_audit,
    stop_audit,
    view_audit,
)
from optin.services.doctor.kept_examination import examine_and_keep
from optin.services.mail_retry import retry_all
from optin.services.setup_health import (
    HealthFinding,
    LogState,
    State,
    last_examined,
    log_state,
    setup_findings,
)

MOST_MAILS = 50
ALL = "all"
_ADDRESS = re.compile(r"\S+@\S+")


@dataclass(frozen=True)
class MailLine:
    """A mail that was given up; `reply`: what the mail server said, without addresses."""

    number: int
    kind: str
    since: datetime
    reply: str
    skip: str  # the name of the reason why it is not sent again; empty: it can be


@dataclass(frozen=True)
class HealthView(DeskPage):
    """How everything stands. `mails`: for officers alone.

    `checked`: when the site's files were; None while they are.
    """

    broken: tuple[HealthFinding, ...]
    attention: tuple[HealthFinding, ...]
    unseen: tuple[HealthFinding, ...]
    passed: tuple[HealthFinding, ...]
    checked: datetime | None
    mails: tuple[MailLine, ...]
    is_officer: bool
    log: LogState
    audit: AuditState | None
    audit_began: datetime | None
    audit_runs: bool
    most_events: int = MOST_EVENTS
    said: str = ""
    examined: datetime | None = None  # by the server's doctor
    template: ClassVar[str] = "desk/health.html"


@dataclass(frozen=True)
class SendAgainView(DeskPage):
    """The question before mail is sent again. `mail`: one of them; None: all."""

    mail: MailLine | None
    count: int
    number: str
    template: ClassVar[str] = "desk/mail-again.html"


async def get_health(visit: StaffVisit) -> Response:
    """Show how everything stands."""
    context, edition = visit.app_context, visit.app_context.edition
    installation = context.installation
    report = await context.readiness.report()
    files = await held_counts(visit.request).files.get(edition, visit.now)
    mistakes = () if files is None else tuple(files.findings)
    found = await asyncio.to_thread(setup_findings, installation, edition, report, mistakes)
    if files is None:  # on a large site it takes seconds
        found = [HealthFinding("files", State.NOT_CHECKED) if it.code == "files" else it for it in found]
    is_officer = visit.may(Role.OFFICER)
    mails = await visit.view(given_up_mails, visit.now, MOST_MAILS) if is_officer else []
    audit = await visit.view(view_audit)
    examined = await asyncio.to_thread(last_examined, installation)
    said = next(
        (it for it in ("sent", "audit", "checked", "examined") if it in visit.request.query_params), ""
    )

    def of(state: State) -> tuple[HealthFinding, ...]:
        return tuple(it for it in found if it.state is state)

    view = HealthView(
        desk_frame(visit.request, context, visit.session, visit.lang),
        of(State.BROKEN),
        of(State.ATTENTION),
        of(State.NOT_CHECKED),
        of(State.PASSED),
        None if files is None else files.at,
        tuple(map(_line, mails)),
        is_officer,
        await visit.view(log_state, edition),
        audit,
        None if audit is None else datetime.fromisoformat(audit.began),
        audit is not None and audit.runs(visit.now),
        said="" if files is None and said == "checked" else said,
        examined=None if examined is None else examined.at,
    )
    return visit.page(view)


def _line(mail: GivenUpMail) -> MailLine:
    it = mail.letter
    skip = "" if mail.skip is None else mail.skip.name.lower()
    return MailLine(it.number, it.kind, it.since, _ADDRESS.sub("…", it.reply)[:300], skip)


async def post_check(visit: StaffVisit) -> Response:
    """Look at the site's files again."""
    held = held_counts(visit.request).files
    held.forget()
    await held.get(visit.app_context.edition, visit.now)
    return visit.back("/health?checked=1")


async def post_examine(visit: StaffVisit) -> Response:
    """Let the doctor examine the set-up now; it takes under three seconds."""
    context = visit.app_context
    await asyncio.to_thread(examine_and_keep, context.edition, context.installation)
    return visit.back("/health?examined=1")


async def get_again(visit: StaffVisit) -> Response:
    """Ask whether mail is to be sent again."""
    number = str(visit.request.path_params["number"])
    mails = [_line(it) for it in await visit.view(given_up_mails, visit.now, MOST_MAILS)]
    frame = visit.frame
    if number == ALL:
        done = await asyncio.to_thread(retry_all, visit.app_context.installation, dry_run=True)
        return visit.page(SendAgainView(frame, None, sum(done.again.values()), ALL))
    mail = next((it for it in mails if str(it.number) == number and not it.skip), None)
    if mail is None:
        raise PageUnknown
    return visit.page(SendAgainView(frame, mail, 1, number))


async def post_again(visit: StaffVisit) -> Response:
    """Send one mail again, or all that still can be."""
    number = str(visit.request.path_params["number"])
    installation = visit.app_context.installation
    if number == ALL:
        done = await asyncio.to_thread(retry_all, installation)
        await visit.note(visit.doing(ActKind.MAIL_SENT_AGAIN, facts={"count": sum(done.again.values())}))
    elif (mail := whole_number(number)) is not None:
        doing = visit.doing(ActKind.MAIL_SENT_AGAIN, facts={"count": 1, "mail": mail})
        await visit.act(doing, retry_one, mail, visit.now)
    else:
        raise PageUnknown
    installation.wake_courier()
    return visit.back("/health?sent=1")


async def post_audit(visit: StaffVisit) -> Response:
    """Begin an audit of the log beside the server."""
    if not await visit.app_context.run(claim_audit, visit.now):
        msg = (
            f"An audit runs already, or the log has over {MOST_EVENTS} events: run optin audit on the server."
        )
        raise RequestRefused(msg)
    await visit.note(visit.doing(ActKind.LOG_AUDITED))
    run_claimed_audit(visit.app_context.installation)
    return visit.back("/health?audit=1#log")


async def post_stop(visit: StaffVisit) -> Response:
    """Stop the audit that runs."""
    await visit.act(visit.doing(ActKind.LOG_AUDITED, facts={"stopped": True}), stop_audit)
    return visit.back("/health#log")


ROUTES = (
    DeskRoute("/health", get_health, OFFICERS_AND_ADMINS, menu="health"),
    DeskRoute("/health/check", post_check, OFFICERS_AND_ADMINS, method="POST"),
    DeskRoute("/health/examine", post_examine, OFFICERS_AND_ADMINS, method="POST"),
    DeskRoute("/health/audit", post_audit, OFFICERS, method="POST"),
    DeskRoute("/health/audit/stop", post_stop, OFFICERS, method="POST"),
    DeskRoute("/mails/{number}/again", get_again, OFFICERS),
    DeskRoute("/mails/{number}/again", post_again, OFFICERS, method="POST"),
)
