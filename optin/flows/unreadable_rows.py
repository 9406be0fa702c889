"""Describe unreadable rows, so that one bad row does not block the others."""

from __future__ import annotations

from optin.errors import OptinError

# What reading, unsealing and composing a row may raise. Not what the database raises: that concerns all rows.
BROKEN = (OptinError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError, AssertionError)


def error_name_of(problem: Exception) -> str:
    """Return the note stored about a broken row: the kind of error, and nothing from the row."""
    return f"unreadable: {type(problem).__name__}"
