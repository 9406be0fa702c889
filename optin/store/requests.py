"""Requests: one posted form each, encrypted, until it is confirmed or erased (D6)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from optin.consent.email_and_telephone import EmailAddress
from optin.consent.erasure_grounds import ErasureGround
from optin.consent.status_transitions import RequestId, SubjectId
from optin.errors import KeysUnusable
from optin.proof.canonical_json import parse
from optin.store.blank_evidence import blank_evidence, kinds_to_blank
from optin.store.database_interface import Row, Tx, from_ms, to_ms
from optin.store.encryption import EncryptedCell, Vault
from optin.store.weekly_event_sums import sum_before_erasure


@dataclass(frozen=True)
class SealedRequest:
    """The encrypted part of a request: the declaration, its salt, the one-time code."""

    declaration: bytes  # canonical JSON
    salt: bytes
    code: str
    twin: RequestId | None = None  # the same form, sent a moment before: its mail and code are for both

    def seal(self, vault: Vault, request: RequestId) -> bytes:
        """Return this encrypted, bound to the row of `request`."""
        plain = {
            "declaration": self.declaration.decode(),
            "salt": self.salt.hex(),
            "code": self.code,
            **({} if self.twin is None else {"twin": self.twin.hex()}),
        }
        return vault.seal(EncryptedCell("request", request), json.dumps(plain).encode())

    @classmethod
    def open(cls, vault: Vault, request: RequestId, sealed: bytes) -> SealedRequest:
        """Return the decrypted part of `request`. Raises KeysUnusable."""
        plain: Any = parse(vault.open(EncryptedCell("request", request), sealed))
        return cls(
            declaration=plain["declaration"].encode(),
            salt=bytes.fromhex(plain["salt"]),
            code=plain["code"],
            twin=RequestId(bytes.fromhex(plain["twin"])) if "twin" in plain else None,
        )


@dataclass(frozen=True)
class Request:
    """One stored request."""

    id: RequestId
    email_index: bytes
    subject: SubjectId | None
    form: str
    sealed: bytes
    created_at: datetime
    link_until: datetime | None
    resent: int
    code_tries: int
    confirmed_at: datetime | None


@dataclass(frozen=True)
class UnconfirmedRequest:
    """An unconfirmed request, and when it is to be erased by its row (milliseconds UTC)."""

    request: RequestId
    erase_at: int


@dataclass(frozen=True)
class DeclaredData:
    """The decrypted declaration of a request: typed fields and ticked boxes."""

    email: str
    fields: dict[str, str]
    purposes: tuple[str, ...]
    at: str = ""  # as the event of the asking says it
    through: str = ""  # empty: the form; else where the person, or the controller, asked

    @classmethod
    def parse(cls, declaration: bytes) -> DeclaredData:
        """Read the canonical declaration."""
        plain = parse(declaration)
        fields, purposes = plain["fields"], plain["purposes"]
        if not isinstance(fields, dict) or not isinstance(purposes, list):
            msg = "not a declaration"
            raise TypeError(msg)
        return cls(
            email=str(plain["email"]),
            fields={name: str(value) for name, value in fields.items()},
            purposes=tuple(str(purpose) for purpose in purposes),
            at=str(plain.get("at", "")),
            through=str(plain.get("through", "")),
        )


_COLUMNS = (
    "id, email_index, subject_id, form, sealed, created_at, link_until, resent, code_tries, confirmed_at"
)


def add_request(tx: Tx, request: Request, erase_at: datetime) -> None:
    """Store a new request; it is erased at `erase_at` unless confirmed before."""
    tx.run(
        "INSERT INTO request(id, email_index, form, sealed, created_at, erase_at)"
        " VALUES (:id, :email_index, :form, :sealed, :created_at, :erase_at)",
        id=request.id,
        email_index=request.email_index,
        form=request.form,
        sealed=request.sealed,
        created_at=to_ms(request.created_at),
        erase_at=to_ms(erase_at),
    )


def load_request(tx: Tx, request: RequestId) -> Request | None:
    """Return a request, locked until the transaction ends."""
    row = tx.one(f"SELECT {_COLUMNS} FROM request WHERE id = :id {tx.for_update}", id=request)
    return None if row is None else _request(row)


def peek_request(tx: Tx, request: RequestId) -> Request | None:
    """Return a request without locking it."""
    row = tx.one(f"SELECT {_COLUMNS} FROM request WHERE id = :id", id=request)
    return None if row is None else _request(row)


def recent_of_form(
    tx: Tx, email_index: bytes, form: str, since: datetime, until: datetime, most: int
) -> list[Request]:
    """Return an address's unconfirmed requests by one form within a period, oldest first."""
    rows = tx.all(
        f"SELECT {_COLUMNS} FROM request WHERE email_index = :email_index AND created_at > :since"
        " AND created_at <= :until AND form = :form AND confirmed_at IS NULL ORDER BY created_at LIMIT :most",
        email_index=email_index,
        since=to_ms(since),
        until=to_ms(until),
        form=form,
        most=most,
    )
    return [_request(row) for row in rows]


