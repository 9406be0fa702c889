"""Read all stored data of one address, for evidence and the personal page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from optin.consent.status_transitions import RequestId, SubjectId
from optin.store.database_interface import Tx, from_ms
from optin.store.encryption import EncryptedCell, Vault
from optin.store.events import NOBODY
from optin.store.held_bases import is_on_register
from optin.store.objections import has_objection
from optin.store.requests import Request, peek_request
from optin.store.row_queries import has_row


@dataclass(frozen=True)
class SentMail:
    """A mail, as sent."""

    message_id: str
    data: bytes
    sent_at: datetime


def is_known(tx: Tx, email_index: bytes) -> bool:
    """Return whether anything is stored about an address, a suppression included."""
    return (
        any(
            has_row(tx, f"{table} WHERE email_index = :email_index", email_index=email_index)
            for table in ("subject", "request", "legal_hold", "suppression", "rights_request")
        )
        or is_on_register(tx, [email_index])
        or has_objection(tx, email_index)
    )


def is_on_file(tx: Tx, email_index: bytes) -> bool:
    """Return whether there are data about an address; what keeps it from being approached is none."""
    tables = ("subject", "request", "rights_request")
    return is_on_register(tx, [email_index]) or any(
        has_row(tx, f"{table} WHERE email_index = :email_index", email_index=email_index) for table in tables
    )


def request_ids(tx: Tx, email_index: bytes, subject: SubjectId | None = None) -> list[RequestId]:
    """Return the ids of every request declared with an address or confirmed by its person, oldest first."""
    rows = tx.all(
        "SELECT id FROM request WHERE email_index = :email_index OR subject_id = :subject"
        f" ORDER BY created_at, id {tx.for_update}",
        email_index=email_index,
        subject=NOBODY if subject is None else subject,
    )
    return [RequestId(bytes(row[0])) for row in rows]


def newest_request(tx: Tx, email_index: bytes) -> RequestId | None:
    """Return the last confirmed request; of a person who confirmed none, the newest.

    What is not confirmed may be a stranger's: nothing about a known person hangs on it.
    """
    row = tx.one(
        "SELECT id FROM request WHERE email_index = :email_index"
        " ORDER BY CASE WHEN confirmed_at IS NULL THEN 0 ELSE 1 END DESC, confirmed_at DESC,"
        " created_at DESC, id DESC LIMIT 1",
        email_index=email_index,
    )
    return None if row is None else RequestId(bytes(row[0]))


def last_confirmed(tx: Tx, email_index: bytes) -> datetime | None:
    """Return when somebody who reads the mailbox confirmed something last; None: never."""
    row = tx.one("SELECT MAX(confirmed_at) FROM request WHERE email_index = :index", index=email_index)
    return None if row is None or row[0] is None else from_ms(row[0])


def requests_of(tx: Tx, email_index: bytes) -> list[Request]:
    """Return every request declared with an address, oldest first."""
    rows = tx.all(
        "SELECT id FROM request WHERE email_index = :email_index ORDER BY created_at, id",
        email_index=email_index,
    )
    found = [peek_request(tx, RequestId(row[0])) for row in rows]
    return [request for request in found if request is not None]


def requests_by(tx: Tx, subject: SubjectId) -> list[Request]:
    """Return every request that a person confirmed, oldest first."""
    rows = tx.all("SELECT id FROM request WHERE subject_id = :id ORDER BY created_at, id", id=subject)
    found = [peek_request(tx, RequestId(row[0])) for row in rows]
    return [request for request in found if request is not None]


def mails_of(tx: Tx, vault: Vault, request: RequestId) -> list[SentMail]:
    """Return the mails of a request, as sent. Raises KeysUnusable."""
    rows = tx.all(
        "SELECT message_id, sealed, sent_at FROM mail WHERE request_id = :request ORDER BY sent_at",
        request=request,
    )
    return [
        SentMail(row[0], vault.open(EncryptedCell("mail", row[0].encode()), bytes(row[1])), from_ms(row[2]))
        for row in rows
    ]
