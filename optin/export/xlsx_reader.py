"""Read the sheets and rows of an XLSX file in bounded memory, whatever the file contains.

openpyxl interprets the cells. The two parts that can be large, texts and rows, are read here element by
element; the parts that openpyxl reads whole are refused when they are large.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any, Final

from optin.export.xml_element_reader import ElementLimits, TooLarge, elements

MOST_PART_BYTES, MOST_PART_TAGS = 8_000_000, 150_000  # styles, names of sheets, relations
MOST_ROWS = 1_048_576  # of a sheet, in any spreadsheet program
MOST_CELL_CHARACTERS = 32_767  # likewise
MOST_RATIO, RATIO_FROM_BYTES = 50, 8_000_000  # texts are different ones, and pack less
ROW: Final = ElementLimits(elements=MOST_ROWS, parts=20_000, characters=1_000_000)
TEXT: Final = ElementLimits(elements=8_000_000, parts=20_000, characters=100_000)
_DOCTYPE = re.compile(rb"<\0?!\0?[DE]")  # in UTF-16 as well


@dataclass(frozen=True)
class Sheet:
    """One sheet: its name, and its path in the archive."""

    title: str
    path: str


class _Archive(zipfile.ZipFile):
    """The archive. Raises TooLarge for a large part that openpyxl would read whole."""

    def read(self, name: str | zipfile.ZipInfo, pwd: bytes | None = None) -> bytes:
        member = name if isinstance(name, zipfile.ZipInfo) else self.getinfo(name)
        if member.file_size > MOST_PART_BYTES:
            raise TooLarge(_PART)
        data = super().read(member, pwd)
        if data.count(b"<") > MOST_PART_TAGS or _DOCTYPE.search(data):
            raise TooLarge(_PART)
        return data


class Workbook:
    """An open XLSX file. Raises TooLarge, and whatever openpyxl raises for a broken file."""

    def __init__(self, file: IO[bytes]) -> None:
        """Read names, texts and cell formats; no row yet."""
        from openpyxl.reader.excel import ExcelReader  # noqa: PLC0415 - heavy, and seldom needed
        from openpyxl.styles.stylesheet import apply_stylesheet  # noqa: PLC0415 - as above

        reader = ExcelReader(file, read_only=True, data_only=True, keep_links=False)
        self._archive = reader.archive = _Archive(file)
        reader.read_manifest()
        self._texts = list(_texts(self._archive, reader.package))
        reader.read_workbook()
        apply_stylesheet(self._archive, reader.wb)
        self._book = reader.wb
        names = set(self._archive.namelist())
        self.sheets = [
            Sheet(sheet.name, relation.target)
            for sheet, relation in reader.parser.find_sheets()
            if relation.target in names and "chartsheet" not in relation.Type
        ]

    def rows(self, sheet: Sheet) -> Iterator[tuple[int, list[Any]]]:
        """Yield the rows of a sheet with their numbers; a formula as its saved value."""
        from openpyxl.worksheet._reader import ROW_TAG, WorkSheetParser  # noqa: PLC0415 - as above

        row_parser = WorkSheetParser(
            None,
            self._texts,
            data_only=True,
            epoch=self._book.epoch,
            date_formats=self._book._date_formats,  # noqa: SLF001 - as its own reader does
            timedelta_formats=self._book._timedelta_formats,  # noqa: SLF001 - as above
        )
        with self._archive.open(sheet.path) as source:
            for element in elements(source, ROW_TAG, ROW):
                number, cells = row_parser.parse_row(element)
                row_parser.row_dimensions.clear()
                yield number, _in_columns(cells)


def _in_columns(cells: list[dict[str, Any]]) -> list[Any]:
    """Return the values of a row from its first column on."""
    width = max((cell["column"] for cell in cells), default=0)
    values: list[Any] = [None] * width
    for cell in cells:
        values[cell["column"] - 1] = cell["value"]
    return values


def _texts(archive: _Archive, package: Any) -> Iterator[str]:
    """Yield the shared texts that cells refer to by number."""
    from openpyxl.cell.text import Text  # noqa: PLC0415 - as above
    from openpyxl.reader.excel import SHARED_STRINGS  # noqa: PLC0415 - as above
    from openpyxl.xml.constants import SHEET_MAIN_NS  # noqa: PLC0415 - as above

    part = package.find(SHARED_STRINGS)
    if part is None:
        return
    member = archive.getinfo(part.PartName[1:])
    if member.file_size > max(RATIO_FROM_BYTES, MOST_RATIO * member.compress_size):
        raise TooLarge(_TEXTS)
    with archive.open(member) as source:
        for element in elements(source, f"{{{SHEET_MAIN_NS}}}si", TEXT):
            yield Text.from_tree(element).content.replace("x005F_", "")


_PART = "a part that is larger inside than any"
_TEXTS = "texts that are packed as those of no list are"
