"""The words of the papers in a language: `papers.toml` and `papers/` in the folder of each language."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

from optin.consent.channel import Channel
from optin.consent.retention_period import RetentionPeriod
from optin.theme.cldr import country_name
from optin.theme.languages import language_folder
from optin.theme.wording import Wording

FALLBACK = "en"  # of a language that has no papers yet


class PaperWords:
    """Texts of papers by key, such as "record.title", and dates, periods and countries in the language."""

    def __init__(self, lang: str, own: Mapping[str, str]) -> None:
        """Use the language's own papers, or the English ones. `own`: texts of the site for its pages."""
        self.lang = lang if words_path(lang).is_file() else FALLBACK
        self._words = Wording(self.lang, own if self.lang == lang else {})
        self._texts = texts_of(self.lang)

    def text(self, key: str, **values: object) -> str:
        """Return a text. Raises KeyError for an unknown key or a missing value."""
        return self._texts[key].format_map(values)

    def page(self, key: str, **values: object) -> str:
        """Return a text that pages use as well, from the catalogue. Raises KeyError."""
        return self._words.text(key, **values)

    @property
    def of_pages(self) -> Wording:
        """The words of the pages in this language."""
        return self._words

    def kind(self, kind: str) -> str:
        """Return the name of a kind of magnets; of a stranger's kind, the kind itself."""
        return self._words.text(f"kind.{kind}") if self._words.has(f"kind.{kind}") else kind

    def field(self, name: str, label: str) -> str:
        """Return the name of a form's field; `label`: what its form calls it."""
        return self._words.text(f"field.{name}") if self._words.has(f"field.{name}") else label

    def period(self, period: RetentionPeriod) -> str:
        """Return a period: 24 months."""
        return self._words.period(period)

    def day(self, day: date) -> str:
        """Return a date: 23 November 2026."""
        return self._words.date(day)

    def channel(self, channel: Channel) -> str:
        """Return the medium of a channel: e-mail, by telephone."""
        return self._words.channel(channel)

    def country(self, code: str) -> str:
        """Return the name of a country (ISO 3166)."""
        return country_name(code, self.lang)

    def procedure(self, name: str, values: Mapping[str, str]) -> str:
        """Return a procedure as Markdown, with the names in braces filled in. Raises OSError, KeyError."""
        folder = language_folder(self.lang) / "papers"
        path = folder / f"{name}.md"
        path = path if path.is_file() else language_folder(FALLBACK) / "papers" / f"{name}.md"
        return re.sub(r"\{([a-z_]+)\}", lambda found: values[found[1]], path.read_text("utf-8"))


def words_path(lang: str) -> Path:
    """Return the path of a language's papers."""
    return language_folder(lang) / "papers.toml"


def speaks(lang: str) -> bool:
    """Return whether a language has papers, and with them its words for periods."""
    return words_path(lang).is_file()


@lru_cache
def texts_of(lang: str) -> Mapping[str, str]:
    """Return the texts of a language by key, besides its words for periods. Raises OSError."""
    read = _read(lang)
    return {
        f"{table}.{key}": text
        for table, texts in read.items()
        if table not in {"units", "numbers"}
        for key, text in texts.items()
    }


@lru_cache
def units_of(lang: str) -> Mapping[str, tuple[str, ...]]:
    """Return the words for each unit of a period in a language, by its English name."""
    return {unit: tuple(words) for unit, words in _read(lang)["units"].items()}


@lru_cache
def numbers_of(lang: str) -> Mapping[str, int]:
    """Return the numbers that a language writes as words."""
    return dict(_read(lang)["numbers"])


def _read(lang: str) -> dict[str, Any]:
    path = words_path(lang if words_path(lang).is_file() else FALLBACK)
    return tomllib.loads(path.read_text("utf-8"))
