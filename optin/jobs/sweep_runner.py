"""Runs the rules of a sweep, step by step while the server handles requests (D6, R8)."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from functools import partial

from optin.errors import ClockDoubted, OptinError, StoreBusy
from optin.flows.delivery.retry_abandoned_mails import warn_of_unknown
from optin.flows.retention.sweep_daily_limit import report_backlog, sweep_step
from optin.flows.retention.sweep_rules import sweep_rules
from optin.flows.sweep_context import SkippedCandidates, SweepContext
from optin.flows.sweep_rule import SweepRule
from optin.jobs.background_job import RoundDone, every
from optin.services.event_log_signer import advance_log
from optin.services.installation import Installation

log = logging.getLogger("optin.sweep")
SWEEP_SECONDS = 600
FILES = "files"
DISAGREED = "refused"  # what rows say to be due, and events do not; and what cannot be read
GIVE_WAY = 2.0  # a sweep rests twice as long as each step took
LONGEST_PAUSE_SECONDS = 0.5


def sweep(
    installation: Installation, *, beyond: bool = False, told: Counter[str] | None = None
) -> dict[str, int]:
    """Run every rule, step by step; return the number of rows of each (D6, R8).

    `beyond`: more people may go than a day's share. `told`: how many were refused for which reason by the
    sweep before, which is not said again. Raises ClockDoubted (O7); LogDiverged or JournalUnusable:
    nothing is deleted by a database whose past is in doubt (O9).
    """
    installation.check_past()
    installation.see_clock()
    done: dict[str, int] = {}
    failed: list[Exception] = []
    skipped = SkippedCandidates()
    rules = sweep_rules(installation.kinds.flows)
    for rule in rules:
        if rule.in_journal:
            installation.shorten_journal()
        done[rule.name], problem = _do_rule(installation, rule, skipped, beyond=beyond)
        failed += [] if problem is None else [problem]
    done[DISAGREED] = skipped.reasons.total()
    for why, count in sorted(skipped.reasons.items()):
        if told is None or told[why] != count:
            log.error("%d refused: %s; see: optin audit", count, why)
    if told is not None:
        told.clear()
        told.update(skipped.reasons)
    done[FILES] = installation.forget_files()
    _warn(installation, rules)
    if any(done[rule.name] for rule in rules if rule.signs):
        advance_log(installation)
    if any(done[rule.name] for rule in rules if rule.erases):
        installation.note_ending()
        installation.truncate_wal()
    if failed:
        raise failed[0]
    return done


def _warn(installation: Installation, rules: Sequence[SweepRule]) -> None:
    """Log a warning about what a sweep could not do."""
    vault, policy, now = installation.vault, installation.policy, installation.clock()
    if backlog := installation.write(report_backlog, context=SweepContext(vault, policy, now), rules=rules):
        log.warning("%s", backlog.sentence)
    for sentence in installation.view(warn_of_unknown):
        log.warning("%s", sentence)
    for name, part in installation.kinds.flows.items():
        try:
            said = installation.store.read(part.warnings, installation.context, now)
        except OptinError:
            raise
        except Exception as problem:  # noqa: BLE001 - it is another's program, and may raise anything
            said = [f"the kind {name} cannot report what waits for you: {type(problem).__name__}"]
        for sentence in said:
            log.warning("%s", sentence)


def _do_rule(
    installation: Installation, rule: SweepRule, skipped: SkippedCandidates, *, beyond: bool
) -> tuple[int, Exception | None]:
    """Return the number of rows of a rule, and its error, which must not stop other rules."""
    done = 0
    try:
        while count := _step(installation, rule, skipped, beyond=beyond):
            done += count
    except (StoreBusy, ClockDoubted):
        raise
    except Exception as problem:  # noqa: BLE001 - raised when the others did their work
        return done, problem
    return done, None


def _step(installation: Installation, rule: SweepRule, skipped: SkippedCandidates, *, beyond: bool) -> int:
    context = SweepContext(installation.vault, installation.policy, installation.clock(), skipped)
    begun = time.perf_counter()
    count = installation.write(sweep_step, context=context, rule=rule, beyond=beyond)
    if count:  # whoever signs up meanwhile goes first
        time.sleep(min(GIVE_WAY * (time.perf_counter() - begun), LONGEST_PAUSE_SECONDS))
    return count


async def sweep_by_itself(installation: Installation, stop: asyncio.Event, round_done: RoundDone) -> None:
    """Sweep at intervals until `stop` is set (R8)."""
    round_of = partial(asyncio.to_thread, _sweep_if_trusted, installation, Counter())
    await every(SWEEP_SECONDS, round_of, stop, round_done)


def _sweep_if_trusted(installation: Installation, told: Counter[str]) -> None:
    with suppress(ClockDoubted):  # it was said, once
        sweep(installation, told=told)
