"""The parts of a paper as Markdown."""

from __future__ import annotations

from collections.abc import Iterable

from optin.site.markdown_to_html import escape_markdown


def heading(level: int, text: str) -> str:
    """Return a heading."""
    return f"{'#' * level} {escape_markdown(text)}"


def items(texts: Iterable[str]) -> list[str]:
    """Return plain texts as a list."""
    return [f"- {escape_markdown(text)}" for text in texts]


def facts(pairs: Iterable[tuple[str, str]]) -> list[str]:
    """Return names and plain values as a list, without those that are empty."""
    return [f"- **{escape_markdown(name)}**: {escape_markdown(value)}" for name, value in pairs if value]
