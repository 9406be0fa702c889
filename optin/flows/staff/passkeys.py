"""Passkeys of staff: add one, sign in with it, remove it (W3C Web Authentication, level 3).

A challenge works once, for five minutes, and only in the browser that asked for it. The person is verified
by the device (a finger, a face, a code). A count of signatures that does not grow tells of a copied key.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from optin.consent.plain_text import plain_text
from optin.consent.staff_role import CHALLENGE_LASTS
from optin.flows.context import Context
from optin.flows.staff.sign_in import (
    ProvedBy,
    StaffSession,
    begin_session,
    continue_session,
    digest_of,
)
from optin.flows.staff.trail import ActKind, Doing, record
from optin.store.database_interface import Tx
from optin.store.staff_accounts import StaffAccount, account_by_id
from optin.store.staff_passkeys import (
    Passkey,
    add_challenge,
    add_passkey,
    find_passkey,
    note_use,
    passkeys_of,
    remove_passkey,
    take_challenge,
)

CHALLENGE_BYTES = 32
MAX_NAME_CHARACTERS = 60


class PasskeyFault(StrEnum):
    """Why a passkey opens nothing."""

    UNKNOWN = "unknown"  # it is not one of ours, or was removed
    OLD = "old"  # its challenge was used, is too old, or of another browser
    WRONG = "wrong"  # no signature of this key for this site
    COUNT = "count"  # its count of signatures went back: perhaps a copy
    CLOSED = "closed"  # the account
    OTHER = "other"  # of another account than the one that is signed in


class Purpose(StrEnum):
    """What a challenge is for."""

    ADD = "add"
    SIGN_IN = "sign-in"


@dataclass(frozen=True)
class RelyingParty:
    """The site, as passkeys know it: `id` is its host, `origin` the scheme, host and port."""

    id: str
    origin: str
    name: str


def options_to_add(
    tx: Tx, context: Context, session: StaffSession, party: RelyingParty, now: datetime
) -> str:
    """Return what the browser makes a passkey from, as JSON. Its challenge is stored."""
    from webauthn import generate_registration_options, options_to_json  # noqa: PLC0415 - slow to import
    from webauthn.helpers.structs import (  # noqa: PLC0415 - slow to import
        AuthenticatorSelectionCriteria,
        PublicKeyCredentialDescriptor,
        ResidentKeyRequirement,
        UserVerificationRequirement,
    )

    account = session.account
    known = passkeys_of(tx, context.vault, account.id)
    options = generate_registration_options(
        rp_id=party.id,
        rp_name=party.name,
        user_id=account.id,
        user_name=account.email,
        user_display_name=account.name,
        challenge=_new_challenge(tx, session.secret, Purpose.ADD, now),
        exclude_credentials=[PublicKeyCredentialDescriptor(id=it.id) for it in known],
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED,
            user_verification=UserVerificationRequirement.REQUIRED,
        ),
    )
    text: str = options_to_json(options)
    return text


def add_own_passkey(
    tx: Tx,
    context: Context,
    session: StaffSession,
    party: RelyingParty,
    answer: tuple[str, str],
    now: datetime,
) -> PasskeyFault | None:
    """Store the passkey that a browser made, or return why not. `answer`: its JSON, and the name it gets."""
    from webauthn import verify_registration_response  # noqa: PLC0415 - slow to import
    from webauthn.helpers.exceptions import WebAuthnException  # noqa: PLC0415 - slow to import

    text, name = answer
    challenge = _challenge_in(text)
    if not _is_taken(tx, challenge, session.secret, Purpose.ADD, now):
        return PasskeyFault.OLD
    try:
        made = verify_registration_response(
            credential=text,
            expected_challenge=challenge,
            expected_rp_id=party.id,
            expected_origin=party.origin,
            require_user_verification=True,
        )
    except (WebAuthnException, *_MALFORMED):
        return PasskeyFault.WRONG
    called = " ".join(plain_text(name).split())[:MAX_NAME_CHARACTERS] or "1"
    passkey = Passkey(
        made.credential_id,
        session.account.id,
        made.credential_public_key,
        made.sign_count,
        called,
        now,
    )
    if not add_passkey(tx, context.vault, passkey):
        return PasskeyFault.OTHER
    record(tx, context.vault, Doing(session.account.id, ActKind.PASSKEY_ADDED, texts={"name": called}), now)
    return None


def options_to_sign_in(
    tx: Tx,
    context: Context,  # noqa: ARG001 - a flow
    browser: str,
    party: RelyingParty,
    now: datetime,
) -> str:
    """Return what a passkey is to sign, as JSON. Whose it is, the browser's user chooses."""
    from webauthn import generate_authentication_options, options_to_json  # noqa: PLC0415 - slow to import
    from webauthn.helpers.structs import UserVerificationRequirement  # noqa: PLC0415 - slow to import

    options = generate_authentication_options(
        rp_id=party.id,
        challenge=_new_challenge(tx, browser, Purpose.SIGN_IN, now),
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    text: str = options_to_json(options)
    return text


@dataclass(frozen=True)
class SignedAnswer:
    """What a browser posts: the JSON of its passkey, and the secret that the challenge is bound to.

    `before`: the session of whoever proves again who they are.
    """

    text: str
    browser: str
    before: StaffSession | None = None


def sign_in_by_passkey(
    tx: Tx, context: Context, answer: SignedAnswer, party: RelyingParty, now: datetime
) -> StaffSession | PasskeyFault:
    """Begin a session, or return why not; both are in the trail.

    1. Use the challenge up. 2. Find the passkey and its account. 3. Verify the signature and the count.
    4. Begin the session, in place of the one before.
    """
    # 1. Use the challenge up.
    challenge = _challenge_in(answer.text)
    if not _is_taken(tx, challenge, answer.browser, Purpose.SIGN_IN, now):
        return PasskeyFault.OLD

    # 2. Find the passkey and its account.
    passkey = find_passkey(tx, context.vault, _id_in(answer.text), tx.for_update)
    if passkey is None:
        return PasskeyFault.UNKNOWN
    account = account_by_id(tx, context.vault, passkey.staff_id)
    fault = _fault_of_account(account, answer.before)

    # 3. Verify the signature and the count.
    count = None if fault else _verified_count(passkey, answer.text, challenge, party)
    if fault is None and count is None:
        fault = PasskeyFault.WRONG
    elif count is not None and (count or passkey.count) and count <= passkey.count:
        fault = PasskeyFault.COUNT
    if fault is not None or account is None or count is None:
        refused = Doing(passkey.staff_id, ActKind.PASSKEY_REFUSED, facts={"because": str(fault)})
        record(tx, context.vault, refused, now)
        return fault or PasskeyFault.UNKNOWN

    # 4. Begin the session, in place of the one before.
    note_use(tx, passkey.id, count, now)
    session = begin_session(tx, context, account, ProvedBy("passkey"), now)
    if answer.before is not None:
        continue_session(tx, context, answer.before, session, now)
    return session


@dataclass(frozen=True)
class OwnPasskey:
    """A passkey as its owner sees it: the name they gave it, when it was added and last used (UTC)."""

    id: bytes
    name: str
    added: datetime
    used: datetime | None


def own_passkeys(tx: Tx, context: Context, session: StaffSession) -> list[OwnPasskey]:
    """Return the passkeys of an account, oldest first. Raises KeysUnusable."""
    found = passkeys_of(tx, context.vault, session.account.id)
    return [OwnPasskey(it.id, it.name, it.added, it.used) for it in found]


def remove_own_passkey(
    tx: Tx, context: Context, session: StaffSession, passkey_id: bytes, now: datetime
) -> None:
    """Remove a passkey of one's own account: it signs in no more."""
    if remove_passkey(tx, session.account.id, passkey_id):
        record(tx, context.vault, Doing(session.account.id, ActKind.PASSKEY_REMOVED), now)


def _fault_of_account(account: StaffAccount | None, before: StaffSession | None) -> PasskeyFault | None:
    if account is None or account.removed is not None:
        return PasskeyFault.CLOSED
    if before is not None and before.account.id != account.id:
        return PasskeyFault.OTHER
    return None


def _verified_count(passkey: Passkey, text: str, challenge: bytes, party: RelyingParty) -> int | None:
    """Return the count that a passkey signed with; None when nothing is signed as it must be."""
    from webauthn import verify_authentication_response  # noqa: PLC0415 - slow to import
    from webauthn.helpers.exceptions import WebAuthnException  # noqa: PLC0415 - slow to import

    try:
        verified = verify_authentication_response(
            credential=text,
            expected_challenge=challenge,
            expected_rp_id=party.id,
            expected_origin=party.origin,
            credential_public_key=passkey.public_key,
            credential_current_sign_count=0,  # compared by us: it is no wrong signature
            require_user_verification=True,
        )
    except (WebAuthnException, *_MALFORMED):
        return None
    count: int = verified.new_sign_count
    return count


def _new_challenge(tx: Tx, browser: str, purpose: Purpose, now: datetime) -> bytes:
    challenge = secrets.token_bytes(CHALLENGE_BYTES)
    add_challenge(tx, _digest(challenge), digest_of(browser), purpose, now)
    return challenge


def _is_taken(tx: Tx, challenge: bytes, browser: str, purpose: Purpose, now: datetime) -> bool:
    since = now - CHALLENGE_LASTS
    return take_challenge(tx, _digest(challenge), digest_of(browser), purpose, since)


def _digest(challenge: bytes) -> bytes:
    return hashlib.sha256(b"optin.desk.challenge\0" + challenge).digest()


_MALFORMED = (ValueError, KeyError, TypeError, AttributeError, RecursionError)


def _challenge_in(text: str) -> bytes:
    """Return the challenge that an answer says it signs; empty for what is none."""
    from webauthn import base64url_to_bytes  # noqa: PLC0415 - slow to import

    try:
        said = json.loads(base64url_to_bytes(json.loads(text)["response"]["clientDataJSON"]))
        challenge: bytes = base64url_to_bytes(said["challenge"])
    except _MALFORMED:
        return b""
    return challenge


def _id_in(text: str) -> bytes:
    from webauthn import base64url_to_bytes  # noqa: PLC0415 - slow to import

    try:
        passkey_id: bytes = base64url_to_bytes(json.loads(text)["id"])
    except _MALFORMED:
        return b""
    return passkey_id
