"""Texts that staff type on a command line, without what no reader can see."""

from __future__ import annotations


def plain_text(text: str) -> str:
    """Return a text without control characters but line breaks, and without bytes that are no characters.

    What is left can be hashed, stored and shown on any terminal.
    """
    return "".join(sign for sign in text if sign.isprintable() or sign == "\n").strip()
