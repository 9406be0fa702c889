"""Lawful bases besides consent: what staff records, and what becomes of it."""
