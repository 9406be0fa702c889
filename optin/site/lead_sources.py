"""Sources of leads that a site declares, and which one the address of a page names (W8).

Only declared names come out of an address. What else stands in it is neither stored nor logged.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from urllib.parse import unquote_to_bytes

from optin.site.law_lint import Objection

PARAMETERS = (b"via", b"utm_campaign", b"utm_source")  # the most exact first
MOST_QUERY_BYTES = 4_000  # browsers shorten longer addresses; no campaign needs one
_NAME = re.compile(r"[a-z0-9]+([._-][a-z0-9]+)*")
_MOST_NAME_CHARACTERS = 60


def declared_source(query: bytes, names: Collection[str]) -> str:
    """Return the declared source that an address names behind its `?`; empty where it names none."""
    if not query or not names or len(query) > MOST_QUERY_BYTES:
        return ""
    found: dict[bytes, str] = {}
    for pair in query.split(b"&"):
        parameter, _, value = pair.partition(b"=")
        if parameter in PARAMETERS and parameter not in found:
            name = (unquote_to_bytes(value) if b"%" in value else value).decode("latin-1").lower()
            if name in names:
                found[parameter] = name
    return next((found[parameter] for parameter in PARAMETERS if parameter in found), "")


def objections_to_sources(names: Sequence[str]) -> Iterator[tuple[int, Objection]]:
    """Yield the objections to declared names, each with its place among them."""
    for place, name in enumerate(names):
        if _NAME.fullmatch(name) is None or len(name) > _MOST_NAME_CHARACTERS:
            cure = "Use a-z, 0-9, and between them hyphens, dots or underscores; at most 60 characters."
            yield place, Objection("sources", f"{name[:60]!r} is no name of a source.", cure)
        elif name in names[:place]:
            yield place, Objection("sources", f"{name!r} is declared twice.", "Remove one of the two.")
