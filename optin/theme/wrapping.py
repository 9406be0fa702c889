"""Wrap plain text as mails show it."""

from __future__ import annotations

import re
import textwrap

TEXT_COLUMNS = 72
_ADDRESS_ALONE = re.compile(r"\s*(https?://\S+)\s*")


def wrapped(text: str) -> str:
    """Return a plain mail with wrapped paragraphs; an address alone on its line stays whole."""
    lines: list[str] = []
    for line in text.strip().splitlines():
        alone = _ADDRESS_ALONE.fullmatch(line)
        indent = line[: len(line) - len(line.lstrip())]
        hang = indent + ("  " if line.lstrip().startswith("- ") else "")
        if alone is not None or not line.strip():
            lines.append("" if alone is None else alone[1])
        elif len(line) <= TEXT_COLUMNS:
            lines.append(line.rstrip())
        else:
            lines += textwrap.wrap(
                line.strip(),
                TEXT_COLUMNS,
                initial_indent=indent,
                subsequent_indent=hang,
                break_long_words=False,
                break_on_hyphens=False,
            )
    return "\n".join(lines) + "\n"
