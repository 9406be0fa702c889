"""Distinguishes database errors from program errors, without importing the drivers."""

from __future__ import annotations

import sys

DRIVERS = ("sqlite3", "psycopg")  # who never imported one got no error of it


def is_of_database(problem: Exception) -> bool:
    """Return whether the database raised it: then the store decides, as by running the operation again."""
    loaded = (sys.modules.get(name) for name in DRIVERS)
    return any(driver is not None and isinstance(problem, driver.Error) for driver in loaded)
