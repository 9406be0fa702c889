"""Take a report about a sent mail: its mailbox is unreachable, or its reader complained (O6).

1. Whom it is about: by the token of the return address, or by the address where its teller signs for it.
   Nobody of the kind on file: nothing changes, and nothing is kept.
2. A report about a mail from before the mailbox was last read says nothing any more.
3. Unreachable: no mail is sent to it, and no contact by mail is permitted; it is no withdrawal.
   Processors are told not to use those consents. A later confirmation lifts it (`lift_unreachable`).
4. Not now: one of several in some days, each of another mail, makes it unreachable.
5. A complaint ends every consent by mail, as if the person had asked (`end_by_complaint`).
"""

from __future__ import annotations

from datetime import datetime, timedelta

from optin.consent.channel import CHANNELS
from optin.consent.email_and_telephone import EmailAddress
from optin.consent.returned_mail import WITHDRAWING, MailReport, ReportedMail, ReportEffect
from optin.flows.context import Context
from optin.flows.exports.queue_webhook_messages import queue_barred_person
from optin.flows.returned_mails.end_by_complaint import end_by_complaint
from optin.flows.sweep_context import ago
from optin.store.data_subjects import find_subject, lock_subject
from optin.store.database_interface import Tx
from optin.store.person_records import last_confirmed
from optin.store.unreachable_addresses import (
    ReportKey,
    Unreachable,
    add_to_report_sums,
    count_delayed,
    mailboxes_like,
    mark_unreachable,
    note_delayed,
)
from optin.store.weekly_event_sums import monday_of

OLDEST = timedelta(days=90)  # of the mail: servers give up within a week, people complain within weeks
WITHIN_A_SECOND = timedelta(seconds=1)  # what a token says of the moment
SKEW = timedelta(minutes=5)  # between the clocks of two servers of the site
BY_MAIL = tuple(it.value for it in CHANNELS.values() if it.by_mail)


def take_report(tx: Tx, context: Context, told: ReportedMail, now: datetime) -> ReportEffect:
    """Take one report; return what it changed. What is told twice changes nothing twice."""
    # 1. Whom it is about.
    sent_at = now if told.sent_at is None else told.sent_at
    if told.mail is not None:
        sent_at = told.mail.sent_at
        found = mailboxes_like(tx, told.mail.mailbox)
    else:
        found = mailboxes_like(tx, context.vault.index(EmailAddress(told.email)))
    if not now - OLDEST <= sent_at <= now + SKEW:
        return ReportEffect.TOO_OLD
    effects = [_take(tx, context, told, index, min(sent_at, now), now) for index in found]
    effect = effects[0] if effects else ReportEffect.NOBODY
    if effect in {ReportEffect.UNREACHABLE, ReportEffect.NOTED, ReportEffect.WITHDRAWN}:
        add_to_report_sums(tx, {ReportKey(monday_of(now.date()), told.report.value, told.source): 1})
    return effect


def _take(
    tx: Tx, context: Context, told: ReportedMail, index: bytes, sent_at: datetime, now: datetime
) -> ReportEffect:
    # 5. A complaint.
    if told.report in WITHDRAWING:
        ended = end_by_complaint(tx, context, index, sent_at + WITHIN_A_SECOND, now)
        return ReportEffect.WITHDRAWN if ended else ReportEffect.KNOWN

    # 2. The mailbox was read since. Nobody confirms while this is decided: both lock the person.
    subject = find_subject(tx, index)
    if subject is not None:
        lock_subject(tx, subject)
    read_at = last_confirmed(tx, index)
    if read_at is not None and read_at >= sent_at + WITHIN_A_SECOND:
        return ReportEffect.OVERTAKEN

    # 4. Not now.
    if told.report is MailReport.SOFT:
        if not note_delayed(tx, index, sent_at, now):
            return ReportEffect.KNOWN
        policy = context.policy.bounces
        if count_delayed(tx, index, ago(policy.soft_within, now)) < policy.soft_times:
            return ReportEffect.NOTED

    # 3. Unreachable.
    why = Unreachable(told.report.value, told.source, told.status, sent_at, now)
    if not mark_unreachable(tx, index, why):
        return ReportEffect.KNOWN
    if subject is not None:
        for channel in BY_MAIL:
            queue_barred_person(tx, subject, index, channel, now)
    return ReportEffect.UNREACHABLE
