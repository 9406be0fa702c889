"""Checks of what the data tells: mail, messages to processors, the log, backups; the clock, what ends."""

from __future__ import annotations

import ctypes
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from email.utils import parsedate_to_datetime

from optin.consent.wrong_clock import ClockReading
from optin.errors import OptinError
from optin.flows.delivery.mail_order import MailKind
from optin.papers.agreements import SOON
from optin.rules.contact_rule import ContactRule
from optin.rules.rule_files import rule_book
from optin.services.doctor.database_checks import is_sqlite
from optin.services.doctor.examination import Examination
from optin.services.doctor.finding import NotChecked, Seen, Verdict, failed, not_checked, passed, warning
from optin.services.doctor.site_answer import AnswerOfSite, Unreached, fetch, site_answer
from optin.services.open_store import sqlite_path
from optin.services.setup_health import (
    HOLDER_IS_LATE,
    MAIL_IS_LATE,
    MAIL_IS_STUCK,
    SIGNING_IS_LATE,
    log_state_by,
)
from optin.settings.backup import BackupTable
from optin.settings.site import Processor
from optin.store.backup_facts import BackupMoments, backup_moments
from optin.store.latest_known_time import known_moment
from optin.store.mail_outbox import count_dead, oldest_waiting_mail
from optin.store.reported_matters import abandoned_messages, late_messages

BACKUP_IS_LATE = timedelta(days=2)
BACKUP_IS_OLD = timedelta(days=8)
REHEARSAL_IS_OLD = timedelta(days=30)
PROCESSOR_IS_LATE = timedelta(hours=1)
CLOCK_IS_OFF = timedelta(seconds=30)
CLOCK_IS_WRONG = timedelta(minutes=5)
_UNSYNCHRONISED = 5  # TIME_ERROR of adjtimex(2)
_TIMEX_BYTES = 512  # more than the struct of any system


def check_dead_mail(examination: Examination) -> Seen:
    """Check for mails that were given up."""
    dead = examination.opened().store.read(count_dead)
    count = sum(number for kind, number in dead.items() if kind != MailKind.STAFF)
    if count:
        cure = "optin mail retry --dry-run, then without --dry-run, once the mail server is right."
        return warning(f"Mails that were given up: {count}.", cure)
    return passed("No mail was given up.")


def check_waiting_mail(examination: Examination) -> Seen:
    """Check how long the oldest mail has waited."""
    oldest = examination.opened().store.read(oldest_waiting_mail)
    age = timedelta(0) if oldest is None else max(timedelta(0), examination.now - oldest)
    if age <= MAIL_IS_LATE:
        return passed("No mail has waited for over an hour.")
    text = f"The oldest mail has waited for {int(age.total_seconds() // 3600)} hours."
    cure = "See that optin serve runs, and that its mail server answers (below); optin mail retry tries now."
    return failed(text, cure) if age > MAIL_IS_STUCK else warning(text, cure)


def check_processors(examination: Examination) -> Seen:
    """Check that processors take the messages about consents."""
    store, before = examination.opened().store, examination.now - PROCESSOR_IS_LATE
    late = store.read(late_messages, before)
    given_up = {it.processor: it.count for it in store.read(abandoned_messages)}
    if given_up:
        names = ", ".join(f"{name} ({count})" for name, count in sorted(given_up.items()))
        cure = "Inform these processors yourself: a withdrawal may be among it. See: optin exports"
        return failed(f"Messages that were given up: {names}.", cure, " ".join(sorted(given_up)))
    if late:
        names = ", ".join(f"{name} ({count})" for name, count in sorted(late.items()))
        cure = "The server's log says why; for a tool: optin connect ID"
        return warning(f"Messages have waited for over an hour: {names}.", cure, " ".join(sorted(late)))
    return passed("No message to a processor waits.")


