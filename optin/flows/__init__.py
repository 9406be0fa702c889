"""Flows: one procedure per file, each a plain function of a transaction and the current time."""
