"""Requests, events and contact details as they are stored, opened with the keys and checked."""
