"""Texts and numbers that staff type, without what no reader can see or no database can hold."""

from __future__ import annotations


def plain_text(text: str) -> str:
    """Return a text without control characters but line breaks, and without bytes that are no characters.

    What is left can be hashed, stored and shown on any terminal.
    """
    return "".join(sign for sign in text if sign.isprintable() or sign == "\n").strip()


MOST_DIGITS = 15  # more than anything is counted to, and less than any database's whole numbers hold


def whole_number(text: str) -> int | None:
    """Return a whole number written in the digits 0 to 9, of at most 15; None for anything else."""
    plain = text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS
    return int(text) if plain else None
