"""Words that the check objects to: `law.toml` in each language's folder, one list per class."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from optin.consent.channel import CHANNELS, Channel
from optin.theme.languages import language_folder, languages

_OF_CHANNELS = "channels"  # the table with a class for each channel
_NEAR_CHARACTERS = 80
CLASSES = (
    "needed",
    "obliged",
    "third-parties",
    "offers-of-others",
    "profile",
    "consent",
    "denial",
)  # besides the channels


@dataclass(frozen=True, eq=False)
class LawWords:
    """The words of one language. A class missing from its file matches nothing."""

    words: Mapping[str, tuple[str, ...]]  # regular expressions by class
    _patterns: dict[str, re.Pattern[str]] = field(default_factory=dict)  # compiled when first needed

    def mentions(self, kind: str, text: str) -> bool:
        """Return whether a text has a word of a class."""
        return self._pattern(kind).search(text) is not None

    def found(self, kind: str, text: str) -> set[str]:
        """Return the words of a class in a text."""
        return {found[0].casefold() for found in self._pattern(kind).finditer(text)}

    def claims(self, kind: str, text: str) -> bool:
        """Return whether a text has a word of a class and does not negate it."""
        return any(
            not self.mentions("denial", f"{_last_words(text[: found.start()])}{found[0]}")
            for found in self._pattern(kind).finditer(text)
        )

    def _pattern(self, kind: str) -> re.Pattern[str]:
        if kind not in self._patterns:
            words = "|".join(self.words.get(kind, ())) or "(?!)"
            self._patterns[kind] = re.compile(rf"\b(?:{words})\b", re.IGNORECASE)
        return self._patterns[kind]


def class_of(channel: Channel) -> str:
    """Return the class of the words for a channel."""
    return f"{_OF_CHANNELS}.{channel.value}"


def law_path(lang: str) -> Path:
    """Return the path of a language's words."""
    return language_folder(lang) / "law.toml"


@lru_cache
def law_words(lang: str) -> LawWords:
    """Return the words of a language."""
    path = law_path(lang)
    return LawWords(_flat(tomllib.loads(path.read_text("utf-8"))) if path.is_file() else {})


def mentioned(kind: str, text: str) -> bool:
    """Return whether a text has a word of a class in any language, since sites mix them."""
    return any(law_words(lang).mentions(kind, text) for lang in languages())


def speaks_of(channel: Channel, text: str, own: Channel) -> bool:
    """Return whether a text has another channel's word in any language."""
    found, known = (
        set().union(*(law_words(lang).found(class_of(it), text) for lang in languages()))
        for it in (channel, own)
    )
    return bool(found - known)


def claimed(kind: str, text: str) -> bool:
    """Return whether a text has a word of a class in any language and does not negate it."""
    return any(law_words(lang).claims(kind, text) for lang in languages())


def missing_classes(lang: str) -> tuple[str, ...]:
    """Return the classes for which a language has no words."""
    classes = (*CLASSES, *map(class_of, CHANNELS.values()))
    return tuple(kind for kind in classes if not law_words(lang).words.get(kind))


def _last_words(text: str) -> str:
    """Return the last three words of a text, one of which may negate what follows."""
    near = re.search(r"(\w+\W+){0,3}$", text[-_NEAR_CHARACTERS:])
    return near[0] if near else ""


def _flat(read: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    channels = read.get(_OF_CHANNELS, {})
    return {
        **{kind: tuple(words) for kind, words in read.items() if kind != _OF_CHANNELS},
        **{f"{_OF_CHANNELS}.{name}": tuple(words) for name, words in channels.items()},
    }
