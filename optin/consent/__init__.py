"""Consent, pure: what is asked, what was declared, and what status follows. No clock, no store, no network."""
