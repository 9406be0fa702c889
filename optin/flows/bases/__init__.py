"""Flows of the register of bases: record, extend, end, and answer what stands on file (L1)."""
