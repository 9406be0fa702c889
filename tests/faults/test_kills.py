"""Killed again and again under a mixed load: `python -m tests.benchmarks kills` does it often."""

from __future__ import annotations

from pathlib import Path

from optin.mail.smtp_transport import CONNECTIONS
from tests.conftest import THOROUGH
from tests.faults.kills import Step, kill

DEATHS = 3 if THOROUGH else 2


def test_kills_lose_nothing_that_was_acknowledged(tmp_path: Path, free_port: int, store_url: str) -> None:
    """D1, S6, R5: sign-ups, confirmations, withdrawals and erasures; what was in hand leaves at once."""
    toll = kill(tmp_path, free_port, store_url, DEATHS, 60)
    assert toll.lost == []
    assert toll.findings == []
    assert set(toll.acknowledged) == set(Step)
    assert toll.doubles <= DEATHS * CONNECTIONS  # taken, and killed before the answer was read
