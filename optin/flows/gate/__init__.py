"""Flows of the gate: whether a person may be contacted for a purpose, by a channel, now."""
