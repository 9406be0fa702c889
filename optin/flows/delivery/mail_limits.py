"""How many mails a mailbox gets in any 24 hours, and who can use them up (D8).

Anybody can type somebody's address into a form, or ask for a link to their personal page. What comes of
that is counted apart from what only a reader of the mailbox can ask: so a stranger takes nothing away from
the person, and neither fills the mailbox.

Addresses that end in one mailbox share its counts, whatever their spelling. It never says who somebody is.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from functools import lru_cache

from optin.consent.confirmation_code import digits_of
from optin.consent.email_and_telephone import EmailAddress, mailbox_of
from optin.flows.context import Context
from optin.flows.request_policy import PER_ADDRESS, RequestPolicy
from optin.store.database_interface import Tx
from optin.store.encryption import Vault
from optin.store.limit_counters import (
    CounterTable,
    LimitedCount,
    MailboxDigests,
    has_mark,
    take_amount,
    take_mail,
    take_share,
)

DAY = timedelta(days=1)
LOOKS_A_DAY = 100  # with the codes of five mails: one chance in 200,000


class MailRequester(StrEnum):
    """Who requests a mail, as far as known; each is counted separately."""

    FORM = "form"  # whoever filled in a form
    LINK = "link"  # whoever typed an address to be mailed the link to a personal page
    READER = "reader"  # whoever has read a mail to this very mailbox
    STAFF = "staff"  # the company's own people, who put somebody on file


def mailbox_digest(vault: Vault, email: EmailAddress) -> bytes:
    """Return the digest of the mailbox that an address most likely ends in, for counting and locking."""
    return vault.index(mailbox_of(email))


def take_form_mail(tx: Tx, context: Context, mailbox: bytes, code: str, now: datetime) -> bool:
    """Count a mail with a code requested by a form; False above the mailbox's limit. Lock it first."""
    day = _day(context.vault, MailRequester.FORM, mailbox, code, now)
    return take_mail(tx, day, context.policy.limits.per_address_per_day, now) or _limited(context.policy)


def take_link(tx: Tx, context: Context, email: EmailAddress, network: str, now: datetime) -> bool:
    """Count a link requested by typing an address; False above the mailbox's limit.

    One network can ask for half of them only (rounded up): the person, elsewhere, gets the others. Empty
    `network`: it is not known.
    """
    mailbox = mailbox_digest(context.vault, email)
    tx.hold(mailbox)
    day, most = (
        _marked_day(context.vault, MailRequester.LINK, mailbox, network, now),
        context.policy.limits.per_address_per_day,
    )
    share = (most + 1) // 2 if network else most
    return take_share(tx, day, most, share, now) or _limited(context.policy)


def take_reader_mail(tx: Tx, context: Context, email: EmailAddress, now: datetime) -> bool:
    """Count a mail requested by a reader of the mailbox; False above the limit."""
    return _take(tx, context, MailRequester.READER, email, now)


def take_staff_mail(tx: Tx, context: Context, email: EmailAddress, now: datetime) -> bool:
    """Count a mail that tells somebody what staff put on file; False above the limit."""
    return _take(tx, context, MailRequester.STAFF, email, now)


def _take(tx: Tx, context: Context, asker: MailRequester, email: EmailAddress, now: datetime) -> bool:
    mailbox = mailbox_digest(context.vault, email)
    tx.hold(mailbox)
    day = _day(context.vault, asker, mailbox, "", now)
    return take_mail(tx, day, context.policy.limits.per_address_per_day, now) or _limited(context.policy)


def has_read(tx: Tx, vault: Vault, email: EmailAddress, typed: str, now: datetime) -> bool:
    """Return whether a code mailed to this mailbox was typed in the last 24 hours.

    It looks `LOOKS_A_DAY` times a day (UTC): nobody guesses at its codes on page after page (D3).
    """
    mailbox = mailbox_digest(vault, email)
    today = f"looks {now.astimezone(UTC).date().isoformat()}"
    if not take_amount(
        tx, CounterTable.SITE, vault.limit_digest(today, mailbox), LimitedCount(1, LOOKS_A_DAY, next_day(now))
    ):
        return False
    return has_mark(tx, _marked_day(vault, MailRequester.FORM, mailbox, digits_of(typed), now), now)


def take_site_mails(tx: Tx, vault: Vault, what: str, count: int, most: int, now: datetime) -> bool:
    """Count mails of the whole site on this day (UTC); False above the daily limit."""
    key = vault.limit_digest(_windows(what, now.astimezone(UTC).date())[1])
    return take_amount(tx, CounterTable.SITE, key, LimitedCount(count, most, next_day(now)))


def next_day(now: datetime) -> datetime:
    """Return the beginning of the next day (UTC)."""
    return now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + DAY


def _limited(policy: RequestPolicy) -> bool:
    policy.limited(PER_ADDRESS)
    return False


def _day(vault: Vault, asker: MailRequester, mailbox: bytes, mark: str, now: datetime) -> MailboxDigests:
    before, today, after = _windows(asker, now.astimezone(UTC).date())
    return MailboxDigests(
        key=vault.limit_digest(today, mailbox),
        before=vault.limit_digest(before, mailbox),
        after=vault.limit_digest(after, mailbox),
        mark=_mark(vault, today, mailbox, mark),
    )


def _marked_day(
    vault: Vault, asker: MailRequester, mailbox: bytes, mark: str, now: datetime
) -> MailboxDigests:
    before, _, after = _windows(asker, now.astimezone(UTC).date())
    marks = (_mark(vault, before, mailbox, mark), _mark(vault, after, mailbox, mark))
    return replace(_day(vault, asker, mailbox, mark, now), marks=marks)


def _mark(vault: Vault, window: str, mailbox: bytes, mark: str) -> bytes:
    return vault.limit_digest(f"{window} mark", mailbox + mark.encode())


@lru_cache(maxsize=64)
def _windows(what: str, day: date) -> tuple[str, str, str]:
    """Return the names of the previous day, this day and the next."""
    before, today, after = (f"{what} {(day + shift).isoformat()}" for shift in (-DAY, timedelta(0), DAY))
    return before, today, after
