"""Check where and how long backups are kept: `[backup]` in `optin.toml` (S7)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from optin.consent.retention_period import RetentionPeriod
from optin.settings.backup import LONGEST_COMMAND_HOURS, BackupTable
from optin.settings.site import SiteSettings
from optin.site.law_lint import Objection
from optin.site.toml_and_markdown_reader import Path_

CODE = "backup"
_JOURNAL = "the journal goes back no further."
_KEEP = "Keep fewer, or lengthen backups under [retention]."
_SOME_DAY = datetime(2026, 1, 1, tzinfo=UTC)  # periods are compared from the same day


def objections_to_backup(root: Path, settings: SiteSettings) -> Iterator[tuple[Path_, Objection]]:
    """Check that the folder is apart from the keys, the times fit, and no backup outlives the journal."""
    table = settings.backup
    if not table.is_asked:
        return
    yield from _times(table)
    if not table.folder:
        return
    folder, keys = (root / table.folder).resolve(), (root / settings.keys).resolve()
    if folder == keys.parent or folder in keys.parents:
        message = f"The keys are in the folder of the backups, {folder}: whoever has it reads everything."
        yield (
            ("backup", "folder"),
            Objection(CODE, message, "Name a folder on another disk, without the keys."),
        )
    longest = settings.retention.backups
    if isinstance(table.keep, RetentionPeriod):
        if length_of(table.keep) > length_of(longest):
            message = f"Backups are kept for {table.keep.text}, longer than {longest.text}: {_JOURNAL}"
            yield ("backup", "keep"), Objection(CODE, message, _KEEP)
    elif length_of(table.every) * table.keep > length_of(longest):
        message = (
            f"{table.keep} backups, one every {table.every.text}, live longer than {longest.text}: {_JOURNAL}"
        )
        yield ("backup", "keep"), Objection(CODE, message, _KEEP)


def _times(table: BackupTable) -> Iterator[tuple[Path_, Objection]]:
    if table.at and length_of(table.every) % timedelta(days=1):
        message = f"Backups cannot be made at {table.at} and every {table.every.text} as well."
        yield (
            ("backup", "at"),
            Objection(CODE, message, 'Write every in whole days, such as "1 day", or leave out at.'),
        )
    if length_of(table.command_limit) > timedelta(hours=LONGEST_COMMAND_HOURS):
        message = f"The command of a backup may take {LONGEST_COMMAND_HOURS} hours at most."
        yield ("backup", "command_limit"), Objection(CODE, message, 'Write "12 hours" or less.')


def length_of(period: RetentionPeriod) -> timedelta:
    """Return how long a period is from a day on that is the same for all."""
    return period.after(_SOME_DAY) - _SOME_DAY
