"""Take what a provider of mail tells in one message of its webhook, once (O6).

1. A message that was taken before, or a copy of it that somebody sends again, changes nothing. Its id is
   noted in the transaction that takes the reports: what could not be taken can be told again.
2. The provider signs what it says, or holds a secret, so its address counts without a token.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from optin.bounces.provider_events import ProviderEvent
from optin.consent.email_and_telephone import parse_email
from optin.consent.returned_mail import ReportedMail, ReportEffect
from optin.flows.context import Context
from optin.flows.returned_mails.report_in_mail import REPORTS
from optin.flows.returned_mails.take_report import take_report
from optin.store.database_interface import Tx
from optin.store.limit_counters import CounterTable, LimitedCount, take_amount

NOTED_FOR = timedelta(days=3)  # longer than any message is taken after it was signed


@dataclass(frozen=True)
class ProviderMessage:
    """A message whose sender is known. `webhook`: its name in optin.toml; `number`: tells it from others."""

    webhook: str
    number: bytes
    events: tuple[ProviderEvent, ...]


def take_provider_reports(
    tx: Tx, context: Context, message: ProviderMessage, now: datetime
) -> tuple[ReportEffect, ...] | None:
    """Take the reports of a message; return what each changed, None for one that was taken before."""
    key = context.vault.limit_digest(f"bounces {message.webhook}", message.number)
    if not take_amount(tx, CounterTable.SITE, key, LimitedCount(1, 1, now + NOTED_FOR)):
        return None
    told = reports_of(message.events, message.webhook)
    return tuple(take_report(tx, context, it, now) for it in told)


def reports_of(events: Iterable[ProviderEvent], source: str) -> list[ReportedMail]:
    """Return the reports in events; what is about no address is left out."""
    found = []
    for event in events:
        report = REPORTS.get(event.meaning)
        if report is None:
            continue
        try:
            address = parse_email(event.address)
        except ValueError:
            continue
        found.append(ReportedMail(report, source, email=address, status=event.status, sent_at=event.at))
    return found
