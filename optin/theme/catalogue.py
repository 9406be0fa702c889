"""The catalogues: every sentence for visitors, by key and language (gettext, in `locale/`).

A key names a place, not a sentence, so that a site can put its own words there (M9). `optin.po` is what
translators write; the wheel carries it compiled (`optin.mo`). In a checkout it is compiled when it is first
read, and again after every change.
"""

from __future__ import annotations

import gettext
import io
import os
import tomllib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from string import Formatter

from optin.theme.languages import LOCALE, language_folder


def catalogue_path(lang: str) -> Path:
    """Return the path of a language's catalogue."""
    return language_folder(lang) / "LC_MESSAGES" / "optin.po"


def parameters(text: str) -> frozenset[str]:
    """Return the names in braces of a text. Raises ValueError for unmatched braces."""
    return frozenset(name for _, name, _, _ in Formatter().parse(text) if name is not None)


def unknown_parameter(ours: str, text: str) -> str:
    """Return a name in braces that an override has and `ours` lacks; empty when there is none.

    How a value is written is not its to say: "{title:d}" would fail when the page is made.
    """
    try:
        shaped = {f"{name}:{shape}" for _, name, shape, turned in Formatter().parse(text) if shape or turned}
        unknown = shaped | (parameters(text) - parameters(ours))
    except ValueError:
        return "{"
    return (min(unknown) or "{}") if unknown else ""


def missing_parameter(ours: str, text: str) -> str:
    """Return a name in braces that an override lacks and `ours` has; empty when there is none."""
    return min(parameters(ours) - parameters(text), default="")


@lru_cache
def catalogue(lang: str) -> Mapping[str, str]:
    """Return a language's sentences by key; of a sentence with plural forms, the last one.

    Raises OSError: there is no such language.
    """
    return texts_of(catalogue_path(lang))


@lru_cache
def texts_of(source: Path) -> Mapping[str, str]:
    """Return a file's sentences by key; of a sentence with plural forms, the last one. Raises OSError."""
    texts: dict[str, str] = {}
    for key, text in vars(_translations(source))["_catalog"].items():  # gettext itself lists no keys
        texts[key if isinstance(key, str) else key[0]] = text
    texts.pop("")  # the header
    return texts


@lru_cache
def renamed_keys() -> Mapping[str, str]:
    """Return the present keys of texts by their former ones."""
    return tomllib.loads((LOCALE / "renamed.toml").read_text("utf-8"))


def plural_form(source: Path, key: str, count: int) -> str:
    """Return a key's sentence for a number of things; empty when the key has no plural forms."""
    form = _translations(source).ngettext(key, "", count)
    return "" if form == key else form


@dataclass(frozen=True)
class Sentence:
    """A sentence of a kind of magnets; of one with plural forms, the last form."""

    text: str
    source: Path  # the file that says it

    def in_form(self, key: str, count: object) -> str:
        """Return it in the plural form that a number of things asks for, if it has any."""
        return (plural_form(self.source, key, count) if isinstance(count, int) else "") or self.text


@lru_cache
def _translations(source: Path) -> gettext.GNUTranslations:
    return gettext.GNUTranslations(io.BytesIO(compiled(source)))


def compiled(source: Path) -> bytes:
    """Return the compiled catalogue that is stored beside its source. Raises OSError."""
    kept = source.with_suffix(".mo")
    if kept.is_file() and not (source.is_file() and source.stat().st_mtime_ns > kept.stat().st_mtime_ns):
        return kept.read_bytes()
    data = compile_catalogue(source)
    with suppress(OSError):  # a folder that is not ours to write: compiled again at the next start
        unfinished = kept.with_suffix(f".{os.getpid()}")
        try:
            unfinished.write_bytes(data)
            unfinished.replace(kept)
        finally:
            unfinished.unlink(missing_ok=True)
    return data


def compile_catalogue(source: Path) -> bytes:
    """Return a catalogue in gettext's binary format. Raises OSError."""
    from babel.messages.mofile import write_mo  # noqa: PLC0415 - a wheel is compiled already
    from babel.messages.pofile import read_po  # noqa: PLC0415 - the same

    out = io.BytesIO()
    with source.open("rb") as file:
        write_mo(out, read_po(file))
    return out.getvalue()
