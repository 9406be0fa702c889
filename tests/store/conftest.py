"""A world over each of the two databases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.world import World, open_world


@pytest.fixture
def world(store_url: str, tmp_path: Path) -> Iterator[World]:
    """Open a fresh world, and close it."""
    opened = open_world(store_url, tmp_path)
    yield opened
    opened.store.close()
