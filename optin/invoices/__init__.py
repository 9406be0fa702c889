"""Invoices as evidence of a contract: what they say, read from the files that bookkeeping programs make."""
