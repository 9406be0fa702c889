"""Distinguishes database errors from program errors, without importing the drivers."""

from __future__ import annotations

import sys

DRIVERS = ("sqlite3", "psycopg")  # who never imported one got no error of it


def is_of_database(problem: Exception) -> bool:
    """Return whether the database raised an error: then the store decides, for example to run it again."""
    loaded = (sys.modules.get(name) for name in DRIVERS)
    return any(driver is not None and isinstance(problem, driver.Error) for driver in loaded)
