"""Read everything for an audit, in short pages and in the order of the log."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from optin.consent.purpose import ConsentKey
from optin.store.consent_key_columns import columns_of
from optin.store.database_interface import Row, Tx
from optin.store.row_queries import count_rows, list_parameters

PAGE_LEAVES = 4_096  # a power of two: pages are complete subtrees
PAGE_PEOPLE = 500


def leaf_page(tx: Tx, first: int) -> list[Row]:
    """Return the next leaves: place, leaf, event number, the event's leaf, its bytes."""
    return tx.all(
        "SELECT log_leaf.seq, log_leaf.leaf, log_leaf.event_id, event.leaf, event.body FROM log_leaf"
        " LEFT JOIN event ON event.id = log_leaf.event_id"
        " WHERE log_leaf.seq >= :first AND log_leaf.seq < :after ORDER BY log_leaf.seq",
        first=first,
        after=first + PAGE_LEAVES,
    )


def node_page(tx: Tx, level: int, first: int, after: int) -> list[bytes]:
    """Return the stored subtrees of one level, by place."""
    rows = tx.all(
        "SELECT hash FROM log_node WHERE level = :level AND place >= :first AND place < :after"
        " ORDER BY place",
        level=level,
        first=first,
        after=after,
    )
    return [bytes(row[0]) for row in rows]


def count_leaves(tx: Tx) -> int:
    """Count the leaves."""
    return count_rows(tx, "log_leaf")


def events_outside(tx: Tx) -> list[int]:
    """Return events that are neither in the log nor queued for it."""
    rows = tx.all(
        "SELECT event.id FROM event LEFT JOIN log_leaf ON log_leaf.event_id = event.id"
        " LEFT JOIN log_queue ON log_queue.event_id = event.id"
        " WHERE log_leaf.seq IS NULL AND log_queue.event_id IS NULL ORDER BY event.id LIMIT 1000"
    )
    return [row[0] for row in rows]


def orphans(tx: Tx) -> list[str]:
    """Return rows with a reference to a missing row."""
    found: list[str] = []
    for what, sql in (
        ("event {} is about a request that is gone, yet it was not erased",
         "SELECT event.id FROM event LEFT JOIN request ON request.id = event.request_id"
         " LEFT JOIN held_basis ON held_basis.id = event.request_id"
         " WHERE event.body IS NOT NULL AND event.request_id IS NOT NULL AND request.id IS NULL"
         " AND held_basis.id IS NULL"),
        ("a statement of the register of bases ({}) belongs to no entry",
         "SELECT held_basis_act.id FROM held_basis_act"
         " LEFT JOIN held_basis ON held_basis.id = held_basis_act.entry WHERE held_basis.id IS NULL"),
        ("entry {} of the register of bases is kept, yet an erasure was recorded for it",
         "SELECT held_basis.id FROM held_basis JOIN erasure ON erasure.request_id = held_basis.id"),
        ("evidence file {} belongs to no entry",
         "SELECT evidence_file.file FROM evidence_file LEFT JOIN evidence_file_of"
         " ON evidence_file_of.file = evidence_file.file WHERE evidence_file_of.file IS NULL"),
        ("consent of subject {} is about nobody",
         "SELECT consent.subject_id FROM consent LEFT JOIN subject ON subject.id = consent.subject_id"
         " WHERE subject.id IS NULL"),
        ("consent of subject {} has no request",
         "SELECT consent.subject_id FROM consent LEFT JOIN request ON request.id = consent.request_id"
         " WHERE request.id IS NULL"),
        ("consent of subject {} was withdrawn, but its address is not suppressed",
         "SELECT consent.subject_id FROM consent JOIN subject ON subject.id = consent.subject_id"
         " LEFT JOIN suppression ON suppression.email_index = subject.email_index"
         " AND suppression.purpose = consent.purpose AND suppression.channel = consent.channel"
         " WHERE consent.status = 'withdrawn' AND suppression.at IS NULL"),
        ("request {} is kept, yet an erasure was recorded for it",
         "SELECT request.id FROM request JOIN erasure ON erasure.request_id = request.id"),
        ("mail {} belongs to no request",
         "SELECT mail.message_id FROM mail LEFT JOIN request ON request.id = mail.request_id"
         " WHERE request.id IS NULL"),
        ("request {} is of a form that is not kept",
         "SELECT request.id FROM request LEFT JOIN form_version ON form_version.digest = request.form"
         " WHERE form_version.digest IS NULL"),
    ):  # fmt: skip
        rows = tx.all(f"{sql} LIMIT 100")
        found += [what.format(row[0].hex() if isinstance(row[0], bytes) else row[0]) for row in rows]
    return found


