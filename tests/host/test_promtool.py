"""What Prometheus itself says of the rules for alerts and of the numbers."""

from __future__ import annotations

import subprocess

from prometheus_client import CollectorRegistry, generate_latest

from optin.services.metrics import Metrics
from tests.host.promtool import program
from tests.house.requirements_table import ROOT


def promtool(*words: str, given: bytes = b"") -> str:
    found = program()
    assert found is not None, "promtool is not here; make test-host fetches it"
    done = subprocess.run(
        [found, *words], input=given, capture_output=True, check=False, cwd=ROOT / "docs" / "run"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return (done.stdout + done.stderr).decode()


def test_the_alerts_are_rules() -> None:
    """O5: every expression is one."""
    assert "SUCCESS: 9 rules found" in promtool("check", "rules", "alerts.yml")


def test_the_numbers_are_named_as_prometheus_wants() -> None:
    """O5: nothing is said of their names, units and texts."""
    registry = CollectorRegistry()
    metrics = Metrics(registry)
    metrics.answered("GET", "page", 200, 0.01)
    metrics.committed(2, 0.1, [])
    assert promtool("check", "metrics", given=generate_latest(registry)) == ""
