"""Telling what a database raised from what a program raised, without naming the drivers elsewhere."""

from __future__ import annotations

import sqlite3
import sys


def is_of_database(problem: Exception) -> bool:
    """Tell whether the database raised it: then the store decides, as by running the operation again."""
    driver = sys.modules.get("psycopg")  # not imported where there is no such database
    return isinstance(problem, sqlite3.Error) or (driver is not None and isinstance(problem, driver.Error))
