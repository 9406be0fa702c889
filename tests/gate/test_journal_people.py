"""The people that a journal names are known in memory, while the file grows or is replaced."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

from optin.services.journal_people import JournalPeople


def line(name: str) -> bytes:
    return json.dumps({"person": sha256(name.encode()).hexdigest()}, separators=(",", ":")).encode() + b"\n"


def known(people: JournalPeople, *names: str) -> list[str]:
    return [name for name in names if people.may_name(sha256(name.encode()).digest())]


def test_a_growing_file_is_followed(tmp_path: Path) -> None:
    """G1, O9: also over a line that is written in two halves."""
    path = tmp_path / "journal"
    path.write_bytes(b'{"kind":"begun"}\n' + line("alice"))
    people = JournalPeople(path)
    assert known(people, "alice", "bob") == ["alice"]
    with path.open("ab") as file:
        file.write(line("bob")[:60])
        file.flush()
        assert known(people, "alice", "bob") == ["alice"]
        file.write(line("bob")[60:] + line("carol"))
    assert known(people, "alice", "bob", "carol", "dave") == ["alice", "bob", "carol"]


def test_another_file_is_read_anew(tmp_path: Path) -> None:
    """G1, R8: lines that had their time are gone from the new file, and from memory."""
    path, new = tmp_path / "journal", tmp_path / "new"
    path.write_bytes(line("alice") + line("bob"))
    people = JournalPeople(path)
    assert known(people, "alice", "bob") == ["alice", "bob"]
    new.write_bytes(line("bob") + line("carol") + line("dave"))
    new.replace(path)
    assert known(people, "alice", "bob", "carol") == ["bob", "carol"]
    path.write_bytes(line("alice"))  # shorter: cut off
    assert known(people, "alice", "bob") == ["alice"]


def test_a_long_file_is_read_in_steps(tmp_path: Path) -> None:
    """G1: no line is lost between two of them."""
    path, names = tmp_path / "journal", [f"person {number}" for number in range(30_000)]
    path.write_bytes(b"".join(map(line, names)))
    people = JournalPeople(path)
    assert len(known(people, *names)) == len(names)
    assert known(people, "somebody else") == []
