"""Record what a mail server answered; whom it refuses for good because of the address is unreachable (O6)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from optin.consent.email_and_telephone import EmailAddress
from optin.consent.returned_mail import MailReport, ReportedMail
from optin.flows.context import Context
from optin.flows.context_with_kinds import SiteContext
from optin.flows.delivery.deliver_mails import Attempt, record_result
from optin.flows.delivery.mail_order import MailState, Order, Verdict
from optin.flows.delivery.retry_abandoned_mails import retry_unreachable
from optin.flows.exports.queue_webhook_messages import queue_confirmed
from optin.flows.records.lift_unreachable import lift_unreachable
from optin.flows.returned_mails.take_report import take_report
from optin.store.database_interface import Tx
from optin.store.unreachable_addresses import unreachable_since

BY_SERVER = "smtp"  # the mail server that we hand mails to, in its answer
# no such mailbox, no such domain, bad address, moved, null MX, disabled (RFC 3463, RFC 7505): never policy
ABOUT_ADDRESS = frozenset({"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1"})


def record_sending(tx: Tx, context: Context, order: Order, attempt: Attempt, now: datetime) -> MailState:
    """Record the result of an attempt, as `record_result`; a refusal may be a report about the address."""
    state = record_result(tx, context, order, attempt, now)
    status = attempt.reply.partition(" ")[2]
    if attempt.verdict is Verdict.REFUSED and state is MailState.DEAD and status in ABOUT_ADDRESS:
        told = ReportedMail(MailReport.HARD, BY_SERVER, email=order.recipient, status=status)
        take_report(tx, context, told, now)
    return state


def forget_refusals(tx: Tx, context: SiteContext, recipients: Iterable[EmailAddress], now: datetime) -> int:
    """Take back what a mail server's refusals said of these addresses; return of how many.

    It refused everybody in the same words, so the fault may be ours. Processors are told again, and what was
    given up meanwhile because of it is queued again, as far as it still holds.
    """
    count = 0
    for index in {context.vault.index(it) for it in recipients}:
        found = unreachable_since(tx, index)
        if found is not None and found.source == BY_SERVER:
            usable = lift_unreachable(tx, context, index)
            queue_confirmed(tx, context.policy.webhooks, index, usable, now)
            retry_unreachable(tx, context, index, now)
            count += 1
    return count
