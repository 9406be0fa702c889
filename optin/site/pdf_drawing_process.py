"""Draw pages of a PDF: a program of its own, so that a broken or hostile file ends this and nothing else.

`python -m optin.site.pdf_drawing_process WIDTH PAGE… <FILE` writes each page as WebP, its length before it in
4 bytes. With an error it writes one word to stderr: `broken`, or how many pages there are.
"""

from __future__ import annotations

import io
import resource
import sys
from contextlib import suppress

MEMORY_BYTES, SECONDS = 2_000_000_000, 20
_GRACE_SECONDS = 2  # at the first limit the signal says why, at the second it does not
BROKEN, NO_SUCH_PAGE = 3, 4  # exit codes
_MOST_RATIO = 4  # a page so narrow would be drawn endlessly high


def draw(data: bytes, width: int, numbers: list[int]) -> int:
    """Write pages of a PDF, counted from 1, to stdout; return the exit code."""
    import pypdfium2  # noqa: PLC0415 - limits come first

    try:
        document = pypdfium2.PdfDocument(data)
        if max(numbers) > len(document):
            sys.stderr.write(str(len(document)))
            return NO_SUCH_PAGE
        for number in numbers:
            page = document[number - 1]
            across, down = page.get_size()
            if not 1 / _MOST_RATIO <= down / across <= _MOST_RATIO:
                sys.stderr.write("broken")
                return BROKEN
            out = io.BytesIO()
            page.render(scale=width / across).to_pil().convert("RGB").save(out, "WEBP", quality=90, method=4)
            sys.stdout.buffer.write(len(out.getvalue()).to_bytes(4, "big") + out.getvalue())
    except (pypdfium2.PdfiumError, ValueError, OSError, ZeroDivisionError, MemoryError):
        sys.stderr.write("broken")
        return BROKEN
    return 0


def limit() -> None:
    """Take no more memory and time than a page is worth, where the system can say so."""
    seconds = (SECONDS, SECONDS + _GRACE_SECONDS)
    for what, most in ((resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES)), (resource.RLIMIT_CPU, seconds)):
        with suppress(ValueError, OSError):  # there is a stricter limit already; macOS knows none of memory
            resource.setrlimit(what, most)


if __name__ == "__main__":
    limit()
    sys.exit(draw(sys.stdin.buffer.read(), int(sys.argv[1]), [int(it) for it in sys.argv[2:]]))
