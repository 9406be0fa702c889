"""Edit a magnet's file: only what was meant changes, and nothing that somebody else wrote is lost."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from optin.site.edit_file import (
    ChangedMeanwhile,
    EditRefused,
    OpenedMagnet,
    compare,
    open_magnet,
    opened_as,
    save_magnet,
    with_changes,
    with_text,
)
from optin.site.front_matter_edit import CannotEdit
from optin.site.toml_and_markdown_reader import Document

REPOSITORY = Path(__file__).parents[2]
FILES = sorted(
    it
    for folder in (REPOSITORY / "magnets", REPOSITORY / "tests", REPOSITORY / "optin" / "kinds")
    for it in folder.rglob("*.md")
    if it.read_bytes()[:4] in (b"---\n", b"---\r")
)
TEXTS = some.one_of(
    some.text(max_size=40),
    some.sampled_from(
        [
            "yes",
            "1.0",
            "a: b",
            "x # y",
            "- a",
            "'",
            '"',
            "[",
            "{a",
            "*x",
            "&x",
            "!x",
            "%",
            "a\nb",
            " a ",
            "2027-01-01",
        ]
    ),
)
VALUES = some.recursive(
    some.one_of(TEXTS, some.booleans(), some.integers(-99, 99)),
    lambda it: some.one_of(
        some.lists(it, max_size=3), some.dictionaries(some.sampled_from(["a", "b", "on"]), it, max_size=3)
    ),
    max_leaves=6,
)
PAPER = """---
# what it is
kind: newsletter
lang: nl
title: 'Brief'   # the name
description: >-
  Een brief
  over toestemming.

# boxes
purposes:
  - tips-email   # by mail
  - follow-up-phone
fields:
  - name: phone
    why: "Om te bellen."
next:
  title: Bel
  # where to
  link: /plain
status: live
---
Tekst.

