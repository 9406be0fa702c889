"""Read and check the table `webinar` of front matter: time, time zone, place and seats."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import Field

from optin.kinds.api.front_matter import (
    Complaint,
    Line,
    Magnet,
    Stripped,
    Table,
    TableReading,
    Value,
    after_gap,
    moments_of,
    nearest_zone,
    zone_of,
)
from optin.kinds.webinar.details import Webinar

_DURATION = re.compile(r"(?P<count>\d{1,4}) ?(?P<unit>minutes?|min|hours?|h)")
_START = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:00)?")
LONGEST_MINUTES = 24 * 60
YEARS = range(2000, 2200)  # all others are typing errors; at the ends of the calendar no clock can be read
_TWICE = {"first": 0, "second": -1}


class WebinarTable(Table):
    """When and where a webinar is held, and for how many."""

    start: Value = Field(description="Day and time in its zone, such as 2027-03-10 14:00.")
    which: str = Field("", description="first or second, for a time that occurs twice when summer time ends.")
    duration: Value = Field(description="How long it takes, such as 60 minutes.")
    zone: Value = Field(description="Its time zone, such as Europe/Amsterdam.")
    host: Line = Field(description="Who speaks.")
    place: Line = Field(description="A web address or a room; only people who confirmed get it.")
    capacity: int = Field(0, ge=0, le=1_000_000, description="The number of seats; 0 for no limit.")
    replay: Stripped = Field("", description="Address of the recording, afterwards.")
    cancelled: bool = Field(
        default=False, description="true: it does not take place, and everybody is informed."
    )


def read_webinar(table: WebinarTable, _folder: Path, _lang: str) -> TableReading:
    """Return the webinar, or what is wrong with its table."""
    minutes, zone, local = _minutes(table.duration), zone_of(table.zone), _local(table.start)
    wrong = [*_values(table, minutes, zone, local), *_addresses(table)]
    moments: tuple[datetime, ...] = ()
    if zone is not None and local is not None:
        moments = moments_of(local, zone)
        wrong += _moment(table, local, zone, len(moments))
    if wrong:
        return TableReading(None, tuple(wrong))
    return TableReading(
        Webinar(
            starts_at=moments[_TWICE.get(table.which, 0)],
            minutes=minutes,
            zone=table.zone,
            host=table.host,
            place=table.place,
            capacity=table.capacity,
            replay=table.replay,
            cancelled=table.cancelled,
        )
    )


def _say(key: str, message: str, cure: str) -> Complaint:
    return Complaint(("webinar", key), message, cure)


def _values(
    table: WebinarTable, minutes: int, zone: ZoneInfo | None, local: datetime | None
) -> Iterator[Complaint]:
    if not 0 < minutes <= LONGEST_MINUTES:
        yield _say("duration", f"{table.duration!r} is no duration.", "Write it like 60 minutes or 2 hours.")
    if zone is None:
        yield _say("zone", f"There is no time zone {table.zone!r}.", nearest_zone(table.zone))
    if local is None:
        yield _say("start", f"{table.start!r} is no moment.", "Write day and time like 2027-03-10 14:00.")


def _moment(table: WebinarTable, local: datetime, zone: ZoneInfo, count: int) -> Iterator[Complaint]:
    """Yield complaints about a start that does not exist in its zone, or occurs twice."""
    if not count:
        message = f"There is no {local:%H:%M} on that day in {table.zone}: the clock goes forward."
        yield _say("start", message, f"Write {after_gap(local, zone):%Y-%m-%d %H:%M}, or another time.")
    elif count > 1 and table.which not in _TWICE:
        message = f"{local:%H:%M} comes twice on that day in {table.zone}: the clock goes back."
        yield _say("start", message, "Add which: first or which: second, or write another time.")
    elif count == 1 and table.which:
        message = f"{table.which!r} does not fit: this time comes once on that day."
        yield _say("which", message, "Remove it.")


def _addresses(table: WebinarTable) -> Iterator[Complaint]:
    for key, text in (("place", table.place), ("replay", table.replay)):
        if text.startswith("http") and not _is_address(text):
            cure = "Write it like https://meet.example.com/room."
            yield _say(key, f"{text!r} is no address.", cure)
    if table.replay and not table.replay.startswith("http"):
        yield _say("replay", "The replay is no address.", "Write where the recording is: https://…")


def _minutes(text: str) -> int:
    found = _DURATION.fullmatch(text.strip())
    if found is None:
        return 0
    return int(found["count"]) * (60 if found["unit"].startswith("h") else 1)


def _local(text: str) -> datetime | None:
    if _START.fullmatch(text.strip()) is None:
        return None
    try:
        local = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return local if local.year in YEARS else None


def no_moment(answer: str) -> str:
    """Return why an answer is not a date with a time, or ""."""
    return "" if _local(answer) else "Write day and time like 2027-03-10 14:00."


def no_zone(answer: str) -> str:
    """Return why an answer is not a time zone, or ""."""
    return "" if zone_of(answer) else f"There is no such time zone. {nearest_zone(answer)}"


def counts_seats_apart(magnet: Magnet) -> tuple[Complaint, ...]:
    """Warn of former addresses when seats are limited."""
    if not magnet.was or not isinstance(magnet.details, Webinar) or not magnet.details.capacity:
        return ()
    message = "Seats that were taken under an earlier address are counted apart from those taken now."
    cure = "Lower capacity by the seats that are taken, or keep the address until it is over."
    return (Complaint(("was", 0), message, cure, warning=True, code="was"),)


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        plain = text.isprintable() and " " not in text and "<" not in text and '"' not in text
        return plain and parts.scheme in {"https", "http"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
