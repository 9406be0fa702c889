"""The log: events become leaves of a Merkle tree, in an order without gaps; checkpoints sign its root (P4).

`integrate` takes exactly what it saw in the queue: an event that commits late with a lower number simply
comes in the next round. On SQLite it is the last step of each group; on PostgreSQL one process at a time
gets in.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from optin.proof.inclusion_proof import InclusionProof
from optin.proof.merkle_tree import TILE_LEAVES, Frontier, Node, Placed, consistency_proof, inclusion_proof
from optin.proof.signed_notes import Checkpoint, VerifierKey, cosignatures
from optin.proof.trusted_time_stamp import StampBroken, read_stamp
from optin.store.database_interface import Tx, from_ms, to_ms
from optin.store.encryption import Vault
from optin.store.installation_facts import log_origin

ROUND_LEAVES = 5_000


def integrate(tx: Tx) -> int:
    """Add queued events as leaves; return their number. 0 also while another process does it."""
    if tx.one("SELECT event_id FROM log_queue LIMIT 1") is None:
        return 0
    state = tx.one(f"SELECT size, peaks FROM log_state WHERE id = 1 {tx.skip_locked}")
    if state is None:
        return 0
    queued = tx.all("SELECT event_id, leaf FROM log_queue ORDER BY event_id LIMIT :most", most=ROUND_LEAVES)
    frontier = Frontier.unpack(state[0], bytes(state[1]))
    grown, completed = frontier.grow([bytes(row[1]) for row in queued])
    tx.many(
        "INSERT INTO log_leaf(seq, event_id, leaf) VALUES (:seq, :event_id, :leaf)",
        [
            {"seq": seq, "event_id": row[0], "leaf": row[1]}
            for seq, row in enumerate(queued, start=frontier.size)
        ],
    )
    _add_nodes(tx, completed)
    tx.many("DELETE FROM log_queue WHERE event_id = :event_id", [{"event_id": row[0]} for row in queued])
    tx.run(
        "UPDATE log_state SET size = :size, peaks = :peaks WHERE id = 1", size=grown.size, peaks=grown.pack()
    )
    return len(queued)


def _add_nodes(tx: Tx, completed: Sequence[Placed]) -> None:
    if completed:
        tx.many(
            "INSERT INTO log_node(level, place, hash) VALUES (:level, :place, :hash)",
            [{"level": level, "place": place, "hash": value} for level, place, value in completed],
        )


def is_new_log(tx: Tx) -> bool:
    """Return whether no event was ever written."""
    return log_frontier(tx).size == 0 and tx.one("SELECT event_id FROM log_queue LIMIT 1") is None


def log_frontier(tx: Tx) -> Frontier:
    """Return the present tree."""
    row = tx.one("SELECT size, peaks FROM log_state WHERE id = 1")
    return Frontier() if row is None else Frontier.unpack(row[0], bytes(row[1]))


@dataclass(frozen=True)
class StoredCheckpoint:
    """A signed note about the log at one size."""

    size: int
    note: str
    at: datetime


def sign_checkpoint(tx: Tx, vault: Vault, frontier: Frontier, now: datetime) -> StoredCheckpoint:
    """Sign the log at `frontier` and store the checkpoint; return the one stored for that size.

    Whoever calls has seen that the log grew from what was signed before (`services.event_log_signer`).
    """
    origin = log_origin(tx)
    keys = vault.log_keys(origin)
    for key in keys:
        tx.run(
            "INSERT INTO log_key(line, since) SELECT :line, :now"
            " WHERE NOT EXISTS (SELECT 1 FROM log_key WHERE line = :line) ON CONFLICT DO NOTHING",
            line=key.verifier.text,
            now=to_ms(now),
        )
    note = Checkpoint(origin, frontier.size, frontier.root).sign(keys[::-1]).signed
    # two processes may sign the same size: the same text, so the first one stands
    tx.run(
        "INSERT INTO checkpoint(size, note, at) SELECT :size, :note, :now"
        " WHERE NOT EXISTS (SELECT 1 FROM checkpoint WHERE size = :size) ON CONFLICT DO NOTHING",
        size=frontier.size,
        note=note,
        now=to_ms(now),
    )
    return checkpoint_at(tx, frontier.size)


_CHECKPOINT = "SELECT size, note, at FROM checkpoint"


def latest_checkpoint(tx: Tx) -> StoredCheckpoint | None:
    """Return the newest checkpoint."""
    row = tx.one(f"{_CHECKPOINT} ORDER BY size DESC LIMIT 1")
    return None if row is None else StoredCheckpoint(row[0], row[1], from_ms(row[2]))


def checkpoint_at(tx: Tx, size: int) -> StoredCheckpoint:
    """Return the checkpoint of one size. Raises LookupError."""
    row = tx.one(f"{_CHECKPOINT} WHERE size = :size", size=size)
    if row is None:
        raise LookupError(size)
    return StoredCheckpoint(row[0], row[1], from_ms(row[2]))


def first_checkpoint_over(tx: Tx, leaf: bytes) -> StoredCheckpoint | None:
    """Return the first checkpoint that covers an event without a request, by its leaf; None: not yet."""
    row = tx.one(
        "SELECT log_leaf.seq FROM event JOIN log_leaf ON log_leaf.event_id = event.id"
        " WHERE event.request_id IS NULL AND event.body IS NOT NULL AND event.leaf = :leaf",
        leaf=leaf,
    )
    if row is None:
        return None
    found = checkpoints_after(tx, row[0], 1)
    return found[0] if found else None


def checkpoints_after(tx: Tx, size: int, most: int) -> list[StoredCheckpoint]:
    """Return the next checkpoints larger than `size`."""
    rows = tx.all(f"{_CHECKPOINT} WHERE size > :size ORDER BY size LIMIT :most", size=size, most=most)
    return [StoredCheckpoint(row[0], row[1], from_ms(row[2])) for row in rows]


def verifier_keys(tx: Tx) -> tuple[VerifierKey, ...]:
    """Return every key that ever signed, newest first."""
    return tuple(VerifierKey.parse(row[0]) for row in tx.all("SELECT line FROM log_key ORDER BY id DESC"))


def places_of(tx: Tx, numbers: Sequence[int]) -> dict[int, int]:
    """Return the index in the log of each event, by event number; queued events are missing."""
    found = (
        (number, tx.one("SELECT seq FROM log_leaf WHERE event_id = :id", id=number)) for number in numbers
    )
    return {number: row[0] for number, row in found if row is not None}


def leaves_of_events(tx: Tx, numbers: Sequence[int]) -> dict[int, str]:
    """Return the leaves (in hexadecimal) of events that are in the log or queued, by event number."""
    if not numbers:
        return {}
    among = ", ".join(str(int(number)) for number in numbers)
    rows = tx.all(
        f"SELECT event_id, leaf FROM log_queue WHERE event_id IN ({among})"
        f" UNION ALL SELECT event_id, leaf FROM log_leaf WHERE event_id IN ({among})"
    )
    return {row[0]: bytes(row[1]).hex() for row in rows}


def prove_event(tx: Tx, place: int, event: bytes, checkpoint: StoredCheckpoint) -> InclusionProof:
    """Return the proof that `event` has index `place` in the log at a checkpoint."""
    path = inclusion_proof(place, checkpoint.size, stored_node(tx))
    return InclusionProof(place, tuple(path), checkpoint.note, event)


def prove_growth(tx: Tx, old: int, new: int) -> list[bytes]:
    """Return the proof that the log at `new` begins with the log at `old`."""
    return consistency_proof(old, new, stored_node(tx))


def stored_node(tx: Tx) -> Node:
    """Return the subtrees as stored."""

    def node(level: int, place: int) -> bytes:
        row = (
            tx.one("SELECT leaf FROM log_leaf WHERE seq = :place", place=place)
            if level == 0
            else tx.one(
                "SELECT hash FROM log_node WHERE level = :level AND place = :place", level=level, place=place
            )
        )
        if row is None:
            msg = f"the log lacks its node {level}/{place}"
            raise LookupError(msg)
        return bytes(row[0])

    return node


def tile_hashes(tx: Tx, level: int, number: int, width: int) -> bytes:
    """Return `width` hashes of a tile (C2SP tlog-tiles); fewer when there are not as many."""
    first = number * TILE_LEAVES
    if level == 0:
        rows = tx.all(
            "SELECT leaf FROM log_leaf WHERE seq >= :first AND seq < :after ORDER BY seq",
            first=first,
            after=first + width,
        )
    else:
        rows = tx.all(
            "SELECT hash FROM log_node WHERE level = :level AND place >= :first AND place < :after"
            " ORDER BY place",
            level=8 * level,
            first=first,
            after=first + width,
        )
    return b"".join(bytes(row[0]) for row in rows)


def store_attestation(tx: Tx, size: int, kind: str, source: str, value: bytes, now: datetime) -> None:
    """Store a time-stamp or a cosignature of a checkpoint."""
    tx.run(
        "INSERT INTO attestation(size, kind, source, value, at) VALUES (:size, :kind, :source, :value, :now)",
        size=size,
        kind=kind,
        source=source,
        value=value,
        now=to_ms(now),
    )


@dataclass(frozen=True)
class Attestation:
    """A time-stamp or cosignature of a checkpoint, from an authority or a witness."""

    size: int
    kind: str
    source: str
    value: bytes
    at: datetime


def is_sound(attestation: Attestation, note: str) -> bool:
    """Return whether an attestation is a time-stamp of this note, or another signer's line below it."""
    if attestation.kind == "cosignature":
        return bool(cosignatures(note, attestation.value.decode("utf-8", "replace")))
    try:
        read_stamp(attestation.value, note.encode())
    except StampBroken:
        return False
    return True


def attestations(tx: Tx, since: int = 0) -> Iterator[Attestation]:
    """Yield attestations of checkpoints with at least `since` events, by size."""
    for row in tx.each(
        "SELECT size, kind, source, value, at FROM attestation WHERE size >= :since ORDER BY size, id",
        since=since,
    ):
        yield Attestation(row[0], row[1], row[2], bytes(row[3]), from_ms(row[4]))


def last_attested(tx: Tx, kind: str, source: str) -> Attestation | None:
    """Return the newest attestation of one source."""
    row = tx.one(
        "SELECT size, kind, source, value, at FROM attestation WHERE kind = :kind AND source = :source"
        " ORDER BY size DESC, id DESC LIMIT 1",
        kind=kind,
        source=source,
    )
    return None if row is None else Attestation(row[0], row[1], row[2], bytes(row[3]), from_ms(row[4]))


def unsound_attestations(tx: Tx) -> list[str]:
    """Return the sources whose stored attestations do not match their checkpoint."""
    return [
        attestation.source
        for attestation in list(attestations(tx))
        if not is_sound(attestation, checkpoint_at(tx, attestation.size).note)
    ]
