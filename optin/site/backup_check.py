"""Check where and how long backups are kept: `[backup]` in `optin.toml` (S7)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from optin.settings.site import SiteSettings
from optin.site.law_lint import Objection
from optin.site.toml_and_markdown_reader import Path_

CODE = "backup"
_SOME_DAY = datetime(2026, 1, 1, tzinfo=UTC)  # periods are compared from the same day


def objections_to_backup(root: Path, settings: SiteSettings) -> Iterator[tuple[Path_, Objection]]:
    """Check that the folder is apart from the keys, and that no backup outlives the journal."""
    table = settings.backup
    if not table.folder:
        return
    folder, keys = (root / table.folder).resolve(), (root / settings.keys).resolve()
    if folder == keys.parent or folder in keys.parents:
        message = f"The keys are in the folder of the backups, {folder}: whoever has it reads everything."
        yield (
            ("backup", "folder"),
            Objection(CODE, message, "Name a folder on another disk, without the keys."),
        )
    length = table.every.after(_SOME_DAY) - _SOME_DAY
    longest = settings.retention.backups
    if length * table.keep > longest.after(_SOME_DAY) - _SOME_DAY:
        message = (
            f"{table.keep} backups, one every {table.every.text}, live longer than {longest.text}: the"
            " journal goes back no further."
        )
        yield (
            ("backup", "keep"),
            Objection(CODE, message, "Keep fewer, or lengthen backups under [retention]."),
        )
