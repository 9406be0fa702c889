"""Sign in to the desk, stay signed in, sign out.

A mailed link works once, for ten minutes, and only in the browser that asked for it: whoever reads the mail
elsewhere, a scanner too, gets nothing by it. Only digests of secrets are stored, so a copy of the database
opens no desk; and links and sessions are bound by the keys, so whoever writes to the database opens none.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from optin.consent.email_and_telephone import EmailAddress
from optin.consent.staff_role import LINK_LASTS, SessionTimes
from optin.flows.context import Context
from optin.flows.delivery.mail_order import MailKind
from optin.flows.delivery.sign_in_mail import LINK
from optin.flows.staff.trail import ActKind, Doing, record
from optin.store.database_interface import Tx, to_ms
from optin.store.encryption import new_id
from optin.store.limit_counters import CounterTable, LimitedCount, take_amounts
from optin.store.mail_outbox import NoticeMail, enqueue_notice
from optin.store.staff_accounts import StaffAccount, account_by_id, account_of
from optin.store.staff_sessions import (
    SignInLink,
    StoredSession,
    add_link,
    add_session,
    end_session,
    end_sessions_of,
    find_link,
    find_session,
    keep_notes_of,
    see_session,
    use_link,
)

SECRET_BYTES = 32
MOST_LINKS = 6  # to one account in an hour, for one network
MOST_LINKS_IN_ALL = 60
SIGNED_IN = "signed in"  # asks in place of a network: whoever proves again who they are
PER = timedelta(hours=1)
SEEN_EVERY = timedelta(minutes=1)  # a session's last use is written this often


class LinkFault(StrEnum):
    """Why a link opens nothing."""

    UNKNOWN = "unknown"
    USED = "used"
    OLD = "old"
    OTHER_BROWSER = "other-browser"
    CLOSED = "closed"  # the account


@dataclass(frozen=True)
class StaffSession:
    """Somebody who is signed in. `secret` is in the cookie, and nowhere else."""

    account: StaffAccount
    times: SessionTimes
    secret: str = field(repr=False)
    notes: dict[str, str] = field(default_factory=dict, repr=False)

    @property
    def digest(self) -> bytes:
        """The digest under which the session is stored."""
        return digest_of(self.secret)

    @property
    def form_token(self) -> str:
        """What every form of this session carries, so that no other site can post it."""
        return form_token(self.secret)


def new_secret() -> str:
    """Return a secret for a cookie."""
    return secrets.token_urlsafe(SECRET_BYTES)


def digest_of(secret: str) -> bytes:
    """Return the digest of a secret, as it is stored."""
    return hashlib.sha256(b"optin.desk\0" + secret.encode()).digest()


def form_token(secret: str) -> str:
    """Return the token that forms carry, from the secret of a cookie; it reveals nothing of the secret."""
    return hmac.digest(secret.encode(), b"optin.desk.form", "sha256").hex()


@dataclass(frozen=True)
class LinkRequest:
    """Who wants a link. `browser`: the secret of the browser; `asker`: its network, or `SIGNED_IN`."""

    email: EmailAddress = field(repr=False)
    browser: str = field(repr=False)
    lang: str
    asker: str = field(repr=False)


def ask_sign_in(tx: Tx, context: Context, wanted: LinkRequest, now: datetime) -> bool:
    """Queue the mail with a link; return whether one was queued.

    Nobody but the caller learns it: whoever asks is told the same for an unknown address. One network takes
    but a share of an account's links: a stranger who knows the address shuts nobody out.
    """
    account = account_of(tx, context.vault, wanted.email)
    if account is None or account.removed is not None:
        return False
    if not _take_link(tx, context, account.id, wanted.asker, now):
        return False
    link = SignInLink(new_id(), account.id, b"", now, used=False)
    link = replace(link, browser=_bound(context, link, wanted.browser))
    add_link(tx, link)
    told = {"email": account.email, "lang": account.lang or wanted.lang, LINK: link.id.hex()}
    notice = NoticeMail(MailKind.SIGN_IN, context.vault.index(account.email), told)
    enqueue_notice(tx, context.vault, notice, context.policy.mail_domain, now)
    return True


def _take_link(tx: Tx, context: Context, staff_id: bytes, asker: str, now: datetime) -> bool:
    """Count a link for who asks, and for the account; False above the limit of this hour."""
    hour = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    window, until = f"sign-in {hour:%Y-%m-%d %H}", hour + PER
    limits = ((staff_id + b" " + asker.encode(), MOST_LINKS), (staff_id, MOST_LINKS_IN_ALL))
    amounts = [
        (context.vault.limit_digest(window, who), LimitedCount(1, most, until)) for who, most in limits
    ]
    return take_amounts(tx, CounterTable.SITE, amounts) == len(amounts)


def look_at_link(
    tx: Tx, context: Context, link_id: bytes, browser: str, now: datetime
) -> StaffAccount | LinkFault:
    """Return whom a link would sign in; nothing is used up by looking at it, as scanners do."""
    link = find_link(tx, link_id)
    account = None if link is None else account_by_id(tx, context.vault, link.staff_id)
    return _usable(context, link, account, browser, now)


def sign_in_by_link(
    tx: Tx, context: Context, link_id: bytes, browser: str, now: datetime
) -> StaffSession | LinkFault:
    """Use a link up and begin a session, or return why not. Both are in the trail."""
    link = find_link(tx, link_id, tx.for_update)
    account = None if link is None else account_by_id(tx, context.vault, link.staff_id)
    found = _usable(context, link, account, browser, now)
    if isinstance(found, LinkFault):
        if link is not None:
            refused = Doing(link.staff_id, ActKind.LINK_REFUSED, facts={"because": found.value})
            record(tx, context.vault, refused, now)
        return found
    if not use_link(tx, link_id, now):
        return LinkFault.USED
    return begin_session(tx, context, found, ProvedBy("link"), now)


@dataclass(frozen=True)
class ProvedBy:
    """What somebody proved with who they are. `issuer`: the provider that says so, if it is one.

    `at`: when they proved it; None: now.
    """

    how: str
    issuer: str = ""
    at: datetime | None = None


def begin_session(
    tx: Tx, context: Context, account: StaffAccount, proved: ProvedBy, now: datetime
) -> StaffSession:
    """Begin a session with a new secret."""
    session = StaffSession(account, SessionTimes(now, now, proved.at or now), new_secret())
    add_session(tx, context.vault, StoredSession(session.digest, account.id, session.times))
    facts = {"by": proved.how, **({"issuer": proved.issuer} if proved.issuer else {})}
    record(tx, context.vault, Doing(account.id, ActKind.SIGNED_IN, facts=facts), now)
    return session


def current_session(tx: Tx, context: Context, secret: str, now: datetime) -> StaffSession | None:
    """Return who is signed in with a cookie's secret; None for nobody, or no longer."""
    stored = find_session(tx, context.vault, digest_of(secret))
    if stored is None or not stored.times.is_live(now):
        return None
    account = account_by_id(tx, context.vault, stored.staff_id)
    if account is None or account.removed is not None:
        return None
    return StaffSession(account, stored.times, secret, stored.notes)


