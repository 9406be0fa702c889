"""Starter texts: the content of a new site and a new magnet until their author replaces it.

They lie in the folder `starter` of each language:

    site.toml           what optin.toml says of the company
    privacy.md          the privacy statement
    tips.md             the first magnet
    magnets/KIND.md     a new magnet of each kind; $name stands for the answer to a question of the kind
    magnets/KIND/       files that lie beside it
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from optin.theme.languages import language_folder, languages

_FALLBACK = "en"  # where a language has no text for a kind


@dataclass(frozen=True)
class SiteStarter:
    """A fictitious company, its country, the words of its first box, the reason for a number."""

    company: str
    sender: str
    address: list[str]
    country: str
    tips: str
    addresses: dict[str, str]  # why each is asked that a channel needs, by the field's name


@dataclass(frozen=True)
class MagnetStarter:
    """A new magnet of a kind. `table`: the lines of the kind's own table."""

    title: str
    description: str
    table: str
    body: str
    files: Mapping[str, str]  # beside it, by name


@lru_cache
def starter_languages() -> tuple[str, ...]:
    """Return the languages that a site can begin in."""
    return tuple(lang for lang in languages() if starter_path(lang, "site.toml").is_file())


def starter_path(lang: str, name: str) -> Path:
    """Return the path of a language's starter text."""
    return language_folder(lang) / "starter" / name


def starter_text(lang: str, name: str) -> str:
    """Return a starter text of a language. Raises OSError."""
    return starter_path(lang, name).read_text("utf-8")


@lru_cache
def site_starter(lang: str) -> SiteStarter:
    """Return the content of a new site in a language."""
    return SiteStarter(**tomllib.loads(starter_text(lang, "site.toml")))


@lru_cache
def magnet_starter(kind: str, folder: Path | None, lang: str) -> MagnetStarter:
    """Return the content of a new magnet of a kind, in English where the language has none.

    `folder`: of the kind, where its texts do not lie in the folder of their language.
    """
    where = [
        (starter_path(it, f"magnets/{kind}") if folder is None else folder / "starter" / it)
        for it in (lang, _FALLBACK)
    ]
    beside = next((it for it in where if it.with_suffix(".md").is_file()), None)
    if beside is None:  # a kind of another package that says nothing of its own
        return MagnetStarter(kind, kind, "", "", {})
    _, front, body = beside.with_suffix(".md").read_text("utf-8").split("---\n", 2)
    title, description, *table = front.splitlines()
    return MagnetStarter(
        json.loads(title.removeprefix("title: ")),
        json.loads(description.removeprefix("description: ")),
        "\n".join(table),
        body.removeprefix("\n"),
        {path.name: path.read_text("utf-8") for path in sorted(beside.glob("*"))},
    )
