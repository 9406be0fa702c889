"""Lines of the journal in the database: which are well-formed, and which name an event of the log (S7)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from optin.consent.channel import channel_named
from optin.consent.objection import Objection
from optin.consent.status_transitions import ID_BYTES, IN_JOURNAL, EventKind
from optin.proof.canonical_json import Json
from optin.store.database_interface import Tx
from optin.store.event_log import leaves_of_events
from optin.store.journal_lines import ENTRY_ENDED, ReplayLine, lines_after

_CONTENTS: dict[str, dict[str, type]] = {
    EventKind.ERASED.value: {"kind": str, "person": str, "suppressed": bool},
    EventKind.WITHDRAWN.value: {"kind": str, "person": str, "purpose": str, "channel": str},
    ENTRY_ENDED: {"kind": str, "person": str, "entry": str},
    EventKind.OBJECTED.value: {
        "kind": str,
        "entry": str,
        "by": str,
        "of": str,
        "person": str,
        "owner": str,
        "channel": str,
    },
}


_EVENT: dict[str, type] = {"kind": str, "event": int, "leaf": str}


_DIGEST_BYTES = 32


def concerns_person(content: Mapping[str, Json]) -> bool:
    """Return whether a restored backup replays this line; other lines only remember an event of the log."""
    return "person" in content


def check_replay_line(content: Mapping[str, Json]) -> None:
    """Check that a line is well-formed. Raises ValueError."""
    kind = str(content.get("kind"))
    wanted = _CONTENTS.get(kind) if concerns_person(content) else _EVENT if kind in IN_JOURNAL else None
    if wanted is None or {key: type(value) for key, value in content.items()} != wanted:
        msg = "no withdrawal, no erasure, no objection and no event"
        raise ValueError(msg)
    if len(bytes.fromhex(str(content["person" if concerns_person(content) else "leaf"]))) != _DIGEST_BYTES:
        msg = "no digest"
        raise ValueError(msg)
    if kind == ENTRY_ENDED and len(bytes.fromhex(str(content["entry"]))) != ID_BYTES:
        msg = "no entry"
        raise ValueError(msg)
    if kind == EventKind.OBJECTED and concerns_person(content):
        Objection.of_line(content, datetime.min.replace(tzinfo=UTC))
    elif "channel" in wanted:
        channel_named(str(content["channel"]))


def lines_with_event(tx: Tx, lines: Sequence[ReplayLine]) -> list[ReplayLine]:
    """Return the well-formed lines whose event, if they name one, is in the log.

    Whoever writes to the database would else let the journal say for good that the log was cut.
    """
    sound = [line for line in lines if _means_something(line)]
    numbers = [int(str(line.content["event"])) for line in sound if not concerns_person(line.content)]
    leaves = leaves_of_events(tx, numbers)
    return [
        it
        for it in sound
        if concerns_person(it.content) or leaves.get(int(str(it.content["event"]))) == it.content["leaf"]
    ]


def count_lines_without_event(tx: Tx) -> int:
    """Count the database's lines that are malformed, or name an event missing from the log."""
    count = number = 0
    while page := lines_after(tx, number):
        number = page[-1][0]
        count += len(page) - len(lines_with_event(tx, [line for _, line in page]))
    return count


def _means_something(line: ReplayLine) -> bool:
    try:
        check_replay_line(line.content)
    except (ValueError, TypeError, AttributeError):
        return False
    return True