def check_log(examination: Examination) -> Seen:
    """Check that the log is signed, and that somebody outside holds it lately."""
    state = examination.opened().store.read(log_state_by, anchors=examination.settings.log)
    signed, now = state.signed, examination.now
    covered = 0 if signed is None else signed.size
    if state.size > covered and (signed is None or now - signed.at > SIGNING_IS_LATE):
        return failed(
            f"No signature covers {state.size - covered} events.", "Start optin serve; it signs by itself."
        )
    late = [
        it for it in state.holders if it.due is None or (now - it.due > HOLDER_IS_LATE and it.size < covered)
    ]
    if late:
        names = ", ".join(it.name for it in late)
        cure = "See that the addresses under [log] in optin.toml are right and answer; they are asked again."
        return warning(f"These have not taken the log for two days: {names}.", cure, names)
    if not state.holders:
        cure = (
            '[log]\ntimestamp = "https://…"  # a time-stamp authority (RFC 3161); or witnesses: docs/proof.md'
        )
        return warning("Nobody outside holds the log, but people with their receipts.", cure)
    return passed(f"The log is signed, and held by {', '.join(it.name for it in state.holders)}.")


def check_backup(examination: Examination) -> Seen:
    """Check the age of the last backup that optin made."""
    moments = examination.opened().store.read(backup_moments)
    if examination.settings.backup.is_asked:
        seen = judge_scheduled(moments, examination.settings.backup, examination.now)
        return _beside_the_database(examination) or seen if seen.verdict is Verdict.PASSED else seen
    at = moments.made
    if at is None:
        cure = "optin backup FILE each night, to another machine; docs/rights.md, Backups."
        text = "No backup was made by optin backup."
        if is_sqlite(examination):
            return warning(text, cure)
        return not_checked(f"{text} Backups of PostgreSQL by other means cannot be seen from here.", cure)
    return judge_backup(examination.now - at, at)


def _beside_the_database(examination: Examination) -> Seen | None:
    """Return a warning where the disk that is lost with the database holds the only backups."""
    settings = examination.settings
    database, folder = sqlite_path(settings.store, settings.root), settings.path(settings.backup.folder)
    if settings.backup.command or database is None:
        return None
    try:
        same = database.stat().st_dev == folder.stat().st_dev
    except OSError:
        return warning(
            f"The folder of the backups is not there: {folder}", "Mount it, or correct [backup] folder."
        )
    cure = "Name a folder on another disk under [backup], or a command that takes each backup elsewhere."
    return (
        warning("The backups are on the disk of the database, and are lost with it.", cure) if same else None
    )


def judge_scheduled(moments: BackupMoments, table: BackupTable, now: datetime) -> Seen:
    """Return the finding about backups that the server makes itself."""
    cure = "See what optin.backup says in the server's log, and whether the folder under [backup] has room."
    if moments.failed is not None:
        text = f"The backup of {moments.failed:%Y-%m-%d %H:%M} UTC failed. {moments.failure}".strip()
        return failed(text, f"Mend it; it is tried again each hour. {cure}")
    if moments.made is None:
        return warning("No backup was made yet.", f"The server makes one in its first minutes. {cure}")
    text = f"The last backup was made on {moments.made:%Y-%m-%d %H:%M} UTC"
    if table.every.after(table.every.after(moments.made)) < now:
        return failed(f"{text}, longer ago than twice the schedule.", cure)
    if moments.rehearsed is None or moments.rehearsed + REHEARSAL_IS_OLD < now:
        words = "optin restore --rehearse" if table.folder else "optin restore --rehearse FILE"
        return warning(f"{text}; none was proved within 30 days.", words)
    return passed(f"{text}, and one was proved on {moments.rehearsed:%Y-%m-%d}.")


def judge_backup(age: timedelta, at: datetime) -> Seen:
    """Return the finding about a backup of this age."""
    text = f"The last backup was made on {at:%Y-%m-%d %H:%M} UTC."
    cure = "See why the nightly optin backup does not run any more."
    if age > BACKUP_IS_OLD:
        return failed(text, cure)
    return warning(text, cure) if age > BACKUP_IS_LATE else passed(text)


def check_clock(examination: Examination) -> Seen:
    """Compare the clock with the stored mark, the kernel's word, and servers that tell the time."""
    doubt = ""
    with suppress(NotChecked, OptinError):  # nobody has served yet, or the database is away
        opened = examination.opened()
        known = opened.store.read(known_moment, vault=opened.vault)
        reading = ClockReading(examination.now, known, examination.settings.sweep.clock_jump)
        doubt = reading.sentence if reading.doubted else ""
    return judge_clock(doubt, _differences(examination), synchronised=kernel_synchronises())


