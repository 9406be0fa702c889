"""Rows that cannot be read: one of them is set aside, so that it keeps no other waiting."""

from __future__ import annotations

from optin.errors import OptinError

# What reading, unsealing and composing a row may raise. Not what the database raises: that concerns all rows.
BROKEN = (OptinError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError, AssertionError)


def name_of(problem: Exception) -> str:
    """Return what is kept about a broken row: the kind of error, nothing that stands in the row."""
    return f"unreadable: {type(problem).__name__}"
