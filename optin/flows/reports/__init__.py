"""Flows of statistics: counts by week, variants compared."""