def judge_clock(doubt: str, off: Mapping[str, timedelta], *, synchronised: bool | None) -> Seen:
    """Return the finding about the clock. `off`: by how much it is ahead of each server's."""
    cure = "Let a service set the clock (chrony, systemd-timesyncd); then: timedatectl"
    if doubt:
        return failed(doubt, "Set the clock right; if it is right: optin sweep --accept-clock")
    far = {name: by for name, by in off.items() if abs(by) > CLOCK_IS_OFF}
    if far:
        name, by = max(far.items(), key=lambda it: abs(it[1]))
        direction = "ahead of" if by > timedelta(0) else "behind"
        text = f"This clock is {abs(by).total_seconds():.0f} seconds {direction} that of {name}."
        return failed(text, cure, name) if abs(by) > CLOCK_IS_WRONG else warning(text, cure, name)
    if off:
        return passed(f"This clock agrees with {', '.join(sorted(off))}.")
    if synchronised:
        return passed("The system synchronises its clock.")
    return not_checked(
        "The system does not synchronise its clock, or does not say so, and no server told the time.", cure
    )


def kernel_synchronises() -> bool | None:
    """Return whether the kernel says that something keeps its clock right; None where it cannot be asked."""
    try:
        state = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
    except (OSError, AttributeError):
        return None
    return None if state < 0 else state != _UNSYNCHRONISED


def _differences(examination: Examination) -> dict[str, timedelta]:
    """Return by how much this clock is ahead of servers on other machines, by host."""
    found = {}
    for answer in _answers_with_time(examination):
        try:
            told = parsedate_to_datetime(answer.headers.get("date", ""))
            found[answer.host] = answer.received - told
        except (ValueError, TypeError):  # no date, or without a zone
            continue
    return found


def _answers_with_time(examination: Examination) -> Iterable[AnswerOfSite]:
    with suppress(Unreached):
        own = site_answer(examination)
        if own.is_elsewhere:
            yield own
    authority = examination.settings.log.timestamp
    if authority.startswith("https://"):
        with suppress(Unreached):
            yield fetch(authority, "", examination.reach.seconds, method="HEAD")


@dataclass(frozen=True)
class _Ending:
    name: str
    on: date


def check_agreements(examination: Examination) -> Seen | None:
    """Check which processing agreements end."""
    processors = examination.settings.processors
    return judge_agreements(processors, examination.now.date()) if processors else None


def judge_agreements(processors: Mapping[str, Processor], today: date) -> Seen:
    """Return the finding about agreements that ended, or end soon."""
    ending = [_Ending(name, it.ends) for name, it in processors.items() if it.ends is not None]
    over = [it for it in ending if it.on < today]
    soon = [it for it in ending if today <= it.on <= today + SOON]
    cure = "Renew it, and write its new last day as ends under [processors.ID] in optin.toml."
    mark = " ".join(sorted(f"{it.name}{'!' if it in over else ''}" for it in (*over, *soon)))
    if over:
        text = f"Agreements that ended, so that nothing is sent: {_named(over)}."
        return warning(text, cure, mark)
    if soon:
        return warning(f"Agreements that end: {_named(soon)}.", cure, mark)
    return passed(f"Agreements: {len(processors)}; none ends within {SOON.days} days.")


def _named(endings: Iterable[_Ending]) -> str:
    return ", ".join(f"{it.name} ({it.on})" for it in endings)


def check_rules(examination: Examination) -> Seen:
    """Check which rules of contact end soon without another that follows."""
    countries = rule_book().countries.values()
    return judge_rules([it.rules for it in countries], examination.now.date())


def judge_rules(countries: Iterable[Sequence[ContactRule]], today: date) -> Seen:
    """Return the finding about rules that ended or end soon, and are followed by none. By country."""
    ending = [it for rules in countries for it in _without_successor(rules) if _ends_about(it, today)]
    if ending:
        names = ", ".join(f"{it.id} ({it.until})" for it in ending)
        cure = "Update optin: a newer version has what follows. Until then nobody is contacted by these."
        return warning(f"Rules of contact that end: {names}.", cure, " ".join(it.id for it in ending))
    return passed(f"No rule of contact ends within {SOON.days} days.")


def _without_successor(rules: Sequence[ContactRule]) -> Iterable[ContactRule]:
    starts = {(it.channel, it.since) for it in rules}
    for it in rules:
        if it.until is not None and (it.channel, it.until + timedelta(days=1)) not in starts:
            yield it


def _ends_about(rule: ContactRule, today: date) -> bool:
    return rule.until is not None and today - SOON <= rule.until <= today + SOON
