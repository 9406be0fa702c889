"""Flows of the register of bases: record, extend and end entries, and find them (L1)."""
