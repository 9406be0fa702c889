"""The text of the journal: whoever has no key can neither change nor leave out a line of it."""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime, timedelta

import pytest

from optin.proof.canonical_json import Json
from optin.proof.journal_chain import (
    BEGUN,
    CHECKPOINT,
    RESTORED,
    JournalBroken,
    JournalEnd,
    JournalLine,
    TreeHead,
    lines_since_restart,
    lines_to_keep,
    possible_bases,
    tree_head_fields,
)

START = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)


def seal(key: bytes = b"key") -> JournalEnd:
    """Begin a chain under a key."""
    return JournalEnd(lambda data: hmac.digest(key, data, hashlib.sha256).hex(), lambda _: None)


def told(number: int) -> dict[str, Json]:
    return {"kind": "withdrawn", "event": number, "leaf": f"{number:064x}"}


def written(count: int = 5) -> list[bytes]:
    chain = seal()
    lines = [chain.begin("file", None)]
    return lines + [chain.add(START + timedelta(minutes=number), told(number)) for number in range(count)]


def read(lines: list[bytes], chain: JournalEnd) -> list[JournalLine]:
    return [line for line in map(chain.read, lines) if line is not None]


def test_what_was_written_is_read() -> None:
    """O9: number, moment and meaning; and the end of it, to go on from."""
    chain = seal()
    found = read(written(), chain)
    assert [line.content for line in found] == [told(number) for number in range(5)]
    assert [line.number for line in found] == [1, 2, 3, 4, 5]
    assert (chain.name, chain.number, chain.newest) == ("file", 5, START + timedelta(minutes=4))
    whole = [*written(), chain.add(START, told(9))]
    assert read(whole, seal())[-1].content == told(9)


@pytest.mark.parametrize("place", range(6))
def test_a_line_that_is_changed_or_missing_is_found(place: int) -> None:
    """O9: every byte of every line counts, and so does its place."""
    lines = written()
    for at in range(0, len(lines[place]) - 1, 7):
        changed = bytearray(lines[place])
        changed[at] ^= 1
        with pytest.raises(JournalBroken, match=f"line {place + 1} "):
            read([*lines[:place], bytes(changed), *lines[place + 1 :]], seal())
    if place < 5:
        with pytest.raises(JournalBroken, match=f"line {place + 1} "):
            read([*lines[:place], *lines[place + 1 :]], seal())
    with pytest.raises(JournalBroken):
        read([*lines[: place + 1], lines[place], *lines[place + 1 :]], seal())


def test_a_journal_of_another_key_is_refused_at_its_first_line() -> None:
    """O9: another installation's, or a forger's own."""
    with pytest.raises(JournalBroken, match="line 1 was not written with these keys"):
        read(written(), seal(b"another"))


def test_lines_that_are_cut_off_leave_a_smaller_number() -> None:
    """O9: what the database compares with what it noted."""
    chain = seal()
    read(written()[:4], chain)
    assert chain.number == 3


def line(number: int, kind: str, at: datetime, size: int = 0) -> JournalLine:
    if kind in {CHECKPOINT, RESTORED, BEGUN}:
        return JournalLine(number, at, tree_head_fields(kind, TreeHead(size, bytes([size]) * 32)))
    return JournalLine(number, at, {**told(number), "kind": kind})


def test_of_the_checkpoints_of_an_hour_the_last_one_stays() -> None:
    """O9: it is over all that the others were over, so it finds what they would find."""
    day = [line(number, CHECKPOINT, START + timedelta(minutes=number), number) for number in range(1, 200)]
    kept = lines_to_keep([*day, line(200, "withdrawn", START + timedelta(minutes=200))], START)
    assert [it.number for it in kept] == [59, 119, 179, 199, 200]


def test_the_last_checkpoint_and_what_began_the_memory_stay_however_old() -> None:
    """O9, R8: people's lines go when no backup needs them; the tree is remembered."""
    lines = [
        line(1, CHECKPOINT, START, 1),
        line(2, "withdrawn", START),
        line(3, CHECKPOINT, START + timedelta(hours=2), 2),
        line(4, RESTORED, START + timedelta(hours=3), 1),
        line(5, CHECKPOINT, START + timedelta(hours=4), 3),
    ]
    kept = lines_to_keep(lines, START + timedelta(days=100))
    assert [it.number for it in kept] == [3, 4, 5]


def test_a_restore_begins_the_memory_anew_and_a_backup_may_be_of_either_past() -> None:
    """O9, S7: what came after the backup is not asked of the log; older backups still fit."""
    lines = [
        line(1, CHECKPOINT, START, 10),
        line(2, CHECKPOINT, START, 20),
        line(3, RESTORED, START, 12),
        line(4, CHECKPOINT, START, 15),
    ]
    assert [it.number for it in lines_since_restart(lines)] == [3, 4]
    assert [tip.size for tip in possible_bases(lines, 19)] == [10, 15]
    assert [tip.size for tip in possible_bases(lines, 11)] == [10]
    assert [tip.size for tip in possible_bases(lines, 5)] == [0]
