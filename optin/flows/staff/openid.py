"""Sign in by a provider of OpenID Connect: who it names must have an account already.

What is asked of the provider works once, for ten minutes, in the browser that asked, and only its digest is
stored. Nonce and code verifier are made from the secret of that browser, so they need not be stored at all.
An account is found by the identity that was bound to it, or at first by an e-mail address that the provider
verified. A provider makes no account and gives no role.
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from optin.consent.email_and_telephone import parse_email
from optin.consent.staff_role import FRESH, LINK_LASTS
from optin.flows.context import Context
from optin.flows.staff.sign_in import (
    ProvedBy,
    StaffSession,
    begin_session,
    continue_session,
    digest_of,
    new_secret,
)
from optin.flows.staff.trail import ActKind, Doing, record
from optin.proof.id_token import LEEWAY, VerifiedToken
from optin.store.database_interface import Tx, to_ms
from optin.store.staff_accounts import StaffAccount, account_by_id, account_of, lock_accounts
from optin.store.staff_openid import (
    ProviderIdentity,
    ProviderRequest,
    add_request,
    find_identity,
    find_request,
    identities_of,
    is_filed,
    note_identity_use,
    remove_identities,
    save_identity,
    use_request,
)
from optin.store.staff_sessions import find_session

BY = "openid"  # in the trail


class OpenIdPurpose(StrEnum):
    """What is asked of the provider for."""

    SIGN_IN = "sign-in"
    AGAIN = "again"  # who is signed in proves again who they are
    ADD = "add"  # binds the identity to the account that is signed in


class OpenIdFault(StrEnum):
    """Why an answer of the provider opens nothing."""

    OLD = "old"  # used, older than ten minutes, or nothing that was asked
    OTHER_BROWSER = "other-browser"
    DENIED = "denied"  # the person, or the provider, said no
    PROVIDER = "provider"  # its answer proves nothing, or does not come
    UNVERIFIED = "unverified"  # no address that it verified
    NOBODY = "nobody"  # no account with this address
    CLOSED = "closed"  # the account
    OTHER_IDENTITY = "other-identity"  # the account is bound to another one there
    OTHER_ACCOUNT = "other-account"  # the identity is another's than who is signed in
    ENDED = "ended"  # the session that asked
    NOT_FRESH = "not-fresh"  # it does not say that the person signed in just now


@dataclass(frozen=True)
class OpenIdQuestion:
    """What is asked of a provider. `browser`: its secret; `session`: of whoever is signed in."""

    purpose: OpenIdPurpose
    issuer: str
    browser: str = field(repr=False)
    session: StaffSession | None = None


@dataclass(frozen=True)
class AskedProvider:
    """What the browser takes to the provider, and back: `state`. `verifier` goes there from us alone.

    `made`: when it was asked (UTC). `session`: the digest of the session that asked, or empty.
    """

    purpose: OpenIdPurpose
    issuer: str
    made: datetime
    state: str = field(repr=False)
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)
    session: bytes = field(default=b"", repr=False)

    @property
    def code_challenge(self) -> str:
        """The digest of the verifier (RFC 7636, S256)."""
        return _text(hashlib.sha256(self.verifier.encode()).digest())


def ask_provider(tx: Tx, context: Context, question: OpenIdQuestion, now: datetime) -> AskedProvider:
    """Store that a browser is sent to the provider; return what it takes along."""
    state = new_secret()
    session = b"" if question.session is None else question.session.digest
    request = ProviderRequest(digest_of(state), question.purpose.value, session, b"", now)
    bound = _bound(context, request, question.issuer, question.browser)
    add_request(tx, ProviderRequest(request.digest, request.purpose, session, bound, now))
    return _asked(request, question.issuer, state, question.browser)


def take_answer(
    tx: Tx, context: Context, issuer: str, answer: tuple[str, str], now: datetime
) -> AskedProvider | OpenIdFault:
    """Use up what was asked, and return it, or why the answer belongs to nothing.

    `answer`: its state, and the secret of the browser that brings it. Another browser uses nothing up.
    """
    state, browser = answer
    request = find_request(tx, digest_of(state), tx.for_update)
    if request is None:
        return OpenIdFault.OLD
    if not browser or not hmac.compare_digest(request.bound, _bound(context, request, issuer, browser)):
        return OpenIdFault.OTHER_BROWSER
    if not use_request(tx, request.digest) or not request.made <= now < request.made + LINK_LASTS:
        return OpenIdFault.OLD
    return _asked(request, issuer, state, browser)


def finish_openid(
    tx: Tx, context: Context, asked: AskedProvider, token: VerifiedToken, now: datetime
) -> StaffSession | OpenIdFault | None:
    """Do what was asked for, or return why not; both are in the trail. None: the identity was bound.

    1. Whose session asked, if one did. 2. Whose identity it is. 3. Proved just now, where asked.
    4. Bind an identity that is new, and sign in; the session that asked ends.
    """
    # 1. Whose session asked, if one did.
    lock_accounts(tx)
    before = None
    if asked.purpose is not OpenIdPurpose.SIGN_IN:
        before = _account_of_session(tx, context, asked, now)
        if before is None:
            return OpenIdFault.ENDED

    # 2. Whose identity it is.
    identity = find_identity(tx, context.vault, token.issuer, token.subject)
    account = _account(tx, context, asked.purpose, token, before)
    if isinstance(account, OpenIdFault):
        return _refused(tx, context, before, (account, token.issuer), now)

    # 3. Proved just now, where asked, and about this account.
    fault = None if identity else _fault_of_new(tx, context, account, asked.purpose, token)
    fault = _fault_of_account(account, before) or fault or _fault_of_moment(asked, token)
    if fault is not None:
        return _refused(tx, context, before or account, (fault, token.issuer), now)

    # 4. Bind an identity that is new, and sign in; the session that asked ends.
    if identity is None:
        identity = ProviderIdentity(account.id, token.issuer, token.subject, now)
        save_identity(tx, context.vault, identity)
        added = Doing(account.id, ActKind.OPENID_ADDED, facts={"issuer": token.issuer})
        record(tx, context.vault, added, now)
    if asked.purpose is OpenIdPurpose.ADD:
        return None
    note_identity_use(tx, context.vault, identity, now)
    session = begin_session(tx, context, account, _proved(token, now), now)
    stored = find_session(tx, context.vault, asked.session)
    if asked.purpose is OpenIdPurpose.AGAIN and stored is not None:
        continue_session(tx, context, stored, session, now)
    return session


@dataclass(frozen=True)
class OwnIdentity:
    """An identity as its owner sees it: the provider, when it was bound and last used (UTC)."""

    issuer: str
    added: datetime
    used: datetime | None


def own_identities(tx: Tx, context: Context, session: StaffSession) -> list[OwnIdentity]:
    """Return the identities of an account, oldest first."""
    found = identities_of(tx, context.vault, session.account.id)
    return [OwnIdentity(it.issuer, it.added, it.used) for it in found]


def remove_own_identities(tx: Tx, context: Context, session: StaffSession, now: datetime) -> None:
    """Remove every identity of one's own account. A verified address binds another at the next sign-in."""
    if remove_identities(tx, session.account.id):
        record(tx, context.vault, Doing(session.account.id, ActKind.OPENID_REMOVED), now)


