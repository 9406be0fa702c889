"""Draw pages of a PDF: a program of its own, so that a broken or hostile file ends this and nothing else.

`python -m optin.site.draw_pages FILE WIDTH PAGE…` writes each page as WebP, after its length in 4 bytes. With
an error it writes one word to stderr: `broken`, or how many pages there are.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

MEMORY_BYTES, SECONDS = 2_000_000_000, 20
BROKEN, NO_SUCH_PAGE = 3, 4  # exit codes
_MOST_RATIO = 4  # a page so narrow would be drawn endlessly high


def draw(path: Path, width: int, numbers: list[int]) -> int:
    """Write pages of the PDF at `path`, counted from 1, to stdout; return the exit code."""
    import pypdfium2  # noqa: PLC0415 - limits come first

    try:
        document = pypdfium2.PdfDocument(path)
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
    try:
        import resource  # noqa: PLC0415 - not everywhere
    except ImportError:
        return
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))


if __name__ == "__main__":
    limit()
    sys.exit(draw(Path(sys.argv[1]), int(sys.argv[2]), [int(it) for it in sys.argv[3:]]))
