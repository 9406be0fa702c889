"""A stylesheet as browsers get it: without what only its authors read."""

from __future__ import annotations

import re

_COMMENT = re.compile(r"""("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')|/\*(?!!).*?\*/""", re.DOTALL)
_INDENT = re.compile(r"\s*\n\s*")


def slim(css: str) -> str:
    """Return a stylesheet without comments and indentation. A comment `/*! … */`, of a licence, stays."""
    return _INDENT.sub("\n", _COMMENT.sub(lambda found: found[1] or "", css))
