"""Check that the log grew from its earlier state, as remembered outside the database (O9).

Nothing here trusts a checkpoint of the database: who writes to it could have put it there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from optin.consent.event_content import rfc3339
from optin.errors import LogDiverged
from optin.proof.journal_chain import JournalLine, TreeHead
from optin.proof.merkle_tree import Frontier, ProofBroken, consistency_proof, root_of, verify_consistency
from optin.proof.signed_notes import Checkpoint, NoteBroken, SignedNote
from optin.store.database_interface import Tx
from optin.store.event_log import latest_checkpoint, leaves_of_events, log_frontier, stored_node

PAGE_EVENTS = 500


def checked_frontier(tx: Tx, remembered: TreeHead | None) -> Frontier:
    """Return the log's tree, after checking that it grew from the remembered one and the last checkpoint.

    Raises LogDiverged.
    """
    signed = _signed(tx)  # first: another process may sign a larger log before the next statement
    try:
        frontier = log_frontier(tx)
    except ValueError:
        msg = "its size and its hashes do not fit together"
        raise LogDiverged(msg) from None
    for tip in (remembered, signed):
        if tip is not None:
            _must_begin_with(tx, frontier, tip)
    return frontier


def _must_begin_with(tx: Tx, frontier: Frontier, tip: TreeHead) -> None:
    if frontier.size < tip.size:
        msg = f"it has {frontier.size} events, and {tip.size} were signed"
        raise LogDiverged(msg)
    try:
        path = consistency_proof(tip.size, frontier.size, stored_node(tx))
        verify_consistency(tip.size, tip.root, frontier.size, frontier.root, path)
    except (ProofBroken, LookupError):
        msg = f"its first {tip.size} events are not those that were signed"
        raise LogDiverged(msg) from None


def _signed(tx: Tx) -> TreeHead | None:
    latest = latest_checkpoint(tx)
    try:
        signed = None if latest is None else Checkpoint.read(SignedNote.parse(latest.note))
    except NoteBroken:
        msg = "its last checkpoint cannot be read"
        raise LogDiverged(msg) from None
    return None if signed is None else TreeHead(signed.size, signed.root)


def log_begins_with(tx: Tx, tip: TreeHead) -> bool:
    """Return whether the log, as far as it goes, matches a checkpoint that is not larger."""
    try:
        return root_of(tip.size, stored_node(tx)) == tip.root
    except LookupError:
        return False


def events_missing_from_log(tx: Tx, lines: Sequence[JournalLine]) -> Iterator[str]:
    """Yield a sentence for each event that is in the journal and not in the log."""
    for line in lines_missing_from_log(tx, lines):
        at = rfc3339(line.at)
        yield f"event {_number(line)} ({line.kind}, {at}) is in the journal, but was removed from the log"


def lines_missing_from_log(tx: Tx, lines: Sequence[JournalLine]) -> Iterator[JournalLine]:
    """Yield each journal line whose event is missing from the log, or differs there."""
    held = [line for line in lines if "leaf" in line.content]
    for begin in range(0, len(held), PAGE_EVENTS):
        page = held[begin : begin + PAGE_EVENTS]
        found = leaves_of_events(tx, [_number(line) for line in page])
        for line in page:
            if found.get(_number(line)) != line.content["leaf"]:
                yield line


def _number(line: JournalLine) -> int:
    return int(str(line.content["event"]))