@dataclass(frozen=True)
class PeoplePage:
    """Some people, with all rows about their requests."""

    last: bytes
    # id, subject, address index, form, sealed, asked at, confirmed at, subject's index, erased at
    requests: Sequence[Row]
    events: Sequence[Row]  # request, number, bytes, voucher
    mails: Sequence[Row]  # request, Message-ID, sealed, sent at
    people: Sequence[Row] = ()  # subject, address index, sealed contact, idle from, whether it ever consented
    consents: Sequence[Row] = ()  # subject, purpose, channel, status, since, until, request, withdrawn, begun
    disclosed: Sequence[Row] = ()  # subject, processor, purpose: what a webhook said


_OF = {
    "confirmed": "request.subject_id > :after AND request.subject_id <= :last",
    "open": "request.subject_id IS NULL AND request.id > :after AND request.id <= :last",
}
_NEXT = {
    "confirmed": "SELECT id FROM subject WHERE",
    "open": "SELECT id FROM request WHERE subject_id IS NULL AND",
}


def people_page(tx: Tx, kind: str, after: bytes, until: bytes) -> PeoplePage | None:
    """Return the next people (`confirmed`), or the next unconfirmed requests (`open`)."""
    ids = tx.all(
        f"{_NEXT[kind]} id > :after AND id <= :until ORDER BY id LIMIT :most",
        after=after,
        until=until,
        most=PAGE_PEOPLE,
    )
    if not ids:
        return None
    last, of = bytes(ids[-1][0]), _OF[kind]

    def rows(sql: str) -> list[Row]:
        return tx.all(sql, after=after, last=last)

    page = PeoplePage(
        last,
        requests=rows(
            "SELECT request.id, request.subject_id, request.email_index, request.form, request.sealed,"
            " request.created_at, request.confirmed_at, subject.email_index, request.erase_at FROM request"
            f" LEFT JOIN subject ON subject.id = request.subject_id WHERE {of}"
        ),
        events=rows(
            "SELECT event.request_id, event.id, event.body, event.mac FROM request"
            f" JOIN event ON event.request_id = request.id WHERE {of} ORDER BY event.id"
        ),
        mails=rows(
            "SELECT mail.request_id, mail.message_id, mail.sealed, mail.sent_at FROM request"
            f" JOIN mail ON mail.request_id = request.id WHERE {of}"
        ),
    )
    if kind == "open":
        return page
    of_subject = "WHERE subject_id > :after AND subject_id <= :last"
    return replace(
        page,
        people=rows(
            "SELECT id, email_index, sealed, idle_from, consented FROM subject"
            " WHERE id > :after AND id <= :last"
        ),
        consents=rows(
            "SELECT subject_id, purpose, channel, status, since, expires_at, request_id, withdrawn_at,"
            f" begun_at FROM consent {of_subject}"
        ),
        disclosed=rows(f"SELECT subject_id, processor, purpose FROM webhook_told {of_subject}"),
    )


def lines_named(tx: Tx, names: Sequence[bytes]) -> frozenset[bytes]:
    """Return which of these names belong to stored journal lines."""
    if not names:
        return frozenset()
    ids, among = list_parameters(names)
    rows = tx.all(f"SELECT name FROM replay WHERE name IN ({among})", **ids)
    return frozenset(bytes(row[0]) for row in rows)


def erasures_to_replay(tx: Tx) -> frozenset[int]:
    """Return the moments of erasures that a restored backup must replay, in milliseconds UTC."""
    rows = tx.all("SELECT at FROM replay WHERE line LIKE :told", told='%"kind":"erased","person"%')
    return frozenset(int(row[0]) for row in rows)


def events_about_nobody(tx: Tx) -> list[Row]:
    """Return the events that belong to no request: number, bytes, voucher."""
    return tx.all("SELECT id, body, mac FROM event WHERE request_id IS NULL AND body IS NOT NULL ORDER BY id")


def form_rows(tx: Tx) -> list[Row]:
    """Return every form version: digest, key, magnet, ordinal, page, declaration, first served."""
    return tx.all(
        "SELECT digest, form_key, magnet, ordinal, page, declaration, first_served FROM form_version"
        " ORDER BY magnet, ordinal"
    )


def privacy_rows(tx: Tx) -> list[Row]:
    """Return every privacy statement: digest, page."""
    return tx.all("SELECT digest, page FROM privacy_version")


def objections_of(tx: Tx, email_index: bytes, key: ConsentKey) -> frozenset[bytes]:
    """Return the digests of the numbers suppressed by the person behind an address."""
    rows = tx.all(
        "SELECT number FROM number_objection"
        " WHERE email_index = :email_index AND purpose = :purpose AND channel = :channel",
        email_index=email_index,
        **columns_of(key),
    )
    return frozenset(bytes(row[0]) for row in rows)
