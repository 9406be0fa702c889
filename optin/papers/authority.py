"""The name of the authority that supervises a controller."""

from __future__ import annotations

from optin.papers.paper_words import PaperWords
from optin.rules.data_protection.law_data import law_data


def authority_name(country: str, words: PaperWords) -> str:
    """Return what the supervisory authority of a country is called; a general word where none is known."""
    known = law_data().authorities.get(country.upper())
    return words.text("statement.authority") if known is None else known.name