def keep_session_alive(tx: Tx, context: Context, session: StaffSession, now: datetime) -> None:
    """Note that a session is used, so that it does not end for want of use."""
    see_session(tx, context.vault, session.digest, now)


def is_due_to_be_seen(session: StaffSession, now: datetime) -> bool:
    """Return whether the last use of a session is to be written."""
    return now >= session.times.seen + SEEN_EVERY


def sign_out(tx: Tx, context: Context, session: StaffSession, now: datetime) -> None:
    """End a session at once; its cookie opens nothing any more."""
    if end_session(tx, session.digest):
        record(tx, context.vault, Doing(session.account.id, ActKind.SIGNED_OUT), now)


def end_all_sessions(tx: Tx, context: Context, session: StaffSession, now: datetime) -> int:
    """End every session of an account, this one too; return how many."""
    ended = end_sessions_of(tx, session.account.id)
    doing = Doing(session.account.id, ActKind.SESSIONS_ENDED, facts={"count": ended})
    record(tx, context.vault, doing, now)
    return ended


def replace_session(
    tx: Tx, context: Context, before: StaffSession, link_id: bytes, browser: str, now: datetime
) -> StaffSession | LinkFault:
    """Prove again who one is, by a link of one's own: a new session in place of the one before."""
    link = find_link(tx, link_id, tx.for_update)
    if link is not None and link.staff_id != before.account.id:
        return LinkFault.OTHER_BROWSER
    after = sign_in_by_link(tx, context, link_id, browser, now)
    if isinstance(after, StaffSession):
        continue_session(tx, context, before, after, now)
    return after


def continue_session(
    tx: Tx, context: Context, before: StaffSession | StoredSession, after: StaffSession, now: datetime
) -> None:
    """Put a session in place of one of the same account: the reason of a visit goes along."""
    if before.notes:
        keep_notes_of(tx, context.vault, after.digest, before.notes)
    end_session(tx, before.digest)
    record(tx, context.vault, Doing(after.account.id, ActKind.PROVED_AGAIN), now)


def _bound(context: Context, link: SignInLink, browser: str) -> bytes:
    """Return what binds a link to its account, moment and browser; only the holder of the keys makes it."""
    named = f"{link.id.hex()} {link.staff_id.hex()} {to_ms(link.made)} {browser}"
    return context.vault.reference("sign-in link", named)


def _usable(
    context: Context, link: SignInLink | None, account: StaffAccount | None, browser: str, now: datetime
) -> StaffAccount | LinkFault:
    if link is None or account is None:
        return LinkFault.UNKNOWN
    if not hmac.compare_digest(link.browser, _bound(context, link, browser)):
        return LinkFault.OTHER_BROWSER
    if link.used:
        return LinkFault.USED
    if not link.made <= now < link.made + LINK_LASTS:
        return LinkFault.OLD
    if account.removed is not None:
        return LinkFault.CLOSED
    return account
