"""The cure for an unknown time zone."""

from __future__ import annotations

from difflib import get_close_matches

from optin.consent.time_zones import zone_names


def nearest_zone(name: str) -> str:
    """Return "did you mean …?" for a text close to a zone or its city; else how to write a zone."""
    typed = name.strip().replace(" ", "_").lower()
    known = {zone.lower(): zone for zone in zone_names()}
    city = next((zone for low, zone in known.items() if typed and low.endswith(f"/{typed}")), None)
    close = get_close_matches(typed, known, 1, 0.6)
    found = city or (known[close[0]] if close else None)
    return f"Did you mean {found!r}?" if found else "Write it like 'Europe/Amsterdam'."
