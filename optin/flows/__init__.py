"""Flows: one procedure a file, each a plain function of a transaction and the moment."""
