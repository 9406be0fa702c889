"""Real processes whose clock is wrong, as far as a test says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

SEAM = Path(__file__).parent / "clock_seam"


@dataclass
class ShiftedClock:
    """The clock of every process that is started while it is in the environment."""

    file: Path

    def shift(self, by: timedelta) -> None:
        """Let the clock be wrong by so much from now on."""
        draft = self.file.with_suffix(".part")
        draft.write_text(str(by.total_seconds()))
        draft.replace(self.file)


def shifted_clock(folder: Path, monkeypatch: pytest.MonkeyPatch) -> ShiftedClock:
    """Put a clock into the environment that is right until it is shifted."""
    clock = ShiftedClock(folder / "clock.txt")
    clock.shift(timedelta())
    monkeypatch.setenv("SHIFTED_CLOCK", str(clock.file))
    monkeypatch.setenv("PYTHONPATH", str(SEAM))
    return clock
