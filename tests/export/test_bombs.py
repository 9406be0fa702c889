"""Files that are small and hold gigabytes: a sentence, and never more than 200 MiB of memory."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from optin.proof.bundle_zip_file import BundleBroken, unpack
from optin.site.measure_pictures import PictureRefused, read_picture
from optin.theme.icon import ICON_PATH, TOUCH_PATH, drawn_icon
from optin.theme.look import Look

MEGABYTE = 1_000_000
MOST_MEMORY = 200 * 1024 * 1024
# the peak of this very program: what getrusage tells begins with the memory of who started it
PEAK = """
import re
from pathlib import Path
print(1024 * int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]))
"""
READ = """
import sys
from pathlib import Path
from optin.errors import RequestRefused
from optin.export.contact_list_reader import open_list
try:
    print(sum(1 for _ in open_list(Path(sys.argv[1]), "email", None, "utf-8").rows), "rows")
except RequestRefused as problem:
    print(problem)
"""
VERIFY = """
import sys
from pathlib import Path
from optin.proof.bundle_zip_file import BundleBroken, unpack
try:
    unpack(Path(sys.argv[1]).read_bytes())
except BundleBroken as problem:
    print(problem)
"""

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"
PARTS: dict[str, tuple[str, ...]] = {
    "[Content_Types].xml": (
        f'<Types xmlns="{PACKAGE}/content-types"><Default Extension="xml" ContentType="application/xml"/>',
        f'<Override PartName="/xl/workbook.xml" ContentType="{TYPE}.sheet.main+xml"/>'
        f'<Override PartName="/xl/sharedStrings.xml" ContentType="{TYPE}.sharedStrings+xml"/></Types>',
    ),
    "xl/workbook.xml": (
        f'<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}">',
        '<sheets><sheet name="A" sheetId="1" r:id="r1"/></sheets></workbook>',
    ),
    "xl/_rels/workbook.xml.rels": (
        f'<Relationships xmlns="{PACKAGE}/relationships">',
        f'<Relationship Id="r1" Type="{OFFICE}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
    ),
    "xl/styles.xml": (f'<styleSheet xmlns="{MAIN}"><cellXfs>', "</cellXfs></styleSheet>"),
    "xl/sharedStrings.xml": (f'<sst xmlns="{MAIN}"><si><t>E-mail</t></si>', "</sst>"),
    "xl/worksheets/sheet1.xml": (
        f'<worksheet xmlns="{MAIN}"><sheetData>',
        '<row r="1"><c r="A1" t="s"><v>0</v></c></row>',
        '<row r="2"><c r="A2" t="inlineStr"><is><t>a@example.com</t></is></c></row>',
        "</sheetData></worksheet>",
    ),
}


def packed(path: Path, name: str, begin: str, piece: str, times: int, end: str = "", at: int = 1) -> Path:
    """Write a spreadsheet with `begin`, `piece` many times and `end` in one of its parts."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for part, texts in PARTS.items():
            with archive.open(part, "w") as file:
                for text in texts[:at] if part == name else texts:
                    file.write(text.encode())
                if part == name:
                    file.write(begin.encode())
                    each = max(1, MEGABYTE // len(piece))
                    for _ in range(times // each):
                        file.write(piece.encode() * each)
                    file.write((piece * (times % each) + end).encode())
                    for text in texts[at:]:
                        file.write(text.encode())
    return path


SHEET, TEXTS = "xl/worksheets/sheet1.xml", "xl/sharedStrings.xml"
CELL = '<row r="3"><c r="A3" t="inlineStr"><is><t>'
DOCTYPE = "<!DOCTYPE x [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;'>]>"
SPREADSHEETS: dict[str, tuple[tuple[object, ...], str]] = {
    "one cell of 600 MB": (
        (SHEET, CELL, "a", 600 * MEGABYTE, "</t></is></c></row>", 3),
        "a cell that is longer",
    ),
    "one text of 600 MB": (
        (TEXTS, "<si><t>", "a", 600 * MEGABYTE, "</t></si>"),
        "packed as those of no list",
    ),
    "a text below the ratio": ((TEXTS, "<si><t>", "a", 7 * MEGABYTE, "</t></si>"), "a cell that is longer"),
    "texts without end": ((TEXTS, "", "<si/>", 20 * MEGABYTE), "packed as those of no list"),
    "a text of many parts": (
        (TEXTS, "<si>", "<r><t>a</t></r>", MEGABYTE // 3, "</si>"),
        "of more parts than any",
    ),
    "a row of cells without end": (
        (SHEET, "<row>", "<c/>", 20 * MEGABYTE, "</row>", 3),
        "of more parts than any",
    ),
    "rows without end": ((SHEET, "", "<row/>", 10 * MEGABYTE, "", 3), "more rows or texts than any"),
    "an attribute of 60 MB": ((SHEET, '<row r="', "1", 60 * MEGABYTE, '"/>', 3), "a cell that is longer"),
    "a comment of 60 MB": ((SHEET, "<!--", "<a>", 20 * MEGABYTE, "-->", 3), "a cell that is longer"),
    "parts deep in each other": ((SHEET, CELL, "<t>", MEGABYTE, "", 3), "of more parts than any"),
    "formats without end": (("xl/styles.xml", "", "<xf/>", 20 * MEGABYTE), "a part that is larger inside"),
    "sheets without end": (
        ("xl/workbook.xml", "", "<sheet/>", 10 * MEGABYTE),
        "a part that is larger inside",
    ),
    "formats in few bytes": (("xl/styles.xml", "", "<xf/>", MEGABYTE), "a part that is larger inside"),
    "types without end": (
        ("[Content_Types].xml", "", "<Default/>", 6 * MEGABYTE),
        "a part that is larger inside",
    ),
    "a text that stands for texts": ((TEXTS, f"{DOCTYPE}<sst>", "&b;", 9, "", 0), "a document type"),
    "a sheet that stands for sheets": ((SHEET, f"{DOCTYPE}<x>", "&b;", 9, "", 0), "a document type"),
    "a document type elsewhere": (
        ("xl/workbook.xml", DOCTYPE, " ", 9, "", 0),
        "a part that is larger inside",
    ),
}


def measured(code: str, path: Path) -> str:
    """Read a file in a process of its own; return what it says, when it took no more than it may."""
    command = [sys.executable, "-c", code + PEAK, str(path)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    *said, most = done.stdout.strip().splitlines()
    assert int(most) < MOST_MEMORY, f"{int(most) / 1e6:.0f} MB: {said}"
    return "\n".join(said)


@pytest.mark.parametrize("name", SPREADSHEETS)
def test_a_spreadsheet_that_is_a_bomb_is_a_sentence(tmp_path: Path, name: str) -> None:
    """S5, E6: whatever is large in it, before it is in memory."""
    about, sentence = SPREADSHEETS[name]
    path = packed(tmp_path / "list.xlsx", *about)  # type: ignore[arg-type]  # as the table has them
    assert path.stat().st_size < 8 * MEGABYTE
    said = measured(READ, path)
    assert sentence in said
    assert said.startswith("list.xlsx")
    assert "nothing of it was used" in said


def test_what_stands_between_rows_is_read_past(tmp_path: Path) -> None:
    """S5, E6: parts of a sheet that hold no people cost no memory; nobody below them is overlooked."""
    path = packed(tmp_path / "list.xlsx", SHEET, "", '<row r="9999999999"/><junk/>', 300_000, "", 3)
    assert measured(READ, path) == "1 rows"


def test_a_cell_that_no_program_saves_is_a_sentence(tmp_path: Path) -> None:
    """S5, E6: the most that a cell can hold, and one more."""
    for length in (32_767, 32_768):
        path = packed(tmp_path / "list.xlsx", SHEET, CELL, "a", length, "</t></is></c></row>", 3)
        said = measured(READ, path)
        assert said == ("2 rows" if length == 32_767 else said)
    assert "line 3 has a cell of more than 32,767 characters" in said


def test_a_zip_with_a_large_type_is_a_sentence(tmp_path: Path) -> None:
    """S5: it is only asked what it is."""
    bundle(tmp_path / "list.xlsx", mimetype=lambda: iter([bytes(MEGABYTE)] * 400))
    assert "is a ZIP" in measured(READ, tmp_path / "list.xlsx")


def long_lines() -> Iterator[str]:
    yield from ["é,😀" + "a," * 499_990 + "\n"] * 60


def one_row() -> Iterator[str]:
    yield from ["E-mail\n", *['"\n",'] * 5_000_000]


def one_cell() -> Iterator[str]:
    yield from ['E-mail\n"', *["a" * 100 + "\n"] * 500_000]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [(long_lines, "characters"), (one_row, "line 2: a row begins there"), (one_cell, "line 2: a")],
)
def test_a_text_that_is_a_bomb_is_a_sentence(
    tmp_path: Path, text: Callable[[], Iterator[str]], sentence: str
) -> None:
    """S5, E6: lines, rows and cells without end."""
    with (tmp_path / "list.csv").open("w") as file:
        file.writelines(text())
    assert sentence in measured(READ, tmp_path / "list.csv")


def bundle(path: Path, **members: Callable[[], Iterator[bytes]]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, pieces in members.items():
            with archive.open(name.replace("_", "."), "w") as file:
                for piece in pieces():
                    file.write(piece)
    return path


def test_a_bundle_that_is_a_bomb_is_a_sentence(tmp_path: Path) -> None:
    """S5, P6: by its size, by its ratio, by what would be parsed."""
    zeros = lambda: iter([bytes(MEGABYTE)] * 300)  # noqa: E731 - a table of one line each
    lists = lambda: iter([b"[" + b"[]," * MEGABYTE] * 20)  # noqa: E731 - as above
    said = measured(VERIFY, bundle(tmp_path / "a.zip", checkpoint_txt=zeros))
    assert "larger inside than any bundle" in said
    said = measured(VERIFY, bundle(tmp_path / "b.zip", manifest_json=lists))
    assert "larger inside than any bundle" in said
    inside = io.BytesIO()
    with zipfile.ZipFile(inside, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(zipfile.ZipInfo("manifest.json"), b"[" + b"[]," * MEGABYTE)
    with pytest.raises(BundleBroken, match=r"manifest\.json is larger than any of its kind"):
        unpack(inside.getvalue())


def png(width: int, height: int) -> bytes:
    """Return a picture of one colour, in few bytes."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    packer = zlib.compressobj(9)
    rows = b"".join(packer.compress(bytes(width + 1)) for _ in range(height)) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def test_a_picture_that_is_a_bomb_is_a_sentence(tmp_path: Path) -> None:
    """S5, S8: of more pixels than a phone holds; a drawing whose texts stand for others."""
    (tmp_path / "large.png").write_bytes(png(9_000, 9_000))
    assert (tmp_path / "large.png").stat().st_size < MEGABYTE
    with pytest.raises(PictureRefused, match="9000 by 9000 pixels, too large for a phone"):
        read_picture(tmp_path / "large.png", "large.png")
    (tmp_path / "wide.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9000 9000"/>')
    assert read_picture(tmp_path / "wide.svg", "wide.svg").width == 9_000
    told = '<!DOCTYPE svg [<!ENTITY a "aaaa">]><svg viewBox="0 0 9 9"><text>&a;</text></svg>'
    (tmp_path / "texts.svg").write_text(told)
    with pytest.raises(PictureRefused, match="not a picture that can be shown safely"):
        read_picture(tmp_path / "texts.svg", "texts.svg")


def test_an_icon_with_a_large_picture_in_it_is_drawn_anew(tmp_path: Path) -> None:
    """S5: an .ico of 300 kB can hold 100 million pixels; ours is shown instead."""
    inside = png(10_000, 10_000)
    ico = struct.pack("<HHHBBBBHHII", 0, 1, 1, 0, 0, 0, 0, 1, 32, len(inside), 22) + inside
    assert len(ico) < 300_000
    code = f"""
from dataclasses import replace
from pathlib import Path
from optin.theme.icon import TOUCH_PATH, drawn_icon
from optin.theme.look import Look
plain = Look()
own = replace(plain, favicon=("favicon.ico", Path({str(tmp_path / "favicon.ico")!r}).read_bytes()))
print(drawn_icon(own, TOUCH_PATH)[0], len(drawn_icon(own, TOUCH_PATH)[1]) > 100)
"""
    (tmp_path / "favicon.ico").write_bytes(ico)
    assert measured(code, tmp_path) == "image/png True"
    assert drawn_icon(Look(favicon=("favicon.ico", ico)), ICON_PATH) == ("image/x-icon", ico)
    assert TOUCH_PATH != ICON_PATH
