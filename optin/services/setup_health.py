"""How an installation stands: each thing that was looked at, with why it matters and what cures it (O5).

A finding has a code; whoever shows it has the words, in the reader's language. What another part says in
English stands in `said`. What was not looked at is said so: it is no pass.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum

from optin.errors import SetupRefused
from optin.flows.context_with_kinds import SiteContext
from optin.flows.delivery.mail_order import MailKind
from optin.flows.delivery.waiting_matters import waiting_matters
from optin.rules.data_protection.law_data import CHECK_EVERY_DAYS
from optin.rules.rule_files import rule_book
from optin.services.audit_job import DONE, FAILED, AuditState, view_audit
from optin.services.doctor.finding import Verdict
from optin.services.doctor.last_result import Examined, read_result
from optin.services.health import ReadinessReport
from optin.services.installation import Installation
from optin.services.setup_check import check_settings
from optin.services.site_edition import Edition
from optin.settings.site import WAITS, Anchors
from optin.site.findings import Finding
from optin.store.database_interface import Tx
from optin.store.event_log import StoredCheckpoint, last_attested, latest_checkpoint, log_frontier
from optin.store.installation_facts import last_examination
from optin.store.mail_outbox import count_dead, oldest_waiting_mail

COSIGNATURE, TIMESTAMP = "cosignature", "rfc3161"
MAIL_IS_LATE = timedelta(hours=1)
MAIL_IS_STUCK = timedelta(days=1)
HOLDER_IS_LATE = timedelta(days=2)
SIGNING_IS_LATE = timedelta(hours=1)
UNHELD = "log-unheld"
# what the server's doctor has not looked at yet: said, so that it is no pass
UNEXAMINED = ("backups", "mail-records", "certificate")
_SEEN_HERE = frozenset(
    {"settings", "dead-mail", "waiting-mail", "log", "server", "jobs"}
)  # of the doctor's checks
_STATES = {
    Verdict.FAILED: "broken",
    Verdict.WARNING: "attention",
    Verdict.NOT_CHECKED: "not-checked",
    Verdict.PASSED: "passed",
}
_ELSEWHERE = (
    "clock",
    "mails",
    "requests",
    "breach",
    "backup",
)  # matters with a finding or a page of their own


class State(StrEnum):
    """How one thing stands."""

    BROKEN = "broken"
    ATTENTION = "attention"
    NOT_CHECKED = "not-checked"
    PASSED = "passed"


FAULTS = frozenset({State.BROKEN, State.ATTENTION})


@dataclass(frozen=True)
class HealthFinding:
    """One thing that was looked at. `values`: what its words name, people never.

    `said` and `cure`: in English, of a part that has no other words; `place`: a file and line.
    """

    code: str
    state: State
    values: Mapping[str, str | int] = field(default_factory=dict)
    said: str = ""
    cure: str = ""
    place: str = ""


@dataclass(frozen=True)
class LogHolder:
    """Who outside keeps checkpoints of the log: a witness or a time-stamp authority. None: nothing yet.

    `due`: when the next one should have been taken, if there is anything new.
    """

    name: str
    at: datetime | None
    size: int = 0
    due: datetime | None = None


@dataclass(frozen=True)
class LogState:
    """The log: its events, the last signed checkpoint, who outside holds one."""

    size: int
    signed: StoredCheckpoint | None
    holders: tuple[LogHolder, ...]


def log_state(tx: Tx, _context: SiteContext, edition: Edition) -> LogState:
    """Return how the log stands; changes nothing."""
    return log_state_by(tx, edition.site.settings.log)


def log_state_by(tx: Tx, anchors: Anchors) -> LogState:
    """Return how the log stands with these witnesses and this time-stamp authority."""
    sources = [(TIMESTAMP, anchors.timestamp, anchors.timestamp)] if anchors.timestamp else []
    sources += [(COSIGNATURE, name, name) for name in anchors.named_witnesses]
    holders = []
    for kind, source, name in sources:
        found = last_attested(tx, kind, source)
        if found is None:
            holders.append(LogHolder(name, None))
        else:
            due = anchors.timestamp_every.after(found.at) if kind == TIMESTAMP else found.at
            holders.append(LogHolder(name, found.at, found.size, due))
    return LogState(log_frontier(tx).size, latest_checkpoint(tx), tuple(holders))


def stored_findings(
    tx: Tx, context: SiteContext, edition: Edition, now: datetime
) -> tuple[HealthFinding, ...]:
    """Return what the database tells: mail, log, what waits."""
    state = log_state(tx, context, edition)
    dead = sum(count for kind, count in count_dead(tx).items() if kind != MailKind.STAFF)
    return (
        HealthFinding("dead-mail", State.ATTENTION if dead else State.PASSED, {"count": dead}),
        _waiting_mail(tx, now),
        *_of_log(state, now),
        *_of_audit(view_audit(tx, context)),
        *(
            HealthFinding("matter", State.ATTENTION, said=it.sentence)
            for it in waiting_matters(tx, context, now)
            if it.name.partition(" ")[0] not in _ELSEWHERE
        ),
    )


def _waiting_mail(tx: Tx, now: datetime) -> HealthFinding:
    oldest = oldest_waiting_mail(tx)
    age = timedelta(0) if oldest is None else max(timedelta(0), now - oldest)
    state = State.BROKEN if age > MAIL_IS_STUCK else State.ATTENTION if age > MAIL_IS_LATE else State.PASSED
    return HealthFinding("waiting-mail", state, {"count": int(age.total_seconds() // 3600)})


def _of_log(state: LogState, now: datetime) -> Iterator[HealthFinding]:
    signed = 0 if state.signed is None else state.signed.size
    late = state.size > signed and (state.signed is None or now - state.signed.at > SIGNING_IS_LATE)
    yield HealthFinding(
        "log-signed", State.ATTENTION if late else State.PASSED, {"count": state.size - signed}
    )
    if not state.holders:
        yield HealthFinding(UNHELD, State.ATTENTION)
    for it in state.holders:
        fresh = it.due is not None and (now - it.due <= HOLDER_IS_LATE or it.size >= signed)
        yield HealthFinding("log-holder", State.PASSED if fresh else State.ATTENTION, {"name": it.name})


def _of_audit(audit: AuditState | None) -> Iterator[HealthFinding]:
    """Yield how the last audit of the desk ended; nothing when there was none, or it did not end."""
    if audit is None or audit.state not in {DONE, FAILED}:
        return
    wrong = audit.state == FAILED or audit.findings
    yield HealthFinding(
        "last-audit", State.BROKEN if wrong else State.PASSED, {"count": len(audit.findings) + audit.more}
    )


def rule_findings(day: date) -> tuple[HealthFinding, ...]:
    """Return a finding for each country whose rules nobody compared with their sources for over a year."""
    old = [it for it in rule_book().countries.values() if (day - it.checked).days > CHECK_EVERY_DAYS]
    found = [HealthFinding("rules", State.ATTENTION, {"name": it.name}) for it in old]
    return tuple(found) or (HealthFinding("rules", State.PASSED),)


def faults_of_proof(
    tx: Tx, context: SiteContext, edition: Edition, now: datetime
) -> tuple[HealthFinding, ...]:
    """Return what is wrong with the log, its witnesses, its last audit and the rules in force.

    A log without any witness is no fault here: it is for the health page.
    """
    found = (
        *_of_log(log_state(tx, context, edition), now),
        *_of_audit(view_audit(tx, context)),
        *rule_findings(edition.site.day_of(now)),
    )
    return tuple(it for it in found if it.state in FAULTS and it.code != UNHELD)


def setup_findings(
    installation: Installation, edition: Edition, report: ReadinessReport, mistakes: tuple[Finding, ...]
) -> list[HealthFinding]:
    """Return every finding. `report`: of the readiness checks; `mistakes`: of the site's files."""
    look = installation.read_clock()
    found = [
        HealthFinding(
            "ready", State.PASSED if it.ok else State.BROKEN, {"name": name}, str(it.says.get("why", ""))
        )
        for name, it in report.found.items()
    ]
    found.append(
        HealthFinding("clock", State.BROKEN, said=look.sentence)
        if look.doubted
        else HealthFinding("clock", State.PASSED)
    )
    found.append(_settings(edition))
    found.append(_journal(installation))
    found += [HealthFinding("schema", State.BROKEN, said=it) for it in installation.schema_findings]
    heard = any(WAITS in it.events for it in edition.site.settings.notify.values())
    found.append(HealthFinding("staff-told", State.PASSED if heard else State.ATTENTION))
    found += installation.view(stored_findings, edition=edition, now=installation.clock())
    found += rule_findings(edition.site.day_of(installation.clock()))
    found += [_of_file(it) for it in mistakes]
    if not mistakes:
        found.append(HealthFinding("files", State.PASSED))
    found += _of_doctor(installation)
    return found


