"""The sentences of the desk: one catalogue for each of its parts, in `locale/LANG/LC_MESSAGES/desk/`.

They are apart from those of public pages, which a site may replace and which load at every start.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from optin.theme.catalogue import Sentence, catalogue_path, texts_of


@lru_cache
def desk_sentences(lang: str) -> Mapping[str, Sentence]:
    """Return the sentences of the desk in a language. Raises ValueError for a key in two files."""
    found: dict[str, Sentence] = {}
    for source in sorted((catalogue_path(lang).parent / "desk").glob("*.po")):
        texts = texts_of(source)
        if twice := found.keys() & texts.keys():
            msg = f"{min(twice)!r} is in {source.name} and in another file of the desk"
            raise ValueError(msg)
        found |= {key: Sentence(text, source) for key, text in texts.items()}
    return found