Einde.
"""


def paper(text: str = PAPER, *, data: bytes = b"") -> OpenedMagnet:
    return opened_as(Path("/site"), "brief", Path("/site/magnets/brief.md"), data or text.encode())


def values(opened: OpenedMagnet) -> Any:
    assert isinstance(opened.document, Document), opened.document
    return opened.document.values


def after(opened: OpenedMagnet, changes: dict[str, Any], body: str | None = None) -> str:
    return with_changes(opened, changes, body).decode()


def test_only_the_lines_of_a_changed_key_change() -> None:
    """K3: comments, order, quotes and empty lines stay."""
    assert after(paper(), {"title": "Nieuwsbrief"}) == PAPER.replace("'Brief'", "'Nieuwsbrief'")
    assert after(paper(), {"status": "archived"}) == PAPER.replace("status: live", "status: archived")
    assert after(paper(), {"status": None}) == PAPER.replace("status: live\n", "")
    assert after(paper(), {"description": "Kort."}) == PAPER.replace(
        "  Een brief\n  over toestemming.", "  Kort."
    )


def test_a_part_of_a_list_or_a_table_changes_alone() -> None:
    """K3: the comment beside another box stays where it is."""
    assert after(paper(), {"purposes": ["tips-email"]}) == PAPER.replace("  - follow-up-phone\n", "")
    assert after(paper(), {"purposes": ["tips-email", "follow-up-phone", "x"]}) == PAPER.replace(
        "  - follow-up-phone\n", "  - follow-up-phone\n  - x\n"
    )
    assert after(paper(), {"next": {"title": "Mail", "link": "/plain"}}) == PAPER.replace(
        "title: Bel", "title: Mail"
    )
    assert after(paper(), {"fields": [{"name": "phone", "why": "Toch."}]}) == PAPER.replace(
        "Om te bellen.", "Toch."
    )
    assert values(paper(after(paper(), {"purposes": []})))["purposes"] == []


def test_a_new_key_stands_where_the_guide_names_it() -> None:
    """K3: a headline below the title, an owner after what is there."""
    assert after(paper(), {"headline": "Weet: het"}) == PAPER.replace(
        "# the name\n", '# the name\nheadline: "Weet: het"\n'
    )
    assert after(paper(), {"order": 3}) == PAPER.replace("status: live\n", "status: live\norder: 3\n")


def test_a_body_changes_without_its_front_matter() -> None:
    """K3: the lines around the changed one stay."""
    assert after(paper(), {}, "Tekst.\n\nSlot.\n") == PAPER.replace("Einde.", "Slot.")
    assert after(paper(), {}, "") == PAPER.partition("Tekst.")[0]
    assert after(paper(), {}, "Tekst.\n\nEinde.\nMeer.\n") == f"{PAPER}Meer.\n"


def test_line_ends_and_a_mark_at_the_beginning_stay() -> None:
    """K3: a file of Windows, also one whose lines end in both ways."""
    data = b"\xef\xbb\xbf" + PAPER.replace("\n", "\r\n").encode()
    assert with_changes(paper(data=data), {"status": "draft"}) == data.replace(b": live", b": draft")
    assert with_changes(paper(data=data), {}, "Tekst.\r\n\r\nEinde.\r\n") == data
    mixed = data.replace(b"lang: nl\r\n", b"lang: nl\n")
    added = with_changes(paper(data=mixed), {"order": 1})
    assert added == mixed.replace(b": live\r\n", b": live\r\norder: 1\r\n")
    assert with_text(paper(data=data), PAPER.replace("\n", "\r\n")) == data
    assert with_text(paper(data=data), PAPER.replace("live", "draft")) == data.replace(b": live", b": draft")


@pytest.mark.parametrize("line", ["x: &a y", "x: *a", "x: !tag y", "\tx: y", "x: [", "lang: de", "- y"])
def test_what_a_form_cannot_change_is_refused(line: str) -> None:
    """K3: anchors, tabs and the like leave the text to be edited, and nothing is guessed."""
    with pytest.raises(CannotEdit):
        with_changes(paper(PAPER.replace("lang: nl", f"lang: nl\n{line}")), {"title": "x"})


@given(some.data())
def test_one_key_of_any_file_changes_its_lines_alone(data: some.DataObject) -> None:
    """K3: for every magnet of the repository and of the tests."""
    file = data.draw(some.sampled_from(FILES))
    opened = opened_as(file.parents[1], "x", file, file.read_bytes())
    if not isinstance(opened.document, Document) or not opened.document.values:
        return
    key = data.draw(some.sampled_from([*opened.document.values, "owner"]))
    value = data.draw(VALUES)
    changed = with_changes(opened, {key: value})
    now = opened_as(opened.root, "x", file, changed)
    assert values(now) == {**opened.document.values, key: value}
    lines = opened.text.split("\n")
    keys = [*opened.document.values, None]
    begin = opened.document.place((key,))[0] if key in keys else 0
    follower = keys[keys.index(key) + 1] if key in keys else None
    end = opened.document.place((follower,))[0] if follower is not None else opened.document.body_line - 1
    for it in compare(opened.data, changed):
        if it.kind == "gone":
            assert begin <= it.before < end, (it, lines[it.before - 1])


def test_a_file_that_changed_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    """K3: both versions are there, and the later one stays on disk."""
    opened = _on_disk(tmp_path)
    opened.path.write_text(PAPER.replace("Einde", "Anders"))
    with pytest.raises(ChangedMeanwhile) as raised:
        save_magnet(opened, with_changes(opened, {"title": "x"}))
    assert b"Anders" in raised.value.now
    assert opened.path.read_bytes() == raised.value.now
    assert [it.text for it in compare(opened.data, raised.value.now) if it.kind == "new"] == ["Anders."]


def test_a_saved_file_keeps_its_mode_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    """K3: it is written in one step."""
    opened = _on_disk(tmp_path)
    opened.path.chmod(0o640)
    save_magnet(opened, b"new")
    assert opened.path.read_bytes() == b"new"
    assert opened.path.stat().st_mode & 0o777 == 0o640
    assert [it.name for it in opened.path.parent.iterdir()] == ["brief.md"]


def test_links_and_places_elsewhere_are_refused(tmp_path: Path) -> None:
    """K3, S8: a link to a file, to a folder, an address that leads out, and one that is not there."""
    opened = _on_disk(tmp_path)
    other = tmp_path / "other"
    other.mkdir()
    (other / "index.md").write_text(PAPER)
    (opened.path.parent / "file.md").symlink_to(other / "index.md")
    (opened.path.parent / "folder").symlink_to(other)
    for slug in ("file", "folder", "../brief", "nothing", "", "brief/../brief"):
        with pytest.raises(EditRefused):
            open_magnet(tmp_path, slug)


def test_a_file_that_cannot_be_written_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """K3: a disk that is read only, or full; the file stays whole."""
    opened = _on_disk(tmp_path)

    def full(_number: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(EditRefused, match="No space left"):
        save_magnet(opened, b"new")
    assert opened.path.read_text() == PAPER
    assert [it.name for it in opened.path.parent.iterdir()] == ["brief.md"]


def _on_disk(root: Path) -> OpenedMagnet:
    (root / "magnets").mkdir()
    (root / "magnets" / "brief.md").write_text(PAPER)
    return open_magnet(root, "brief")
