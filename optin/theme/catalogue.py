"""The catalogues: every sentence that a prospect reads, by key and language (gettext, in `locale/`).

A key names a place, not a sentence, so that a site can put its own words there (M9).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from string import Formatter

from optin.theme.languages import language_folder

_STRING = re.compile(r'"((?:[^"\\]|\\.)*)"')
_ESCAPES = {"\\n": "\n", "\\t": "\t", '\\"': '"', "\\\\": "\\"}
_ESCAPE = re.compile(r'\\[nt"\\]')


def catalogue_path(lang: str) -> Path:
    """Return where the catalogue of a language is."""
    return language_folder(lang) / "LC_MESSAGES" / "optin.po"


def parameters(text: str) -> frozenset[str]:
    """Return the names that stand in braces. Raises ValueError when the braces do not match."""
    return frozenset(name for _, name, _, _ in Formatter().parse(text) if name is not None)


def unknown_parameter(key: str, text: str) -> str:
    """Return what an override of `key` names in braces although it is not there; empty when all is well.

    How a value is written is not its to say: "{title:d}" would fail when the page is made.
    """
    try:
        shaped = {f"{name}:{shape}" for _, name, shape, turned in Formatter().parse(text) if shape or turned}
        unknown = shaped | (parameters(text) - parameters(catalogue("en")[key]))
    except ValueError:
        return "{"
    return (min(unknown) or "{}") if unknown else ""


def missing_parameter(key: str, text: str) -> str:
    """Return what an override of `key` should name in braces and does not; empty when all is there."""
    return min(parameters(catalogue("en")[key]) - parameters(text), default="")


@lru_cache
def catalogue(lang: str) -> Mapping[str, str]:
    """Return the sentences of a language by key.

    Reads the plain part of the format that we write (no plurals, no contexts); a hundred times faster
    than a full parser, which matters at every start.
    """
    texts: dict[str, str] = {}
    key, field, value = "", "", ""
    lines = catalogue_path(lang).read_text(encoding="utf-8").splitlines()
    for line in [*lines, "msgid"]:
        if line.startswith("#"):
            continue
        word = line.partition(" ")[0]
        if word in {"msgid", "msgstr"}:
            if field == "msgid":
                key = value
            elif field == "msgstr" and key:
                texts[key] = value
            field, value = word, ""
        found = _STRING.search(line)
        if found is not None:
            value += _ESCAPE.sub(lambda match: _ESCAPES[match[0]], found[1])
    return texts
