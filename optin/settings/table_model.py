"""The parts of a file's model: a table that refuses unknown keys, and the types of its values.

A model is all that is said of a key: its type, its default, its bounds and its meaning. The guide, the JSON
Schemas and `optin check` are made from it.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    StringConstraints,
)
from pydantic_core import PydanticCustomError, PydanticKnownError

from optin.consent.channel import CHANNELS, Channel
from optin.consent.retention_period import RetentionPeriod
from optin.proof.signed_notes import NoteBroken, VerifierKey
from optin.settings.prose_values import PROSE

# Marks a value that may hold a password, a token or a key: no page shows it.
SECRET = "secret"  # noqa: S105 - the mark, not one
MOST_LINE_CHARACTERS = 200  # what a mail's Subject can hold, with our words around it


class Table(BaseModel):
    """A table of known keys; any other is a mistake. Its values do not change."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


def _on_one_line(text: str) -> str:
    if "\n" in text:
        kind, message = "line", "must be on one line"
        raise PydanticCustomError(kind, message)
    return text


def _text_of(value: object) -> str:
    if not isinstance(value, str):
        raise PydanticKnownError("string_type")  # noqa: EM101 - a key of pydantic's, not a message
    return value


def _read_period(value: object) -> RetentionPeriod:
    if isinstance(value, RetentionPeriod):
        return value
    text = _text_of(value)
    try:
        return RetentionPeriod.parse(text)
    except ValueError as problem:
        kind, message = "period", "{problem}"
        raise PydanticCustomError(kind, message, {"problem": str(problem).partition(";")[0]}) from None


def _read_period_or_none(value: object) -> RetentionPeriod | None:
    return None if value is None or value == "" else _read_period(value)


def _read_channel(value: object) -> Channel:
    text = _text_of(value)
    if text not in CHANNELS:
        kind, message = "channel", "unknown"
        raise PydanticCustomError(kind, message)
    return CHANNELS[text]


def _read_key(value: object) -> VerifierKey | None:
    if value is None or value == "":
        return None
    if isinstance(value, VerifierKey):
        return value
    text = _text_of(value)
    try:
        return VerifierKey.parse(text)
    except NoteBroken:
        kind, message = "witness_key", "cannot be read"
        raise PydanticCustomError(kind, message) from None


def _read_day(value: object) -> date | None:
    if value is None or value == "":
        return None
    if isinstance(value, date) and not isinstance(value, datetime):  # as TOML writes it without quotes
        return value
    text = _text_of(value)
    try:
        return date.fromisoformat(text)
    except ValueError:
        kind, message = "day", "is no date"
        raise PydanticCustomError(kind, message) from None


def _text_or_empty(value: RetentionPeriod | VerifierKey | None) -> str:
    return "" if value is None else value.text


def _day_or_empty(value: date | None) -> str:
    return "" if value is None else value.isoformat()


_AS_TEXT = PlainSerializer(_text_or_empty, return_type=str)  # as it stands in a file
# Values with a form of their own, which is checked: a path, an address, a period, a moment.
Stripped = Annotated[str, StringConstraints(strip_whitespace=True)]
Value = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2_000)]
ShortValue = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=MOST_LINE_CHARACTERS),
    AfterValidator(_on_one_line),
]
BaseAddress = Annotated[str, AfterValidator(lambda text: text.rstrip("/"))]
Period = Annotated[RetentionPeriod, PlainValidator(_read_period, json_schema_input_type=str), _AS_TEXT]
PeriodOrNone = Annotated[
    RetentionPeriod | None, PlainValidator(_read_period_or_none, json_schema_input_type=str), _AS_TEXT
]
ChannelName = Annotated[
    Channel,
    PlainValidator(_read_channel, json_schema_input_type=str),
    PlainSerializer(str, return_type=str),
    Field(json_schema_extra=lambda schema: schema.update(enum=[*CHANNELS])),
]
WitnessKey = Annotated[VerifierKey | None, PlainValidator(_read_key, json_schema_input_type=str), _AS_TEXT]
DayOrNone = Annotated[
    date | None,
    PlainValidator(_read_day, json_schema_input_type=str),
    PlainSerializer(_day_or_empty, return_type=str),
]
# Words that people read, of which none may be lost.
Own = Annotated[str, PROSE]
Remark = Annotated[Stripped, PROSE]
Text = Annotated[Value, PROSE]
Line = Annotated[ShortValue, PROSE]
Words = Annotated[dict[str, Text], Field(description="Words by language, such as nl and en.")]
