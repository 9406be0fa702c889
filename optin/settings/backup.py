"""The table of `optin.toml` about backups that the server makes by itself (S7)."""

from __future__ import annotations

import re
import shlex
from datetime import time
from typing import Annotated, TypeAlias

from pydantic import Field, PlainSerializer, PlainValidator
from pydantic_core import PydanticCustomError, PydanticKnownError

from optin.consent.retention_period import RetentionPeriod
from optin.settings.table_model import SECRET, Period, ShortValue, Stripped, Table

FILE = "{file}"  # stands in a command for the path of the backup
MOST_KEPT = 1_000
LONGEST_COMMAND_HOURS = 12
_TIME = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")

Kept: TypeAlias = int | RetentionPeriod


def _read_time(value: object) -> str:
    if isinstance(value, time):  # as TOML writes it without quotes
        return value.isoformat("minutes")
    text = value.strip() if isinstance(value, str) else ""
    if text and not _TIME.fullmatch(text):
        kind, message = "time", 'is no time of day; write hours and minutes, such as "03:30"'
        raise PydanticCustomError(kind, message)
    if not isinstance(value, str):
        raise PydanticKnownError("string_type")  # noqa: EM101 - a key of pydantic's, not a message
    return text


def _read_kept(value: object) -> Kept:
    if isinstance(value, RetentionPeriod):
        return value
    if isinstance(value, str):
        try:
            return RetentionPeriod.parse(value)
        except ValueError:
            pass
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MOST_KEPT:
        return value
    kind, message = "kept", 'is neither a number from 1 to 1000 nor a period such as "30 days"'
    raise PydanticCustomError(kind, message)


def _kept_as_written(value: Kept) -> int | str:
    return value.text if isinstance(value, RetentionPeriod) else value


def _read_command(value: object) -> str:
    if not isinstance(value, str):
        raise PydanticKnownError("string_type")  # noqa: EM101 - a key of pydantic's, not a message
    text = value.strip()
    try:
        words = shlex.split(text)
    except ValueError:
        kind, message = "command", "has a quote that is never closed"
        raise PydanticCustomError(kind, message) from None
    if words and (FILE in words[0] or not any(FILE in it for it in words)):
        kind, message = "command", "needs a program and {file} where the path of the backup belongs"
        raise PydanticCustomError(kind, message)
    return text


class BackupTable(Table):
    """Backups that a running server makes."""

    folder: ShortValue = Field(
        default="",
        description=(
            "The folder to write them to, on another disk and apart from the keys. Without folder and command"
            " none are made."
        ),
        examples=["/mnt/backups"],
    )
    command: Annotated[Stripped, PlainValidator(_read_command, json_schema_input_type=str), SECRET] = Field(
        default="",
        description=(
            "A command that takes each verified backup elsewhere; {file} is its path. It runs without a"
            " shell. Without a folder the file is deleted once the command succeeded."
        ),
        examples=["rclone copy {file} elsewhere:optin-backups"],
    )
    command_limit: Period = Field(
        default=RetentionPeriod.parse("4 hours"),
        description=f"The command is ended after so long; at most {LONGEST_COMMAND_HOURS} hours.",
        examples=["4 hours", "1 hour"],
    )
    every: Period = Field(
        default=RetentionPeriod.parse("1 day"),
        description="How long after one backup the next is made.",
        examples=["1 day", "6 hours"],
    )
    at: Annotated[str, PlainValidator(_read_time, json_schema_input_type=str)] = Field(
        default="",
        description=(
            "The time of day at which they are made, in the site's time zone; every is then in whole days."
        ),
        examples=["03:30"],
    )
    keep: Annotated[
        Kept,
        PlainValidator(_read_kept, json_schema_input_type=int | str),
        PlainSerializer(_kept_as_written, return_type=int | str),
    ] = Field(
        default=14,
        description=(
            "How many of them are kept in the folder, or how long; older ones are deleted, and no other file"
            " ever is."
        ),
        examples=[14, "30 days"],
    )

    @property
    def is_asked(self) -> bool:
        """Whether backups are made at all."""
        return bool(self.folder or self.command)

    @property
    def time_of_day(self) -> time | None:
        """When on a day they are made; None: at any time."""
        return time.fromisoformat(self.at) if self.at else None
