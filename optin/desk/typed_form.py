"""What was typed into a form of the desk, and what was wrong with it, for its template."""

from __future__ import annotations


class Typed(dict[str, str]):
    """Values by the names of fields; the others are empty."""

    def __missing__(self, name: str) -> str:
        """Return what a field holds that nobody filled in."""
        return ""
