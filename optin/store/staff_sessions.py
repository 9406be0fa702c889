"""Mailed links to sign in with, and the sessions that they open. Only digests of secrets are stored."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from optin.consent.staff_role import SessionTimes
from optin.errors import KeysUnusable
from optin.store.database_interface import Tx, from_ms, to_ms
from optin.store.encryption import NONCE_BYTES, EncryptedCell, Vault
from optin.store.row_queries import count_rows

# Names of notes: of the people that a session looked at, by digest, and of the request that it was about
LOOKED_AT, WHY_REQUEST = "seen", "why-request"


@dataclass(frozen=True)
class SignInLink:
    """A mailed link. `browser`: the digest of a secret of the browser that asked for it."""

    id: bytes
    staff_id: bytes
    browser: bytes = field(repr=False)
    made: datetime
    used: bool


@dataclass(frozen=True)
class StoredSession:
    """A session as it is stored; `digest` is that of its cookie. `notes`: what is sealed with it."""

    digest: bytes = field(repr=False)
    staff_id: bytes
    times: SessionTimes
    notes: dict[str, Any] = field(default_factory=dict, repr=False)


def add_link(tx: Tx, link: SignInLink) -> None:
    """Store a link that is about to be mailed."""
    tx.run(
        "INSERT INTO staff_link(id, staff_id, browser, made_at) VALUES (:id, :staff, :browser, :made)",
        id=link.id,
        staff=link.staff_id,
        browser=link.browser,
        made=to_ms(link.made),
    )


def find_link(tx: Tx, link_id: bytes, lock: str = "") -> SignInLink | None:
    """Return a link by its id. `lock`: the clause that locks it."""
    row = tx.one(
        f"SELECT staff_id, browser, made_at, used_at FROM staff_link WHERE id = :id {lock}", id=link_id
    )
    if row is None:
        return None
    return SignInLink(link_id, bytes(row[0]), bytes(row[1]), from_ms(row[2]), row[3] is not None)


def use_link(tx: Tx, link_id: bytes, now: datetime) -> bool:
    """Mark a link as used; return whether it was not used before."""
    sql = "UPDATE staff_link SET used_at = :now WHERE id = :id AND used_at IS NULL"
    return tx.run(sql, id=link_id, now=to_ms(now)) == 1


def add_session(tx: Tx, vault: Vault, session: StoredSession) -> None:
    """Store a new session. What is sealed is bound to whose it is and its times: an edited one is none."""
    begun, seen, proved = _moments(session.times)
    cell = _cell(session.digest, session.staff_id, begun, seen, proved)
    tx.run(
        "INSERT INTO staff_session(digest, staff_id, begun_at, seen_at, proved_at, sealed)"
        " VALUES (:digest, :staff, :begun, :seen, :proved, :sealed)",
        digest=session.digest,
        staff=session.staff_id,
        begun=begun,
        seen=seen,
        proved=proved,
        sealed=vault.seal(cell, json.dumps(session.notes).encode()),
    )


def find_session(tx: Tx, vault: Vault, digest: bytes, lock: str = "") -> StoredSession | None:
    """Return the session of a cookie's digest; None also for one that optin did not begin or note as used.

    `lock`: the clause that locks its row.
    """
    row = tx.one(
        "SELECT staff_id, begun_at, seen_at, proved_at, sealed FROM staff_session"
        f" WHERE digest = :digest {lock}",
        digest=digest,
    )
    if row is None:
        return None
    times = SessionTimes(*(from_ms(it) for it in row[1:4]))
    try:
        sealed = vault.open(_cell(digest, bytes(row[0]), *map(int, row[1:4])), bytes(row[4] or b""))
    except KeysUnusable:
        return None
    return StoredSession(digest, bytes(row[0]), times, json.loads(sealed))


def sessions_of(tx: Tx, staff_id: bytes) -> list[tuple[bytes, SessionTimes]]:
    """Return the digests and times of somebody's sessions, the newest first."""
    rows = tx.all(
        "SELECT digest, begun_at, seen_at, proved_at FROM staff_session WHERE staff_id = :staff"
        " ORDER BY begun_at DESC, digest",
        staff=staff_id,
    )
    return [(bytes(row[0]), SessionTimes(*(from_ms(it) for it in row[1:4]))) for row in rows]


def all_sessions(tx: Tx) -> list[tuple[bytes, SessionTimes]]:
    """Return the account and the times of every session."""
    rows = tx.all(
        "SELECT staff_id, begun_at, seen_at, proved_at FROM staff_session ORDER BY begun_at, digest"
    )
    return [(bytes(row[0]), SessionTimes(*(from_ms(it) for it in row[1:4]))) for row in rows]