def last_examined(installation: Installation) -> Examined | None:
    """Return what the server's doctor found last; None: it has not looked yet."""
    return read_result(installation.store.read(last_examination, vault=installation.vault))


def _of_doctor(installation: Installation) -> Iterator[HealthFinding]:
    """Yield the doctor's last findings, but for what is looked at here anyway."""
    examined = last_examined(installation)
    if examined is None:
        yield from (HealthFinding(it, State.NOT_CHECKED) for it in UNEXAMINED)
        return
    for it in examined.findings:
        if it.name in _SEEN_HERE:
            continue
        said = f"{it.seen} {it.why}"
        yield HealthFinding("doctor", State(_STATES[it.verdict]), {"name": it.name}, said, it.cure)


def _settings(edition: Edition) -> HealthFinding:
    try:
        check_settings(edition.site.settings)
    except SetupRefused as problem:
        return HealthFinding("settings", State.BROKEN, said=str(problem))
    return HealthFinding("settings", State.PASSED)


def _journal(installation: Installation) -> HealthFinding:
    if installation.journal is None:
        return HealthFinding("journal", State.NOT_CHECKED)
    return HealthFinding("journal", State.BROKEN if installation.unwritten.is_set() else State.PASSED)


def _of_file(finding: Finding) -> HealthFinding:
    state = State.BROKEN if finding.severity == "error" else State.ATTENTION
    place = f"{finding.path}:{finding.line}"
    return HealthFinding("file", state, {"place": place}, finding.message, finding.cure, place)
