"""Writing rows: CSV for spreadsheets and list tools, JSON Lines for programs (E2, E4)."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterable
from typing import IO, TypeAlias

Row: TypeAlias = dict[str, str]
Writer: TypeAlias = Callable[[IO[str], tuple[str, ...], Iterable[Row]], None]

# What a spreadsheet takes for the beginning of a formula, in both widths: of a cell, and behind whatever
# parts cells in some country, for there a spreadsheet may not heed our quotes.
_SIGNS = "=+\\-@＝＋－＠|%"
_FORMULA = re.compile(rf"^[\s\"]*[{_SIGNS}]")
_FORMULA_INSIDE = re.compile(rf"([;,|\t\r\n][\s\"]*)(?=[{_SIGNS}])")
_NUMBER = re.compile(r"\+[0-9]{7,15}")  # E.164: at worst a sum, and importers need it bare


def safe_cell(text: str) -> str:
    """Return a cell that no spreadsheet runs: a quote before what looks like a formula (E4)."""
    text = text.replace("\0", "")
    if not text or _NUMBER.fullmatch(text):
        return text
    first = "'" if text[0] in "\t\r\n" or _FORMULA.match(text) else ""
    return first + _FORMULA_INSIDE.sub(r"\1'", text)


def write_csv(file: IO[str], columns: tuple[str, ...], rows: Iterable[Row]) -> None:
    """Write RFC 4180, every cell in quotes, with a byte order mark so that spreadsheets read it as UTF-8."""
    file.write("\ufeff")
    writer = csv.writer(file, lineterminator="\r\n", quoting=csv.QUOTE_ALL)
    writer.writerow(columns)
    for row in rows:
        writer.writerow([safe_cell(row[column]) for column in columns])


def write_jsonl(file: IO[str], columns: tuple[str, ...], rows: Iterable[Row]) -> None:
    """Write one JSON object a line; nothing is changed in it."""
    for row in rows:
        file.write(json.dumps({name: row[name] for name in columns}, ensure_ascii=False) + "\n")


WRITERS: dict[str, Writer] = {"csv": write_csv, "jsonl": write_jsonl}
