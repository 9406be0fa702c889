"""Errors of kinds: a hook is another's program, and may raise anything."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from optin.errors import KindFailed, OptinError
from optin.store.database_interface import is_of_database


@contextmanager
def as_kind_failed(kind: str) -> Iterator[None]:
    """Turn what a hook of `kind` raises into KindFailed, unless it is an error of optin or the database."""
    try:
        yield
    except OptinError:
        raise
    except Exception as problem:
        if is_of_database(problem):
            raise
        raise KindFailed(kind, type(problem).__name__) from None
