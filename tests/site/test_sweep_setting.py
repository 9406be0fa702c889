"""What optin.toml says of sweeps: how far a clock is trusted, which share goes in a day."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.site.conftest import findings


def write(site: Path, line: str) -> None:
    config = site / "optin.toml"
    config.write_text(f"{config.read_text()}\n[sweep]\n{line}\n")


@pytest.mark.parametrize(
    "line", ['clock_jump = "1 hour"', 'clock_jump = "31 days"', "share = 1", "share = 100"]
)
def test_what_is_sane_is_taken(site: Path, line: str) -> None:
    """O7: from an hour to a month; from one percent to all."""
    write(site, line)
    assert findings(site) == []


@pytest.mark.parametrize(
    ("line", "key"),
    [
        ('clock_jump = "0 hours"', "clock_jump"),
        ('clock_jump = "2 months"', "clock_jump"),
        ('clock_jump = "soon"', "clock_jump"),
        ("share = 0", "share"),
        ("share = 101", "share"),
    ],
)
def test_what_would_guard_nothing_is_refused(site: Path, line: str, key: str) -> None:
    """O7, M4: with the line, and what to write."""
    write(site, line)
    [finding] = findings(site)
    assert key in finding.message or "period" in finding.message
    assert (finding.severity, finding.line) == ("error", len((site / "optin.toml").read_text().splitlines()))
