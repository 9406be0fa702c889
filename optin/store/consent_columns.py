"""How a consent is named in rows: by a column for its purpose and one for its channel."""

from __future__ import annotations

from optin.consent.purpose import ConsentKey

EVERYTHING = ""  # in both columns: every purpose by every channel, as an erasure leaves it


def columns_of(key: ConsentKey | None) -> dict[str, str]:
    """Return the values of both columns; None: everything."""
    if key is None:
        return {"purpose": EVERYTHING, "channel": EVERYTHING}
    return {"purpose": key.purpose, "channel": key.channel.value}
