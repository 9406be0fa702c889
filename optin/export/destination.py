"""Where an export is written: a file that appears whole, or standard output; never unrecorded (E5)."""

from __future__ import annotations

import os
import secrets
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from optin.errors import RequestRefused

STANDARD_OUTPUT = "-"


@dataclass
class UnreleasedFile:
    """An export that is not visible yet."""

    file: IO[str]
    released: bool = False


def write_whole(out: str, data: bytes) -> None:
    """Write bytes to a new file that appears whole, or to standard output. Raises RequestRefused."""
    if out == STANDARD_OUTPUT:
        with _standard_output():
            sys.stdout.buffer.write(data)
            sys.stdout.flush()
        return
    with destination(out) as draft, os.fdopen(os.dup(draft.file.fileno()), "wb") as file:
        file.write(data)
        draft.released = True


@contextmanager
def destination(out: str) -> Iterator[UnreleasedFile]:
    """Write to a draft; publish it only if `released` was set by the end. Raises RequestRefused."""
    if out == STANDARD_OUTPUT:
        with tempfile.TemporaryFile("w+", encoding="utf-8", newline="") as file:
            draft = UnreleasedFile(file)
            yield draft
            if draft.released:
                file.flush()
                file.seek(0)
                with _standard_output():
                    shutil.copyfileobj(file.buffer, sys.stdout.buffer)
                    sys.stdout.flush()
        return
    target = Path(out)
    if target.exists():
        msg = f"{out} already exists; name another file."
        raise RequestRefused(msg)
    part = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            draft = UnreleasedFile(file)
            yield draft
            file.flush()
            os.fsync(file.fileno())
        if draft.released:
            os.link(part, target)  # unlike a rename, it refuses to replace what came there meanwhile
    except FileExistsError:
        msg = f"{out} already exists; name another file."
        raise RequestRefused(msg) from None
    except OSError as problem:
        msg = f"{out} cannot be written ({problem.strerror}); nothing was written."
        raise RequestRefused(msg) from None
    finally:
        with suppress(FileNotFoundError):
            part.unlink()


@contextmanager
def _standard_output() -> Iterator[None]:
    """Report a closed standard output as a sentence. Raises RequestRefused."""
    try:
        yield
    except OSError as problem:
        with suppress(OSError, ValueError):  # what waits in the buffer would be tried again at the end
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        msg = f"Standard output cannot be written ({problem.strerror}); what came out of it is not whole."
        raise RequestRefused(msg) from None
