"""Flows of mail and magnets: what is queued, what a mail says, what was promised."""
