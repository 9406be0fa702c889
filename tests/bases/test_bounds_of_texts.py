"""Texts of the register have bounds, and reach no terminal with control characters."""

from __future__ import annotations

from typing import Any

import pytest

from optin.errors import RequestRefused
from tests.bases.test_register import recorded, stated
from tests.world import World


@pytest.mark.parametrize(
    "more",
    [
        {"about": "x" * 2_001},
        {"source": "\x1b[31mred"},
        {"facts": {"number": "1\x00"}},
        {"met": {"own-sale": "y" * 2_001}},
        {"person": {"name": "\x07"}},
    ],
)
def test_a_text_without_bounds_is_refused(world: World, more: dict[str, Any]) -> None:
    """L1, S5: with nothing stored."""
    with pytest.raises(RequestRefused, match="characters"):
        recorded(world, stated(**more))
    assert world.count("held_basis") == world.count("event") == 0