def mark_confirmed(tx: Tx, request: RequestId, subject: SubjectId, now: datetime) -> None:
    """Record that a request was confirmed, and by whom."""
    tx.run(
        "UPDATE request SET confirmed_at = :now, subject_id = :subject WHERE id = :id",
        now=to_ms(now),
        subject=subject,
        id=request,
    )


def open_link(tx: Tx, request: RequestId, link_until: datetime, erase_at: datetime) -> None:
    """Accept the confirmation until `link_until`: its mail is being sent (D4)."""
    tx.run(
        "UPDATE request SET link_until = :link_until, erase_at = :erase_at WHERE id = :id",
        link_until=to_ms(link_until),
        erase_at=to_ms(erase_at),
        id=request,
    )


def is_over(tx: Tx, request: RequestId, now: datetime) -> bool:
    """Return whether an unconfirmed request is past its time: the next sweep erases it (D6)."""
    row = tx.one("SELECT erase_at FROM request WHERE id = :id AND confirmed_at IS NULL", id=request)
    return row is not None and int(row[0]) <= to_ms(now)


def keep_longer(tx: Tx, request: RequestId, erase_at: datetime) -> None:
    """Keep an unconfirmed request until `erase_at` at least."""
    tx.run(
        "UPDATE request SET erase_at = :erase_at WHERE id = :id AND erase_at < :erase_at",
        erase_at=to_ms(erase_at),
        id=request,
    )


def count_resend(tx: Tx, request: RequestId, erase_at: datetime) -> None:
    """Count another mail for a request, and keep the request long enough for it."""
    tx.run(
        "UPDATE request SET resent = resent + 1, erase_at = :erase_at WHERE id = :id",
        erase_at=to_ms(erase_at),
        id=request,
    )


def count_try(tx: Tx, request: RequestId) -> None:
    """Count one wrong code (D3)."""
    tx.run("UPDATE request SET code_tries = code_tries + 1 WHERE id = :id", id=request)


def due_for_erasure(tx: Tx, now: datetime, latest: datetime, most: int) -> list[UnconfirmedRequest]:
    """Return unconfirmed requests past their time, by their rows (D6).

    Also those that say a later moment than any request made until now can have: after `latest`.
    """
    rows = tx.all(
        "SELECT id, erase_at FROM request WHERE confirmed_at IS NULL AND (erase_at <= :now"
        f" OR erase_at > :latest) ORDER BY erase_at LIMIT :most {tx.skip_locked}",
        now=to_ms(now),
        latest=to_ms(latest),
        most=most,
    )
    return [UnconfirmedRequest(RequestId(bytes(row[0])), int(row[1])) for row in rows]


def erase_requests(
    tx: Tx, vault: Vault, requests: Sequence[RequestId], reason: ErasureGround, now: datetime
) -> None:
    """Remove requests, their mails, and the bytes of their events. Leaves (P9) and sums stay.

    Raises LogDisagrees, before anything is changed, when `reason` does not allow what would be blanked.
    """
    kinds_to_blank(tx, vault, requests, reason, now)
    sum_before_erasure(tx, requests)
    blank_evidence(tx, vault, requests, reason, now)
    for request in requests:
        tx.run("DELETE FROM mail WHERE request_id = :id", id=request)
        tx.run("DELETE FROM outbox WHERE request_id = :id", id=request)
        tx.run("DELETE FROM notice WHERE request_id = :id", id=request)
        tx.run("DELETE FROM request WHERE id = :id", id=request)  # and, by cascade, what kinds keep of it


def declared_index(tx: Tx, vault: Vault, request: RequestId) -> bytes:
    """Return the digest of a request's declared address; empty when it cannot be decrypted."""
    stored = peek_request(tx, request)
    if stored is None:
        return b""
    try:
        declared = DeclaredData.parse(SealedRequest.open(vault, request, stored.sealed).declaration)
        return vault.index(EmailAddress(declared.email))
    except (KeysUnusable, KeyError, TypeError, ValueError):
        return b""


def detach_requests(tx: Tx, subject: SubjectId) -> None:
    """Detach other people's requests from a person's row, which is being erased."""
    tx.run("UPDATE request SET subject_id = NULL WHERE subject_id = :id", id=subject)


def was_erased(tx: Tx, request: RequestId) -> bool:
    """Return whether such a request existed and was erased."""
    return tx.one("SELECT at FROM erasure WHERE request_id = :id", id=request) is not None


def _request(row: Row) -> Request:
    return Request(
        id=RequestId(row[0]),
        email_index=row[1],
        subject=None if row[2] is None else SubjectId(row[2]),
        form=row[3],
        sealed=row[4],
        created_at=from_ms(row[5]),
        link_until=None if row[6] is None else from_ms(row[6]),
        resent=row[7],
        code_tries=row[8],
        confirmed_at=None if row[9] is None else from_ms(row[9]),
    )
