"""The cure for a time zone that is none."""

from __future__ import annotations

from difflib import get_close_matches

from optin.consent.time_zones import zone_names


def nearest_zone(name: str) -> str:
    """Return "did you mean …?" for what is nearly a zone, or its city; else how a zone is written."""
    typed = name.strip().replace(" ", "_").lower()
    known = {zone.lower(): zone for zone in zone_names()}
    city = next((zone for low, zone in known.items() if typed and low.endswith(f"/{typed}")), None)
    close = get_close_matches(typed, known, 1, 0.6)
    found = city or (known[close[0]] if close else None)
    return f"Did you mean {found!r}?" if found else "Write it like 'Europe/Amsterdam'."
