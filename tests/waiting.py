"""Waiting for what another process or thread does."""

from __future__ import annotations

import time
from collections.abc import Callable

SECONDS = 120  # on a busy machine; what never comes still fails


def wait_until(holds: Callable[[], object], seconds: float = SECONDS) -> None:
    """Wait until something holds. Fails when it does not in time."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not within {seconds} seconds"
        time.sleep(0.02)
