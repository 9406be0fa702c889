"""An audit that runs beside the server, one at a time, with progress and a stop (P4).

What it found stays in the database, so that each process of the server can show it. A log that is too large
to read beside visitors is left to the command.
"""

from __future__ import annotations

import json
import threading
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from optin.errors import OptinError, SetupRefused, log_line_of
from optin.flows.context_with_kinds import SiteContext
from optin.flows.evidence.audit import Audit
from optin.proof.journal_chain import JournalLine
from optin.services.installation import Installation
from optin.services.parallel_audit import WORTH_PROCESSES
from optin.store.database_interface import Tx
from optin.store.event_log import log_frontier
from optin.store.installation_facts import last_audit, note_audit

RUNNING, DONE, STOPPED, FAILED = "running", "done", "stopped", "failed"
LOST_AFTER = timedelta(minutes=2)  # without progress its process is gone
_LOCK = b"audit-at-desk"
MOST_EVENTS = WORTH_PROCESSES
MOST_SENTENCES = 50
_NOTED_EVERY = 200  # events


@dataclass(frozen=True)
class AuditState:
    """The last audit of the desk. `began` and `seen`: RFC 3339; `findings`: sentences that name nobody."""

    state: str
    began: str
    seen: str
    events: int = 0
    size: int = 0
    findings: tuple[str, ...] = ()
    more: int = 0  # findings beside those
    notes: tuple[str, ...] = ()
    problem: str = ""
    with_journal: bool = False
    asked_to_stop: bool = False

    def runs(self, now: datetime) -> bool:
        """Return whether it runs: it said so lately."""
        return self.state == RUNNING and now - datetime.fromisoformat(self.seen) < LOST_AFTER


def view_audit(tx: Tx, context: SiteContext) -> AuditState | None:
    """Return how the last audit went, or goes; None when there was none."""
    text = last_audit(tx, context.vault)
    if not text:
        return None
    told: dict[str, Any] = json.loads(text)
    told |= {name: tuple(told[name]) for name in ("findings", "notes")}
    return AuditState(**told)


def may_begin(tx: Tx, context: SiteContext, now: datetime) -> bool:
    """Return whether an audit may begin here: the log is small enough, and none runs."""
    known = view_audit(tx, context)
    return log_frontier(tx).size <= MOST_EVENTS and (known is None or not known.runs(now))


def claim_audit(tx: Tx, context: SiteContext, now: datetime) -> bool:
    """Begin an audit, unless one runs or the log is too large; return whether it begins."""
    tx.hold(_LOCK)
    if not may_begin(tx, context, now):
        return False
    _note(tx, context, AuditState(RUNNING, now.isoformat(), now.isoformat(), size=log_frontier(tx).size))
    return True


def stop_audit(tx: Tx, context: SiteContext) -> None:
    """Ask the running audit to stop."""
    tx.hold(_LOCK)
    known = view_audit(tx, context)
    if known is not None and known.state == RUNNING:
        _note(tx, context, _with(known, asked_to_stop=True))


def _note(tx: Tx, context: SiteContext, state: AuditState) -> None:
    note_audit(tx, context.vault, json.dumps(asdict(state)))


def _with(known: AuditState, /, **changes: object) -> AuditState:
    told: dict[str, Any] = {**asdict(known), **changes}
    return AuditState(**told)


def run_claimed_audit(installation: Installation) -> threading.Thread:
    """Run the audit that was claimed, in a thread; what it found is in the database when it ends."""
    known = installation.view(view_audit)
    began = "" if known is None else known.began
    thread = threading.Thread(target=_Run(installation, began).run, name="audit", daemon=True)
    thread.start()
    return thread


@dataclass
class _Run:
    installation: Installation
    began: str
    _events: int = 0
    _noted: int = 0

    def run(self) -> None:
        try:
            self._audit()
        except OptinError as problem:
            self._end(FAILED, problem=str(problem))
        except Exception as problem:  # noqa: BLE001 - the page must say that it ended
            self._end(FAILED, problem=log_line_of(problem))

    def _audit(self) -> None:
        installation = self.installation
        lines, wrong = self._remembered()
        installation.integrate()
        audit = Audit(
            installation.store.read,
            installation.vault,
            installation.kinds.flows,
            (),
            lines,
            [*installation.schema_findings, *wrong],
            installation.kinds.schema,
        )
        for done in audit.run():
            self._events += done
            if self._events - self._noted >= _NOTED_EVERY and self._is_stopped():
                self._end(STOPPED)
                return
        found = tuple(audit.findings)
        self._end(
            DONE,
            findings=found[:MOST_SENTENCES],
            more=max(0, len(found) - MOST_SENTENCES),
            notes=tuple(audit.notes)[:MOST_SENTENCES],
            with_journal=installation.journal is not None,
        )

    def _remembered(self) -> tuple[tuple[JournalLine, ...], list[str]]:
        """Return what the journal remembers, and a sentence if it cannot be read."""
        journal = self.installation.journal
        try:
            return (() if journal is None else tuple(journal.read_whole(self.installation.store))), []
        except SetupRefused as problem:
            return (), [str(problem)]

    def _is_stopped(self) -> bool:
        """Note the progress; return whether somebody asked to stop."""
        self._noted = self._events
        return self.installation.run(_note_progress, self.began, self._events, self.installation.clock())

    def _end(self, state: str, **found: object) -> None:
        now = self.installation.clock()
        with suppress(Exception):  # the server ends: the page sees that the audit said nothing lately
            ended = AuditState(state, self.began, now.isoformat(), events=self._events)
            self.installation.run(_note_end, ended, found)


def _note_progress(tx: Tx, context: SiteContext, began: str, events: int, now: datetime) -> bool:
    tx.hold(_LOCK)
    known = view_audit(tx, context)
    if known is None or known.began != began:  # it said nothing for so long that another one began
        return True
    _note(tx, context, _with(known, events=events, seen=now.isoformat()))
    return known.asked_to_stop


def _note_end(tx: Tx, context: SiteContext, ended: AuditState, found: dict[str, object]) -> None:
    tx.hold(_LOCK)
    known = view_audit(tx, context)
    if known is None or known.began != ended.began:
        return
    _note(tx, context, _with(known, state=ended.state, events=ended.events, seen=ended.seen, **found))
