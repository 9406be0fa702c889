"""The tests keep their files in memory where that can be done, and nobody wants them elsewhere."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from tests import memory_folder
from tests.memory_folder import MEMORY, has_room, use_memory


@pytest.fixture(autouse=True)
def nothing_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin as a run without settings does, on a machine with room."""
    monkeypatch.setattr(tempfile, "tempdir", "/elsewhere")
    monkeypatch.setattr(memory_folder, "has_room", lambda _: True)
    for name in ("DISK", "TMPDIR"):
        monkeypatch.setenv(name, "")


def test_files_are_in_memory_where_there_is_room() -> None:
    """For this process, and for those that it starts."""
    use_memory()
    assert tempfile.gettempdir() == os.environ["TMPDIR"] == str(MEMORY)


@pytest.mark.parametrize("name", ["DISK", "TMPDIR"])
def test_whoever_chooses_another_folder_gets_it(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """By DISK=yes, or by the variable that every program knows."""
    monkeypatch.setenv(name, "/elsewhere")
    use_memory()
    assert tempfile.gettempdir() == "/elsewhere"


def test_a_machine_without_room_keeps_them_on_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no such folder is, there is no room."""
    monkeypatch.setattr(memory_folder, "has_room", has_room)
    monkeypatch.setattr(memory_folder, "MEMORY", Path("/nowhere"))
    use_memory()
    assert tempfile.gettempdir() == "/elsewhere"
