"""The table of `optin.toml` about backups that the server makes by itself (S7)."""

from __future__ import annotations

from pydantic import Field

from optin.consent.retention_period import RetentionPeriod
from optin.settings.table_model import Period, ShortValue, Table


class BackupTable(Table):
    """Backups that a running server makes."""

    folder: ShortValue = Field(
        default="",
        description=(
            "The folder to write them to, on another disk and apart from the keys. Empty: none are made."
        ),
        examples=["/mnt/backups"],
    )
    every: Period = Field(
        default=RetentionPeriod.parse("1 day"),
        description="How long after one backup the next is made.",
        examples=["1 day", "6 hours"],
    )
    keep: int = Field(
        default=14,
        ge=1,
        le=1_000,
        description="So many of them are kept; older ones are deleted, and no other file ever is.",
    )