def _account_of_session(tx: Tx, context: Context, asked: AskedProvider, now: datetime) -> StaffAccount | None:
    stored = find_session(tx, context.vault, asked.session)
    if stored is None or not stored.times.is_live(now):
        return None
    if asked.purpose is OpenIdPurpose.ADD and not stored.times.is_fresh(asked.made):
        return None
    account = account_by_id(tx, context.vault, stored.staff_id)
    return None if account is None or account.removed is not None else account


def _account(
    tx: Tx, context: Context, purpose: OpenIdPurpose, token: VerifiedToken, before: StaffAccount | None
) -> StaffAccount | OpenIdFault:
    """Return the account that an identity belongs to, or is to belong to."""
    identity = find_identity(tx, context.vault, token.issuer, token.subject)
    if identity is not None:
        return account_by_id(tx, context.vault, identity.staff_id) or OpenIdFault.NOBODY
    if purpose is OpenIdPurpose.ADD and before is not None:
        return before
    try:
        address = parse_email(token.email)
    except ValueError:
        return OpenIdFault.UNVERIFIED
    return account_of(tx, context.vault, address) or OpenIdFault.NOBODY


def _fault_of_account(account: StaffAccount, before: StaffAccount | None) -> OpenIdFault | None:
    if account.removed is not None:
        return OpenIdFault.CLOSED
    return None if before is None or before.id == account.id else OpenIdFault.OTHER_ACCOUNT


def _fault_of_moment(asked: AskedProvider, token: VerifiedToken) -> OpenIdFault | None:
    """Return the fault of a provider that did not ask the person again, although it had to."""
    is_late = token.proved is None or token.proved < asked.made - LEEWAY
    return OpenIdFault.NOT_FRESH if asked.purpose is OpenIdPurpose.AGAIN and is_late else None


def _fault_of_new(
    tx: Tx, context: Context, account: StaffAccount, purpose: OpenIdPurpose, token: VerifiedToken
) -> OpenIdFault | None:
    """Return why a new identity is not bound: one for each provider, and none that was edited."""
    own = identities_of(tx, context.vault, account.id)
    is_edited = is_filed(tx, context.vault, token.issuer, token.subject)
    if any(it.issuer == token.issuer for it in own) or (is_edited and purpose is not OpenIdPurpose.ADD):
        return OpenIdFault.OTHER_IDENTITY
    return None


def _refused(
    tx: Tx, context: Context, account: StaffAccount | None, why: tuple[OpenIdFault, str], now: datetime
) -> OpenIdFault:
    """Record a refusal about an account; strangers at a provider leave no lines, however often they try."""
    fault, issuer = why
    if account is not None:
        facts = {"because": fault.value, "issuer": issuer}
        record(tx, context.vault, Doing(account.id, ActKind.OPENID_REFUSED, facts=facts), now)
    return fault


def _proved(token: VerifiedToken, now: datetime) -> ProvedBy:
    """Return when the person proved who they are: a provider may have let them in without asking.

    Without that moment the session is not fresh: what asks for a fresh sign-in asks once more.
    """
    at = now - FRESH if token.proved is None else min(token.proved, now)
    return ProvedBy(BY, token.issuer, at)


def _asked(request: ProviderRequest, issuer: str, state: str, browser: str) -> AskedProvider:
    return AskedProvider(
        OpenIdPurpose(request.purpose),
        issuer,
        request.made,
        state,
        _derived(browser, "nonce", state),
        _derived(browser, "verifier", state),
        request.session,
    )


def _derived(browser: str, what: str, state: str) -> str:
    return _text(hmac.digest(browser.encode(), f"optin.desk.openid.{what}\0{state}".encode(), "sha256"))


def _bound(context: Context, request: ProviderRequest, issuer: str, browser: str) -> bytes:
    """Return what binds a question to its purpose, session, moment, provider and browser."""
    parts = (request.digest.hex(), request.purpose, request.session.hex(), str(to_ms(request.made)))
    return context.vault.reference("openid request", " ".join((*parts, issuer, browser)))


def _text(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()