def see_session(tx: Tx, vault: Vault, digest: bytes, now: datetime) -> None:
    """Note that a session is used; one that optin did not seal stays as it is."""
    found = find_session(tx, vault, digest, tx.for_update)
    if found is not None:
        _seal(tx, vault, replace(found, times=replace(found.times, seen=now)))


def keep_notes_of(tx: Tx, vault: Vault, digest: bytes, notes: dict[str, Any]) -> None:
    """Seal what belongs to a session with it; nothing with one that optin did not seal."""
    found = find_session(tx, vault, digest, tx.for_update)
    if found is not None:
        _seal(tx, vault, replace(found, notes=notes))


def _seal(tx: Tx, vault: Vault, session: StoredSession) -> None:
    begun, seen, proved = _moments(session.times)
    cell = _cell(session.digest, session.staff_id, begun, seen, proved)
    tx.run(
        "UPDATE staff_session SET seen_at = :seen, sealed = :sealed WHERE digest = :digest",
        digest=session.digest,
        seen=seen,
        sealed=vault.seal(cell, json.dumps(session.notes).encode()),
    )


def sealed_sessions(tx: Tx, vault: Vault) -> list[StoredSession]:
    """Return every session with notes, as far as optin sealed it; its rows are locked."""
    rows = tx.all(
        "SELECT digest FROM staff_session WHERE length(sealed) > :none ORDER BY digest", none=_NO_NOTES
    )
    found = (find_session(tx, vault, bytes(row[0]), tx.for_update) for row in rows)
    return [it for it in found if it is not None]


def end_session(tx: Tx, digest: bytes) -> bool:
    """Delete a session; return whether there was one."""
    return tx.run("DELETE FROM staff_session WHERE digest = :digest", digest=digest) == 1


def end_sessions_of(tx: Tx, staff_id: bytes) -> int:
    """Delete every session and link of somebody; return how many sessions."""
    tx.run("DELETE FROM staff_link WHERE staff_id = :staff", staff=staff_id)
    return tx.run("DELETE FROM staff_session WHERE staff_id = :staff", staff=staff_id)


def forget_sign_ins(tx: Tx, links_before: datetime, seen_before: datetime, begun_before: datetime) -> int:
    """Delete old links, and sessions that were not used or begun since; return how many."""
    return tx.run("DELETE FROM staff_link WHERE made_at < :made", made=to_ms(links_before)) + tx.run(
        "DELETE FROM staff_session WHERE seen_at < :seen OR begun_at < :begun",
        seen=to_ms(seen_before),
        begun=to_ms(begun_before),
    )


def count_sign_ins_to_forget(
    tx: Tx, links_before: datetime, seen_before: datetime, begun_before: datetime
) -> int:
    """Count what `forget_sign_ins` would delete."""
    return count_rows(tx, "staff_link WHERE made_at < :made", made=to_ms(links_before)) + count_rows(
        tx,
        "staff_session WHERE seen_at < :seen OR begun_at < :begun",
        seen=to_ms(seen_before),
        begun=to_ms(begun_before),
    )


def blank_notes(tx: Tx, vault: Vault, seen_by: datetime, begun_by: datetime) -> int:
    """Remove the notes of sessions last used or begun by then; return of how many.

    One that optin did not seal is deleted: to seal it anew would make it sound.
    """
    rows = tx.all(
        f"SELECT digest FROM {_ENDED_WITH_NOTES}", seen=to_ms(seen_by), begun=to_ms(begun_by), none=_NO_NOTES
    )
    for row in rows:
        digest = bytes(row[0])
        if find_session(tx, vault, digest) is None:
            end_session(tx, digest)
        else:
            keep_notes_of(tx, vault, digest, {})
    return len(rows)


def count_notes_to_blank(tx: Tx, seen_by: datetime, begun_by: datetime) -> int:
    """Count the sessions of which `blank_notes` would remove notes."""
    return count_rows(tx, _ENDED_WITH_NOTES, seen=to_ms(seen_by), begun=to_ms(begun_by), none=_NO_NOTES)


_NO_NOTES = 1 + NONCE_BYTES + len("{}") + 16  # bytes: number of the key, nonce, sealed text, tag
_ENDED_WITH_NOTES = "staff_session WHERE (seen_at <= :seen OR begun_at <= :begun) AND length(sealed) > :none"


def _moments(times: SessionTimes) -> tuple[int, int, int]:
    return to_ms(times.begun), to_ms(times.seen), to_ms(times.proved)


def _cell(digest: bytes, staff_id: bytes, begun: int, seen: int, proved: int) -> EncryptedCell:
    return EncryptedCell("staff_session", digest + staff_id + f" {begun} {seen} {proved}".encode())
