"""The two columns by which rows name a consent: purpose and channel."""

from __future__ import annotations

from optin.consent.purpose import ConsentKey

EVERYTHING = ""  # in both columns: every purpose by every channel, as an erasure leaves it


def columns_of(key: ConsentKey | None) -> dict[str, str]:
    """Return the values of both columns; None means every consent."""
    if key is None:
        return {"purpose": EVERYTHING, "channel": EVERYTHING}
    return {"purpose": key.purpose, "channel": key.channel.value}
