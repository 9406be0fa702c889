"""How long to wait before the next attempt: longer each time, with jitter."""

from __future__ import annotations

import random
from datetime import timedelta


def wait_before(attempts: int, first_seconds: float, factor: int, longest_seconds: float) -> timedelta:
    """Return the wait after that many attempts: between half and the whole of first · factor^attempts."""
    longest = min(first_seconds * factor**attempts, longest_seconds)
    return timedelta(seconds=longest / 2 + random.uniform(0, longest / 2))  # noqa: S311 - spreads load
