"""Pictures of a PDF's pages, drawn when the site loads and kept by the digest of the file."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from optin.proof.commitment import digest
from optin.site.measure_pictures import PictureRefused, read_beginning
from optin.site.pdf_drawing_process import NO_SUCH_PAGE, SECONDS
from optin.site.picture_cache import PictureCache

MOST_BYTES = 50_000_000
WIDTH = 640  # pixels
RECIPE = "1"


def pages_of(path: Path, numbers: Sequence[int], kept: PictureCache) -> tuple[bytes, ...]:
    """Return pages of a PDF, counted from 1, as WebP pictures. Raises PictureRefused."""
    name = path.name
    data = read_beginning(path, name, MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        msg = f"{name} is larger than {MOST_BYTES // 1_000_000} MB, too large to look inside."
        raise PictureRefused(msg, "Save it smaller; people download it on phones.")
    named = {number: f"{digest(data)[:32]}-p{number}-{RECIPE}.webp" for number in numbers}
    found = {number: page for number, it in named.items() if (page := kept.get(it)) is not None}
    missing = [number for number in named if number not in found]
    for number, page in zip(missing, _drawn(name, data, missing) if missing else (), strict=True):
        kept.put(named[number], page)
        found[number] = page
    return tuple(found[number] for number in numbers)


def _drawn(name: str, data: bytes, numbers: Sequence[int]) -> list[bytes]:
    """Draw pages in another process. Raises PictureRefused."""
    command = [sys.executable, "-P", "-m", "optin.site.pdf_drawing_process", str(WIDTH), *map(str, numbers)]
    open_part = {key: text for key, text in os.environ.items() if not key.startswith("OPTIN_")}
    try:
        done = subprocess.run(  # noqa: S603 - our own program; its arguments are numbers
            command, input=data, env=open_part, capture_output=True, timeout=2 * SECONDS, check=False
        )
    except subprocess.TimeoutExpired as problem:
        raise _too_slow(name) from problem
    if done.returncode == -signal.SIGXCPU:
        raise _too_slow(name)
    if done.returncode == NO_SUCH_PAGE:
        count = int(done.stderr)
        msg = f"{name} has no page {next(it for it in numbers if it > count)}; it has {count}."
        raise PictureRefused(msg, f"Name pages from 1 to {count}.")
    if done.returncode:
        msg = f"{name} is not a PDF whose pages can be shown."
        raise PictureRefused(msg, "Save it again as PDF, without a password.")
    return list(_parts(done.stdout))


def _too_slow(name: str) -> PictureRefused:
    message = f"{name} takes more than {SECONDS} seconds to draw."
    return PictureRefused(message, "Save it with simpler pictures, or leave the block out.")


def _parts(data: bytes) -> list[bytes]:
    parts, at = [], 0
    while at < len(data):
        end = at + 4 + int.from_bytes(data[at : at + 4], "big")
        parts.append(data[at + 4 : end])
        at = end
    return parts
