"""How many mails one mailbox gets in any 24 hours, and who can use them up (D8).

Anybody can type somebody's address into a form, or ask for a link to their personal page. What comes of
that is counted apart from what only a reader of the mailbox can ask: so a stranger takes nothing away from
the person, and neither fills the mailbox.

Addresses that end in one mailbox share its counts, whatever their spelling. It never says who somebody is.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import StrEnum

from optin.consent.address import EmailAddress, mailbox_of
from optin.consent.code import digits_of
from optin.flows.policy import PER_ADDRESS, RequestPolicy
from optin.store.limits import Amount, Counted, Day, has_mark, take, take_mail
from optin.store.transaction import Tx
from optin.store.vault import Vault

DAY = timedelta(days=1)


class Asker(StrEnum):
    """Who asks for a mail, as far as that can be known; each is counted apart."""

    FORM = "form"  # whoever filled in a form
    LINK = "link"  # whoever typed an address to be mailed the link to a personal page
    READER = "reader"  # whoever has read a mail to this very mailbox


def hold_mailbox(tx: Tx, vault: Vault, email: EmailAddress) -> None:
    """Make others who mail to the same mailbox wait until this transaction ends."""
    tx.hold(vault.index(mailbox_of(email)))


def take_form_mail(
    tx: Tx, vault: Vault, email: EmailAddress, code: str, policy: RequestPolicy, now: datetime
) -> bool:
    """Count a mail with a code that a form asks for; False when the mailbox had enough. Hold it first."""
    most = policy.per_address_per_day
    return _take(tx, _day(vault, Asker.FORM, email, code.encode(), now), (most, most), policy, now)


def take_link(
    tx: Tx, vault: Vault, email: EmailAddress, network: str, policy: RequestPolicy, now: datetime
) -> bool:
    """Count a link that somebody asks for by typing an address; False when the mailbox had enough.

    One network can ask for half of them only (rounded up): the person, elsewhere, gets the others. Empty
    `network`: it is not known.
    """
    hold_mailbox(tx, vault, email)
    most = policy.per_address_per_day
    share = (most + 1) // 2 if network else most
    return _take(tx, _day(vault, Asker.LINK, email, network.encode(), now), (most, share), policy, now)


def take_reader_mail(tx: Tx, vault: Vault, email: EmailAddress, policy: RequestPolicy, now: datetime) -> bool:
    """Count a mail that a reader of the mailbox asks for; False when that was done often enough."""
    hold_mailbox(tx, vault, email)
    most = policy.per_address_per_day
    return _take(tx, _day(vault, Asker.READER, email, b"", now), (most, most), policy, now)


def has_read(tx: Tx, vault: Vault, email: EmailAddress, typed: str, now: datetime) -> bool:
    """Tell whether somebody typed a code that was mailed to this mailbox in the last 24 hours."""
    return has_mark(tx, _day(vault, Asker.FORM, email, digits_of(typed).encode(), now), now)


def take_of_day(tx: Tx, vault: Vault, what: str, count: int, most: int, now: datetime) -> bool:
    """Count mails of the whole site in this day (UTC); False when that is more than it allows."""
    key = vault.limit_digest(f"{what} {_name(now)}")
    return take(tx, Counted.SITE, key, Amount(count, most, next_day(now)))


def next_day(now: datetime) -> datetime:
    """Return when the next day begins (UTC)."""
    return now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + DAY


def _take(tx: Tx, day: Day, most: tuple[int, int], policy: RequestPolicy, now: datetime) -> bool:
    if take_mail(tx, day, *most, now):
        return True
    policy.limited(PER_ADDRESS)
    return False


def _day(vault: Vault, asker: Asker, email: EmailAddress, mark: bytes, now: datetime) -> Day:
    mailbox = vault.index(mailbox_of(email))
    windows = [f"{asker} {_name(now + shift)}" for shift in (-DAY, timedelta(0), DAY)]
    before, today, after = (vault.limit_digest(window, mailbox) for window in windows)
    marks = tuple(vault.limit_digest(f"{window} mark", mailbox + mark) for window in windows)
    return Day((before, today, after), (marks[0], marks[1], marks[2]))


def _name(moment: datetime) -> str:
    return moment.astimezone(UTC).date().isoformat()
