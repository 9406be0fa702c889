"""The languages of pages and mails: one folder each below `locale/`, named by its code (ISO 639).

LC_MESSAGES/optin.po   every sentence of pages and mails, by key
LC_MESSAGES/desk/      those of the desk, the website of the staff, one file for each of its parts
law.toml               words that the check objects to
starter/               what a new site and a new magnet say (see `site.starter_texts`)
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

LOCALE = Path(__file__).parent.parent / "locale"


@lru_cache
def languages() -> tuple[str, ...]:
    """Return the code of every language, sorted."""
    return tuple(sorted(path.name for path in LOCALE.iterdir() if path.is_dir()))


def language_folder(lang: str) -> Path:
    """Return the folder of a language."""
    return LOCALE / lang
