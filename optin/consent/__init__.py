"""Consent, pure: what is asked, what was declared, what status follows. No clock, no store, no network."""
